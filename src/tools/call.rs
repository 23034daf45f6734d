//! Who calls a tool, from where, and who watches the call.

use std::sync::Arc;

use super::secrets::Secrets;
use super::tally::Tally;
use super::tape::Tape;

/// Who calls. A policy may allow one and not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Code in a session.
    Code,
    /// The model, through `call_tool`.
    Model,
    /// The person at the keyboard, who consents by calling.
    Operator,
}

impl Caller {
    /// The word for records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Model => "model",
            Self::Operator => "operator",
        }
    }
}

/// Who calls, and from where. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Who.
    pub caller: Caller,
    /// From which session, if from one.
    pub session: Option<Arc<str>>,
    /// What the cell has called so far, if it is one that calls.
    pub cell: Option<Arc<Tally>>,
    /// What takes its calls down, if something does.
    pub tape: Option<Arc<Tape>>,
}

impl Origin {
    /// From no session.
    pub fn outside(caller: Caller) -> Self {
        Self { caller, session: None, cell: None, tape: None }
    }

    /// Code of a session, in the cell that this counts for.
    pub fn code(session: Arc<str>, cell: Arc<Tally>) -> Self {
        Self { caller: Caller::Code, session: Some(session), cell: Some(cell), tape: None }
    }
}

/// What is called with every report: done so far, the whole if known, words.
type Report = dyn Fn(f64, Option<f64>, String) + Send + Sync;

/// Takes what a tool reports while it works.
#[derive(Clone, Default)]
pub struct Watch {
    progress: Option<Arc<Report>>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Watch {
    /// Calls this with every report: done so far, the whole if known, words.
    pub fn new(progress: impl Fn(f64, Option<f64>, String) + Send + Sync + 'static) -> Self {
        Self { progress: Some(Arc::new(progress)) }
    }

    /// The same without secrets in its words.
    pub fn masked(self, secrets: Secrets) -> Self {
        match self.progress {
            Some(progress) => {
                Self::new(move |done, total, words| progress(done, total, secrets.mask(&words)))
            }
            None => self,
        }
    }

    /// The tool has come so far.
    pub fn progress(&self, done: f64, total: Option<f64>, message: String) {
        if let Some(progress) = &self.progress {
            progress(done, total, message);
        }
    }
}

//! Calls of a session into the host: decoded, answered, never trusted.
//!
//! Every effect that code can have beyond its own workspace passes through here. What can be answered at once is; the rest
//! is a future that the session's task owns, so that a call ends with the process that made it.

mod artifacts;
mod data;
mod packages;
mod progress;
mod skills;
mod tools;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use actwright_protocol::{CallError, Value, decode, encode_datagram};
use tokio::sync::mpsc;

use crate::artifacts::{Artifacts, Rules};
use crate::packages::Packages;
use crate::session::report::RunEvent;
use crate::skills::Skills;
use crate::tools::{Origin, Tally, Tools};

/// The encoded value of an answered call.
pub type Answer = Result<Vec<u8>, CallError>;

/// What becomes of a call.
pub enum Answering {
    /// It is answered.
    Now(Answer),
    /// Its answer comes when this is done; dropping it cancels the call.
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// What sessions can reach in the host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HostCalls {
    tools: Tools,
    skills: Skills,
    artifacts: Artifacts,
    packages: Packages,
    charged: Option<Arc<Tally>>,
}

/// The arguments of a call by name.
struct Named(Vec<(Value, Value)>);

impl HostCalls {
    /// Over these tools, skills, artifacts and packages.
    pub fn new(tools: Tools, skills: Skills, artifacts: Artifacts, packages: Packages) -> Self {
        Self { tools, skills, artifacts, packages, charged: None }
    }

    /// The same, where calls of tools count as those of this cell.
    pub fn charging(self, cell: Option<Arc<Tally>>) -> Self {
        Self { charged: cell, ..self }
    }

    /// Nothing but progress.
    pub fn none() -> Self {
        Self::new(Tools::none(), Skills::none(), Artifacts::none(), Packages::none())
    }

    /// Nothing but progress, artifacts of a base directory with room for so many bytes, and its packages, which nobody changes
    /// from inside.
    pub fn apart(base: &Path, room: u64) -> Self {
        let artifacts = Artifacts::alone(base, Rules { largest: room, all: room });
        let packages = Packages::unchanged(base);
        Self::new(Tools::none(), Skills::none(), artifacts, packages)
    }

    /// The tools that code can call.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The skills that code can run.
    pub fn skills(&self) -> &Skills {
        &self.skills
    }

    /// What outlives the session.
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// The packages that sessions can import.
    pub fn packages(&self) -> &Packages {
        &self.packages
    }

    /// The process of this session is gone: nobody ends what it was saving.
    pub fn process_ended(&self, origin: &Origin) {
        self.artifacts.end_uploads(origin.session.as_deref().unwrap_or_default());
    }

    /// Begins one call; whoever watches the run hears of its progress.
    pub fn begin(
        &self,
        name: &str,
        arguments: &[u8],
        origin: &Origin,
        watcher: Option<mpsc::Sender<RunEvent>>,
    ) -> Answering {
        let (positional, named) = match split(arguments) {
            Ok(parts) => parts,
            Err(error) => return Answering::Now(Err(error)),
        };
        let charged = self.charged.clone().map(|cell| Origin { cell: Some(cell), ..origin.clone() });
        let origin = charged.as_ref().unwrap_or(origin);
        match name {
            "progress" => Answering::Now(progress::report(&named, watcher, &self.tools.masks().now())),
            _ => match name.split_once('.') {
                Some(("tools", request)) => {
                    tools::begin(&self.tools, request, positional, named, origin, watcher)
                }
                Some(("artifacts", request)) => artifacts::begin(&self.artifacts, request, named, origin),
                Some(("deps", request)) => packages::begin(&self.packages, request, named),
                Some(("skills", request)) => skills::begin(&self.skills, request, named, origin),
                _ => Answering::Now(Err(error("unknown_call", format!("the host has no `{name}`")))),
            },
        }
    }
}

fn split(arguments: &[u8]) -> Result<(Vec<Value>, Named), CallError> {
    let decoded = decode(arguments).map_err(|_| error("invalid_arguments", "the arguments do not decode"))?;
    let Value::List(parts) = decoded else {
        return Err(error("invalid_arguments", "the arguments are not a list"));
    };
    match <[Value; 2]>::try_from(parts) {
        Ok([Value::List(positional), Value::Map(named)]) => Ok((positional, Named(named))),
        _ => Err(error("invalid_arguments", "a call carries a list and a dict")),
    }
}

/// The answer to a call that is one too many for its cell.
pub fn too_many(limit: u64) -> CallError {
    error(
        "too_many_calls",
        format!(
            "the cell has called the host more than {limit} times (limits.calls); call less often, or go on in \
             another cell"
        ),
    )
}

fn error(kind: &str, message: impl Into<String>) -> CallError {
    CallError { kind: kind.to_owned(), message: message.into() }
}

fn no_text(wanted: &str, given: Option<&Value>) -> CallError {
    let what = match given {
        Some(Value::Text(_)) => "holds a lone surrogate, which is no character; leave it out",
        _ => "must be a text (str)",
    };
    error("invalid_arguments", format!("`{wanted}` {what}"))
}

fn encoded(value: &Value) -> Answer {
    encode_datagram(value).map_err(|_| error("internal", "the answer does not encode"))
}

impl Named {
    fn get(&self, wanted: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(name, _)| matches!(name, Value::Str(name) if name == wanted));
        found.map(|(_, value)| value)
    }

    /// A text that may be left out or None.
    fn optional_text(&self, wanted: &str) -> Result<Option<&str>, CallError> {
        match self.get(wanted) {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(other) => Err(no_text(wanted, Some(other))),
        }
    }

    /// A whole number that may be left out or None.
    fn optional_whole(&self, wanted: &str) -> Result<Option<i64>, CallError> {
        match self.get(wanted) {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(_) => Err(error("invalid_arguments", format!("`{wanted}` must be a whole number"))),
        }
    }

    fn text(&self, wanted: &str) -> Result<&str, CallError> {
        match self.get(wanted) {
            Some(Value::Str(text)) => Ok(text),
            other => Err(no_text(wanted, other)),
        }
    }
}

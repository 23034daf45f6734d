//! What one run gives back: the whole story of a cell as typed data.
//!
//! `mcp::render` is the only place that turns this into protocol text; `cli` prints it for people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::artifacts::ArtifactRow;
use crate::names::{OutputId, SessionId};
use crate::outputs::Recording;
use crate::tools::{Count, Tape};

/// A request to run one cell.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Python source, as the client sent it.
    pub code: String,
    /// How long the cell may run; `None` takes the configured default.
    pub timeout: Option<Duration>,
    /// Whether to run the cell or only to look at it.
    pub mode: RunMode,
    /// What becomes of its effects.
    pub keep: Keep,
}

/// What to do with a cell's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Compile and run it.
    Execute,
    /// Report the undefined functions that it calls and run nothing.
    Plan,
}

/// Which session a run is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one default session of this server process (made when first needed).
    Default,
    /// A new session.
    Fresh,
    /// The session with this handle.
    Named(SessionId),
}

/// How a cell ended. The four kinds of outcome never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The cell ran to its end.
    Ok,
    /// The cell raised; the session lives.
    Raised,
    /// The cell was stopped because its time was over.
    Timeout,
    /// The client cancelled the call.
    Cancelled,
    /// The process that ran the cell is gone (crash, `os._exit`, a limit that kills).
    Lost,
}

/// What became of the session's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Everything the cell did to them stands.
    Kept,
    /// They are as they were before the cell.
    RolledBack,
    /// They are gone; the session goes on empty.
    Reset,
}

/// What becomes of a cell's effects on the variables when it has ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They stand.
    Effects,
    /// The session goes back to before the cell.
    Nothing,
}

/// Whether there was a copy of the session to go back to when a cell started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpoint {
    /// There was; making it took so long.
    Kept {
        /// Microseconds.
        micros: u64,
    },
    /// There was none, for this reason.
    Skipped {
        /// In words for the agent.
        why: String,
    },
}

/// One finished run.
#[derive(Debug)]
pub struct RunReport {
    /// The session that ran it.
    pub session: SessionId,
    /// Whether that session is the server's default one.
    pub is_default_session: bool,
    /// The cell's number in its session, from 1.
    pub cell: u64,
    /// How it ended.
    pub status: Status,
    /// What became of the variables.
    pub state: SessionState,
    /// Why the state is what it is, and other things the caller must know, each one sentence.
    pub notes: Vec<String>,
    /// The last expression's value; `None` when the cell does not end in an expression or that gave `None`.
    pub value: Option<CellValue>,
    /// The error, for every status but `Ok`.
    pub error: Option<CellError>,
    /// Everything written while the cell ran.
    pub output: Recording,
    /// Under this id the whole output and the whole value stay readable.
    pub output_id: OutputId,
    /// Images, tables and other rich forms in the order they were shown.
    pub displays: Vec<Display>,
    /// What was saved for good since the last report, each name at its newest version.
    pub artifacts: Vec<ArtifactRow>,
    /// What cells before this one wrote (threads, children) since the last report.
    pub late: Vec<LateOutput>,
    /// Set when the request was `RunMode::Plan`: the calls of functions that exist nowhere.
    pub plan: Option<Vec<UndefinedCall>>,
    /// Whether there was a copy of the session to go back to.
    pub checkpoint: Checkpoint,
    /// The calls of tools that ended in the cell, by name.
    pub tools: BTreeMap<String, Count>,
    /// What its calls of tools were given and gave.
    pub calls: Arc<Tape>,
    /// Wall time from the moment the cell started.
    pub duration: Duration,
}

/// The value of a cell's last expression.
#[derive(Debug, Clone)]
pub struct CellValue {
    /// `repr(value)`, whole.
    pub repr: String,
    /// The type's qualified name, as Python shows it (`int`, `pandas.core.frame.DataFrame`).
    pub type_name: String,
    /// The value as JSON text, present only where JSON says exactly the same.
    pub json: Option<String>,
}

/// An exception, or what stands in its place when a limit or a death ended the cell.
#[derive(Debug, Clone, Default)]
pub struct CellError {
    /// The exception's class name (`ZeroDivisionError`, `Timeout`, `Cancelled`, `WorkerLost`).
    pub type_name: String,
    /// `str(exception)`.
    pub message: String,
    /// The line of the user's own cell that it came from.
    pub line: Option<u32>,
    /// That line's text.
    pub source: Option<String>,
    /// The traceback of the user's frames with source lines and chained causes; ends with the message.
    pub traceback: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// For `SystemExit`: the code a shell would see.
    pub exit_code: Option<i32>,
}

/// One rich form, as the worker sent it.
#[derive(Debug, Clone)]
pub struct Display {
    /// Representations by media type, best first as the object gave them.
    pub forms: Vec<(String, Vec<u8>)>,
}

/// Text that an earlier cell's threads or children wrote after it had ended.
#[derive(Debug, Clone)]
pub struct LateOutput {
    /// The cell whose output it is.
    pub cell: u64,
    /// The text, head and tail if long.
    pub text: String,
    /// Where all of it can be read.
    pub output_id: OutputId,
}

/// A call of a function that exists nowhere.
#[derive(Debug, Clone)]
pub struct UndefinedCall {
    /// The function's name as written, dotted names included.
    pub name: String,
    /// Line of the call in the cell.
    pub line: u32,
    /// The argument expressions as written (`x`, `key=y + 1`).
    pub arguments: Vec<String>,
    /// The arguments' types where they are known without running anything, else `?`.
    pub types: Vec<String>,
}

/// What happens while a cell runs, for whoever watches.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// The cell left the queue and started.
    Started {
        /// The session that runs it.
        session: SessionId,
        /// Its number.
        cell: u64,
    },
    /// Text came out.
    Output {
        /// Which stream.
        stream: crate::outputs::Stream,
        /// The text, decoded.
        text: String,
    },
    /// The code reported how far it is (`progress(...)`).
    Progress {
        /// Done so far, in the code's own unit.
        done: f64,
        /// The whole, if the code knows it.
        total: Option<f64>,
        /// What it is doing.
        message: String,
    },
}

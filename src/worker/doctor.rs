//! What this machine can do, each point proven by trying it.
//!
//! A point that is only nice to have is `Absent` when it is not there; `Failed` means that no code can run
//! as configured.

use serde::Serialize;

use crate::config::Config;
use crate::config::env::Environment;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What it is (`user namespaces`).
    pub name: String,
    /// Under which heading it is shown (`python`, `sandbox`).
    pub group: String,
    /// How it came out.
    pub state: State,
    /// What was done and seen (`unshare(CLONE_NEWUSER) worked`).
    pub how_proven: String,
    /// What to do, when something is to be done.
    pub fix: Option<String>,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there and works.
    Passed,
    /// It is required and does not work.
    Failed,
    /// It is not there, and not required.
    Absent,
}

/// Looks at everything that the configuration asks for.
pub fn examine(config: &Config) -> Vec<Check> {
    let found = crate::config::python::find(config, &Environment::of_process());
    let (state, how_proven, fix) = match &found {
        Ok(path) => (State::Passed, format!("found {}", path.display()), None),
        Err(error) => (State::Failed, error.to_string(), error.hint().map(str::to_owned)),
    };
    vec![Check { name: "interpreter".into(), group: "python".into(), state, how_proven, fix }]
}

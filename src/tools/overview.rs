//! Namespaces and tools in one line each, as lists show them to people and models.

use std::fmt::Write as _;

use super::adapter::State;
use super::catalog::NamespaceSummary;
use super::entry::Tool;

impl State {
    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it cannot be used, if it can't.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed(why) => Some(why),
            Self::Ready | Self::Idle | Self::Starting => None,
        }
    }
}

impl NamespaceSummary {
    /// `tools.github (mcp, not started): what it is for`.
    pub fn heading(&self) -> String {
        let mut text = format!("tools.{} ({}", self.name, self.kind.word());
        // Writing to a string cannot fail.
        if self.original != self.name.as_str() {
            let _ = write!(text, ", `{}`", self.original);
        }
        match &self.state {
            State::Ready => {}
            State::Idle => text.push_str(", not started"),
            State::Starting => text.push_str(", still starting; ask again in a moment"),
            State::Failed(why) => drop(write!(text, ", cannot be used: {why}")),
        }
        text.push(')');
        if let Some(line) = self.description.lines().next().filter(|line| !line.is_empty()) {
            let _ = write!(text, ": {line}");
        }
        text
    }
}

impl Tool {
    /// Its signature, its own name where Python has another, and what it does.
    pub fn line(&self) -> String {
        let mut line = self.signature();
        if self.name.as_ref().is_some_and(|name| name.as_str() != self.raw.name) {
            // Writing to a string cannot fail.
            let _ = write!(line, " (`{}` there)", self.raw.name);
        }
        if !self.summary().is_empty() {
            line.push_str("  ");
            line.push_str(self.summary());
        }
        line
    }
}

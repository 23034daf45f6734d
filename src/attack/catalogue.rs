//! The list of attempts: what each is on, what it wants, and what must refuse it on each level.
//!
//! The programs are functions of the same name in `attempts/<class>.py`. A refusal that is not in the list is no
//! pass: it says that another wall than the one meant was in the way, and the next kernel may not have that.

use serde::Serialize;

use crate::config::SandboxLevel;

mod kernel;
mod reach;
mod shared;
mod spend;

/// What an attempt is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The host's files, and the walls around them.
    Files,
    /// The host's processes and memory.
    Processes,
    /// The kernel, by calls that a session has no business with.
    Kernel,
    /// Anything beyond a socket.
    Network,
    /// More of the machine than a session's share.
    Resources,
    /// The host, by what a session says to it.
    Protocol,
    /// Other code, by what Python leaves behind.
    Python,
    /// Another session.
    Sessions,
    /// What sessions share: packages and artifacts.
    Shared,
}

impl Class {
    /// The word for a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Processes => "processes",
            Self::Kernel => "kernel",
            Self::Network => "network",
            Self::Resources => "resources",
            Self::Protocol => "protocol",
            Self::Python => "python",
            Self::Sessions => "sessions",
            Self::Shared => "shared",
        }
    }

    /// The file with its programs.
    pub fn program(self) -> &'static str {
        match self {
            Self::Files => include_str!("attempts/files.py"),
            Self::Processes => include_str!("attempts/processes.py"),
            Self::Kernel => include_str!("attempts/kernel.py"),
            Self::Network => include_str!("attempts/network.py"),
            Self::Resources => include_str!("attempts/resources.py"),
            Self::Protocol => include_str!("attempts/protocol.py"),
            Self::Python => include_str!("attempts/leave.py"),
            Self::Sessions => include_str!("attempts/sessions.py"),
            Self::Shared => include_str!("attempts/shared.py"),
        }
    }
}

/// Who can do outside what the attempt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Every user.
    Nothing,
    /// Root, with all its rights and a kernel that offers it; for others there is no control.
    Rights,
}

/// How an attempt is performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// In one session.
    Alone,
    /// In one session, in a cell that is meant to run out of time.
    Hurried,
    /// In one session against another, in which `victim` has prepared something.
    Beside {
        /// A function that returns what the attacker may know.
        victim: &'static str,
    },
    /// In a session that comes after another has planted something and has ended.
    After {
        /// The function that plants.
        plant: &'static str,
        /// How the first session ends.
        end: End,
    },
    /// In a session against the twin of it that it has become: what `plant` did before both were one.
    Twin {
        /// What is planted before the fork.
        plant: &'static str,
        /// What the other one does after it; returns what the attacker may know.
        act: &'static str,
    },
    /// Processes that should outlive their session or cell; they are looked for from outside.
    Remains {
        /// What should have ended them.
        end: End,
    },
}

/// Which network the sessions have in which an attempt is performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// None.
    Nothing,
    /// A list of hosts behind the proxy, the canary's socket behind one of them.
    Listed,
}

/// How a session or its cell is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The session is closed.
    Close,
    /// The session is reset.
    Reset,
    /// The cell runs out of time.
    Timeout,
    /// The call is cancelled.
    Cancel,
    /// The cell ends its own process.
    Exit,
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// What it is on.
    pub class: Class,
    /// The function that tries it; unique.
    pub name: &'static str,
    /// What it wants, to be read after "get" or "do".
    pub aim: &'static str,
    /// How it is performed.
    pub script: Script,
    /// The function that shows that it works outside, if it is another one.
    pub control: Option<&'static str>,
    /// Who can do it outside.
    pub needs: Needs,
    /// The network beside which it is tried inside.
    pub reach: Reach,
    full: &'static str,
    restricted: &'static str,
}

/// An attempt by one function in one session. The refusals are names separated by ` or `; none means that the attempt
/// does not apply at that level.
pub const fn attempt(
    class: Class,
    name: &'static str,
    aim: &'static str,
    full: &'static str,
    restricted: &'static str,
) -> Attempt {
    Attempt {
        class,
        name,
        aim,
        script: Script::Alone,
        control: None,
        needs: Needs::Nothing,
        reach: Reach::Nothing,
        full,
        restricted,
    }
}

impl Attempt {
    /// The same with another function as its control.
    pub const fn shown_by(self, control: &'static str) -> Self {
        Self { control: Some(control), ..self }
    }

    /// The same where it takes root's rights to do it outside.
    pub const fn needs_rights(self) -> Self {
        Self { needs: Needs::Rights, ..self }
    }

    /// The same in a session whose network is a list of hosts; outside, the canary is reached directly.
    pub const fn by_proxy(self) -> Self {
        Self { reach: Reach::Listed, control: Some("tcp"), ..self }
    }

    /// The same, performed in another way.
    pub const fn by(self, script: Script) -> Self {
        Self { script, ..self }
    }

    /// The names of the refusals that are expected, separated by ` or `.
    pub fn expected(&self, level: SandboxLevel) -> &'static str {
        match level {
            SandboxLevel::Full => self.full,
            SandboxLevel::Restricted => self.restricted,
            SandboxLevel::Off => "",
        }
    }

    /// Whether others beside it would suffer, or it would suffer from them.
    pub fn runs_alone(&self) -> bool {
        matches!(self.class, Class::Resources | Class::Protocol)
    }
}

/// All of them, class by class.
pub fn attempts() -> impl Iterator<Item = &'static Attempt> {
    reach::ATTEMPTS.iter().chain(kernel::ATTEMPTS).chain(spend::ATTEMPTS).chain(shared::ATTEMPTS)
}

#[cfg(test)]
mod tests;

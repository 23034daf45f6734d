//! Control groups around sessions: the kernel's hold on all processes of each together, where there are any.
//!
//! They stand behind the supervisor's watch over memory and the limits of single processes, which hold everywhere.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actwright_sandbox::groups::{Controller, Group, Groups, Most, own_name, own_places};

use crate::config::{Config, ControlGroups};

/// Processes of a session that are not of its code's making: the supervisor, the live one, and one that is just being
/// copied. The frozen copies come on top.
const OWN_PROCESSES: u64 = 8;

/// Makes a fence for each session.
#[derive(Debug, Default)]
pub struct Fences {
    state: State,
    /// Set when a session was not where it was to be.
    broken: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    There(Groups),
    Absent,
}

impl Fences {
    /// Looks whether there can be any, once.
    pub fn make(&mut self, config: &Config) {
        if !matches!(self.state, State::Unknown) {
            return;
        }
        self.state = match config.sandbox.control_groups {
            ControlGroups::Off => State::Absent,
            ControlGroups::Auto => match Groups::make(&own_places(), &own_name()) {
                Ok(groups) => State::There(groups),
                Err(error) => {
                    tracing::debug!("no control groups: {error}");
                    State::Absent
                }
            },
        };
    }

    /// Removes them, when no session is left.
    pub async fn end(&mut self) {
        let State::There(groups) = std::mem::replace(&mut self.state, State::Absent) else { return };
        // It waits for the kernel, for a moment.
        let _ = tokio::task::spawn_blocking(move || groups.remove()).await;
    }

    /// For one session. Without one the session is held by the watch alone.
    pub fn fence(&self, config: &Config) -> Fence {
        let none = Fence { group: None, broken: self.broken.clone(), seen: 0 };
        let State::There(groups) = &self.state else { return none };
        if self.broken.load(Ordering::Relaxed) {
            return none;
        }
        match groups.session(most(config)) {
            Ok(group) => Fence { group: Some(group), ..none },
            Err(error) => {
                tracing::warn!("a session gets no control group: {error}");
                none
            }
        }
    }
}

fn most(config: &Config) -> Most {
    let limits = &config.limits;
    Most {
        // The workspace and `/dev/shm` are memory too, and have limits of their own.
        memory: limits.memory.saturating_add(limits.workspace.saturating_mul(2)),
        processes: limits.processes + u64::from(config.sessions.copies) + OWN_PROCESSES,
    }
}

/// Around one session.
#[derive(Debug)]
pub struct Fence {
    group: Option<Group>,
    broken: Arc<AtomicBool>,
    /// Kills that are known of.
    seen: u64,
}

impl Fence {
    /// What its first process goes through.
    pub fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        self.group.as_ref().map_or_else(|| Ok(Vec::new()), Group::entrances)
    }

    /// Looks whether the session is inside, before it runs anything.
    pub fn look(&mut self) {
        if self.group.as_ref().is_some_and(|group| !group.is_entered()) {
            self.group = None;
            if !self.broken.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "sessions cannot enter the control groups that were made for them; their memory and number of \
                     processes are watched instead"
                );
            }
        }
    }

    /// Whether the kernel has killed a process for its memory since this was asked last.
    pub fn has_killed(&mut self) -> bool {
        let now = self.group.as_ref().map_or(0, Group::killed_for_memory);
        std::mem::replace(&mut self.seen, now) < now
    }

    /// In words for `doctor`; nothing if there is none.
    pub fn words(&self) -> Option<String> {
        self.group.as_ref().map(Group::words)
    }

    /// Whether the kernel holds the session to this.
    pub fn has(&self, controller: Controller) -> bool {
        self.group.as_ref().is_some_and(|group| group.has(controller))
    }
}

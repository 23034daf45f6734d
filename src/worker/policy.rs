//! From the configuration to a sandbox plan, and the directories that sessions without a mount namespace work in.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

use actwright_sandbox::plan::{self, Facts, Plan};
use actwright_sandbox::policy::{Level, Network, Policy, SessionLimits};
use actwright_sandbox::sys;

use super::WorkerError;
use super::interpreter::Interpreter;
use crate::config::{self, Config, SandboxLevel};

/// What the kernel and the process's user allow.
pub fn facts() -> Facts {
    let (uid, gid) = sys::effective_ids();
    Facts { uid, gid, landlock: sys::landlock_version() }
}

/// The plan for sessions of this configuration.
pub fn plan_for(config: &Config, interpreter: &Interpreter, workspace: &Path) -> Result<Plan, WorkerError> {
    plan::plan(&policy(config, interpreter), facts(), workspace).map_err(|error| WorkerError::Policy(error.to_string()))
}

fn policy(config: &Config, interpreter: &Interpreter) -> Policy {
    Policy {
        level: level(config),
        network: match config.sandbox.network {
            config::Network::None => Network::None,
            config::Network::Full => Network::Full,
        },
        read: config.sandbox.read.clone(),
        write: config.sandbox.write.clone(),
        python: interpreter.roots(),
        limits: SessionLimits {
            memory: config.limits.memory,
            processes: config.limits.processes,
            files: config.limits.files,
            workspace: config.limits.workspace,
        },
    }
}

fn level(config: &Config) -> Level {
    match config.sandbox.level {
        SandboxLevel::Full => Level::Full,
        SandboxLevel::Restricted => Level::Restricted,
        SandboxLevel::Off => Level::Off,
    }
}

/// A host directory that one session works in; removed when dropped.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
}

impl Workspace {
    /// A new one, if sessions of this configuration need one; those of level `full` have a file system of their own.
    pub fn make(config: &Config) -> Result<Option<Self>, WorkerError> {
        if config.sandbox.level == SandboxLevel::Full {
            return Ok(None);
        }
        let made = Self::below(&config.base, plan::workspace_owner(facts(), level(config)));
        made.map(Some).map_err(|error| WorkerError::Launch(format!("a workspace could not be made: {error}")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn below(base: &Path, owner: Option<u32>) -> io::Result<Self> {
        // Reachable by another user where the session runs as one; the name cannot be guessed.
        let parent = if owner.is_some() { std::env::temp_dir() } else { base.join("workspaces") };
        fs::create_dir_all(&parent)?;
        let path = parent.join(format!("actwright-{:032x}", sys::random_u128()?));
        let workspace = Self { path };
        for directory in [workspace.path.clone(), workspace.path.join("tmp")] {
            fs::DirBuilder::new().mode(0o700).create(&directory)?;
            if owner.is_some() {
                chown(&directory, owner, owner)?;
            }
        }
        Ok(workspace)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "a session's workspace could not be removed");
        }
    }
}

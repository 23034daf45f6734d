//! From the configuration to a sandbox plan.

use std::path::Path;

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
    plan::plan(&policy(config, interpreter), facts(), workspace)
        .map_err(|error| WorkerError::Policy(error.to_string()))
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

/// The level in the sandbox's own terms.
pub fn level(config: &Config) -> Level {
    match config.sandbox.level {
        SandboxLevel::Full => Level::Full,
        SandboxLevel::Restricted => Level::Restricted,
        SandboxLevel::Off => Level::Off,
    }
}

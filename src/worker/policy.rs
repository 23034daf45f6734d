//! From the configuration to a sandbox plan.

use std::path::{Path, PathBuf};

use actwright_sandbox::plan::{self, Facts, Plan};
use actwright_sandbox::policy::{Level, Network, Policy, SessionLimits};
use actwright_sandbox::sys;

use super::WorkerError;
use super::interpreter::Interpreter;
use crate::config::{self, Config, PACKAGE_SETS, SandboxLevel};

/// What the kernel and the process's user allow.
pub fn facts() -> Facts {
    let (uid, gid) = sys::effective_ids();
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_root = uid == 0 && !is_only_called_root(&map);
    Facts { uid, gid, landlock: sys::landlock_version(), is_root }
}

/// Whether user 0 of a namespace with this map is an ordinary user who has made it for himself: another number stands
/// for him outside, and nobody else is there to hand over to.
fn is_only_called_root(map: &str) -> bool {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map_while(|number| number.parse::<u64>().ok());
        Some((numbers.next()?, numbers.next()?, numbers.next()?))
    });
    let has =
        |(first, _, count): (u64, u64, u64), user: u64| (first..first.saturating_add(count)).contains(&user);
    let outside = ranges.clone().find(|range| has(*range, 0)).map(|(_, outside, _)| outside);
    outside.is_some_and(|outside| outside != 0)
        && !ranges.clone().any(|range| has(range, plan::UNPRIVILEGED.into()))
}

/// The plan for sessions of this configuration.
pub fn plan_for(config: &Config, interpreter: &Interpreter, workspace: &Path) -> Result<Plan, WorkerError> {
    keep_base_out(config, interpreter)?;
    plan::plan(&policy(config, interpreter), facts(), workspace)
        .map_err(|error| WorkerError::Policy(error.to_string()))
}

/// A tree of Python's is shown as a whole, and the server's own directory must not be in it.
fn keep_base_out(config: &Config, interpreter: &Interpreter) -> Result<(), WorkerError> {
    let roots = interpreter.roots();
    match roots.prefixes.iter().find(|prefix| config.base.starts_with(prefix)) {
        Some(prefix) if config.sandbox.level != SandboxLevel::Off => Err(WorkerError::Policy(format!(
            "the base directory is inside `{}`, which belongs to the interpreter and is shown to sessions; name \
             another with --base or --python",
            prefix.display()
        ))),
        _ => Ok(()),
    }
}

fn policy(config: &Config, interpreter: &Interpreter) -> Policy {
    Policy {
        level: level(config),
        network: match config.sandbox.network {
            config::Network::None => Network::None,
            config::Network::List(_) => Network::Proxied,
            config::Network::Full => Network::Full,
        },
        read: config.sandbox.read.iter().cloned().chain(packages(config)).collect(),
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

/// Where sets of packages are, once there is such a place.
fn packages(config: &Config) -> Option<PathBuf> {
    Some(config.base.join(PACKAGE_SETS)).filter(|sets| sets.is_dir())
}

/// The level in the sandbox's own terms.
pub fn level(config: &Config) -> Level {
    match config.sandbox.level {
        SandboxLevel::Full => Level::Full,
        SandboxLevel::Restricted => Level::Restricted,
        SandboxLevel::Off => Level::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::is_only_called_root;

    #[test]
    fn who_is_called_root_and_who_is() {
        let maps = [
            ("         0          0 4294967295\n", false),
            ("0 100000 65536\n", false),
            ("0 1000 1\n1 100000 65536\n", false),
            ("0 0 1\n", false),
            ("0 1000 1\n", true),
            ("", false),
        ];
        for (map, expected) in maps {
            assert_eq!(is_only_called_root(map), expected, "{map}");
        }
    }
}

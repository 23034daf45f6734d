//! What this machine can do, each point proven by trying it.
//!
//! A point that is only nice to have is `Absent` when it is not there; `Failed` means that no code can run
//! as configured.

use std::sync::Arc;

use actwright_protocol::Proof;
use actwright_sandbox::groups::Controller;
use actwright_sandbox::plan::{LANDLOCK_AT_LEAST, LANDLOCK_FOR_RESTRICTED};
use actwright_sandbox::sys;
use serde::Serialize;

use super::interpreter::Interpreter;
use super::{Fence, Worker, WorkerError, Workers};
use crate::config::env::Environment;
use crate::config::{Config, ControlGroups, Network, Preload, SandboxLevel};
use crate::packages::Packages;

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

/// Looks at everything that the configuration asks for: finds Python, starts a session for real, and reports how each
/// wall answered when it was tried from inside.
pub fn examine(config: &Config) -> Vec<Check> {
    let mut checks = vec![kernel(), landlock(config)];
    let interpreter = Interpreter::find(config, &Environment::of_process());
    checks.push(python(&interpreter));
    if interpreter.is_err() {
        return checks;
    }
    match first_session(config) {
        Ok(First { proofs, fence, lowered }) => {
            checks.push(lowered.as_deref().map_or_else(|| session(config), lower_session));
            checks.push(network(config));
            checks.push(held_memory(config));
            checks.push(control_groups(config, &fence));
            checks.push(shared_processor(&fence));
            checks.extend(proofs.into_iter().map(wall));
        }
        Err(error) => checks.push(refused(config, &error)),
    }
    checks
}

fn check(group: &str, name: &str, state: State, how_proven: String, fix: Option<String>) -> Check {
    Check { name: name.to_owned(), group: group.to_owned(), state, how_proven, fix }
}

fn kernel() -> Check {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    check("machine", "kernel", State::Passed, format!("Linux {}", release.trim()), None)
}

fn landlock(config: &Config) -> Check {
    let version = sys::landlock_version();
    let wanted = config.sandbox.level != SandboxLevel::Off;
    let (least, linux) = match config.sandbox.level {
        SandboxLevel::Restricted => (LANDLOCK_FOR_RESTRICTED, "6.12"),
        SandboxLevel::Full | SandboxLevel::Off => (LANDLOCK_AT_LEAST, "6.2"),
    };
    let state = match (version >= least, wanted) {
        (true, _) => State::Passed,
        (false, true) => State::Failed,
        (false, false) => State::Absent,
    };
    let fix = (state == State::Failed).then(|| {
        format!("use Linux {linux} or newer (Landlock {least}) and boot with `landlock` in the lsm= list")
    });
    check("machine", "landlock", state, format!("the kernel speaks version {version}"), fix)
}

fn python(found: &Result<Interpreter, WorkerError>) -> Check {
    match found {
        Ok(interpreter) => {
            let seen =
                format!("CPython {} at {}", interpreter.version_text(), interpreter.executable.display());
            check("python", "interpreter", State::Passed, seen, None)
        }
        Err(error) => {
            let fix = "install CPython 3.9 or newer, or name one with --python".to_owned();
            check("python", "interpreter", State::Failed, error.to_string(), Some(fix))
        }
    }
}

/// What the first session tells.
struct First {
    proofs: Vec<Proof>,
    fence: Fence,
    lowered: Option<Arc<str>>,
}

/// Starts the engine in a runtime of its own, takes one session and ends both.
fn first_session(config: &Config) -> Result<First, WorkerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| WorkerError::Launch(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let mut config = config.clone();
        config.packages.preload = Preload::Off;
        let workers = Workers::start(Arc::new(config), Packages::none());
        let first = workers.take().await.map(|worker| {
            let Worker { proofs, fence, lowered, .. } = worker;
            First { proofs, fence, lowered }
        });
        workers.shutdown().await;
        first
    })
}

fn session(config: &Config) -> Check {
    let (state, seen) = match config.sandbox.level {
        SandboxLevel::Full => (State::Passed, "level full: a session was started and locked in"),
        SandboxLevel::Restricted => (State::Passed, "level restricted: a session was started and locked in"),
        SandboxLevel::Off => (State::Absent, "level off: code runs with your own rights"),
    };
    check("sandbox", "session", state, seen.to_owned(), None)
}

fn network(config: &Config) -> Check {
    let (state, seen) = match &config.sandbox.network {
        Network::None => (State::Absent, "none: a loopback of its own".to_owned()),
        Network::List(list) => (State::Passed, format!("through the proxy to {}", list.entries().join(", "))),
        Network::Full => (State::Passed, "the server's own".to_owned()),
    };
    check("sandbox", "network", state, seen, None)
}

/// How the memory of a session is held together.
fn held_memory(config: &Config) -> Check {
    let bytes = config.limits.memory;
    let seen = match std::fs::read_to_string("/proc/self/smaps_rollup") {
        Ok(text) if text.contains("Pss_Anon:") => format!(
            "a watch in each session adds up what its processes hold, shared memory once, and ends them over {bytes} \
             bytes; each process alone cannot allocate more"
        ),
        _ => format!(
            "a watch in each session adds up what its processes hold and ends them over {bytes} bytes; this kernel \
             does not tell what they share, which counts several times"
        ),
    };
    check("limits", "memory of a session", State::Passed, seen, None)
}

/// A session of the level that took the place of the one that is wanted most.
fn lower_session(why: &str) -> Check {
    let seen = format!("sessions are at level `restricted`, because level `full` cannot be had: {why}");
    check("sandbox", "session", State::Absent, seen, Some(namespaces_fix()))
}

/// What the kernel itself holds a session's processes to.
fn control_groups(config: &Config, fence: &Fence) -> Check {
    let name = "control groups";
    if let Some(words) = fence.words() {
        return check("limits", name, State::Passed, format!("a session was put into one: {words}"), None);
    }
    if config.sandbox.control_groups == ControlGroups::Off {
        return check("limits", name, State::Absent, "sandbox.control_groups is off".to_owned(), None);
    }
    let seen =
        "this user may not make any here; the watch over memory and the limits of each process hold alone";
    let fix = "run the server in a unit with `Delegate=yes`: systemd-run --user --scope -p Delegate=yes actwright serve";
    check("limits", name, State::Absent, seen.to_owned(), Some(fix.to_owned()))
}

/// How processor time is shared out between sessions.
fn shared_processor(fence: &Fence) -> Check {
    if fence.has(Controller::Processor) {
        let seen = "each session is a control group of its own, with an equal share";
        return check("limits", "processor time", State::Passed, seen.to_owned(), None);
    }
    let enabled = std::fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled");
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    match (enabled.is_ok_and(|text| text.trim() == "1"), in_root_group(&groups)) {
        (true, true) => {
            let seen = "each session is a scheduling group of its own (sched_autogroup), with an equal share";
            check("limits", "processor time", State::Passed, seen.to_owned(), None)
        }
        (enabled, _) => {
            let why = if enabled {
                "the server runs in a control group, which switches the kernel's grouping by sessions off"
            } else {
                "the kernel does not group by sessions (sched_autogroup)"
            };
            let seen = format!("{why}: a session's share grows with its processes");
            let fix = (!enabled).then(|| "sudo sysctl -w kernel.sched_autogroup_enabled=1".to_owned());
            check("limits", "processor time", State::Absent, seen, fix)
        }
    }
}

/// Whether a process with this `/proc/PID/cgroup` is in the root group as far as processor time goes.
fn in_root_group(groups: &str) -> bool {
    let mut lines = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        Some((parts.next()?, parts.next()?))
    });
    let holds_processor = |names: &str| names.split(',').any(|name| name == "cpu");
    match lines.clone().find(|(names, _)| holds_processor(names)) {
        Some((_, path)) => path == "/",
        None => lines.find(|(names, _)| names.is_empty()).is_none_or(|(_, path)| path == "/"),
    }
}

fn wall(proof: Proof) -> Check {
    check("sandbox", &proof.name, State::Passed, proof.evidence, None)
}

fn refused(config: &Config, error: &WorkerError) -> Check {
    let reason = error.to_string();
    let fix = if config.sandbox.level == SandboxLevel::Full && reason.contains("namespace") {
        namespaces_fix()
    } else {
        "see the reason above; --sandbox restricted needs no user namespaces".to_owned()
    };
    check("sandbox", "session", State::Failed, reason, Some(fix))
}

/// What keeps this machine from giving user namespaces to ordinary users, and how to allow them.
fn namespaces_fix() -> String {
    let number =
        |path: &str| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let other = "or run with --sandbox restricted, which needs no user namespaces";
    if number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        return format!(
            "AppArmor forbids them: install the profile packaging/apparmor/actwright of the source tree as \
             /etc/apparmor.d/actwright and load it with `sudo apparmor_parser -r /etc/apparmor.d/actwright`, {other}"
        );
    }
    if number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        return format!("sudo sysctl -w kernel.unprivileged_userns_clone=1, {other}");
    }
    if number("/proc/sys/user/max_user_namespaces") == Some(0) {
        return format!("sudo sysctl -w user.max_user_namespaces=10000, {other}");
    }
    format!(
        "in a container: allow unshare and mount (docker run --security-opt seccomp=unconfined \
             --security-opt systempaths=unconfined), {other}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_that_counts_is_the_one_of_the_processor() {
        let hybrid = "4:memory:/a/b\n2:cpuacct:/c\n1:cpu:/\n0::/\n";
        let joint = "3:memory:/\n2:cpu,cpuacct:/system.slice/x.service\n0::/\n";
        let unified = "0::/user.slice/user-1000.slice/session-1.scope\n";
        assert_eq!(
            [hybrid, joint, unified, "0::/\n", ""].map(in_root_group),
            [true, false, false, true, true]
        );
    }
}

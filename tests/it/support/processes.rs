//! Processes as the kernel shows them: everything below one, what role each plays, and whether it still lives.
//!
//! A process is a number and a start time, so that a number given away again is not taken for the same process. Only
//! what was found below a process that a test has started is ever signalled.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The one it was found under.
    pub parent: u32,
    /// How far below the first it was found: 1 for its children.
    pub depth: usize,
    /// What it was started with.
    pub command: String,
    start: u64,
}

impl Process {
    /// Whether it still runs; one that only waits to be collected does not.
    pub fn lives(&self) -> bool {
        stat(self.pid).is_some_and(|(state, start)| start == self.start && !"ZX".contains(state))
    }

    /// Sends it a signal (`KILL`), if it is still itself.
    pub fn signal(&self, name: &str) {
        if self.lives() {
            signal(self.pid, name);
        }
    }
}

/// Sends a signal (`TERM`) to a process that this test has started.
pub fn signal(pid: u32, name: &str) {
    // It may have ended at this very moment.
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).output().unwrap();
}

/// Whether it is pid 1 of the innermost namespace that it is in; without namespaces of its own every process counts as that.
pub fn is_first_of_its_namespace(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    numbers.len() < 2 || numbers.last() == Some(&"1")
}

/// Everything below a process, parents before children.
pub fn below(pid: u32) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    let mut open = vec![(pid, 0)];
    while let Some((parent, depth)) = open.pop() {
        for pid in children(parent) {
            let Some((state, start)) = stat(pid) else { continue };
            if "ZX".contains(state) || found.iter().any(|known| known.pid == pid) {
                continue;
            }
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            found.push(Process { pid, parent, depth: depth + 1, command, start });
            open.push((pid, depth + 1));
        }
    }
    found.sort_by_key(|process| process.depth);
    found
}

/// Those below a process whose command line holds this text.
pub fn below_named(pid: u32, text: &str) -> Vec<Process> {
    below(pid).into_iter().filter(|process| process.command.contains(text)).collect()
}

/// Waits until none of these lives; fails with those that do.
pub fn await_end(processes: &[Process], patience: Duration) {
    let deadline = Instant::now() + patience;
    loop {
        let left: Vec<_> = processes.iter().filter(|process| process.lives()).collect();
        if left.is_empty() {
            return;
        }
        if Instant::now() > deadline {
            // A test that fails cleans up too.
            left.iter().for_each(|process| process.signal("KILL"));
            panic!("these live on: {left:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The command lines, on the whole machine, that hold this text. Only to look at.
pub fn commands_with(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        command.contains(text).then(|| format!("{pid}: {command}"))
    })
    .collect()
}

/// Waits until something is as wanted; fails with these words.
pub fn await_that(what: &str, mut wanted: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !wanted() {
        assert!(Instant::now() < deadline, "it never came about: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many descriptors a process holds; `None` where another's may not be counted.
pub fn descriptors(pid: u32) -> Option<usize> {
    fs::read_dir(format!("/proc/{pid}/fd")).ok().map(Iterator::count)
}

/// Memory of a process that is in use now, in bytes.
pub fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Memory of a process in bytes that no file backs, with its part of what it shares; where another's may not be divided up, all that it has
/// in use. `None` if it has ended.
pub fn share_of_memory(pid: u32) -> Option<u64> {
    let read = |file: &str, field: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    };
    // What a file backs is shared with whatever other servers happen to run.
    read("smaps_rollup", "Pss_Anon:").or_else(|| read("status", "VmRSS:"))
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")) else {
        return Vec::new();
    };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// State and start time, fields 3 and 22 of `/proc/PID/stat`.
fn stat(pid: u32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold spaces and brackets.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.first()?.chars().next()?, fields.get(19)?.parse().ok()?))
}

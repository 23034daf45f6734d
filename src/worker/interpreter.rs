//! What the configured Python is made of, asked of it once and remembered.
//!
//! What `config::python` finds may be a script that picks an interpreter (pyenv's shims are), so the answer to
//! "which executable" comes from the interpreter itself. The probe runs in isolated mode and imports nothing of
//! the user's.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use actwright_sandbox::policy::PythonRoots;
use actwright_sandbox::sys::{self, Interest};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{WorkerError, cache};
use crate::config::env::Environment;
use crate::config::{Config, python};

const PROBE: &str = include_str!("../../python_stubs/probe.py");

/// How long an interpreter may take to say who it is; a cold disk is slow.
const PROBE_TIME: Duration = Duration::from_secs(20);

/// The oldest CPython that the worker's stable interface knows.
const OLDEST: (u32, u32) = (3, 9);

/// An interpreter that can run cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Where it says it is.
    pub executable: PathBuf,
    /// `3.11.7` in numbers.
    pub version: (u32, u32, u32),
    implementation: String,
    free_threaded: bool,
    bits: u32,
    roots: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

/// What the answer was for: if any of it changes, the interpreter is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    found: PathBuf,
    stamp: Stamp,
    chooser: String,
}

/// A file's time and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    modified_ns: u64,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    question: Question,
    executable_stamp: Stamp,
    answer: Interpreter,
}

impl Interpreter {
    /// Finds and asks the configured interpreter, or remembers what it said.
    pub fn find(config: &Config, environment: &Environment) -> Result<Self, WorkerError> {
        let found =
            python::find(config, environment).map_err(|error| WorkerError::Python(error.to_string()))?;
        let memory = cache::directory(config, environment).join(format!("{}.json", key(&found)));
        let question = Question::about(&found, environment)?;
        if let Some(answer) = recall(&memory, &question) {
            return answer.checked();
        }
        let answer = ask(&found)?;
        remember(&memory, question, &answer);
        answer.checked()
    }

    /// The version as people write it.
    pub fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// Names what is kept about it.
    pub fn key(&self) -> String {
        key(&self.executable)
    }

    /// Changes when it is replaced by another.
    pub fn identity(&self) -> io::Result<Vec<u8>> {
        let stamp = Stamp::of(&self.executable).ok_or(io::ErrorKind::NotFound)?;
        serde_json::to_vec(&(&self.executable, self.version, stamp)).map_err(io::Error::other)
    }

    /// What the sandbox must show of the host for it to run.
    pub fn roots(&self) -> PythonRoots {
        let mut prefixes: Vec<PathBuf> = Vec::new();
        // Sorted, so a tree comes before what lies inside it.
        for root in &self.roots {
            if root.parent().is_some() && !prefixes.iter().any(|outer| root.starts_with(outer)) {
                prefixes.push(root.clone());
            }
        }
        PythonRoots { executable: self.executable.clone(), prefixes, links: self.links.clone() }
    }

    fn checked(self) -> Result<Self, WorkerError> {
        let what = self.executable.display();
        let (major, minor, _) = self.version;
        let refusal = if self.implementation != "cpython" {
            Some(format!("`{what}` is {}, and sessions need CPython", self.implementation))
        } else if (major, minor) < OLDEST {
            Some(format!("`{what}` is Python {}, and sessions need 3.9 or newer", self.version_text()))
        } else if self.free_threaded {
            Some(format!(
                "`{what}` is a free-threaded build, which cannot be forked safely; use a standard one"
            ))
        } else if self.bits != 64 {
            Some(format!("`{what}` is a {}-bit build, and sessions need a 64-bit one", self.bits))
        } else {
            None
        };
        refusal.map_or(Ok(self), |reason| Err(WorkerError::Python(reason)))
    }
}

fn key(executable: &Path) -> String {
    let sum = Sha256::digest(executable.as_os_str().as_bytes());
    sum[..8].iter().fold(String::from("python-"), |key, byte| format!("{key}{byte:02x}"))
}

impl Question {
    fn about(found: &Path, environment: &Environment) -> Result<Self, WorkerError> {
        let stamp = Stamp::of(found)
            .ok_or_else(|| WorkerError::Python(format!("`{}` does not exist", found.display())))?;
        let chooser = if is_script(found) { chooser(environment) } else { String::new() };
        Ok(Self { found: found.to_owned(), stamp, chooser })
    }
}

/// Everything by which a version manager's script picks an interpreter.
fn chooser(environment: &Environment) -> String {
    let mut parts = vec![environment.pyenv_version().unwrap_or_default()];
    let here = std::env::current_dir().unwrap_or_default();
    let local = here.ancestors().map(|directory| directory.join(".python-version"));
    let global = environment.pyenv_root().map(|root| root.join("version"));
    parts.extend(local.chain(global).filter_map(|file| fs::read_to_string(file).ok()));
    parts.join("\n")
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self { modified_ns: u64::try_from(modified.as_nanos()).ok()?, bytes: metadata.len() })
    }
}

fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"#!"
}

fn recall(memory: &Path, question: &Question) -> Option<Interpreter> {
    let remembered: Remembered = serde_json::from_slice(&cache::read(memory)?).ok()?;
    let same = &remembered.question == question
        && Stamp::of(&remembered.answer.executable).as_ref() == Some(&remembered.executable_stamp);
    same.then_some(remembered.answer)
}

/// Failing to remember costs a few milliseconds at the next start and nothing else.
fn remember(memory: &Path, question: Question, answer: &Interpreter) {
    let Some(executable_stamp) = Stamp::of(&answer.executable) else { return };
    let remembered = Remembered { question, executable_stamp, answer: answer.clone() };
    let Ok(text) = serde_json::to_vec(&remembered) else { return };
    if let Err(error) = cache::write(memory, &text) {
        tracing::debug!(%error, "the interpreter's description could not be remembered");
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    executable: PathBuf,
    version: (u32, u32, u32),
    implementation: String,
    free_threaded: bool,
    bits: u32,
    roots: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

/// What the interpreter says; `None` if it takes too long, and then it is ended.
fn answer_of(found: &Path) -> io::Result<Option<Output>> {
    let mut child = Command::new(found)
        .args(["-I", "-B", "-c", PROBE])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: a script in the interpreter's place may have started more.
        .process_group(0)
        .spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let process = sys::open_process(pid)?;
    let end = Instant::now() + PROBE_TIME;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let interest = Interest { fd: process.as_raw_fd(), readable: true, writable: false };
        match sys::wait(&[interest], i32::try_from(left.as_millis()).unwrap_or(i32::MAX)) {
            Ok(ready) if ready.iter().any(|(ended, _)| *ended) => return child.wait_with_output().map(Some),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ if left.is_zero() => {
                // The group cannot have been given away: its leader is not collected yet.
                let _ = sys::signal_child(-pid, sys::KILL);
                child.wait()?;
                return Ok(None);
            }
            _ => {}
        }
    }
}

fn ask(found: &Path) -> Result<Interpreter, WorkerError> {
    let shown = found.display();
    let output = answer_of(found)
        .map_err(|error| WorkerError::Python(format!("`{shown}` does not start: {error}")))?
        .ok_or_else(|| {
            WorkerError::Python(format!("`{shown}` did not answer within {} s", PROBE_TIME.as_secs()))
        })?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.trim().lines().next_back().unwrap_or("no message").to_owned();
        return Err(WorkerError::Python(format!("`{shown}` fails ({}): {last}", output.status)));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|error| WorkerError::Python(format!("`{shown}` does not answer as Python does: {error}")))?;
    let Answer { executable, version, implementation, free_threaded, bits, roots, links } = answer;
    Ok(Interpreter { executable, version, implementation, free_threaded, bits, roots, links })
}

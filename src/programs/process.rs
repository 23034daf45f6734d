//! Starting programs: without a shell, with an environment made for them, and never left behind.
//!
//! Every program runs below a tender (see [`super::tend`]): whatever ends it, a timeout, a dropped call, the death of the
//! server, everything that it has started ends with it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use actwright_sandbox::sys;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Bytes of stderr that are kept, the last ones.
const TAIL: usize = 16 << 10;

/// Where the kept part has no space for so long, so much of it is left out.
const LONGEST_WORD: usize = 4 << 10;

/// Variables that programs get from the server's environment, besides those that their tool names.
pub const PASSED_ON: [&str; 9] =
    ["PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "SSL_CERT_FILE"];

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// A name on `PATH` or an absolute path.
    pub program: String,
    /// Its arguments, each as it is.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub directory: PathBuf,
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr.
    pub stderr: String,
}

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("it could not be started: {0}")]
    Start(#[source] io::Error),
    /// It took too long and was ended.
    #[error("it took longer than {} s and was ended", .0.as_secs_f64())]
    Timeout(Duration),
    /// It wrote more than is taken.
    #[error("it wrote more than {} MB and was ended", .0 >> 20)]
    TooMuch(usize),
    /// Its pipes broke.
    #[error("its output could not be read: {0}")]
    Pipe(#[source] io::Error),
}

/// A started program. Dropping it ends it and all below it.
#[derive(Debug)]
pub struct Running {
    /// The tender's process, with the pipes of the program.
    pub child: Child,
    tender: OwnedFd,
}

impl Program {
    /// Whether there is such a program, so that a missing one is named before it is tried.
    pub fn is_there(&self) -> bool {
        let is_executable = |path: &Path| {
            use std::os::unix::fs::PermissionsExt;
            path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        if self.program.contains('/') {
            return is_executable(&self.directory.join(&self.program));
        }
        let path = self.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
        std::env::split_paths(path.unwrap_or_default())
            .any(|directory| directory.is_absolute() && is_executable(&directory.join(&self.program)))
    }

    /// The end of its directory: where the base directory stands is not for whoever reads an error.
    fn shown_directory(&self) -> String {
        self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Starts it with pipes for all three streams.
    pub fn start(&self) -> Result<Running, ProcessError> {
        if !self.is_there() {
            let words = format!("there is no program `{}` on this machine", self.program);
            return Err(ProcessError::Start(io::Error::new(io::ErrorKind::NotFound, words)));
        }
        if !self.directory.is_dir() {
            let words = format!("there is no directory `{}` to run it in", self.shown_directory());
            return Err(ProcessError::Start(io::Error::new(io::ErrorKind::NotFound, words)));
        }
        let mut child = Command::new("/proc/self/exe")
            .arg("__tend")
            .arg(sys::pid().to_string())
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ProcessError::Start)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(-1);
        match sys::open_process(pid) {
            Ok(tender) => Ok(Running { child, tender }),
            Err(error) => {
                // Nobody could end it later.
                let _ = child.start_kill();
                Err(ProcessError::Start(error))
            }
        }
    }

    /// Runs it to its end.
    pub async fn run(&self, input: &[u8], most: usize, time: Duration) -> Result<Finished, ProcessError> {
        let mut running = self.start()?;
        let work = running.talk(input, most);
        match timeout(time, work).await {
            Ok(finished) => finished,
            Err(_) => Err(ProcessError::Timeout(time)),
        }
    }
}

impl Running {
    /// Gives it its input and reads both outputs until it ends.
    async fn talk(&mut self, input: &[u8], most: usize) -> Result<Finished, ProcessError> {
        let (stdin, stdout, stderr) =
            (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that does not want its input closes the pipe.
                let _ = stdin.write_all(input).await;
            }
        };
        let read = async {
            let mut bytes = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(most as u64 + 1).read_to_end(&mut bytes).await?;
            }
            Ok::<_, io::Error>(bytes)
        };
        let listen = async {
            match stderr {
                Some(stderr) => tail(stderr).await,
                None => String::new(),
            }
        };
        // The output may be over long before the program is, and a program that writes too much is not waited for.
        let read = async {
            let bytes: Vec<u8> = read.await.map_err(ProcessError::Pipe)?;
            if bytes.len() > most { Err(ProcessError::TooMuch(most)) } else { Ok(bytes) }
        };
        let others = async { Ok(tokio::join!(write, listen).1) };
        let (stdout, stderr) = tokio::try_join!(read, others)?;
        let status = self.child.wait().await.map_err(ProcessError::Pipe)?;
        Ok(Finished { code: status.code().unwrap_or(128 + sys::KILL), stdout, stderr })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The tender ends everything below it; it may have ended already.
        let _ = sys::signal_process(self.tender.as_fd(), sys::TERMINATE);
    }
}

/// Reads to the end and keeps the last part.
pub async fn tail(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count) = stream.read(&mut bytes).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&bytes[..count]);
        if kept.len() > 2 * TAIL {
            kept.drain(..kept.len() - TAIL);
        }
    }
    String::from_utf8_lossy(last(&kept)).into_owned()
}

/// The last part, which begins with a word of its own: the rest of one that was cut may be the rest of a secret, and would
/// not be known for one.
fn last(kept: &[u8]) -> &[u8] {
    let Some(from) = kept.len().checked_sub(TAIL).filter(|from| *from > 0) else { return kept };
    let tail = &kept[from..];
    let word = tail.iter().take(LONGEST_WORD).position(u8::is_ascii_whitespace).unwrap_or(LONGEST_WORD);
    &tail[word.min(tail.len())..]
}

//! Starting a zygote: the host's half, and the launcher's half that runs in a process of its own.
//!
//! The launcher is this same program. It gets the control socket as standard input and its order as standard
//! output, and on the socket waits the pipe with the interpreter's modules, so that no descriptor needs to be smuggled
//! past exec. The thread that starts it also waits for it:
//! "die with parent" means the thread, so it must live as long as its child.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use actwright_protocol::{decode, encode_datagram};
use actwright_sandbox::groups::Grave;
use actwright_sandbox::plan::{OuterPlan, PROXY_PORT};
use actwright_sandbox::{outer, sys};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::python_side::BOOT;
use super::{WorkerError, library};

/// Where the interpreter finds the extension, the control socket and its modules.
const LIBRARY: i32 = 10;
const CONTROL: i32 = 11;
const MODULES: i32 = 12;

/// The message that carries the pipe; a packet has to have a byte.
const MODULES_FOLLOW: &[u8] = b"m";

/// What a launcher ends with when the machine refuses it a wall.
pub const UNBUILT: u8 = 79;

/// The longest tail of a zygote's stderr that an error quotes.
const TAIL: usize = 2_000;

/// What the launcher is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The room to enter.
    pub plan: OuterPlan,
    /// The interpreter.
    pub executable: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Where sets of packages are, and whether code may add some.
    pub packages: (PathBuf, String),
    /// What it imports of them in advance, for the Python side; empty for nothing.
    pub preload: String,
    /// Where the server's control groups are, which whoever outlives it removes.
    pub grave: Grave,
}

/// A launched zygote, seen from the host.
#[derive(Debug)]
pub struct Launched {
    /// The host's end of the control socket.
    pub control: OwnedFd,
    /// The launcher itself.
    pub process: Launcher,
}

/// A launcher's process. Dropping it ends it, and that takes everything below along.
#[derive(Debug)]
pub struct Launcher {
    process: OwnedFd,
    ended: oneshot::Receiver<Death>,
}

/// How a launcher ended.
#[derive(Debug, Default)]
pub struct Death {
    /// The last words on its stderr, or its status.
    pub words: String,
    /// Whether it was killed by somebody else and has nothing to say for itself.
    pub killed: bool,
    /// Whether the machine refused a wall.
    pub unbuilt: bool,
}

impl Launcher {
    /// Resolves when it has ended.
    pub async fn ended(&mut self) -> Death {
        (&mut self.ended).await.unwrap_or_default()
    }

    /// Ends it, and with it everything below. Not by a kill: without namespaces it is the guard, which does that itself,
    /// and a waiter outside a room ends at once.
    pub fn end(&self) {
        // It may have ended already.
        let _ = sys::signal_process(self.process.as_fd(), sys::TERMINATE);
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a launcher with this order and the interpreter's modules, from a thread that stays until it ends.
pub fn launch(order: &Order, modules: OwnedFd) -> Result<Launched, WorkerError> {
    let failed =
        |error: io::Error| WorkerError::Launch(format!("the launcher could not be started: {error}"));
    let bytes = encode_datagram(order).map_err(|error| failed(io::Error::other(error)))?;
    let order = sys::sealed_memfd(c"actwright-order", &bytes).map_err(failed)?;
    let (control, theirs) = sys::socket_pair(sys::SocketKind::Packet).map_err(failed)?;
    sys::send(control.as_fd(), MODULES_FOLLOW, &[modules.as_fd()], sys::Waiting::Never).map_err(failed)?;
    drop(modules);
    let (started, start) = std::sync::mpsc::channel();
    let (said, ended) = oneshot::channel();
    let body = move || match spawn(order, theirs) {
        Ok((child, process)) => {
            // The receiver waits for exactly this one message.
            let _ = started.send(Ok(process));
            // Nobody may be listening any more, at shutdown.
            let _ = said.send(mourn(child));
        }
        Err(error) => drop(started.send(Err(error))),
    };
    std::thread::Builder::new().name("launcher".to_owned()).spawn(body).map_err(failed)?;
    let process = start.recv().map_err(|_| failed(io::ErrorKind::BrokenPipe.into()))?.map_err(failed)?;
    Ok(Launched { control, process: Launcher { process, ended } })
}

fn spawn(order: OwnedFd, control: OwnedFd) -> io::Result<(Child, OwnedFd)> {
    let child = Command::new("/proc/self/exe")
        .arg("__launch")
        .env_clear()
        .stdin(Stdio::from(control))
        .stdout(Stdio::from(order))
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let process = sys::open_process(pid)?;
    Ok((child, process))
}

/// Passes the zygote's stderr on to the log until it ends; gives its last words.
fn mourn(mut child: Child) -> Death {
    let mut tail = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let mut bytes = [0; 4096];
        while let Ok(count) = stderr.read(&mut bytes) {
            if count == 0 {
                break;
            }
            tracing::debug!(target: "actwright::zygote", "{}", String::from_utf8_lossy(&bytes[..count]).trim_end());
            tail.extend_from_slice(&bytes[..count]);
            let surplus = tail.len().saturating_sub(TAIL);
            tail.drain(..surplus);
        }
    }
    let words = String::from_utf8_lossy(&tail).trim().to_owned();
    match child.wait() {
        Ok(status) if words.is_empty() => {
            let words = format!("it ended without a word ({status})");
            Death { words, killed: was_killed(status), unbuilt: false }
        }
        // What is below a launcher that was killed may still have something to say about that.
        Ok(status) => Death {
            words,
            killed: status.signal() == Some(sys::KILL),
            unbuilt: status.code() == Some(i32::from(UNBUILT)),
        },
        Err(error) => Death { words: error.to_string(), ..Death::default() },
    }
}

/// The waiter outside a room ends with its child's signal as a shell does.
fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(sys::KILL) || status.code() == Some(128 + sys::KILL)
}

/// The launcher's half: enters the sandbox and becomes Python. Returns only an error.
pub fn run() -> Result<(), LaunchError> {
    let order = read_order().map_err(LaunchError::Order)?;
    let place = |error: io::Error| LaunchError::Order(error);
    sys::close_range(3, i32::MAX).map_err(place)?;
    // A terminal's Ctrl-C is for the host, which decides what it means for a cell.
    sys::new_process_group().map_err(place)?;
    let library = above(library::descriptor()).map_err(place)?;
    let control = sys::duplicate_above(sys::borrow(0), 50).map_err(place)?;
    let modules = above(receive_modules(control.as_fd())).map_err(place)?;
    outer::enter(&order.plan, &order.grave)?;
    let null = above(std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from));
    let null = null.map_err(place)?;
    for stream in [0, 1] {
        sys::place(null.as_fd(), stream).map_err(place)?;
    }
    sys::place(library.as_fd(), LIBRARY).map_err(place)?;
    sys::place(control.as_fd(), CONTROL).map_err(place)?;
    sys::place(modules.as_fd(), MODULES).map_err(place)?;
    sys::close_range(MODULES + 1, i32::MAX).map_err(place)?;
    // The owners of what was just closed must not close those numbers again.
    std::mem::forget((library, control, modules, null));
    sys::close_range(3, LIBRARY - 1).map_err(place)?;
    let error = Command::new(&order.executable)
        .args(["-I", "-B", "-c", BOOT])
        .args([LIBRARY, CONTROL, MODULES].map(|number| number.to_string()))
        .arg(&order.packages.0)
        .arg(&order.packages.1)
        .arg(&order.preload)
        .env_clear()
        .envs(order.environment)
        .exec();
    Err(LaunchError::Exec { executable: order.executable, source: error })
}

/// Moves a descriptor out of the way of the fixed places.
fn above(fd: io::Result<OwnedFd>) -> io::Result<OwnedFd> {
    sys::duplicate_above(fd?.as_fd(), 50)
}

fn receive_modules(control: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let (_, mut fds) = sys::receive(control, &mut [0; 1], sys::Waiting::Block)?;
    fds.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn read_order() -> io::Result<Order> {
    let order = std::fs::File::from(sys::duplicate_above(sys::borrow(1), 50)?);
    let length = usize::try_from(order.metadata()?.len()).map_err(io::Error::other)?;
    let bytes = sys::read_sealed(order.as_fd(), length)?;
    decode(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Why Python was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Started by hand, or by another version.
    #[error("`__launch` is started by actwright itself")]
    Order(#[source] io::Error),
    /// A wall could not be built.
    #[error(transparent)]
    Sandbox(#[from] actwright_sandbox::StepError),
    /// The interpreter does not start inside.
    #[error(
        "`{executable}` does not start inside the sandbox; every directory on the way to it must be open to the \
         unprivileged user that runs it (level `restricted` started by root hands over to user 65534)"
    )]
    Exec {
        /// It.
        executable: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Where clients of HTTP find the proxy, in all the spellings that they look for. Their own loopback they reach directly.
pub fn proxy_environment() -> impl Iterator<Item = (String, String)> {
    let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
    let pairs = [
        ("HTTP_PROXY", proxy.clone()),
        ("HTTPS_PROXY", proxy.clone()),
        ("ALL_PROXY", proxy),
        ("NO_PROXY", "localhost,127.0.0.1,::1".to_owned()),
    ];
    let both = |(name, value): (&str, String)| {
        [(name.to_owned(), value.clone()), (name.to_ascii_lowercase(), value)]
    };
    pairs.into_iter().flat_map(both)
}

/// The environment of every session: made here, nothing inherited.
pub fn session_environment(executable: &Path, workspace: &Path, temporary: &Path) -> Vec<(String, String)> {
    let bin = executable.parent().unwrap_or(Path::new("/usr/bin"));
    let text = |path: &Path| String::from_utf8_lossy(&OsString::from(path).into_vec()).into_owned();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4).to_string();
    let mut pairs = vec![
        ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", text(bin))),
        ("HOME", text(workspace)),
        ("TMPDIR", text(temporary)),
        ("LANG", "C.UTF-8".to_owned()),
        ("USER", "user".to_owned()),
        ("SHELL", "/bin/sh".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("MPLBACKEND", "agg".to_owned()),
        ("MPLCONFIGDIR", text(&temporary.join(".matplotlib"))),
    ];
    // One session's linear algebra must not take every core.
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS"] {
        pairs.push((name, threads.clone()));
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

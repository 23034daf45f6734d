//! What stands for the host: a process outside every sandbox that owns files, sockets and shared memory made to be
//! attacked.
//!
//! It runs as the user whose rights sessions have outside, so that a refusal is never only the difference between
//! two users. It takes everything along when its input closes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::AttackError;
use super::scratch::Scratch;
use crate::config::env::Environment;
use crate::config::{Config, python};

const PROGRAM: &str = include_str!("attempts/canary.py");

/// The user that root hands sessions to.
const UNPRIVILEGED: u32 = 65_534;

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Canaries {
    process: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    /// What only the canaries know: whoever has it has reached one.
    pub token: String,
    /// Where everything is, as attempts are told.
    pub coordinates: Map<String, Value>,
    /// A directory of the host that sessions are shown read-only.
    pub shown: PathBuf,
}

/// What somebody had a hand on.
#[derive(Debug, Default, Deserialize)]
pub struct Touched {
    /// The names under which somebody came to a socket.
    touched: Vec<String>,
    /// Files and memory that were changed.
    changed: Vec<String>,
    /// Files that were made.
    made: Vec<String>,
}

impl Touched {
    /// What an attempt touched, if it left its name.
    pub fn by(&self, attempt: &str) -> Option<String> {
        let socket = self.touched.iter().any(|name| name == attempt);
        let file = self.made.iter().any(|name| name == attempt);
        (socket || file).then(|| "it came through to the canary".to_owned())
    }

    /// What was changed by nobody knows whom.
    pub fn changed(&self) -> &[String] {
        &self.changed
    }
}

struct Role {
    user: Option<u32>,
    python: PathBuf,
}

impl Canaries {
    /// Starts them in a directory of their own.
    pub async fn start(
        config: &Config,
        environment: &Environment,
        scratch: &Scratch,
    ) -> Result<Self, AttackError> {
        let found =
            python::find(config, environment).map_err(|error| AttackError::Canaries(error.to_string()))?;
        let mut roles = vec![Role { user: None, python: found.clone() }];
        if actwright_sandbox::sys::effective_ids().0 == 0 {
            // Root's own Python may be out of the unprivileged user's reach; the system's is not.
            roles.insert(0, Role { user: Some(UNPRIVILEGED), python: "/usr/bin/python3".into() });
            roles.insert(0, Role { user: Some(UNPRIVILEGED), python: found });
        }
        let mut reason = String::new();
        for (number, role) in roles.into_iter().enumerate() {
            let place = |name: &str| scratch.canaries(&format!("{name}-{number}"), role.user);
            let (place, shown) = (place("host").map_err(AttackError::Scratch)?, place("shown"));
            let shown = shown.map_err(AttackError::Scratch)?;
            match timeout(ANSWER, Self::play(&role, &place, shown, environment)).await {
                Ok(Ok(canaries)) => return Ok(canaries),
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) => reason = "it did not answer".to_owned(),
            }
        }
        Err(AttackError::Canaries(reason))
    }

    async fn play(
        role: &Role,
        place: &Path,
        shown: PathBuf,
        environment: &Environment,
    ) -> std::io::Result<Self> {
        let token = format!("{:032x}", actwright_sandbox::sys::random_u128()?);
        let mut command = Command::new(&role.python);
        command
            .args(["-I", "-B", "-c", PROGRAM])
            .arg(place)
            .arg(&shown)
            .env_clear()
            .env("ACTWRIGHT_CANARY", &token);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        if let Some(home) = environment.home() {
            // A version manager's script needs it.
            command.env("HOME", home);
        }
        if let Some(user) = role.user {
            command.uid(user).gid(user);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let mut output = BufReader::new(output).lines();
        let first = output.next_line().await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let coordinates = serde_json::from_str(&first)?;
        Ok(Self { process, input, output, token, coordinates, shown })
    }

    /// What was touched since the last time; everything is put back.
    pub async fn touched(&mut self) -> Result<Touched, AttackError> {
        let gone = || AttackError::Canaries("it is gone".to_owned());
        let input = self.input.as_mut().ok_or_else(gone)?;
        input.write_all(b"?\n").await.map_err(|_| gone())?;
        let answer = timeout(ANSWER, self.output.next_line()).await;
        let line = answer.map_err(|_| gone())?.map_err(|_| gone())?.ok_or_else(gone)?;
        serde_json::from_str(&line).map_err(|error| AttackError::Canaries(error.to_string()))
    }

    /// Lets them go and waits until they are gone.
    pub async fn end(mut self) {
        self.input = None;
        if timeout(ANSWER, self.process.wait()).await.is_err() {
            // It is killed when it is dropped.
            tracing::warn!("the process that stands for the host did not end by itself");
        }
    }
}

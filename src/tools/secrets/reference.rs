//! References to secrets in tool files: `${NAME}`, `${env:NAME}`, `${file:PATH}`, `${cmd:PROGRAM …}`, `${keyring:SERVICE/USER}`,
//! each with a default behind `:-`.
//!
//! A text is read once, so that what can't be meant is said at once; what it stands for is looked up whenever it is used.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Secrets;
use crate::programs::Program;

/// The longest secret that a file or program may give, in bytes.
const LARGEST: usize = 64 << 10;

/// How long a program may take to give a secret.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long what a program gave is used again, and that it gave nothing.
const FRESH: Duration = Duration::from_secs(300);
const REST: Duration = Duration::from_secs(3);

/// The program that speaks to the desktop's keyring.
const KEYRING: &str = "secret-tool";

/// A reference that cannot be followed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// The variable is not set.
    #[error(
        "the environment variable `{0}` is not set; set it where the server is started, or write `${{{0}:-default}}`"
    )]
    Unset(String),
    /// `${` without its end.
    #[error("`{0}` has a `${{` without a `}}`")]
    Open(String),
    /// The words behind `cmd:` are none.
    #[error("`${{cmd:{0}}}` is no command line; quotes must be closed")]
    Words(String),
    /// The keyring is asked for a service and a user.
    #[error("`${{keyring:{0}}}` must be written `${{keyring:SERVICE/USER}}`")]
    Keyring(String),
    /// A program would have to be asked in a place that is read when the server starts.
    #[error(
        "`${{cmd:…}}` and `${{keyring:…}}` can stand for arguments, variables, headers and keys, not here"
    )]
    Misplaced,
    /// The file cannot be read.
    #[error("`${{file:…{place}}}` cannot be read: {why}")]
    File {
        /// The end of its path, for where it lies is not for whoever reads an error.
        place: String,
        /// Why.
        why: String,
    },
    /// The program gave nothing.
    #[error("`${{{reference}}}` gave nothing: {why}")]
    Program {
        /// The reference without its arguments, which may be secret themselves.
        reference: String,
        /// Why.
        why: String,
    },
}

/// A text with references. Its `Debug` shows nothing, for a text without references may be the secret itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Arc<[Piece]>);

impl std::fmt::Debug for Template {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Reference { source: Source, default: Option<String> },
}

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Variable(String),
    File(String),
    Command(Vec<String>),
    Keyring { service: String, user: String },
}

/// What programs have answered, each behind a lock of its own: of a hundred calls at once one asks, and a program that hangs
/// holds up nobody who asks another.
pub type Remembered = HashMap<Vec<String>, Arc<tokio::sync::Mutex<Option<Answered>>>>;

/// A program's answer, and when it was given.
#[derive(Debug, Clone)]
pub struct Answered {
    when: Instant,
    value: Result<String, String>,
}

impl Answered {
    fn is_fresh(&self) -> bool {
        self.when.elapsed() < if self.value.is_ok() { FRESH } else { REST }
    }
}

impl Template {
    /// Reads a text. A variable that is not set is an error now, because it can't be set later.
    pub fn read(text: &str, secrets: &Secrets) -> Result<Self, ReferenceError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if start > 0 {
                pieces.push(Piece::Plain(rest[..start].to_owned()));
            }
            let reference = &rest[start + 2..];
            let end = reference.find('}').ok_or_else(|| ReferenceError::Open(text.to_owned()))?;
            pieces.push(Piece::read(&reference[..end])?);
            rest = &reference[end + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        for piece in &pieces {
            if let Piece::Reference { source: Source::Variable(name), default: None } = piece
                && (secrets.lookup)(name).is_none()
            {
                return Err(ReferenceError::Unset(name.clone()));
            }
        }
        Ok(Self(pieces.into()))
    }

    /// A text that stands for itself, whatever is in it.
    pub fn plain(text: &str) -> Self {
        Self([Piece::Plain(text.to_owned())].into())
    }

    /// What it stands for now. Whatever a reference gives is masked from here on.
    pub async fn resolve(&self, secrets: &Secrets) -> Result<String, ReferenceError> {
        let mut text = String::new();
        for piece in self.0.iter() {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Reference { source, default } => {
                    text.push_str(&source.resolve(default.as_deref(), secrets).await?);
                }
            }
        }
        Ok(text)
    }

    /// The same at once, where no program has to be asked.
    pub fn resolve_now(&self, secrets: &Secrets) -> Result<String, ReferenceError> {
        let mut text = String::new();
        for piece in self.0.iter() {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Reference { source, default } => {
                    let found = source.at_hand(secrets).unwrap_or(Err(ReferenceError::Misplaced));
                    text.push_str(&secrets.taken(found, default.as_deref())?);
                }
            }
        }
        Ok(text)
    }
}

impl Piece {
    fn read(reference: &str) -> Result<Self, ReferenceError> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (reference, None),
        };
        let source = match name.split_once(':') {
            Some(("file", place)) => Source::File(place.to_owned()),
            Some(("cmd", line)) => match shlex::split(line) {
                Some(words) if !words.is_empty() => Source::Command(words),
                _ => return Err(ReferenceError::Words(line.to_owned())),
            },
            Some(("keyring", entry)) => match entry.split_once('/') {
                Some((service, user)) if !service.is_empty() && !user.is_empty() => {
                    Source::Keyring { service: service.to_owned(), user: user.to_owned() }
                }
                _ => return Err(ReferenceError::Keyring(entry.to_owned())),
            },
            Some(("env", name)) => Source::Variable(name.to_owned()),
            _ => Source::Variable(name.to_owned()),
        };
        Ok(Self::Reference { source, default })
    }
}

impl Source {
    async fn resolve(&self, default: Option<&str>, secrets: &Secrets) -> Result<String, ReferenceError> {
        let found = match self.at_hand(secrets) {
            Some(found) => found,
            None => self.ask(secrets).await,
        };
        secrets.taken(found, default)
    }

    /// The value, unless a program has to be asked for it.
    fn at_hand(&self, secrets: &Secrets) -> Option<Result<String, ReferenceError>> {
        match self {
            Self::Variable(name) => {
                Some((secrets.lookup)(name).ok_or_else(|| ReferenceError::Unset(name.clone())))
            }
            Self::File(place) => {
                let read = read(&path(place, secrets));
                let end = || place.rsplit('/').next().unwrap_or_default().to_owned();
                Some(read.map_err(|why| ReferenceError::File { place: end(), why }))
            }
            Self::Command(_) | Self::Keyring { .. } => None,
        }
    }

    async fn ask(&self, secrets: &Secrets) -> Result<String, ReferenceError> {
        let (reference, words) = match self {
            Self::Command(words) => (format!("cmd:{} …", words[0]), words.clone()),
            Self::Keyring { service, user } => {
                let words = [KEYRING, "lookup", "service", service, "username", user];
                (format!("keyring:{service}/{user}"), words.map(str::to_owned).to_vec())
            }
            Self::Variable(_) | Self::File(_) => return Ok(String::new()),
        };
        let place = secrets.remembered().entry(words.clone()).or_default().clone();
        let mut answered = place.lock().await;
        let value = match answered.as_ref().filter(|answered| answered.is_fresh()) {
            Some(answered) => answered.value.clone(),
            None => {
                let value = run(&words, secrets).await;
                *answered = Some(Answered { when: Instant::now(), value: value.clone() });
                value
            }
        };
        value.map_err(|why| ReferenceError::Program { reference, why })
    }
}

async fn run(words: &[String], secrets: &Secrets) -> Result<String, String> {
    let program = Program {
        program: words[0].clone(),
        arguments: words[1..].to_vec(),
        environment: secrets.surroundings(),
        directory: secrets.base.to_path_buf(),
    };
    let finished = program.run(&[], LARGEST, PATIENCE).await.map_err(|error| error.to_string())?;
    if finished.code != 0 {
        let said = finished.stderr.trim();
        return Err(match said {
            "" => format!("exit code {}", finished.code),
            said => format!("exit code {}: {said}", finished.code),
        });
    }
    let value = String::from_utf8(finished.stdout).map_err(|_| "it is not UTF-8".to_owned())?;
    let value = value.trim_end_matches(['\n', '\r']).to_owned();
    if value.is_empty() { Err("it printed nothing".to_owned()) } else { Ok(value) }
}

/// Where a file reference points: `~/` is the home directory, what is not absolute lies below the base directory.
fn path(place: &str, secrets: &Secrets) -> PathBuf {
    match (place.strip_prefix("~/"), (secrets.lookup)("HOME")) {
        (Some(below), Some(home)) => PathBuf::from(home).join(below),
        _ => secrets.base.join(place),
    }
}

fn read(path: &std::path::Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.kind().to_string())?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    file.take(LARGEST as u64 + 1).read_to_string(&mut text).map_err(|error| error.kind().to_string())?;
    if text.len() > LARGEST {
        return Err(format!("it is larger than {} kB", LARGEST >> 10));
    }
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

impl Secrets {
    /// What a reference gave, from now on a secret; nothing, or an empty text, gives way to a default.
    fn taken(
        &self,
        found: Result<String, ReferenceError>,
        default: Option<&str>,
    ) -> Result<String, ReferenceError> {
        match (found, default) {
            (Ok(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
            (Ok(value), _) => {
                self.learn(&value);
                Ok(value)
            }
            (Err(ReferenceError::Misplaced), _) => Err(ReferenceError::Misplaced),
            (Err(_), Some(default)) => Ok(default.to_owned()),
            (Err(error), None) => Err(error),
        }
    }

    fn surroundings(&self) -> Vec<(String, String)> {
        let passed = crate::programs::PASSED_ON.iter().chain(&SESSION);
        passed.filter_map(|name| Some(((*name).to_owned(), (self.lookup)(name)?))).collect()
    }

    /// Forgets what programs gave, so that the next use asks them again: a server did not take it.
    pub fn forget_programs(&self) {
        self.remembered().clear();
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a program that keeps secrets needs to reach its daemon.
const SESSION: [&str; 3] = ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "GNUPGHOME"];

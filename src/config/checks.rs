//! What a value must be to be used: ranges, paths that exist, words from a list.
//!
//! Each check takes a value with its origin, so that a refusal names the line, variable or flag to change.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Component, PathBuf};

use super::env::{Environment, Key};
use super::error::Origin;
use super::python::is_executable;
use super::reach::Reach;
use super::units::Span;
use super::{
    Checkpoints, ConfigError, Consent, ControlGroups, Exposure, Fallback, Network, PythonChoice, SandboxLevel,
};
use crate::hosts::{AllowList, Host};
use crate::nearest::nearest;
use crate::requirements::Requirement;

/// A value, what it is for, and where it was written.
#[derive(Debug, Clone)]
pub struct Picked<T> {
    /// The setting.
    pub key: Key,
    /// Its value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

impl<T> Picked<T> {
    /// The error that says this value can't be used.
    pub fn refuse(&self, message: impl Into<String>, hint: Option<String>) -> ConfigError {
        let (key, origin) = (self.key.name, self.origin.clone());
        ConfigError::Value { key, origin, message: message.into(), hint }
    }

    /// The same setting in another form.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Picked<U> {
        Picked { key: self.key, value: form(self.value), origin: self.origin }
    }
}

/// A number within bounds.
pub fn within(picked: Picked<u64>, allowed: RangeInclusive<u64>) -> Result<Picked<u64>, ConfigError> {
    if allowed.contains(&picked.value) {
        return Ok(picked);
    }
    let (least, most) = allowed.into_inner();
    Err(picked.refuse(format!("is {}; allowed are {least} to {most}", picked.value), None))
}

/// A duration within bounds.
pub fn lasting(picked: Picked<Span>, least: &str, most: &str) -> Result<Picked<Span>, ConfigError> {
    let bound = |text: &str| text.parse::<Span>().map_or(picked.value.0, |span| span.0);
    if (bound(least)..=bound(most)).contains(&picked.value.0) {
        return Ok(picked);
    }
    Err(picked.refuse(format!("is {:?}; allowed are {least} to {most}", picked.value.0), None))
}

/// A timeout that does not pass `limits.max_timeout`.
pub fn at_most_longest(picked: Picked<Span>, longest: Span) -> Result<Picked<Span>, ConfigError> {
    if picked.value.0 <= longest.0 {
        return Ok(picked);
    }
    let message =
        format!("is {:?}, more than `limits.max_timeout`, which is {:?}", picked.value.0, longest.0);
    Err(picked.refuse(message, Some("raise `limits.max_timeout` as well".into())))
}

/// Whether agents may do something.
pub fn consent(picked: Picked<String>) -> Result<Picked<Consent>, ConfigError> {
    let known = [Consent::Allow, Consent::Ask, Consent::Deny];
    match known.into_iter().find(|consent| consent.word() == picked.value) {
        Some(consent) => Ok(picked.map(|_| consent)),
        None => {
            Err(picked.refuse(format!("is `{}`; allowed are `allow`, `ask` and `deny`", picked.value), None))
        }
    }
}

/// Packages, each with its versions.
pub fn requirements(picked: Picked<Vec<String>>) -> Result<Picked<Vec<Requirement>>, ConfigError> {
    let parsed: Result<Vec<Requirement>, _> = picked.value.iter().map(|text| text.parse()).collect();
    match parsed {
        Ok(list) => Ok(picked.map(|_| list)),
        Err(error) => Err(picked.refuse(format!("has an entry that cannot be used: {error}"), None)),
    }
}

/// One of the sandbox's levels. `off` is taken from the command line only, where someone sees it.
pub fn level(picked: Picked<String>) -> Result<Picked<(SandboxLevel, Fallback)>, ConfigError> {
    let level = match picked.value.as_str() {
        "full" => (SandboxLevel::Full, Fallback::None),
        "full-or-restricted" => (SandboxLevel::Full, Fallback::Restricted),
        "restricted" => (SandboxLevel::Restricted, Fallback::None),
        "off" if matches!(picked.origin, Origin::Flag(_)) => (SandboxLevel::Off, Fallback::None),
        "off" => {
            let hint = "start with `--sandbox off` if code may run with all of your own rights";
            return Err(
                picked.refuse("can't be `off` here: only the command line can say that", Some(hint.into()))
            );
        }
        _ => return Err(not_one_of(&picked, &["full", "full-or-restricted", "restricted", "off"])),
    };
    Ok(picked.map(|_| level))
}

/// What skills are to clients.
pub fn exposure(picked: Picked<String>) -> Result<Picked<Exposure>, ConfigError> {
    let exposure = match picked.value.as_str() {
        "none" => Exposure::None,
        "tools" => Exposure::Tools,
        "prompts" => Exposure::Prompts,
        _ => return Err(not_one_of(&picked, &["none", "tools", "prompts"])),
    };
    Ok(picked.map(|_| exposure))
}

/// What of the network is seen. A list needs the network namespace of level `full`: nothing else would enforce it.
pub fn network(
    picked: Picked<Reach>,
    level: (SandboxLevel, Fallback),
) -> Result<Picked<Network>, ConfigError> {
    let network = match &picked.value {
        Reach::Word(word) if word == "none" => Network::None,
        Reach::Word(word) if word == "full" => Network::Full,
        Reach::Word(word) => {
            let given: String = word.chars().take(40).collect();
            let hint = match nearest(word, ["none", "full"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write a list of hosts as [\"example.org\", \"*.example.net:443\"]".to_owned(),
            };
            let message = format!("is `{given}`; allowed are `none`, `full` and a list of hosts");
            return Err(picked.refuse(message, Some(hint)));
        }
        Reach::Hosts(hosts) => {
            let list = AllowList::parse(hosts.iter().map(String::as_str));
            Network::List(list.map_err(|error| picked.refuse(error.to_string(), None))?)
        }
    };
    let why = match (&network, level) {
        (Network::List(_) | Network::Full, (SandboxLevel::Full, Fallback::Restricted)) => {
            "can't be anything but \"none\" at level `full-or-restricted`, because `restricted` has no sockets"
        }
        (Network::List(_), (SandboxLevel::Restricted, _)) => {
            "can't be a list at level `restricted`, which has no sockets"
        }
        (Network::List(_), (SandboxLevel::Off, _)) => {
            "can't be a list at level `off`, where nothing would enforce it"
        }
        _ => return Ok(picked.map(|_| network)),
    };
    Err(picked.refuse(why, Some("use level `full`, or write \"none\" or \"full\"".to_owned())))
}

/// Names that stand for servers of tests: `name=127.0.0.1:8000`, separated by `,`; nothing but the loopback.
pub fn test_servers(text: &str) -> Result<Vec<(Host, SocketAddr)>, ConfigError> {
    let entry = |entry: &str| {
        let (name, address) = entry.split_once('=')?;
        let address: SocketAddr = address.parse().ok()?;
        let host = Host::parse(name).ok()?;
        address.ip().is_loopback().then_some((host, address))
    };
    let refuse = |given: &str| ConfigError::TestServer { given: given.to_owned() };
    text.split(',').map(|given| entry(given).ok_or_else(|| refuse(given))).collect()
}

/// When sessions get control groups.
pub fn control_groups(picked: Picked<String>) -> Result<Picked<ControlGroups>, ConfigError> {
    let groups = match picked.value.as_str() {
        "auto" => ControlGroups::Auto,
        "off" => ControlGroups::Off,
        _ => return Err(not_one_of(&picked, &["auto", "off"])),
    };
    Ok(picked.map(|_| groups))
}

/// When sessions are copied.
pub fn checkpoints(picked: Picked<String>) -> Result<Picked<Checkpoints>, ConfigError> {
    let checkpoints = match picked.value.as_str() {
        "auto" => Checkpoints::Auto,
        "always" => Checkpoints::Always,
        "off" => Checkpoints::Off,
        _ => return Err(not_one_of(&picked, &["auto", "always", "off"])),
    };
    Ok(picked.map(|_| checkpoints))
}

/// A filter for the log.
pub fn log(picked: Picked<String>) -> Result<Picked<String>, ConfigError> {
    match picked.value.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(picked),
        Err(error) => {
            let hint = "write a level (error, warn, info, debug, trace, off) or `actwright=debug,rmcp=warn`";
            Err(picked
                .refuse(format!("is `{}`, which is no filter: {error}", picked.value), Some(hint.into())))
        }
    }
}

/// `auto`, a name on `PATH`, or the path of an executable.
pub fn python(
    picked: Picked<String>,
    environment: &Environment,
) -> Result<Picked<PythonChoice>, ConfigError> {
    if picked.value == "auto" {
        return Ok(picked.map(|_| PythonChoice::Auto));
    }
    let hint = || Some("name the executable of a CPython 3.9 or newer, such as /usr/bin/python3".to_owned());
    if !picked.value.contains('/') {
        let Some(found) = environment.on_path(&picked.value) else {
            return Err(picked.refuse(format!("is `{}`, which is not on `PATH`", picked.value), hint()));
        };
        return Ok(picked.map(|_| PythonChoice::At(found)));
    }
    let picked = path(picked, environment)?;
    let shown = picked.value.display();
    if picked.value.is_dir() {
        return Err(picked.refuse(format!("is {shown}, which is a directory"), hint()));
    }
    if !picked.value.exists() {
        return Err(picked.refuse(format!("is {shown}, which does not exist"), hint()));
    }
    if !is_executable(&picked.value) {
        return Err(picked.refuse(format!("is {shown}, which is not executable"), hint()));
    }
    Ok(picked.map(PythonChoice::At))
}

/// An absolute path. `~/` is the home directory; a flag may also be relative to where the user stands, the
/// file and the environment may not, because an MCP client starts the server wherever it likes.
pub fn path(picked: Picked<String>, environment: &Environment) -> Result<Picked<PathBuf>, ConfigError> {
    let text = picked.value.as_str();
    if text.contains('\0') || text.is_empty() {
        return Err(picked.refuse("is not a path", None));
    }
    let home = text.strip_prefix("~/").or((text == "~").then_some(""));
    let path = match (home, environment.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_), None) => return Err(picked.refuse("starts with `~` and `HOME` is not set", None)),
        (None, _) if text.starts_with('/') => PathBuf::from(text),
        (None, _) if matches!(picked.origin, Origin::Flag(_)) => {
            std::env::current_dir().map_err(ConfigError::CurrentDirectory)?.join(text)
        }
        (None, _) => {
            let hint = "write a path that starts with `/` or `~/`".to_owned();
            return Err(picked.refuse(format!("is `{text}`, a relative path"), Some(hint)));
        }
    };
    Ok(picked.map(|_| plain(path)))
}

/// A path at which there is something.
pub fn exists(picked: Picked<PathBuf>) -> Result<Picked<PathBuf>, ConfigError> {
    if picked.value.exists() {
        return Ok(picked);
    }
    Err(picked.refuse(format!("names {}, which does not exist", picked.value.display()), None))
}

/// The path without `.` and, where the part before it is no link, without `..`.
fn plain(path: PathBuf) -> PathBuf {
    if path.components().any(|part| part == Component::ParentDir)
        && let Ok(real) = path.canonicalize()
    {
        return real;
    }
    path.components().collect()
}

fn not_one_of(picked: &Picked<String>, allowed: &[&str]) -> ConfigError {
    let words: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
    let hint = nearest(&picked.value, allowed.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    let given: String = picked.value.chars().take(40).collect();
    picked.refuse(format!("is `{given}`; allowed are {}", words.join(", ")), hint)
}

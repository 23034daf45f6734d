//! Every environment variable that actwright reads, and the one place that reads them.
//!
//! The rest of the program asks an `Environment` value, so a test can make one; an empty variable counts as
//! unset, as shells make it hard to tell the two apart.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::ConfigError;

/// One setting's three names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// In `actwright.toml`, dotted.
    pub name: &'static str,
    /// In the environment.
    pub variable: &'static str,
    /// On the command line, where it has a flag.
    pub flag: Option<&'static str>,
}

const fn key(name: &'static str, variable: &'static str, flag: Option<&'static str>) -> Key {
    Key { name, variable, flag }
}

/// The directory that holds a workspace; not a key of the file, which lies in it.
pub const BASE: Key = key("base", "ACTWRIGHT_BASE", Some("--base"));
/// Which interpreter.
pub const PYTHON: Key = key("python", "ACTWRIGHT_PYTHON", Some("--python"));
/// What is logged.
pub const LOG: Key = key("log", "ACTWRIGHT_LOG", Some("--log"));
/// The sandbox's level.
pub const SANDBOX: Key = key("sandbox.level", "ACTWRIGHT_SANDBOX", Some("--sandbox"));
/// Readable host paths, separated by `:` in the environment.
pub const READ: Key = key("sandbox.read", "ACTWRIGHT_READ", Some("--read"));
/// Writable host paths, separated by `:` in the environment.
pub const WRITE: Key = key("sandbox.write", "ACTWRIGHT_WRITE", Some("--write"));
/// The network; hosts are separated by `,` in the environment and the flag.
pub const NETWORK: Key = key("sandbox.network", "ACTWRIGHT_NETWORK", Some("--network"));
/// Control groups.
pub const CONTROL_GROUPS: Key = key("sandbox.control_groups", "ACTWRIGHT_CONTROL_GROUPS", None);
/// Bytes of memory.
pub const MEMORY: Key = key("limits.memory", "ACTWRIGHT_MEMORY", Some("--memory"));
/// Processes and threads.
pub const PROCESSES: Key = key("limits.processes", "ACTWRIGHT_PROCESSES", None);
/// Open files.
pub const FILES: Key = key("limits.files", "ACTWRIGHT_FILES", None);
/// Bytes of `/session`.
pub const WORKSPACE: Key = key("limits.workspace", "ACTWRIGHT_WORKSPACE", None);
/// Bytes a cell may write.
pub const OUTPUT: Key = key("limits.output", "ACTWRIGHT_OUTPUT", None);
/// Bytes of source in a cell.
pub const SOURCE: Key = key("limits.source", "ACTWRIGHT_SOURCE", None);
/// Calls into the host in a cell.
pub const CALLS: Key = key("limits.calls", "ACTWRIGHT_CALLS", None);
/// Bytes of one artifact.
pub const ARTIFACT: Key = key("limits.artifact", "ACTWRIGHT_ARTIFACT", None);
/// Bytes of all artifacts.
pub const ARTIFACTS: Key = key("limits.artifacts", "ACTWRIGHT_ARTIFACTS", None);
/// Processor time of a cell.
pub const CPU_TIME: Key = key("limits.cpu_time", "ACTWRIGHT_CPU_TIME", None);
/// Default time of a cell.
pub const TIMEOUT: Key = key("limits.timeout", "ACTWRIGHT_TIMEOUT", Some("--timeout"));
/// Longest time of a cell.
pub const MAX_TIMEOUT: Key = key("limits.max_timeout", "ACTWRIGHT_MAX_TIMEOUT", None);
/// Sessions at once.
pub const MAX_SESSIONS: Key = key("sessions.max", "ACTWRIGHT_MAX_SESSIONS", None);
/// Time until an unused session is closed.
pub const IDLE_TIMEOUT: Key = key("sessions.idle_timeout", "ACTWRIGHT_IDLE_TIMEOUT", None);
/// Sessions kept ready.
pub const POOL: Key = key("sessions.pool", "ACTWRIGHT_POOL", None);
/// When sessions are copied.
pub const CHECKPOINTS: Key = key("sessions.checkpoints", "ACTWRIGHT_CHECKPOINTS", None);
/// Copies a session keeps.
pub const COPIES: Key = key("sessions.copies", "ACTWRIGHT_COPIES", None);
/// Characters a result shows.
pub const MAX_OUTPUT: Key = key("results.max_output", "ACTWRIGHT_MAX_OUTPUT", None);
/// Whether results carry `structuredContent`.
pub const STRUCTURED: Key =
    key("results.structured", "ACTWRIGHT_STRUCTURED_RESULTS", Some("--structured-results"));
/// Bytes of outputs kept.
pub const KEPT_OUTPUTS: Key = key("results.kept_outputs", "ACTWRIGHT_KEPT_OUTPUTS", None);

/// Directories of skills, separated by `:` in the environment.
pub const SKILLS: Key = key("skills.directories", "ACTWRIGHT_SKILLS", Some("--skills"));

/// Whether skills are also tools or prompts of their own.
pub const EXPOSE_SKILLS: Key = key("skills.expose", "ACTWRIGHT_EXPOSE_SKILLS", Some("--expose-skills"));

/// Which model compares meanings.
pub const MODEL: Key = key("model.name", "ACTWRIGHT_MODEL", Some("--model"));
/// Where models are kept.
pub const MODEL_DIRECTORY: Key = key("model.directory", "ACTWRIGHT_MODEL_DIR", Some("--model-dir"));
/// Whether nothing is fetched.
pub const OFFLINE: Key = key("model.offline", "ACTWRIGHT_OFFLINE", Some("--offline"));
/// The library that runs models.
pub const MODEL_RUNTIME: Key = key("model.runtime", "ACTWRIGHT_MODEL_RUNTIME", None);
/// Whether agents may add packages.
pub const PACKAGE_POLICY: Key = key("packages.policy", "ACTWRIGHT_PACKAGES", Some("--no-runtime-deps"));
/// Packages that may be asked for, separated by spaces in the environment.
pub const PACKAGE_LIST: Key = key("packages.allow", "ACTWRIGHT_PACKAGES_ALLOW", None);
/// Whether packages may be built.
pub const PACKAGE_BUILDS: Key = key("packages.build", "ACTWRIGHT_PACKAGES_BUILD", None);
/// What new sessions begin with, imported already; names separated by spaces in the environment.
pub const PRELOAD: Key = key("packages.preload", "ACTWRIGHT_PACKAGES_PRELOAD", None);
/// Bytes of all packages together.
pub const PACKAGE_SIZE: Key = key("packages.max_size", "ACTWRIGHT_PACKAGES_MAX_SIZE", None);

/// Connections of a session at once.
pub const CONNECTIONS: Key = key("network.connections", "ACTWRIGHT_NETWORK_CONNECTIONS", None);
/// New connections of a session in a second.
pub const RATE: Key = key("network.rate", "ACTWRIGHT_NETWORK_RATE", None);
/// Bytes that one connection may send.
pub const SENT: Key = key("network.sent", "ACTWRIGHT_NETWORK_SENT", None);
/// Bytes that one connection may receive.
pub const RECEIVED: Key = key("network.received", "ACTWRIGHT_NETWORK_RECEIVED", None);
/// Bytes that a session may send.
pub const SESSION_SENT: Key = key("network.session_sent", "ACTWRIGHT_NETWORK_SESSION_SENT", None);
/// Bytes that a session may receive.
pub const SESSION_RECEIVED: Key = key("network.session_received", "ACTWRIGHT_NETWORK_SESSION_RECEIVED", None);
/// Bytes of the head of a request or an answer.
pub const HEAD: Key = key("network.head", "ACTWRIGHT_NETWORK_HEAD", None);
/// Time until a connection on which nothing moves is cut.
pub const NETWORK_IDLE: Key = key("network.idle_timeout", "ACTWRIGHT_NETWORK_IDLE_TIMEOUT", None);

/// All settings, in the order in which they are listed.
pub const KEYS: [Key; 47] = [
    BASE,
    PYTHON,
    LOG,
    SANDBOX,
    READ,
    WRITE,
    NETWORK,
    CONTROL_GROUPS,
    MEMORY,
    PROCESSES,
    FILES,
    WORKSPACE,
    OUTPUT,
    SOURCE,
    CALLS,
    ARTIFACT,
    ARTIFACTS,
    CPU_TIME,
    TIMEOUT,
    MAX_TIMEOUT,
    MAX_SESSIONS,
    IDLE_TIMEOUT,
    POOL,
    CHECKPOINTS,
    COPIES,
    MAX_OUTPUT,
    STRUCTURED,
    KEPT_OUTPUTS,
    SKILLS,
    EXPOSE_SKILLS,
    MODEL,
    MODEL_DIRECTORY,
    OFFLINE,
    MODEL_RUNTIME,
    PACKAGE_POLICY,
    PACKAGE_LIST,
    PACKAGE_BUILDS,
    PRELOAD,
    PACKAGE_SIZE,
    CONNECTIONS,
    RATE,
    SENT,
    RECEIVED,
    SESSION_SENT,
    SESSION_RECEIVED,
    HEAD,
    NETWORK_IDLE,
];

/// What the surroundings say, not settings of ours.
const SURROUNDINGS: [&str; 13] = [
    "VISUAL",
    "EDITOR",
    "VIRTUAL_ENV",
    "PATH",
    "HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "NO_COLOR",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "CODEX_HOME",
    "CLAUDE_CONFIG_DIR",
];

/// What other programs read to find package indexes, the hub of models, and the way there; each may also be written small.
const WAYS: [&str; 13] = [
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_CONFIG_FILE",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "HF_ENDPOINT",
];

/// Read by the build alone; named so that nobody is warned about them.
const BUILD: [&str; 1] = ["ACTWRIGHT_WORKER_SO"];

/// For tests of the network alone: names that mean a server on the loopback. Nothing else may say so, and no key of the
/// file has it, so that it is not set by accident.
const TEST_RESOLVE: &str = "ACTWRIGHT_TEST_NETWORK_RESOLVE";

/// The variables that were set when the program started.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<&'static str, OsString>,
    unknown: Vec<String>,
    all: BTreeMap<String, String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secrets.
        formatter.debug_struct("Environment").field("known", &self.values.keys()).finish_non_exhaustive()
    }
}

impl Environment {
    /// What this process was started with.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// The same from a list of pairs.
    pub fn of(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let known =
            KEYS.iter().map(|key| key.variable).chain(SURROUNDINGS).chain(BUILD).chain([TEST_RESOLVE]);
        let known: BTreeMap<&str, &'static str> = known.map(|name| (name, name)).collect();
        let mut environment = Self::default();
        for (name, value) in pairs {
            let Some(name) = name.to_str() else { continue };
            if let Some(value) = value.to_str() {
                environment.all.insert(name.to_owned(), value.to_owned());
            }
            match known.get(name) {
                Some(_) if value.is_empty() => {}
                Some(known) => drop(environment.values.insert(known, value)),
                None if name.starts_with("ACTWRIGHT_") => environment.unknown.push(name.to_owned()),
                None => {}
            }
        }
        environment
    }

    /// A setting's text.
    pub fn text(&self, key: Key) -> Result<Option<&str>, ConfigError> {
        let Some(value) = self.values.get(key.variable) else { return Ok(None) };
        value.to_str().map(Some).ok_or(ConfigError::NotText { variable: key.variable })
    }

    /// The names that stand for servers of tests, as they were written.
    pub fn test_resolve(&self) -> Option<String> {
        self.values.get(TEST_RESOLVE).map(|text| text.to_string_lossy().into_owned())
    }

    /// Variables that begin with `ACTWRIGHT_` and mean nothing: most likely misspelt.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// All variables, for a program of the user's own that is configured by them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A variable that a tool file names, or that tools' programs get.
    pub fn named(&self, name: &str) -> Option<String> {
        self.all.get(name).cloned()
    }

    /// One of the variables by which other programs find their way, in capitals or, as proxies are often written, small.
    pub fn way(&self, name: &str) -> Option<String> {
        let name = WAYS.iter().find(|way| **way == name)?;
        let found = self.all.get(*name).or_else(|| self.all.get(&name.to_lowercase()));
        found.filter(|value| !value.is_empty()).cloned()
    }

    /// The active virtual environment.
    pub fn virtual_env(&self) -> Option<PathBuf> {
        self.path_of("VIRTUAL_ENV")
    }

    /// The user's home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.path_of("HOME")
    }

    /// Where the user's data lies.
    pub fn data_home(&self) -> Option<PathBuf> {
        let named = self.path_of("XDG_DATA_HOME");
        named.or_else(|| self.home().map(|home| home.join(".local/share")))
    }

    /// Where the user's configuration lies.
    pub fn config_home(&self) -> Option<PathBuf> {
        let named = self.path_of("XDG_CONFIG_HOME");
        named.or_else(|| self.home().map(|home| home.join(".config")))
    }

    /// Where what can be fetched again lies.
    pub fn cache_home(&self) -> Option<PathBuf> {
        let named = self.path_of("XDG_CACHE_HOME");
        named.or_else(|| self.home().map(|home| home.join(".cache")))
    }

    /// Where Codex keeps its configuration, where that is said.
    pub fn codex_home(&self) -> Option<PathBuf> {
        self.path_of("CODEX_HOME")
    }

    /// Where Claude Code keeps its configuration, where that is said.
    pub fn claude_home(&self) -> Option<PathBuf> {
        self.path_of("CLAUDE_CONFIG_DIR")
    }

    /// Where an executable called `name` is found first on `PATH`.
    pub fn on_path(&self, name: &str) -> Option<PathBuf> {
        let path = self.values.get("PATH")?;
        let found = std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name));
        found.into_iter().find(|file| super::python::is_executable(file))
    }

    /// Which interpreter pyenv's scripts start, where it was chosen by the environment.
    pub fn pyenv_version(&self) -> Option<String> {
        self.values.get("PYENV_VERSION").map(|version| version.to_string_lossy().into_owned())
    }

    /// Where pyenv keeps its own choice.
    pub fn pyenv_root(&self) -> Option<PathBuf> {
        self.path_of("PYENV_ROOT").or_else(|| self.home().map(|home| home.join(".pyenv")))
    }

    /// The user's editor, with its arguments.
    pub fn editor(&self) -> Option<String> {
        let named = self.values.get("VISUAL").or_else(|| self.values.get("EDITOR"))?;
        Some(named.to_string_lossy().into_owned())
    }

    /// Whether the user asked for plain text (<https://no-color.org>).
    pub fn no_color(&self) -> bool {
        self.values.contains_key("NO_COLOR")
    }

    /// A relative path here would mean another place after every `cd`; the XDG standard says to ignore it.
    fn path_of(&self, name: &str) -> Option<PathBuf> {
        self.values.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

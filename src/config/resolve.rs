//! Defaults, then the file, then the environment, then flags: merged once, at start, into a `Config`.
//!
//! Every value is checked here whatever it came from, and every value remembers where it came from.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;

use super::checks::{self, Picked};
use super::env::{self, Environment, Key};
use super::error::Origin;
use super::file::LoadedFile;
use super::listing::{Listing, Shown};
use super::preload::{self, RawPreload};
use super::reach::Reach;
use super::units::{Size, Span};
use super::{
    Checkpoints, Config, ConfigError, ControlGroups, Exposure, Limits, Network, NetworkRules, PackageRules,
    PythonChoice, ResultRules, SandboxConfig, SessionRules,
};

/// What the command line says; everything may be absent.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--base`
    pub base: Option<String>,
    /// `--python`
    pub python: Option<String>,
    /// `--log`
    pub log: Option<String>,
    /// `--sandbox`
    pub sandbox: Option<String>,
    /// `--read`, as often as wanted
    pub read: Vec<String>,
    /// `--write`, as often as wanted
    pub write: Vec<String>,
    /// `--network`
    pub network: Option<Reach>,
    /// `--memory`
    pub memory: Option<Size>,
    /// `--timeout`
    pub timeout: Option<Span>,
    /// `--skills`, as often as wanted
    pub skills: Vec<String>,
    /// `--expose-skills`
    pub expose_skills: Option<String>,
    /// `--model`
    pub model: Option<String>,
    /// `--model-dir`
    pub model_directory: Option<String>,
    /// `--offline`
    pub offline: Option<bool>,
    /// `--no-runtime-deps`
    pub package_policy: Option<String>,
    /// `--structured-results`
    pub structured: Option<bool>,
}

/// A configuration and the story of how it came about.
#[derive(Debug)]
pub struct Resolved {
    /// What the rest of the program sees.
    pub config: Config,
    /// What is logged, in the syntax of `tracing`'s filters.
    pub log: String,
    /// Every value with its origin.
    pub listing: Listing,
    /// Things that look wrong and stop nothing, a sentence each.
    pub warnings: Vec<String>,
}

/// Reads all sources and merges them.
pub fn resolve(flags: Flags, environment: &Environment) -> Result<Resolved, ConfigError> {
    let base = base(&flags, environment)?;
    let file = LoadedFile::read(&base.value)?;
    merge(flags, environment, base, &file)
}

/// The base directory comes first, because the file lies in it.
fn base(flags: &Flags, environment: &Environment) -> Result<Picked<PathBuf>, ConfigError> {
    let named = flags.base.clone().map(|base| (base, Origin::Flag("--base")));
    let named = match named {
        Some(named) => Some(named),
        None => environment
            .text(env::BASE)?
            .map(|base| (base.to_owned(), Origin::Environment(env::BASE.variable))),
    };
    let Some((value, origin)) = named else {
        let data = environment.data_home().ok_or(ConfigError::NoHome)?;
        return Ok(Picked { key: env::BASE, value: data.join("actwright"), origin: Origin::Default });
    };
    let picked = checks::path(Picked { key: env::BASE, value, origin }, environment)?;
    if picked.value.exists() && !picked.value.is_dir() {
        return Err(picked.refuse("is not a directory", None));
    }
    Ok(picked)
}

fn merge(
    flags: Flags,
    environment: &Environment,
    base: Picked<PathBuf>,
    file: &LoadedFile,
) -> Result<Resolved, ConfigError> {
    let mut merge = Merge { environment, file, listing: Listing::default() };
    merge.listing.add(&base, base.value.display().to_string());
    let raw = &file.raw;

    let python = merge.pick(env::PYTHON, flags.python, &raw.python, "auto".to_owned())?;
    let python = checks::python(python, environment)?;
    merge.listing.add(
        &python,
        match &python.value {
            PythonChoice::Auto => "auto".to_owned(),
            PythonChoice::At(path) => path.display().to_string(),
        },
    );
    let log = merge.pick(env::LOG, flags.log, &raw.log, "warn".to_owned())?;
    let log = checks::log(log)?;
    merge.listing.add(&log, log.value.clone());

    let sandbox = merge.sandbox(flags.sandbox, flags.network, flags.read, flags.write)?;
    let limits = merge.limits(flags.memory, flags.timeout)?;
    let sessions = merge.sessions()?;
    let results = merge.results(flags.structured)?;
    let skills = merge.paths(env::SKILLS, flags.skills, &raw.skills.directories)?;
    let expose =
        merge.pick(env::EXPOSE_SKILLS, flags.expose_skills, &raw.skills.expose, "none".to_owned())?;
    let expose = checks::exposure(expose)?;
    merge.listing.add(
        &expose,
        match expose.value {
            Exposure::None => "none",
            Exposure::Tools => "tools",
            Exposure::Prompts => "prompts",
        },
    );
    let model = merge.model(flags.model, flags.model_directory, flags.offline)?;
    let packages = merge.packages(flags.package_policy)?;
    let network = merge.network()?;
    let tools = raw.tools.rules();
    let config = Config {
        base: base.value,
        python: python.value,
        sandbox,
        limits,
        sessions,
        results,
        tools,
        skills,
        expose_skills: expose.value,
        model,
        packages,
        network,
    };
    let mut warnings: Vec<String> = environment.unknown().iter().map(|name| unknown_variable(name)).collect();
    if !config.network.test_servers.is_empty() {
        warnings.push("`ACTWRIGHT_TEST_NETWORK_RESOLVE` is set: names lead to servers of a test".to_owned());
    }
    Ok(Resolved { config, log: log.value, listing: merge.listing, warnings })
}

pub(super) struct Merge<'a> {
    pub(super) environment: &'a Environment,
    pub(super) file: &'a LoadedFile,
    pub(super) listing: Listing,
}

impl Merge<'_> {
    /// The last word on one setting.
    pub(super) fn pick<T: FromStr + Clone>(
        &self,
        key: Key,
        flag: Option<T>,
        file: &Option<Spanned<T>>,
        default: T,
    ) -> Result<Picked<T>, ConfigError>
    where
        T::Err: std::fmt::Display,
    {
        if let Some(value) = flag {
            return Ok(Picked { key, value, origin: Origin::Flag(key.flag.unwrap_or("a flag")) });
        }
        if let Some(text) = self.environment.text(key)? {
            let origin = Origin::Environment(key.variable);
            return match text.trim().parse() {
                Ok(value) => Ok(Picked { key, value, origin }),
                Err(error) => {
                    Err(Picked { key, value: text, origin }.refuse(format!("can't be read: {error}"), None))
                }
            };
        }
        Ok(match file {
            Some(value) => {
                Picked { key, value: value.get_ref().clone(), origin: Origin::File(self.file.line_of(value)) }
            }
            None => Picked { key, value: default, origin: Origin::Default },
        })
    }

    fn sandbox(
        &mut self,
        level: Option<String>,
        network: Option<Reach>,
        read: Vec<String>,
        write: Vec<String>,
    ) -> Result<SandboxConfig, ConfigError> {
        let raw = &self.file.raw.sandbox;
        let level = checks::level(self.pick(env::SANDBOX, level, &raw.level, "full".to_owned())?)?;
        let mut sandbox = SandboxConfig::default();
        (sandbox.level, sandbox.fallback) = level.value;
        self.listing.add(&level, sandbox.level_name());
        let read = self.paths(env::READ, read, &raw.read)?;
        let write = self.paths(env::WRITE, write, &raw.write)?;
        let none = Reach::Word("none".to_owned());
        let network = checks::network(
            self.pick(env::NETWORK, network, &raw.network, none)?,
            (sandbox.level, sandbox.fallback),
        )?;
        self.listing.add(
            &network,
            match &network.value {
                Network::None => Shown::from("none"),
                Network::Full => Shown::from("full"),
                Network::List(list) => Shown::from(list.entries()),
            },
        );
        let groups = self.pick(env::CONTROL_GROUPS, None, &raw.control_groups, "auto".to_owned())?;
        let groups = checks::control_groups(groups)?;
        self.listing.add(
            &groups,
            match groups.value {
                ControlGroups::Auto => "auto",
                ControlGroups::Off => "off",
            },
        );
        Ok(SandboxConfig { read, write, network: network.value, control_groups: groups.value, ..sandbox })
    }

    /// A list of paths: a later source replaces the list, it does not add to it.
    fn paths(
        &mut self,
        key: Key,
        flag: Vec<String>,
        file: &Option<Spanned<Vec<String>>>,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        let (value, origin) = if !flag.is_empty() {
            (flag, Origin::Flag(key.flag.unwrap_or("a flag")))
        } else if let Some(text) = self.environment.text(key)? {
            let parts = text.split(':').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            (parts, Origin::Environment(key.variable))
        } else if let Some(value) = file {
            (value.get_ref().clone(), Origin::File(self.file.line_of(value)))
        } else {
            (Vec::new(), Origin::Default)
        };
        let mut paths = Vec::new();
        for value in value {
            let path = checks::path(Picked { key, value, origin: origin.clone() }, self.environment)?;
            paths.push(checks::exists(path)?.value);
        }
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        self.listing.add(&Picked { key, value: (), origin }, shown);
        Ok(paths)
    }

    fn limits(&mut self, memory: Option<Size>, timeout: Option<Span>) -> Result<Limits, ConfigError> {
        let raw = &self.file.raw.limits;
        let default = Limits::default();
        const MB: u64 = 1_000_000;
        let max_timeout = self.pick(env::MAX_TIMEOUT, None, &raw.max_timeout, Span(default.max_timeout))?;
        let longest = max_timeout.value;
        let timeout_default = Span(default.timeout.min(longest.0));
        let limits = Limits {
            memory: self.size(env::MEMORY, memory, &raw.memory, default.memory, 64 * MB..=1_000_000 * MB)?,
            processes: self.count(env::PROCESSES, &raw.processes, default.processes, 4..=32_768)?,
            files: self.count(env::FILES, &raw.files, default.files, 64..=1_048_576)?,
            workspace: self.size(
                env::WORKSPACE,
                None,
                &raw.workspace,
                default.workspace,
                MB..=1_000_000 * MB,
            )?,
            output: self.size(env::OUTPUT, None, &raw.output, default.output, 1_000..=100_000 * MB)?,
            source: self.size(env::SOURCE, None, &raw.source, default.source, 1_000..=100 * MB)?,
            calls: self.count(env::CALLS, &raw.calls, default.calls, 1..=1_000_000_000)?,
            artifact: self.size(
                env::ARTIFACT,
                None,
                &raw.artifact,
                default.artifact,
                1_000..=1_000_000 * MB,
            )?,
            artifacts: self.size(
                env::ARTIFACTS,
                None,
                &raw.artifacts,
                default.artifacts,
                1_000..=100_000_000 * MB,
            )?,
            cpu_time: {
                let picked = self.pick(env::CPU_TIME, None, &raw.cpu_time, Span(default.cpu_time))?;
                self.span(picked, "100ms", "365d")?
            },
            timeout: {
                let picked = self.pick(env::TIMEOUT, timeout, &raw.timeout, timeout_default)?;
                let picked = checks::at_most_longest(picked, longest)?;
                self.span(picked, "10ms", "7d")?
            },
            max_timeout: self.span(max_timeout, "10ms", "7d")?,
        };
        Ok(limits)
    }

    fn packages(&mut self, policy: Option<String>) -> Result<PackageRules, ConfigError> {
        let raw = &self.file.raw.packages;
        let policy =
            checks::consent(self.pick(env::PACKAGE_POLICY, policy, &raw.policy, "allow".to_owned())?)?;
        self.listing.add(&policy, policy.value.word());
        let key = env::PACKAGE_LIST;
        let (value, origin) = match (self.environment.text(key)?, &raw.allow) {
            (Some(text), _) => {
                (text.split_whitespace().map(str::to_owned).collect(), Origin::Environment(key.variable))
            }
            (None, Some(list)) => (list.get_ref().clone(), Origin::File(self.file.line_of(list))),
            (None, None) => (Vec::new(), Origin::Default),
        };
        let allow = checks::requirements(Picked { key, value, origin })?;
        self.listing.add(&allow, allow.value.iter().map(ToString::to_string).collect::<Vec<_>>());
        let build = self.pick(env::PACKAGE_BUILDS, None, &raw.build, false)?;
        self.listing.add(&build, build.value);
        let auto = RawPreload::Word("auto".to_owned());
        let preload = preload::preload(self.pick(env::PRELOAD, None, &raw.preload, auto)?)?;
        self.listing.add(&preload, preload.value.words());
        let default = PackageRules::default().max_size;
        let max_size =
            self.size(env::PACKAGE_SIZE, None, &raw.max_size, default, 1_000_000..=1_000_000_000_000_000)?;
        Ok(PackageRules {
            policy: policy.value,
            allow: allow.value,
            build: build.value,
            preload: preload.value,
            max_size,
        })
    }

    fn sessions(&mut self) -> Result<SessionRules, ConfigError> {
        let raw = &self.file.raw.sessions;
        let default = SessionRules::default();
        let max = self.count(env::MAX_SESSIONS, &raw.max, default.max as u64, 1..=10_000)?;
        let idle = self.pick(env::IDLE_TIMEOUT, None, &raw.idle_timeout, Span(default.idle_timeout))?;
        let idle_timeout = self.span(idle, "1s", "365d")?;
        let pool = self.count(env::POOL, &raw.pool, default.pool as u64, 0..=64)?;
        let checkpoints =
            checks::checkpoints(self.pick(env::CHECKPOINTS, None, &raw.checkpoints, "auto".to_owned())?)?;
        self.listing.add(
            &checkpoints,
            match checkpoints.value {
                Checkpoints::Auto => "auto",
                Checkpoints::Always => "always",
                Checkpoints::Off => "off",
            },
        );
        let copies = self.count(env::COPIES, &raw.copies, u64::from(default.copies), 1..=16)?;
        Ok(SessionRules {
            max: max as usize,
            idle_timeout,
            pool: pool as usize,
            checkpoints: checkpoints.value,
            copies: copies as u32,
        })
    }

    fn results(&mut self, structured: Option<bool>) -> Result<ResultRules, ConfigError> {
        let raw = &self.file.raw.results;
        let default = ResultRules::default();
        let max_output =
            self.count(env::MAX_OUTPUT, &raw.max_output, default.max_output as u64, 200..=10_000_000)?;
        let structured = self.pick(env::STRUCTURED, structured, &raw.structured, default.structured)?;
        self.listing.add(&structured, structured.value);
        let kept = 1_000_000..=1_000_000_000_000;
        let kept_outputs =
            self.size(env::KEPT_OUTPUTS, None, &raw.kept_outputs, default.kept_outputs, kept)?;
        Ok(ResultRules { max_output: max_output as usize, structured: structured.value, kept_outputs })
    }

    fn network(&mut self) -> Result<NetworkRules, ConfigError> {
        let raw = &self.file.raw.network;
        let default = NetworkRules::default();
        let (few, many) = (1_000..=1_000_000_000_000, 1_000..=1_000_000_000_000_000);
        let connections =
            self.count(env::CONNECTIONS, &raw.connections, u64::from(default.connections), 1..=1_000)?;
        let rate = self.count(env::RATE, &raw.rate, u64::from(default.rate), 1..=10_000)?;
        let sent = self.size(env::SENT, None, &raw.sent, default.sent, few.clone())?;
        let received = self.size(env::RECEIVED, None, &raw.received, default.received, few)?;
        let session_sent =
            self.size(env::SESSION_SENT, None, &raw.session_sent, default.session_sent, many.clone())?;
        let session_received =
            self.size(env::SESSION_RECEIVED, None, &raw.session_received, default.session_received, many)?;
        let head = self.size(env::HEAD, None, &raw.head, default.head, 1_000..=1_000_000)?;
        let idle = self.pick(env::NETWORK_IDLE, None, &raw.idle_timeout, Span(default.idle_timeout))?;
        let idle_timeout = self.span(idle, "100ms", "1d")?;
        let servers = self.environment.test_resolve();
        let test_servers = servers.map_or(Ok(Vec::new()), |text| checks::test_servers(&text))?;
        Ok(NetworkRules {
            connections: connections as u32,
            rate: rate as u32,
            sent,
            received,
            session_sent,
            session_received,
            head,
            idle_timeout,
            test_servers,
        })
    }

    fn size(
        &mut self,
        key: Key,
        flag: Option<Size>,
        file: &Option<Spanned<Size>>,
        default: u64,
        allowed: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let picked = self.pick(key, flag, file, Size(default))?.map(|size| size.0);
        self.number(picked, allowed)
    }

    fn count(
        &mut self,
        key: Key,
        file: &Option<Spanned<u64>>,
        default: u64,
        allowed: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let picked = self.pick(key, None, file, default)?;
        self.number(picked, allowed)
    }

    fn number(
        &mut self,
        picked: Picked<u64>,
        allowed: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let picked = checks::within(picked, allowed)?;
        self.listing.add(&picked, picked.value);
        Ok(picked.value)
    }

    fn span(
        &mut self,
        picked: Picked<Span>,
        least: &str,
        most: &str,
    ) -> Result<std::time::Duration, ConfigError> {
        let picked = checks::lasting(picked, least, most)?;
        self.listing.add(&picked, picked.value.0);
        Ok(picked.value.0)
    }
}

fn unknown_variable(name: &str) -> String {
    let variables = env::KEYS.iter().map(|key| key.variable);
    match crate::nearest::nearest(name, variables) {
        Some(near) => format!("the environment variable `{name}` means nothing; did you mean `{near}`?"),
        None => format!("the environment variable `{name}` means nothing to actwright"),
    }
}

/// Makes the base directory, readable by its owner alone, if it is not there.
pub fn prepare_base(base: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(base);
    made.map_err(|source| ConfigError::Base { path: base.to_owned(), source })
}

#[cfg(test)]
mod tests;

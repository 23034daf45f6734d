//! The flags that several commands share: those that say something about the configuration.
//!
//! They are only carried to `config::resolve`; no default and no check is repeated here.

use clap::Args;
use serde_json::Value;

use super::print;
use crate::config::env::Environment;
use crate::config::reach::Reach;
use crate::config::resolve::{Flags, Resolved, prepare_base, resolve};
use crate::config::units::{Size, Span};
use crate::config::{Config, Consent};

/// What the command line may say about the configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigFlags {
    /// Directory that holds this workspace [default: actwright in the user's data directory]
    #[arg(long, value_name = "DIR")]
    pub base: Option<String>,
    /// Interpreter that runs the cells: a path, a name on PATH, or auto
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<String>,
    /// Protections that must be active: full, restricted, full-or-restricted or off [default: full]
    #[arg(long, value_name = "LEVEL")]
    pub sandbox: Option<String>,
    /// Host path that sessions may read (repeatable)
    #[arg(long, value_name = "PATH")]
    pub read: Vec<String>,
    /// Host path that sessions may read and write (repeatable)
    #[arg(long, value_name = "PATH")]
    pub write: Vec<String>,
    /// Network of a session: none, full, or hosts such as example.org,*.example.net:443 [default: none]
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<Reach>,
    /// Memory of a session, such as 2GB
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Size>,
    /// Time a cell may run, such as 90 or 5m [default: 60]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// Directory of skills beside those of the base directory (repeatable)
    #[arg(long, value_name = "DIR")]
    pub skills: Vec<String>,
    #[command(flatten)]
    pub model: ModelFlags,
    /// Let agents add and remove no packages
    #[arg(long)]
    pub no_runtime_deps: bool,
    /// What is logged to stderr, such as debug [default: warn]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

/// What the command line may say about the model that compares meanings.
#[derive(Debug, Clone, Default, Args)]
pub struct ModelFlags {
    /// Model that compares meanings, or none (`actwright model list`)
    #[arg(long, value_name = "NAME", global = true)]
    pub model: Option<String>,
    /// Directory in which models are kept [default: actwright/models in the user's cache]
    #[arg(long, value_name = "DIR", global = true)]
    pub model_dir: Option<String>,
    /// Fetch nothing; a model that is there already is used
    #[arg(long, global = true)]
    pub offline: bool,
}

/// Which workspace a command is about that runs no code.
#[derive(Debug, Clone, Args)]
pub struct Workspace {
    /// Directory that holds this workspace [default: actwright in the user's data directory]
    #[arg(long, value_name = "DIR", global = true)]
    base: Option<String>,
    /// What is logged to stderr, such as debug [default: error]
    #[arg(long, value_name = "FILTER", global = true)]
    log: Option<String>,
}

impl Workspace {
    /// The same with a model.
    pub fn resolve_with_model(&self, skills: Vec<String>, model: ModelFlags) -> anyhow::Result<Config> {
        self.resolved(ConfigFlags { skills, model, ..ConfigFlags::default() })
    }

    /// Its configuration, with the log started and the base directory in place; `skills` are further directories of them.
    pub fn resolve(&self, skills: Vec<String>) -> anyhow::Result<Config> {
        self.resolve_with(skills, None)
    }

    /// The same for a command that needs to know on which interpreter sessions run.
    pub fn resolve_with(&self, skills: Vec<String>, python: Option<String>) -> anyhow::Result<Config> {
        self.resolved(ConfigFlags { skills, python, ..ConfigFlags::default() })
    }

    fn resolved(&self, flags: ConfigFlags) -> anyhow::Result<Config> {
        // What the log would warn of is what these commands print.
        let log = self.log.clone().unwrap_or_else(|| "error".to_owned());
        let flags = ConfigFlags { base: self.base.clone(), log: Some(log), ..flags };
        let config = flags.resolve(&Environment::of_process())?.config;
        prepare_base(&config.base)?;
        Ok(config)
    }
}

/// Which workspace, and whether the answer is for programs.
#[derive(Debug, Clone, Args)]
pub struct Asked {
    #[command(flatten)]
    pub workspace: Workspace,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

impl Asked {
    /// Prints an answer in the form that was asked for.
    pub fn print(&self, text: &str, data: &Value) -> anyhow::Result<()> {
        Ok(print::stdout(&if self.json { format!("{data:#}\n") } else { format!("{text}\n") })?)
    }
}

/// What only `serve` may say.
#[derive(Debug, Clone, Default)]
pub struct ServeFlags {
    /// `--structured-results`
    pub structured: Option<bool>,
    /// `--expose-skills`
    pub expose_skills: Option<String>,
}

impl ConfigFlags {
    /// Reads every source of configuration and starts the log.
    pub fn resolve(&self, environment: &Environment) -> anyhow::Result<Resolved> {
        self.resolve_with(environment, ServeFlags::default())
    }

    /// The same for `serve`, which has flags of its own.
    pub fn resolve_with(&self, environment: &Environment, own: ServeFlags) -> anyhow::Result<Resolved> {
        let flags = self.clone();
        let resolved = resolve(
            Flags {
                base: flags.base,
                python: flags.python,
                log: flags.log,
                sandbox: flags.sandbox,
                read: flags.read,
                write: flags.write,
                network: flags.network,
                memory: flags.memory,
                timeout: flags.timeout,
                skills: flags.skills,
                expose_skills: own.expose_skills,
                model: flags.model.model,
                model_directory: flags.model.model_dir,
                offline: flags.model.offline.then_some(true),
                package_policy: flags.no_runtime_deps.then(|| Consent::Deny.word().to_owned()),
                structured: own.structured,
            },
            environment,
        )?;
        super::engine::start_log(&resolved.log, environment);
        for warning in &resolved.warnings {
            tracing::warn!("{warning}");
        }
        Ok(resolved)
    }
}

//! What every command that runs code starts first: the log, the runtime and the sessions.
//!
//! The log goes to stderr. stdout of `serve` speaks MCP and nothing else.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use super::error::hinted;
use crate::artifacts::{Artifacts, Rules};
use crate::config::Config;
use crate::config::env::Environment;
use crate::config::resolve::prepare_base;
use crate::embedding::Embedder;
use crate::host_calls::HostCalls;
use crate::session::Sessions;
use crate::skills::Skills;
use crate::storage::Store;
use crate::tools::Tools;

/// Starts the log; a filter that is wrong was refused when the configuration was resolved.
pub fn start_log(filter: &str, environment: &Environment) {
    let colour = std::io::stderr().is_terminal() && !environment.no_color();
    let started = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_env_filter(filter)
        .try_init();
    // A second start in one process (tests) keeps the first.
    drop(started);
}

/// Two threads: one busy with a large result leaves the other for the rest.
pub fn runtime() -> anyhow::Result<Runtime> {
    let built = Builder::new_multi_thread().worker_threads(2).max_blocking_threads(8).enable_all().build();
    built.context("cannot start the runtime")
}

/// The door to sessions, with the base directory in place.
pub fn sessions(config: &Arc<Config>) -> anyhow::Result<Sessions> {
    prepare_base(&config.base)?;
    let host_calls = HostCalls::new(tools(config), skills(config), artifacts(config));
    let sessions = Sessions::new(config.clone(), host_calls).map_err(|cause| {
        let message = format!("cannot write to the base directory {}: {cause}", config.base.display());
        hinted(message, "name a directory of your own with --base DIR or `ACTWRIGHT_BASE`")
    })?;
    sessions.open_stage();
    Ok(sessions)
}

/// The skills of the base directory and of the directories that are named; nothing is read yet.
pub fn skills(config: &Config) -> Skills {
    let mut directories = config.skills.clone();
    directories.push(config.base.join("skills"));
    Skills::over(Store::at(&config.base), directories, Embedder::over(&config.model))
}

/// The artifacts of the base directory; nothing is read yet.
pub fn artifacts(config: &Config) -> Artifacts {
    let rules = Rules { largest: config.limits.artifact, all: config.limits.artifacts };
    Artifacts::below(&config.base, Store::at(&config.base), rules)
}

/// The tools that the base directory describes; nothing is started yet.
pub fn tools(config: &Config) -> Tools {
    let environment = Environment::of_process();
    let lookup = Arc::new(move |name: &str| environment.named(name));
    Tools::open(&config.base, config.tools.clone(), lookup)
}

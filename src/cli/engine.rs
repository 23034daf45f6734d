//! What every command that runs code starts first: the log, the runtime and the sessions.
//!
//! The log goes to stderr. stdout of `serve` speaks MCP and nothing else.

use std::fs::File;
use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use super::error::hinted;
use crate::artifacts::{Artifacts, Rules};
use crate::config::env::Environment;
use crate::config::resolve::prepare_base;
use crate::config::{Config, Preload};
use crate::embedding::Embedder;
use crate::host_calls::HostCalls;
use crate::packages::{Packages, Python, Surroundings};
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
    let refused = |cause| {
        let message = format!("cannot write to the base directory {}: {cause}", config.base.display());
        hinted(message, "name a directory of your own with --base DIR or `ACTWRIGHT_BASE`")
    };
    let packages = packages(config);
    let held = packages.hold().map_err(refused)?;
    let calls = HostCalls::new(tools(config), skills(config), artifacts(config), packages.clone());
    let sessions = Sessions::new(config.clone(), calls).map_err(refused)?;
    sessions.open_stage();
    packages.hold_sessions();
    tokio::spawn(keep_packages(packages, held));
    Ok(sessions)
}

/// The same for a command that ends after a few sessions: nothing is made ready for others that could follow.
pub fn few_sessions(config: &Arc<Config>) -> anyhow::Result<Sessions> {
    let mut config = Config::clone(config);
    config.packages.preload = Preload::Off;
    sessions(&Arc::new(config))
}

/// Makes packages again that the lock file names and that are not there; keeps all as long as the program runs.
async fn keep_packages(packages: Packages, _held: File) {
    match packages.restore().await {
        Ok(None) => {}
        Ok(Some(_)) => tracing::info!("the packages of the lock file are there again"),
        Err(error) => tracing::error!("the packages of the lock file could not be installed: {error}"),
    }
    std::future::pending().await
}

/// The packages of the base directory; nothing is read yet.
pub fn packages(config: &Config) -> Packages {
    let environment = Environment::of_process();
    let all = environment.all().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let uv = environment.on_path("uv");
    let asked = config.clone();
    let python = move || {
        let found = crate::worker::python(&asked, &environment).map_err(|error| error.to_string())?;
        Ok(Python { executable: found.0, version: found.1 })
    };
    let surroundings = Surroundings { environment: all, uv, python: Arc::new(python) };
    Packages::below(&config.base, config.packages.clone(), surroundings)
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

//! `actwright serve`: MCP on stdin and stdout until the client leaves.
//!
//! SIGTERM, SIGINT and SIGHUP end it as the end of input does, only without waiting for running cells, and with exit
//! code 0: clients end their servers by signal, and that is no failure. A second signal ends it at once.
//!
//! A configuration that cannot be used ends nothing: most clients show no stderr, so the server stays, lists its tools
//! and says in every result what is wrong. Only at a terminal it gives up at once.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::flags::{ConfigFlags, ServeFlags};
use super::{engine, error};
use crate::config::Config;
use crate::config::env::Environment;
use crate::session::Sessions;

/// `actwright serve`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFlags,
    /// Also give results as structuredContent, for programs (several agents then hide text and images)
    #[arg(long)]
    structured_results: bool,
    /// Make each skill a tool or a prompt of its own: tools, prompts or none [default: none]
    #[arg(long, value_name = "KIND")]
    expose_skills: Option<String>,
}

/// Serves until the end of input.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let own =
        ServeFlags { structured: args.structured_results.then_some(true), expose_skills: args.expose_skills };
    let resolved = args.config.resolve_with(&Environment::of_process(), own);
    let (config, trouble) = match resolved {
        Ok(resolved) => (resolved.config, None),
        Err(error) => (Config::at(PathBuf::new()), Some(error)),
    };
    let config = Arc::new(config);
    let runtime = engine::runtime()?;
    let served = runtime.block_on(async {
        let ended = CancellationToken::new();
        let signals = Signals::listen().context("cannot listen for signals")?;
        tokio::spawn(signals.end(ended.clone()));
        let sessions = trouble.map_or_else(|| engine::sessions(&config), Err);
        let (sessions, code) = match sessions {
            Ok(sessions) => (sessions, ExitCode::SUCCESS),
            Err(error) if io::stdin().is_terminal() => return Err(error),
            Err(error) => {
                error::report(&error);
                (Sessions::refusing(config.clone(), error::in_one_line(&error)), ExitCode::FAILURE)
            }
        };
        let skills = sessions.skills().clone();
        skills.begin_to_read();
        let served = crate::mcp::serve_stdio(sessions, config, ended).await;
        skills.meanings().embedder().end();
        served?;
        Ok(code)
    });
    // A Python that hangs while it is asked who it is must not keep the program alive.
    runtime.shutdown_timeout(LEAVE);
    served
}

/// How long threads that are busy may keep the program from ending.
const LEAVE: Duration = Duration::from_millis(100);

/// The requests to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Passes the first request on; the second is not patient.
    async fn end(mut self, ended: CancellationToken) {
        let number = self.next().await;
        tracing::info!("ending on signal {number}");
        ended.cancel();
        std::process::exit(128 + self.next().await);
    }

    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
        };
        kind.as_raw_value()
    }
}

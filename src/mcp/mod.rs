//! The MCP side: a server handler over sessions and outputs, and the stdio transport that carries it.
//!
//! Nothing outside this module knows the SDK or the protocol; nothing inside it knows how a cell is run.
//!
//! In reading order: [`stdio`] carries messages, [`server`] answers them, [`tools`] and [`arguments`] say
//! what can be called and with what, [`turns`] keeps calls in order, [`call`] does it, [`progress`] reports meanwhile, [`render`] writes the
//! result ([`sections`], [`budget`], [`images`] for the text, [`structure`] for programs), [`resources`] and
//! [`uri`] give what was kept.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rmcp::service::{QuitReason, ServerInitializeError, serve_server};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::session::Sessions;
use crate::session::report::RunReport;

mod agent_skills;
mod arguments;
mod artifacts;
mod budget;
mod call;
mod catalog;
mod changes;
mod exposed;
mod images;
mod library;
mod marks;
mod packages;
mod progress;
mod render;
mod resources;
mod schema;
mod sections;
mod server;
mod skill_resources;
mod stdio;
mod structure;
mod tools;
mod turns;
mod uri;

pub use server::Server;
pub use stdio::{MAX_LINE, Stdio};

/// How long the end of the connection waits for the sessions to end.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Why serving ended before the client did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Stdin or stdout could not be used.
    #[error("stdin and stdout cannot be used for MCP")]
    Stdio(#[source] std::io::Error),
    /// The SDK's loop broke.
    #[error("the MCP connection failed: {0}")]
    Connection(String),
}

/// Serves one client over stdin and stdout until its input ends or `ended` fires, then ends every session.
///
/// From here on descriptor 0 is empty and descriptor 1 is stderr, so that nothing but the protocol can
/// reach the client.
pub async fn serve_stdio(
    sessions: Sessions,
    config: Arc<Config>,
    ended: CancellationToken,
) -> Result<(), ServeError> {
    let transport = take_stdio(&ended).map_err(ServeError::Stdio)?;
    let server = Server::new(sessions.clone(), sessions.outputs().clone(), config, ended.clone());
    let result = match serve_server(server, transport).await {
        Ok(running) => match running.waiting().await {
            Ok(QuitReason::JoinError(error)) => Err(ServeError::Connection(error.to_string())),
            Ok(_) => Ok(()),
            Err(error) => Err(ServeError::Connection(error.to_string())),
        },
        // A client that looks and leaves, or hangs up in the middle of its greeting, is no failure.
        Err(
            ServerInitializeError::ConnectionClosed(_)
            | ServerInitializeError::TransportError { .. }
            | ServerInitializeError::Cancelled,
        ) => Ok(()),
        Err(error) => Err(ServeError::Connection(error.to_string())),
    };
    ended.cancel();
    if tokio::time::timeout(SHUTDOWN, sessions.shutdown()).await.is_err() {
        tracing::warn!("sessions did not end in time");
    }
    result
}

/// A run as the data that programs get beside the text; its texts show up to `budget` characters each.
pub fn structure(report: &RunReport, budget: u64) -> std::io::Result<serde_json::Value> {
    structure::of_run(report, budget).map(serde_json::Value::Object)
}

fn take_stdio(ended: &CancellationToken) -> std::io::Result<Stdio> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    let output = std::io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(std::io::stderr())?;
    Stdio::new(input, output, ended.clone())
}

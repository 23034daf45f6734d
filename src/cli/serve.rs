//! `actwright serve`: MCP on stdin and stdout until the client leaves.

use std::process::ExitCode;
use std::sync::Arc;

use super::engine;
use super::flags::ConfigFlags;
use crate::config::env::Environment;

/// `actwright serve`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigFlags,
    /// Also give results as structuredContent, for programs (several agents then hide text and images)
    #[arg(long)]
    structured_results: bool,
}

/// Serves until the end of input.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let structured = args.structured_results.then_some(true);
    let resolved = args.config.resolve_with(&Environment::of_process(), structured)?;
    let config = Arc::new(resolved.config);
    let runtime = engine::runtime()?;
    runtime.block_on(async {
        let sessions = engine::sessions(&config)?;
        crate::mcp::serve_stdio(sessions, config).await?;
        Ok(ExitCode::SUCCESS)
    })
}

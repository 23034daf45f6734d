//! `actwright config`: the resolved settings, each with where it came from.

use std::process::ExitCode;

use super::flags::ConfigFlags;
use super::print;
use crate::config::env::Environment;

/// `actwright config`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlags,
    /// As for `serve`
    #[arg(long)]
    structured_results: bool,
}

/// Prints the settings.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let structured = args.structured_results.then_some(true);
    let resolved = args.config.resolve_with(&Environment::of_process(), structured)?;
    if args.json {
        print::stdout(&format!("{:#}\n", resolved.listing.to_json()))?;
    } else {
        print::stdout(&resolved.listing.to_toml())?;
    }
    Ok(ExitCode::SUCCESS)
}

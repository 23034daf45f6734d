//! `actwright config`: the resolved settings, each with where it came from.

use std::process::ExitCode;

use super::flags::{ConfigFlags, ServeFlags};
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
    /// Make each skill a tool or a prompt of its own: tools, prompts or none [default: none]
    #[arg(long, value_name = "KIND")]
    expose_skills: Option<String>,
}

/// Prints the settings.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let own =
        ServeFlags { structured: args.structured_results.then_some(true), expose_skills: args.expose_skills };
    let resolved = args.config.resolve_with(&Environment::of_process(), own)?;
    if args.json {
        print::stdout(&format!("{:#}\n", resolved.listing.to_json()))?;
    } else {
        print::stdout(&resolved.listing.to_toml())?;
    }
    Ok(ExitCode::SUCCESS)
}

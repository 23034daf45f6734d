//! `actwright skills`: the library for the person at the keyboard, one file per subcommand.
//!
//! Only `test` runs skills, in sandboxed sessions; everything else shows, saves and moves sources, as a server on the same
//! base directory would see them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::engine;
use super::flags::{ModelFlags, Workspace};
use crate::config::env::Environment;
use crate::skills::Skills;

mod bench;
mod change;
mod exchange;
mod show;
mod test;

/// Who is noted as the author of what is saved here.
const AUTHOR: &str = "cli";

/// `actwright skills`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    workspace: Workspace,
    #[command(flatten)]
    model: ModelFlags,
    /// Directory of skills beside those of the base directory (repeatable)
    #[arg(long, value_name = "DIR", global = true)]
    skills: Vec<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the skills, with files that are broken and why
    List,
    /// Show one skill
    Show {
        /// Its name
        name: String,
        /// At this version
        #[arg(long)]
        version: Option<i64>,
    },
    /// Find skills by words; exit code 1 when nothing fits
    Search {
        /// What it should do
        #[arg(required = true)]
        words: Vec<String>,
        /// How many at most
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
    },
    /// Save a file as a skill, or as its next version
    Create(change::Create),
    /// Change a skill in an editor ($VISUAL or $EDITOR), and save what it was made
    Edit {
        /// Its name
        name: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Delete a skill; its history stays
    Delete {
        /// Its name
        name: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Say how well a search finds: recall and rank over queries whose answers are known
    Bench(bench::Args),
    /// List the versions of a skill
    History {
        /// Its name
        name: String,
    },
    /// Run the examples of skills against what was recorded of their tool calls; exit code 1 if one is broken or stale
    Test(test::Args),
    /// Say how a directory differs from the store: + only there, - only here, ~ different, = the same
    Diff {
        /// The directory
        directory: PathBuf,
    },
    /// Save the skills of a directory: files NAME.py, and Agent Skills (directories with a SKILL.md)
    Import {
        /// The directory, or one Agent Skill
        directory: PathBuf,
        /// Also delete what the directory does not have
        #[arg(long)]
        prune: bool,
        /// Change nothing, only say what would be
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the stored skills into a directory, as files that git likes
    Export {
        /// The directory
        directory: PathBuf,
        /// Write each skill as an Agent Skill: a directory with a SKILL.md
        #[arg(long)]
        agent_skills: bool,
        /// Also remove files of skills that are not stored
        #[arg(long)]
        prune: bool,
        /// Change nothing, only say what would be
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.workspace.resolve_with_model(args.skills, args.model)?;
    let form = if args.json { Form::Json } else { Form::Text };
    let runtime = engine::runtime()?;
    runtime.block_on(async {
        let skills: Skills = engine::skills(&config);
        match args.command {
            Command::List => show::list(&skills, form).await,
            Command::Show { name, version } => show::one(&skills, &name, version, form).await,
            Command::Search { words, limit } => {
                show::search(&skills, &words.join(" "), usize::from(limit), form).await
            }
            Command::Bench(args) => bench::run(skills.meanings().embedder(), &args, form).await,
            Command::History { name } => show::history(&skills, &name, form).await,
            Command::Create(create) => change::create(&Arc::new(config), &skills, create, form).await,
            Command::Edit { name, reason } => {
                change::edit(&skills, &name, reason, Environment::of_process().editor(), form).await
            }
            Command::Delete { name, reason } => change::delete(&skills, &name, &reason, form).await,
            Command::Test(test) => test::run(&Arc::new(config), test, form).await,
            Command::Diff { directory } => exchange::diff(&skills, &directory, form).await,
            Command::Import { directory, prune, dry_run } => {
                exchange::import(&skills, &directory, exchange::Plan::of(prune, dry_run), form).await
            }
            Command::Export { directory, agent_skills, prune, dry_run } => {
                let layout =
                    if agent_skills { exchange::Layout::AgentSkills } else { exchange::Layout::Files };
                exchange::export(&skills, &directory, layout, exchange::Plan::of(prune, dry_run), form).await
            }
        }
    })
}

/// A refusal of the library as an error of the command line, with the way to what there is.
fn refused(error: crate::skills::SkillError) -> anyhow::Error {
    match error.word() {
        "not_found" => super::error::hinted(error.to_string(), "`actwright skills list` shows what there is"),
        _ => anyhow::Error::new(error),
    }
}

//! `skills test`: the examples of skills are run again, each in a new session, offline against what was recorded.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::{Form, refused};
use crate::cli::{engine, print};
use crate::config::Config;
use crate::skills::{Manner, SkillError, Skills, State, Verdict};

/// Skills that are read at once.
const PAGE: usize = 500;

/// `actwright skills test`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Their names [default: every skill that has examples]
    names: Vec<String>,
    /// Call the tools, and record what they give anew
    #[arg(long)]
    record: bool,
}

/// Tests them one after the other.
pub async fn run(config: &Arc<Config>, args: Args, form: Form) -> anyhow::Result<ExitCode> {
    let sessions = engine::few_sessions(config)?;
    let tested = test(sessions.skills(), &args, form).await;
    sessions.shutdown().await;
    tested
}

async fn test(skills: &Skills, args: &Args, form: Form) -> anyhow::Result<ExitCode> {
    let manner = if args.record { Manner::Recorded } else { Manner::Replayed };
    let names = if args.names.is_empty() {
        with_examples(skills).await.map_err(refused)?
    } else {
        args.names.clone()
    };
    let (mut all, mut wrong) = (Vec::new(), 0);
    for name in &names {
        let verdict = skills.verify(name, None, manner, None).await.map_err(refused)?;
        wrong += usize::from(verdict.proof.state != State::Verified);
        if form == Form::Text {
            print::stdout(&format!("{}\n", shown(&verdict)))?;
        }
        all.push(verdict.about());
    }
    match form {
        Form::Json => print::stdout(&format!("{:#}\n", json!({"skills": all, "failed": wrong})))?,
        Form::Text if names.is_empty() => print::stdout("no skill has examples\n")?,
        Form::Text => print::stderr(&format!("{} of {} verified\n", names.len() - wrong, names.len()))?,
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn with_examples(skills: &Skills) -> Result<Vec<String>, SkillError> {
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = skills.list(&after, PAGE).await?;
        let with = page.skills.iter().filter(|(skill, _)| !skill.examples.is_empty());
        names.extend(with.map(|(skill, _)| skill.name.to_string()));
        match page.next {
            Some(next) => after = next,
            None => return Ok(names),
        }
    }
}

fn shown(verdict: &Verdict) -> String {
    verdict.text().replace('\n', "\n  ")
}

//! `skills create`, `edit` and `delete`: new versions of one skill.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;

use super::{AUTHOR, Form, refused};
use crate::cli::error::hinted;
use crate::cli::{engine, print};
use crate::config::Config;
use crate::skills::{Creation, Saved, Skills};

/// `actwright skills create`
#[derive(Debug, clap::Args)]
pub struct Create {
    /// Its name
    name: String,
    /// A file of Python with a function run, or - for stdin
    file: PathBuf,
    /// What it does, kept word for word [default: what the docstring says]
    #[arg(long)]
    description: Option<String>,
    /// A word to keep it under (repeatable)
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// A file of JSON, or - for stdin: a list of {"args": {...}, "expect": ...}; they are run first, and what they do not give
    /// is not saved
    #[arg(long, value_name = "FILE")]
    examples: Option<PathBuf>,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
}

/// Saves a file. Examples are run in a sandboxed session, so sessions are only started for them.
pub async fn create(
    config: &Arc<Config>,
    skills: &Skills,
    args: Create,
    form: Form,
) -> anyhow::Result<ExitCode> {
    let examples = match &args.examples {
        None => Vec::new(),
        Some(place) if is_stdin(place) && is_stdin(&args.file) => {
            return Err(hinted(
                "source and examples cannot both come from stdin",
                format!("name a file in place of one `{}`", place.display()),
            ));
        }
        Some(place) => read_examples(place)?,
    };
    let source = read(&args.file)?;
    let has_examples = !examples.is_empty();
    let creation = Creation {
        name: args.name,
        source,
        description: args.description,
        tags: args.tag,
        examples,
        author: AUTHOR.to_owned(),
        reason: args.reason,
        ..Creation::default()
    };
    if !has_examples {
        return saved(&skills.create(creation).await.map_err(refused)?, form);
    }
    let sessions = engine::sessions(config)?;
    let created = sessions.skills().create(creation).await;
    sessions.shutdown().await;
    saved(&created.map_err(refused)?, form)
}

fn is_stdin(place: &Path) -> bool {
    place.as_os_str() == "-"
}

fn read(place: &Path) -> anyhow::Result<String> {
    if is_stdin(place) {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read stdin")?;
        return Ok(text);
    }
    std::fs::read_to_string(place).with_context(|| format!("cannot read {}", place.display()))
}

fn read_examples(place: &Path) -> anyhow::Result<Vec<Value>> {
    let from = if is_stdin(place) { "stdin".to_owned() } else { place.display().to_string() };
    serde_json::from_str(&read(place)?).map_err(|error| {
        hinted(
            format!("{from} is no list of examples: {error}"),
            r#"write JSON such as `[{"args": {"path": "a.txt"}, "expect": 3}]`"#,
        )
    })
}

/// Saves what an editor made of a skill; what stands beside the source stays as it is.
pub async fn edit(
    skills: &Skills,
    name: &str,
    reason: String,
    editor: Option<String>,
    form: Form,
) -> anyhow::Result<ExitCode> {
    let skill = skills.get(name, None).await.map_err(refused)?;
    let editor = editor.ok_or_else(|| hinted("no editor is named", "set `VISUAL` or `EDITOR`"))?;
    let room = tempfile::tempdir().context("cannot make a temporary directory")?;
    let file = room.path().join(format!("{}.py", skill.name));
    std::fs::write(&file, &skill.source).context("cannot write a temporary file")?;
    let mut words = editor.split_whitespace();
    let program = words.next().ok_or_else(|| hinted("no editor is named", "set `VISUAL` or `EDITOR`"))?;
    let status = Command::new(program).args(words).arg(&file).status();
    let status = status.with_context(|| format!("cannot start the editor `{program}`"))?;
    if !status.success() {
        return Err(hinted(format!("the editor ended with {status}"), "nothing was saved"));
    }
    let source = std::fs::read_to_string(&file).context("cannot read what the editor wrote")?;
    if source == skill.source {
        print::stdout("nothing was changed\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    // A description that came from the docstring follows the docstring.
    let own = Creation { name: name.to_owned(), source: skill.source.clone(), ..Creation::default() };
    let from_docstring = own.check().map_err(refused)?.description == skill.description;
    let creation = Creation {
        name: skill.name.to_string(),
        source,
        description: (!from_docstring).then_some(skill.description),
        tags: skill.tags,
        examples: skill.examples,
        author: AUTHOR.to_owned(),
        reason,
        cell: None,
        behalf: None,
    };
    match skills.create(creation).await {
        Ok(made) => saved(&made, form),
        Err(failure) => {
            // What somebody wrote for an hour is not thrown away for a missing bracket.
            let kept = room.keep().join(format!("{}.py", skill.name));
            Err(hinted(
                failure.to_string(),
                format!(
                    "what you wrote is kept in {0}; mend it, then `actwright skills create {1} {0}`",
                    kept.display(),
                    skill.name
                ),
            ))
        }
    }
}

/// Deletes a skill.
pub async fn delete(skills: &Skills, name: &str, reason: &str, form: Form) -> anyhow::Result<ExitCode> {
    let version = skills.delete(name, AUTHOR, reason).await.map_err(refused)?;
    print::stdout(&match form {
        Form::Json => {
            format!("{:#}\n", serde_json::json!({"name": name, "deleted": true, "version": version}))
        }
        Form::Text => {
            format!("skill '{name}' is deleted (version {version}); earlier versions can still be read\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn saved(saved: &Saved, form: Form) -> anyhow::Result<ExitCode> {
    if form == Form::Json {
        let mut about = saved.skill.about();
        about["notes"] = serde_json::json!(saved.notes);
        print::stdout(&format!("{about:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    print::stdout(&format!(
        "saved version {}: {}\n",
        saved.skill.version.unwrap_or_default(),
        saved.skill.line()
    ))?;
    for note in &saved.notes {
        print::stderr(&format!("note: {note}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

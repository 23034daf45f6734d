//! `actwright artifacts`: what sessions keep, for the person at the keyboard. Servers may be at work on it meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::error::hinted;
use super::flags::Asked;
use super::{engine, print};
use crate::artifacts::{self, About, ArtifactError, ArtifactKind, ArtifactRow, Artifacts};

/// Who is noted as the author of what is saved here.
const AUTHOR: &str = "command line";

/// Bytes that are moved at a time.
const PIECE: usize = 1 << 20;

/// Artifacts that are asked for at a time.
const PAGE: usize = 500;

/// How long something may take before a bar shows how far it is.
const SILENCE: Duration = Duration::from_secs(1);

/// `actwright artifacts`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List artifacts
    List {
        /// Only names that begin so
        prefix: Option<String>,
        /// The same
        #[arg(long = "prefix", value_name = "PREFIX", conflicts_with = "prefix", hide = true)]
        named_prefix: Option<String>,
        /// Only those with this tag
        #[arg(long)]
        tag: Option<String>,
    },
    /// Show what is known of an artifact
    Show {
        /// Its name
        name: String,
        /// At this version
        #[arg(long, alias = "at", value_name = "VERSION")]
        version: Option<i64>,
    },
    /// Write an artifact's bytes to a file that is not there yet, or to stdout
    Get {
        /// Its name
        name: String,
        /// The file, - for stdout
        #[arg(default_value = "-")]
        file: PathBuf,
        /// At this version
        #[arg(long, alias = "at", value_name = "VERSION")]
        version: Option<i64>,
    },
    /// Save a file as the next version of an artifact
    Put {
        /// Its name
        name: String,
        /// The file, - for stdin
        file: PathBuf,
        /// What it is
        #[arg(long, default_value = "")]
        description: String,
        /// Its media type; text/… makes code load it as text
        #[arg(long, default_value = "application/octet-stream")]
        media_type: String,
        /// What else is to be known of it, an object of JSON
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
        /// A word to find it by in lists (repeatable)
        #[arg(long)]
        tag: Vec<String>,
        /// Seconds until it is gone
        #[arg(long)]
        ttl: Option<f64>,
    },
    /// Delete artifacts; their history stays
    Rm {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// List every version of an artifact
    History {
        /// Its name
        name: String,
    },
    /// Give up the content of what was deleted or is over its time
    Gc,
    /// Say how much is kept
    Du,
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.asked.workspace.resolve(Vec::new())?;
    let artifacts = engine::artifacts(&config);
    let text = engine::runtime()?.block_on(answer(&artifacts, args.command))?;
    let Some((data, text)) = text else { return Ok(ExitCode::SUCCESS) };
    args.asked.print(&text, &data)?;
    Ok(ExitCode::SUCCESS)
}

/// What a command says, as data and in words.
async fn answer(artifacts: &Artifacts, command: Command) -> anyhow::Result<Option<(Value, String)>> {
    Ok(Some(match command {
        Command::List { prefix, named_prefix, tag } => {
            list(artifacts, prefix.or(named_prefix).as_deref(), tag.as_deref()).await?
        }
        Command::Show { name, version } => {
            let row = artifacts.get(&name, version).await.map_err(said)?;
            (artifacts::shown(&row), shown(&row))
        }
        Command::Get { name, file, version } => {
            get(artifacts, &name, &file, version).await?;
            return Ok(None);
        }
        Command::Put { name, file, description, media_type, metadata, tag, ttl } => {
            let form = if media_type.starts_with("text/") { "text" } else { "bytes" }.to_owned();
            let author = AUTHOR.to_owned();
            let metadata = described(metadata.as_deref(), tag)?;
            let about = About { name, form, media_type, description, metadata, ttl, author };
            let row = put(artifacts, about, &file).await?;
            (artifacts::shown(&row), format!("saved {}", line(&row)))
        }
        Command::Rm { names } => {
            for name in &names {
                artifacts.delete(name, AUTHOR).await.map_err(said)?;
            }
            (json!({"deleted": names}), format!("deleted {}", names.join(", ")))
        }
        Command::History { name } => {
            let rows = artifacts.history(&name).await.map_err(said)?;
            let lines: Vec<String> = rows.iter().map(event).collect();
            (rows.iter().map(artifacts::shown).collect(), lines.join("\n"))
        }
        Command::Gc => {
            let done = artifacts.collect().await.map_err(said)?;
            let (versions, bytes) = (done.collected.versions, done.collected.bytes);
            (
                json!({"versions": versions, "bytes": bytes, "files": done.files}),
                format!("gave up {versions} versions, {bytes} bytes; removed {} files", done.files),
            )
        }
        Command::Du => {
            let used = artifacts.usage().await.map_err(said)?;
            (
                json!({
                    "artifacts": used.artifacts, "versions": used.versions, "bytes": used.bytes,
                    "apparent": used.apparent,
                }),
                format!(
                    "{} artifacts, {} versions: {} bytes on the disk, {} bytes of content",
                    used.artifacts, used.versions, used.bytes, used.apparent
                ),
            )
        }
    }))
}

/// The metadata of what is saved: what is said of it, with its tags.
fn described(metadata: Option<&str>, tags: Vec<String>) -> anyhow::Result<Option<Value>> {
    let wrong = || {
        hinted("`--metadata` is no object of JSON", r#"write it like `--metadata '{"source": "survey"}'`"#)
    };
    let mut metadata = match metadata.map(serde_json::from_str) {
        None => serde_json::Map::new(),
        Some(Ok(Value::Object(metadata))) => metadata,
        Some(_) => return Err(wrong()),
    };
    if !tags.is_empty() {
        metadata.insert("tags".to_owned(), json!(tags));
    }
    Ok((!metadata.is_empty()).then_some(Value::Object(metadata)))
}

async fn list(
    artifacts: &Artifacts,
    prefix: Option<&str>,
    tag: Option<&str>,
) -> anyhow::Result<(Value, String)> {
    let (mut rows, mut after) = (Vec::new(), Some(String::new()));
    while let Some(from) = after {
        let page = artifacts.list(&from, prefix.unwrap_or(""), tag, PAGE).await.map_err(said)?;
        rows.extend(page.artifacts);
        after = page.next;
    }
    let lines: Vec<String> = rows.iter().map(line).collect();
    let text = if lines.is_empty() { "no artifacts".to_owned() } else { lines.join("\n") };
    Ok((rows.iter().map(artifacts::shown).collect(), text))
}

async fn get(artifacts: &Artifacts, name: &str, file: &Path, version: Option<i64>) -> anyhow::Result<()> {
    let first = artifacts.read(name, version, 0, PIECE).await.map_err(said)?;
    let mut out: Box<dyn Write> = if file == Path::new("-") {
        Box::new(std::io::stdout().lock())
    } else {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        if made.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists) {
            return Err(hinted(
                format!("{} is already there", file.display()),
                "name a file that does not exist, or - for stdout",
            ));
        }
        Box::new(made.with_context(|| format!("cannot make {}", file.display()))?)
    };
    let size = u64::try_from(first.row.size).unwrap_or(0);
    let (mut bytes, mut at, mut bar) = (first.bytes, 0, Bar::begin());
    while !bytes.is_empty() {
        out.write_all(&bytes).with_context(|| format!("cannot write {}", file.display()))?;
        at += bytes.len() as u64;
        bar.show(at, Some(size))?;
        if at >= size {
            break;
        }
        bytes = artifacts.read(name, Some(first.row.version), at, PIECE).await.map_err(said)?.bytes;
    }
    out.flush()?;
    bar.end()
}

async fn put(artifacts: &Artifacts, about: About, file: &Path) -> anyhow::Result<ArtifactRow> {
    let (mut from, size): (Box<dyn Read>, Option<u64>) = if file == Path::new("-") {
        (Box::new(std::io::stdin()), None)
    } else {
        // Looked at before it is opened, because opening a pipe waits for somebody who writes into it.
        let found = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
        if !found.is_file() {
            return Err(hinted(
                format!("{} is no file", file.display()),
                "name a regular file, or - for stdin",
            ));
        }
        let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        (Box::new(opened), Some(found.len()))
    };
    let id = artifacts.begin(AUTHOR).await.map_err(said)?;
    let (mut at, mut bar) = (0, Bar::begin());
    loop {
        let mut piece = Vec::new();
        let read = from.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        if read.with_context(|| format!("cannot read {}", file.display()))? == 0 {
            break;
        }
        at = artifacts.append(AUTHOR, id, piece).await.map_err(said)?;
        bar.show(at, size)?;
    }
    bar.end()?;
    tracing::debug!(bytes = at, "read");
    artifacts.finish(AUTHOR, id, about).await.map_err(said)
}

/// How far something is, on a terminal and only when it takes its time.
struct Bar {
    since: Instant,
    shown: Option<Instant>,
}

impl Bar {
    fn begin() -> Self {
        Self { since: Instant::now(), shown: None }
    }

    fn show(&mut self, done: u64, all: Option<u64>) -> anyhow::Result<()> {
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() > SILENCE / 10);
        if self.since.elapsed() < SILENCE || !is_due || !std::io::stderr().is_terminal() {
            return Ok(());
        }
        self.shown = Some(Instant::now());
        let line = match all.filter(|all| *all > 0) {
            Some(all) => {
                let part = (done.min(all) * 30 / all) as usize;
                format!("\r[{}{}] {} MB", "#".repeat(part), ".".repeat(30 - part), done >> 20)
            }
            None => format!("\r{} MB", done >> 20),
        };
        Ok(print::stderr(&line)?)
    }

    fn end(self) -> anyhow::Result<()> {
        if self.shown.is_some() { Ok(print::stderr("\r\x1b[K")?) } else { Ok(()) }
    }
}

fn said(error: ArtifactError) -> anyhow::Error {
    match &error {
        ArtifactError::NotFound { .. } => hinted(
            error.to_string().replace("; artifacts.list() shows all", ""),
            "`actwright artifacts list` shows all",
        ),
        _ => error.into(),
    }
}

/// One artifact in a line.
fn line(row: &ArtifactRow) -> String {
    let what = row.description.lines().next().unwrap_or("");
    let gap = if what.is_empty() { "" } else { "  " };
    format!("{} [version {}, {}, {} bytes]{gap}{what}", row.name, row.version, row.media_type, row.size)
}

/// One version in a line.
fn event(row: &ArtifactRow) -> String {
    match row.kind {
        ArtifactKind::Deleted => format!("{} deleted by {}", row.version, row.author),
        ArtifactKind::Saved => {
            let gone = if row.is_kept { "" } else { ", content given up" };
            format!("{} saved by {}: {} bytes, sha256 {}{gone}", row.version, row.author, row.size, row.hash)
        }
    }
}

/// All of one artifact in words.
fn shown(row: &ArtifactRow) -> String {
    let mut text = format!("{}\nform: {}\nsha256: {}\nauthor: {}", line(row), row.form, row.hash, row.author);
    if row.metadata != "{}" {
        text.push_str(&format!("\nmetadata: {}", row.metadata));
    }
    text
}

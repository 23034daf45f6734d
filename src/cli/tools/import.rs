//! `actwright tools import`: servers of other clients into `mcp.json`, each with a verdict.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};

use super::shown;
use crate::cli::error::hinted;
use crate::cli::flags::Workspace;
use crate::cli::{engine, print};
use crate::config::Config;
use crate::config::env::Environment;
use crate::tools::import::{
    Client, Differing, Offer, Outcome, Place, Surroundings, Verdict, merge, offers, place_of, places, read,
    read_servers, write_servers,
};

/// `actwright tools import`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose servers: claude-code, claude-desktop, cursor, vscode, codex, gemini or all [default: all]
    #[arg(long, value_name = "CLIENT")]
    from: Option<From>,
    /// Read this file instead of those that the client keeps
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Write nothing, only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Replace entries of mcp.json that differ from those found
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workspace: Workspace,
}

/// Whose servers are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    All,
    One(Client),
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == "all" { Ok(Self::All) } else { word.parse().map(Self::One) }
    }
}

/// Takes them over.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    let config = args.workspace.resolve(Vec::new())?;
    let around = surroundings(&environment)?;
    let (offers, unreadable) = gather(&args, &around)?;
    let path = config.base.join("mcp.json");
    let document =
        read_servers(&path).map_err(|cause| hinted(cause.to_string(), "mend it by hand, then try again"))?;
    let differing = if args.force { Differing::Replace } else { Differing::Keep };
    let merged = merge(document.clone(), &of_files(&config, &document), offers, differing)
        .map_err(|why| hinted(format!("`{}`: {why}", path.display()), "mend it by hand, then try again"))?;
    let changes = merged.outcomes.iter().filter(|outcome| outcome.verdict.is_change()).count();
    if changes > 0 && !args.dry_run {
        write_servers(&path, &merged.document)?;
    }
    let wrote = if args.dry_run { Wrote::Nothing } else { Wrote::Changes(changes) };
    let text = if args.json {
        format!("{:#}\n", as_json(&path, &merged.outcomes, &unreadable, wrote))
    } else {
        as_text(&path, &merged.outcomes, &unreadable, wrote)
    };
    print::stdout(&text)?;
    Ok(shown::code(unreadable.len()))
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrote {
    /// It was a dry run.
    Nothing,
    /// So many entries.
    Changes(usize),
}

/// A file that is there and cannot be used.
struct Unreadable {
    client: Client,
    file: PathBuf,
    why: String,
}

fn surroundings(environment: &Environment) -> anyhow::Result<Surroundings> {
    let home = environment.home();
    let home =
        home.ok_or_else(|| hinted("there is no home directory", "set `HOME`, or name a file with --file"))?;
    Ok(Surroundings {
        config_home: environment.config_home().unwrap_or_else(|| home.join(".config")),
        codex_home: environment.codex_home(),
        claude_home: environment.claude_home(),
        current: std::env::current_dir().context("cannot tell the current directory")?,
        home,
    })
}

/// Everything that is offered, and the files that could not be read.
fn gather(args: &Args, around: &Surroundings) -> anyhow::Result<(Vec<Offer>, Vec<Unreadable>)> {
    let client = match args.from {
        Some(From::One(client)) => Some(client),
        Some(From::All) | None => None,
    };
    let places: Vec<Place> = match &args.file {
        Some(file) => vec![place_of(&around.current.join(file), client, around)],
        None => {
            let clients = client.map_or_else(|| Client::ALL.to_vec(), |client| vec![client]);
            let places = clients.into_iter().flat_map(|client| places(client, around));
            places.filter(|place| place.file.exists()).collect()
        }
    };
    if places.is_empty() {
        let whose = client.map_or("any known client".to_owned(), |client| client.to_string());
        return Err(hinted(
            format!("there is no configuration of {whose}"),
            "name the file with --file PATH",
        ));
    }
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for place in places {
        match read(&place.file).and_then(|text| offers(&place, &text, around)) {
            Ok(offers) => found.extend(offers),
            Err(why) => unreadable.push(Unreadable { client: place.client, file: place.file, why }),
        }
    }
    Ok((found, unreadable))
}

/// Namespaces that tool files have taken already.
fn of_files(config: &Config, document: &serde_json::Map<String, Value>) -> Vec<String> {
    let tools = engine::tools(config);
    let servers =
        ["mcpServers", "servers"].iter().find_map(|key| document.get(*key).and_then(Value::as_object));
    let is_server = |name: &str| servers.is_some_and(|servers| servers.contains_key(name));
    let spaces = tools.originals().filter(|(_, original)| !is_server(original));
    spaces.map(|(name, _)| name.to_owned()).collect()
}

fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Added | Verdict::Replaced => String::new(),
        Verdict::There(name) => format!("as `{name}`"),
        Verdict::Differs(place) if place == "mcp.json" => {
            "mcp.json has another entry of this name; --force replaces it".to_owned()
        }
        Verdict::Differs(client) => {
            format!("the entry of {client} was taken; --from names the client to prefer")
        }
        Verdict::Taken(other) => format!("its namespace is that of `{other}`"),
        Verdict::Skipped(why) => why.clone(),
    }
}

fn as_json(path: &Path, outcomes: &[Outcome], unreadable: &[Unreadable], wrote: Wrote) -> Value {
    let servers = outcomes.iter().map(|Outcome { offer, verdict }| {
        json!({
            "client": offer.client.word(), "file": offer.file, "name": offer.name,
            "verdict": verdict.word(), "why": why(verdict), "notes": offer.notes,
        })
    });
    let unreadable =
        unreadable.iter().map(|it| json!({"client": it.client.word(), "file": it.file, "why": it.why}));
    json!({
        "file": path,
        "written": matches!(wrote, Wrote::Changes(count) if count > 0),
        "servers": servers.collect::<Vec<_>>(),
        "unreadable": unreadable.collect::<Vec<_>>(),
    })
}

fn as_text(path: &Path, outcomes: &[Outcome], unreadable: &[Unreadable], wrote: Wrote) -> String {
    let mut text = String::new();
    let width = outcomes.iter().map(|outcome| outcome.offer.name.chars().count()).max().unwrap_or(0);
    let mut file = Path::new("");
    for Outcome { offer, verdict } in outcomes {
        if offer.file != file {
            file = &offer.file;
            text.push_str(&format!("{} ({})\n", offer.client, file.display()));
        }
        let line = format!("  {:8}  {:width$}  {}", verdict.word(), offer.name, why(verdict));
        text.push_str(line.trim_end());
        text.push('\n');
        if verdict.is_change() {
            text.extend(offer.notes.iter().map(|note| format!("            note: {note}\n")));
        }
    }
    text.extend(unreadable.iter().map(|it| format!("cannot read `{}`: {}\n", it.file.display(), it.why)));
    let changes = outcomes.iter().filter(|outcome| outcome.verdict.is_change()).count();
    let what = match changes {
        1 => "1 server".to_owned(),
        count => format!("{count} servers"),
    };
    text.push_str(&match wrote {
        Wrote::Nothing => format!("{what} would be written to {}\n", path.display()),
        Wrote::Changes(0) => format!("nothing to write to {}\n", path.display()),
        Wrote::Changes(_) => format!("{what} written to {}\n", path.display()),
    });
    text
}

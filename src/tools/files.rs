//! The files that describe tools: `tools/*.yaml` and `mcp.json` in the base directory, each turned into adapters.
//!
//! A file that cannot be used is reported with its reason and hides nothing else.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::adapter::Adapter;
use super::command::{CommandTools, Definition};
use super::mcp::{Entry, EntryError, Upstream};
use super::rest::Api;
use super::secrets::Secrets;
use crate::programs::PASSED_ON;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 32 << 20;

/// Everything that the files said.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Namespaces under the names that their files give them.
    pub adapters: Vec<(String, Arc<dyn Adapter>)>,
    /// What cannot be used, and why.
    pub broken: Vec<Trouble>,
    /// What can be used and should be known of.
    pub notes: Vec<Trouble>,
}

/// Words about a file or one entry of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file's name below the base directory, and the entry where there are several.
    pub place: String,
    /// What is the matter.
    pub words: String,
}

/// Reads all files below `base`; `variable` gives values of the environment.
pub fn load(base: &Path, secrets: &Secrets, variable: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let surroundings =
        PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect();
    let mut loader = Loader { base, secrets, surroundings, loaded: Loaded::default() };
    for path in files(&base.join("tools")) {
        loader.file(&path);
    }
    let servers = base.join("mcp.json");
    if servers.exists() {
        loader.file(&servers);
    }
    loader.loaded
}

/// The files of a directory that may describe tools, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let kind = path.extension().and_then(|extension| extension.to_str());
            !hidden && matches!(kind, Some("yaml" | "yml" | "json"))
        })
        .collect();
    paths.sort();
    paths
}

/// Reads one document of YAML or JSON.
pub fn parse(text: &str) -> Result<Value, String> {
    // Large documents are JSON as a rule, which is read much faster as what it is.
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    // Descriptions of whole APIs are large; what stays bounded is how much more than its own text a file can become.
    let budget = serde_saphyr::budget! { max_events: 20_000_000, max_nodes: 10_000_000, max_depth: 120 };
    // The words of YAML 1.2: an option may well be called `n`, `on` or `yes`.
    let options = serde_saphyr::options! { strict_booleans: true, budget: budget };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Reads a file's text, if it is one.
pub fn read(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MB", LARGEST >> 20));
    }
    Ok(text)
}

struct Loader<'a> {
    base: &'a Path,
    secrets: &'a Secrets,
    surroundings: Vec<(String, String)>,
    loaded: Loaded,
}

impl Loader<'_> {
    fn file(&mut self, path: &Path) {
        let place = path.strip_prefix(self.base).unwrap_or(path).display().to_string();
        match read(path).and_then(|text| parse(&text)) {
            Ok(Value::Object(document)) => self.document(&place, document),
            // An empty file, or one whose lines are all comments.
            Ok(Value::Null) => {}
            Ok(_) => self.refuse(&place, "it must be a table"),
            Err(words) => self.refuse(&place, words),
        }
    }

    /// One document: a tool, a list of them under `tools`, or servers as MCP clients write them.
    fn document(&mut self, place: &str, document: Map<String, Value>) {
        // What an API's tool file names in `spec` may lie beside it.
        if document.contains_key("paths")
            && (document.contains_key("openapi") || document.contains_key("swagger"))
        {
            return;
        }
        for key in ["mcpServers", "servers"] {
            match document.get(key) {
                Some(Value::Object(servers)) => {
                    for (name, entry) in servers {
                        self.server(&format!("{place}, `{name}`"), name, entry);
                    }
                    return;
                }
                Some(_) if key == "mcpServers" => return self.refuse(place, "`mcpServers` must be a table"),
                _ => {}
            }
        }
        match document.get("tools") {
            Some(Value::Array(tools)) => {
                for (index, tool) in tools.iter().enumerate() {
                    let name = tool.get("name").and_then(Value::as_str).map(str::to_owned);
                    let place = format!("{place}, `{}`", name.unwrap_or_else(|| format!("tools[{index}]")));
                    match tool {
                        Value::Object(tool) => self.tool(&place, tool),
                        _ => self.refuse(&place, "it must be a table"),
                    }
                }
            }
            // The name too: whoever misses the tool knows it by that.
            _ => match document.get("name").and_then(Value::as_str) {
                Some(name) => self.tool(&format!("{place}, `{name}`"), &document),
                None => self.tool(place, &document),
            },
        }
    }

    fn tool(&mut self, place: &str, document: &Map<String, Value>) {
        match document.get("type").and_then(Value::as_str) {
            None | Some("cli" | "command") => self.command(place, document),
            Some("mcp") => match document.get("name").and_then(Value::as_str) {
                Some(name) => self.server(place, name, &Value::Object(document.clone())),
                None => self.refuse(place, "it has no `name`"),
            },
            Some("rest" | "openapi" | "http") => self.rest(place, document),
            Some(other) => {
                self.refuse(place, format!("`type` is command, mcp or rest, not `{other}`"));
            }
        }
    }

    fn command(&mut self, place: &str, document: &Map<String, Value>) {
        let made = Definition::read(document).and_then(|definition| {
            let (name, notes) = (definition.name.clone(), definition.notes.clone());
            let tools = CommandTools::new(definition, self.base, &self.surroundings, self.secrets)?;
            Ok((name, notes, tools))
        });
        match made {
            Ok((name, notes, tools)) => {
                let notes = notes.into_iter().map(|words| Trouble { place: place.to_owned(), words });
                self.loaded.notes.extend(notes);
                self.loaded.adapters.push((name, Arc::new(tools)));
            }
            Err(error) => self.refuse(place, error.to_string()),
        }
    }

    fn server(&mut self, place: &str, name: &str, entry: &Value) {
        match Entry::read(entry, self.base, &self.surroundings, self.secrets) {
            Ok(entry) => self.loaded.adapters.push((name.to_owned(), Arc::new(Upstream::new(name, entry)))),
            Err(EntryError::Disabled) => {}
            Err(error) => self.refuse(place, error.to_string()),
        }
    }

    fn rest(&mut self, place: &str, document: &Map<String, Value>) {
        match Api::new(document, self.base, self.secrets) {
            Ok(api) => self.loaded.adapters.push((api.name().to_owned(), Arc::new(api))),
            Err(error) => self.refuse(place, error.to_string()),
        }
    }

    fn refuse(&mut self, place: &str, words: impl Into<String>) {
        self.loaded.broken.push(Trouble { place: place.to_owned(), words: words.into() });
    }
}

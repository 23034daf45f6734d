//! A command as its YAML describes it, read strictly: what is not understood is an error that names it.
//!
//! Files written for the older format load unchanged. Where that format passed something on in a way that few programs
//! understand, a note says so and what to write instead; nothing is guessed.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::{LONGEST, Values};
use crate::config::Order;
use crate::nearest::nearest;
use crate::tools::entry::Hints;
use crate::tools::secrets::ReferenceError;

/// The parameter for what the program reads.
pub const STDIN: &str = "stdin";

/// How long a call may take when its file does not say.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a file is no command.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DefinitionError {
    /// Something in it is not what it must be.
    #[error("{0}")]
    Wrong(String),
    /// A reference in its environment cannot be followed.
    #[error("in `env`: {0}")]
    Reference(#[from] ReferenceError),
}

/// What becomes of the program's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text as it is.
    Text,
    /// One JSON document.
    Json,
    /// A list of lines.
    Lines,
    /// Bytes as they are.
    Bytes,
}

/// How a command wants to be told that options are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOfOptions {
    /// It understands `--`.
    DoubleDash,
    /// It does not, or nobody said: positionals that begin with `-` are refused.
    None,
}

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The namespace.
    pub name: String,
    /// The program.
    pub command: String,
    /// Arguments that always come first.
    pub fixed: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How long a call may take.
    pub timeout: Duration,
    /// Its options in order.
    pub options: Vec<Slot>,
    /// Its positionals in order.
    pub positionals: Vec<Slot>,
    /// Its recipes in order.
    pub recipes: Vec<Recipe>,
    /// Whether it takes `--`.
    pub end_of_options: EndOfOptions,
    /// Whether calls can give it something to read.
    pub stdin: bool,
    /// Variables that it gets, with references.
    pub environment: Vec<(String, String)>,
    /// Where it runs, below the base directory.
    pub directory: Option<PathBuf>,
    /// What becomes of its output.
    pub form: Form,
    /// Exit codes that are no failure.
    pub success: Vec<i32>,
    /// Whether its calls wait for each other.
    pub order: Order,
    /// What it says of its effects.
    pub hints: Hints,
    /// What the reader should know, a sentence each.
    pub notes: Vec<String>,
}

/// An option or positional.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// The parameter.
    pub name: String,
    /// How it is written before its value; empty for positionals.
    pub flag: String,
    /// Its JSON Schema.
    pub schema: Map<String, Value>,
    /// Whether it must be given.
    pub required: bool,
}

/// A prepared call.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Values that hold unless the caller gives others.
    pub preset: Values,
    /// Its parameters with what the recipe says of them; empty for all of the command's.
    pub params: Map<String, Value>,
    /// What it says of its effects, where that differs from the command.
    pub hints: Hints,
}

impl Recipe {
    /// The caller's values over the presets, those over the defaults.
    pub fn fill(&self, given: &Values) -> Values {
        let mut values = Values::new();
        for (name, param) in &self.params {
            if let Some(default) = param.get("default") {
                values.insert(name.clone(), default.clone());
            }
        }
        values.extend(self.preset.clone());
        values.extend(given.clone());
        values
    }
}

impl Definition {
    /// The recipe with this name.
    pub fn recipe(&self, name: &str) -> Option<&Recipe> {
        self.recipes.iter().find(|recipe| recipe.name == name)
    }

    /// Options and positionals with this name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.options.iter().chain(&self.positionals).find(|slot| slot.name == name)
    }

    /// Reads one document.
    pub fn read(document: &Map<String, Value>) -> Result<Self, DefinitionError> {
        only(document, "the file", &KEYS)?;
        let name = text(document, "name")?.ok_or_else(|| wrong("it has no `name`"))?;
        let mut notes = Vec::new();
        let schema = table(document, "schema")?;
        only(&schema, "`schema`", &["options", "positional"])?;
        let options = options(&table(&schema, "options")?, &mut notes)?;
        let positionals = positionals(schema.get("positional"))?;
        let mut definition = Self {
            command: text(document, "command")?.unwrap_or_else(|| name.clone()),
            fixed: texts(document, "args")?,
            description: text(document, "description")?.unwrap_or_default(),
            tags: texts(document, "tags")?,
            timeout: timeout(document.get("timeout"))?,
            options,
            positionals,
            recipes: Vec::new(),
            end_of_options: end_of_options(document)?,
            stdin: flag(document, STDIN)?.unwrap_or(false),
            environment: environment(&table(document, "env")?)?,
            directory: directory(document)?,
            form: form(document)?,
            success: success(document.get("success"))?,
            order: if flag(document, "serial")?.unwrap_or(false) { Order::Serial } else { Order::Parallel },
            hints: hints(document)?,
            notes,
            name,
        };
        if definition.command.chars().any(char::is_whitespace) {
            return Err(wrong("`command` is one program; put fixed arguments into `args`"));
        }
        definition.check_names()?;
        for (name, recipe) in table(document, "recipes")? {
            let recipe = definition.read_recipe(name, &recipe)?;
            definition.recipes.push(recipe);
        }
        Ok(definition)
    }

    fn check_names(&self) -> Result<(), DefinitionError> {
        let mut seen: Vec<&str> = if self.stdin { vec![STDIN] } else { Vec::new() };
        for slot in self.options.iter().chain(&self.positionals) {
            if seen.contains(&slot.name.as_str()) {
                return Err(wrong(format!("`{}` is there twice in `schema`", slot.name)));
            }
            seen.push(&slot.name);
        }
        Ok(())
    }

    fn read_recipe(&mut self, name: String, recipe: &Value) -> Result<Recipe, DefinitionError> {
        let place = format!("recipe `{name}`");
        let recipe = as_table(recipe, &place)?;
        only(&recipe, &place, &["description", "preset", "params", "read_only", "destructive"])?;
        let preset = table(&recipe, "preset")?;
        let mut params = table(&recipe, "params")?;
        for known in preset.keys().chain(params.keys()) {
            if self.slot(known).is_none() && !(self.stdin && known == STDIN) {
                let note = format!("{place} names `{known}`, which `schema` does not have; it is left out");
                self.notes.push(note);
            }
        }
        params.retain(|name, _| self.slot(name).is_some() || (self.stdin && name == STDIN));
        for (param, about) in &mut params {
            if about.is_null() {
                *about = Value::Object(Map::new());
            }
            let about = as_table(about, &format!("{place}, `{param}`"))?;
            only(
                &about,
                &format!("{place}, `{param}`"),
                &["type", "description", "required", "default", "enum"],
            )?;
        }
        let is_known = |name: &str| self.slot(name).is_some() || (self.stdin && name == STDIN);
        let preset = preset.into_iter().filter(|(name, _)| is_known(name)).collect();
        let description = text(&recipe, "description")?.unwrap_or_default();
        Ok(Recipe { description, hints: hints(&recipe)?, name, preset, params })
    }
}

const KEYS: [&str; 19] = [
    "name",
    "type",
    "command",
    "args",
    "description",
    "timeout",
    "tags",
    "schema",
    "recipes",
    "end_of_options",
    STDIN,
    "env",
    "cwd",
    "output",
    "success",
    "serial",
    "read_only",
    "destructive",
    "version",
];

fn wrong(words: impl Into<String>) -> DefinitionError {
    DefinitionError::Wrong(words.into())
}

fn only(table: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), DefinitionError> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let meant = nearest(key, known.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
    Err(wrong(format!("{place} has the key `{key}`, which means nothing{}", meant.unwrap_or_default())))
}

fn as_table(value: &Value, place: &str) -> Result<Map<String, Value>, DefinitionError> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(table) => Ok(table.clone()),
        _ => Err(wrong(format!("{place} must be a table"))),
    }
}

fn table(document: &Map<String, Value>, key: &str) -> Result<Map<String, Value>, DefinitionError> {
    as_table(document.get(key).unwrap_or(&Value::Null), &format!("`{key}`"))
}

fn text(document: &Map<String, Value>, key: &str) -> Result<Option<String>, DefinitionError> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && !text.contains('\0') => Ok(Some(text.clone())),
        Some(Value::String(_)) if key == "description" => Ok(None),
        // `short: 4` is an option too.
        Some(Value::Number(number)) if key == "short" => Ok(Some(number.to_string())),
        Some(_) => Err(wrong(format!("`{key}` must be a text"))),
    }
}

fn texts(document: &Map<String, Value>, key: &str) -> Result<Vec<String>, DefinitionError> {
    let refused = || wrong(format!("`{key}` must be a list of texts"));
    match document.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) if !text.contains('\0') => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                _ => Err(refused()),
            })
            .collect(),
        Some(_) => Err(refused()),
    }
}

fn hints(table: &Map<String, Value>) -> Result<Hints, DefinitionError> {
    let (read_only, destructive) = (flag(table, "read_only")?, flag(table, "destructive")?);
    Ok(Hints { read_only, destructive, idempotent: None })
}

fn flag(document: &Map<String, Value>, key: &str) -> Result<Option<bool>, DefinitionError> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        // What older files may say for it.
        Some(Value::String(word)) if ["yes", "on"].contains(&word.to_lowercase().as_str()) => Ok(Some(true)),
        Some(Value::String(word)) if ["no", "off"].contains(&word.to_lowercase().as_str()) => Ok(Some(false)),
        Some(_) => Err(wrong(format!("`{key}` must be true or false"))),
    }
}

fn end_of_options(document: &Map<String, Value>) -> Result<EndOfOptions, DefinitionError> {
    Ok(match flag(document, "end_of_options")? {
        Some(true) => EndOfOptions::DoubleDash,
        _ => EndOfOptions::None,
    })
}

fn timeout(value: Option<&Value>) -> Result<Duration, DefinitionError> {
    match value {
        None | Some(Value::Null) => Ok(TIMEOUT),
        Some(value) => match value.as_f64() {
            Some(seconds) if seconds > 0.0 && seconds <= LONGEST.as_secs_f64() => {
                Ok(Duration::from_secs_f64(seconds))
            }
            _ => Err(wrong(format!(
                "`timeout` must be seconds, more than 0 and at most {}",
                LONGEST.as_secs()
            ))),
        },
    }
}

fn success(value: Option<&Value>) -> Result<Vec<i32>, DefinitionError> {
    let refused = || wrong("`success` must be a list of exit codes from 0 to 255");
    match value {
        None | Some(Value::Null) => Ok(vec![0]),
        Some(Value::Array(codes)) => codes
            .iter()
            .map(|code| {
                code.as_u64().and_then(|code| u8::try_from(code).ok()).map(i32::from).ok_or_else(refused)
            })
            .collect(),
        Some(_) => Err(refused()),
    }
}

fn environment(table: &Map<String, Value>) -> Result<Vec<(String, String)>, DefinitionError> {
    let mut variables = Vec::new();
    for (name, value) in table {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(wrong(format!("`env`, `{name}` must be a text"))),
        };
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(wrong(format!("`env`: `{name}` cannot be a variable")));
        }
        variables.push((name.clone(), value));
    }
    Ok(variables)
}

fn directory(document: &Map<String, Value>) -> Result<Option<PathBuf>, DefinitionError> {
    let Some(text) = text(document, "cwd")? else { return Ok(None) };
    let path = Path::new(&text);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(Some(path.to_owned()));
    }
    Err(wrong("`cwd` must be a directory below the base directory, without `..`"))
}

fn form(document: &Map<String, Value>) -> Result<Form, DefinitionError> {
    match text(document, "output")?.as_deref() {
        None | Some("text") => Ok(Form::Text),
        Some("json") => Ok(Form::Json),
        Some("lines") => Ok(Form::Lines),
        Some("bytes") => Ok(Form::Bytes),
        Some(other) => Err(wrong(format!("`output` is text, json, lines or bytes, not `{other}`"))),
    }
}

fn options(table: &Map<String, Value>, notes: &mut Vec<String>) -> Result<Vec<Slot>, DefinitionError> {
    let mut slots = Vec::new();
    for (name, about) in table {
        let place = format!("option `{name}`");
        let about = as_table(about, &place)?;
        let mut slot = slot(name, &about, &place, &["short", "flag"])?;
        slot.flag = match (text(&about, "flag")?, text(&about, "short")?) {
            (Some(flag), _) => flag,
            (None, Some(short)) => format!("-{}", short.trim_start_matches('-')),
            (None, None) => format!("--{name}"),
        };
        if slot.flag == format!("--{name}") && name.chars().count() == 1 {
            notes.push(format!(
                "option `{name}` is passed as `--{name}`, which few programs understand; write `short: {name}` for `-{name}`"
            ));
        }
        slots.push(slot);
    }
    Ok(slots)
}

fn positionals(value: Option<&Value>) -> Result<Vec<Slot>, DefinitionError> {
    let Some(Value::Array(list)) = value.filter(|value| !value.is_null()) else {
        return match value {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(_) => Err(wrong("`positional` must be a list")),
        };
    };
    let mut slots = Vec::new();
    for about in list {
        let about = as_table(about, "a positional")?;
        let name = text(&about, "name")?.ok_or_else(|| wrong("a positional has no `name`"))?;
        slots.push(slot(&name, &about, &format!("positional `{name}`"), &["name"])?);
    }
    Ok(slots)
}

/// The keys of JSON Schema that options and positionals may use.
const SCHEMA_KEYS: [&str; 8] =
    ["enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "items", "default"];

fn slot(name: &str, about: &Map<String, Value>, place: &str, more: &[&str]) -> Result<Slot, DefinitionError> {
    let known: Vec<&str> = ["type", "description", "required"]
        .into_iter()
        .chain(SCHEMA_KEYS)
        .chain(more.iter().copied())
        .collect();
    only(about, place, &known)?;
    let mut schema = Map::new();
    schema.insert("type".to_owned(), kind(about, place)?.into());
    if let Some(description) = text(about, "description")? {
        schema.insert("description".to_owned(), description.into());
    }
    for key in SCHEMA_KEYS {
        if let Some(value) = about.get(key) {
            schema.insert(key.to_owned(), value.clone());
        }
    }
    if schema["type"] == "array" && !schema.contains_key("items") {
        schema.insert("items".to_owned(), serde_json::json!({"type": ["string", "integer", "number"]}));
    }
    Ok(Slot {
        name: name.to_owned(),
        flag: String::new(),
        schema,
        required: flag(about, "required")?.unwrap_or(false),
    })
}

fn kind(about: &Map<String, Value>, place: &str) -> Result<&'static str, DefinitionError> {
    match text(about, "type")?.as_deref().unwrap_or("string") {
        "string" | "str" | "path" => Ok("string"),
        "boolean" | "bool" | "flag" => Ok("boolean"),
        "integer" | "int" => Ok("integer"),
        "number" | "float" => Ok("number"),
        "array" | "list" => Ok("array"),
        other => {
            Err(wrong(format!("{place}: `type` is string, boolean, integer, number or array, not `{other}`")))
        }
    }
}

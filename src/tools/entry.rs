//! One tool as the catalog knows it: names, schemas, parameters, hints.
//!
//! An adapter gives a [`Raw`] description in the words of its source; the catalog makes a [`Tool`] of it, with names that
//! Python can write.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::arguments::Check;
use super::name::{Identifier, Reserved};
use super::signature;

/// The longest description that is kept, in characters.
const DESCRIPTION: usize = 8_000;

/// A tool as its source describes it.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Its name there.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of an object.
    pub input: Value,
    /// JSON Schema of the result, if the source has one.
    pub output: Option<Value>,
    /// Top-level arguments that may be given as bytes.
    pub bytes: Vec<String>,
    /// What it says of its effects.
    pub hints: Hints,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How long a call may take, where its source says so.
    pub timeout: Option<Duration>,
}

/// What a tool says of its effects. `None` is unsaid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy something.
    pub destructive: Option<bool>,
    /// Calling it twice is as calling it once.
    pub idempotent: Option<bool>,
}

/// A tool with names that Python can write.
#[derive(Debug)]
pub struct Tool {
    /// `tools.<namespace>`.
    pub namespace: Identifier,
    /// Its name in the namespace; `None` for the namespace itself, which can then be called.
    pub name: Option<Identifier>,
    /// As its source describes it.
    pub raw: Raw,
    /// Its parameters: the required ones first, each group in the order of the schema.
    pub parameters: Vec<Parameter>,
    /// Whether arguments beyond the parameters are allowed.
    pub open: Openness,
    full_name: String,
    check: OnceLock<Result<Check, String>>,
}

/// Whether a tool takes arguments that its schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    /// Only those named.
    Closed,
    /// Any.
    Open,
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// As Python writes it.
    pub name: Identifier,
    /// As the tool's source writes it.
    pub original: String,
    /// Its schema.
    pub schema: Value,
    /// Whether it must be given.
    pub presence: Presence,
    /// What it is for.
    pub description: String,
}

/// Whether a parameter must be given.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
    /// It may be left out and then has this value, which the tool itself supplies.
    Default(Value),
}

impl Tool {
    /// From a source's description.
    pub fn new(namespace: Identifier, name: Option<Identifier>, mut raw: Raw) -> Self {
        if raw.description.chars().count() > DESCRIPTION {
            raw.description = raw.description.chars().take(DESCRIPTION).collect::<String>() + "…";
        }
        if !raw.input.is_object() {
            raw.input = json!({"type": "object", "properties": {}});
        }
        let parameters = parameters(&raw.input);
        let open = match raw.input.get("additionalProperties") {
            // MCP servers leave it out and mean what they list.
            None | Some(Value::Bool(false))
                if !parameters.is_empty() || raw.input.get("properties").is_some() =>
            {
                Openness::Closed
            }
            Some(Value::Bool(false)) => Openness::Closed,
            _ => Openness::Open,
        };
        let full_name = match &name {
            Some(name) => format!("{namespace}.{name}"),
            None => namespace.to_string(),
        };
        Self { namespace, name, raw, parameters, open, full_name, check: OnceLock::new() }
    }

    /// `namespace.name`, as code writes it behind `tools.`.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// `tools.a.b(x: str, y: int = 3) -> str`.
    pub fn signature(&self) -> String {
        signature::of(self)
    }

    /// Whether it takes arguments that its schema does not name.
    pub fn is_open(&self) -> bool {
        self.open == Openness::Open
    }

    /// The first sentence or line of its description.
    pub fn summary(&self) -> &str {
        let line = self.raw.description.trim().lines().next().unwrap_or_default();
        match line.find(". ") {
            Some(end) => &line[..=end],
            None => line,
        }
    }

    /// The compiled schema of its arguments, made when it is first needed.
    pub fn check(&self) -> &Result<Check, String> {
        self.check.get_or_init(|| Check::of(&self.raw.input))
    }
}

/// The parameters of an object schema.
fn parameters(input: &Value) -> Vec<Parameter> {
    let empty = Map::new();
    let properties = input.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> = input
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let originals: Vec<&str> = properties.keys().map(String::as_str).collect();
    let names = Identifier::of_all(&originals, Reserved::Parameter);
    let mut parameters: Vec<Parameter> = properties
        .iter()
        .zip(names)
        .map(|((original, schema), name)| {
            let presence = match schema.get("default") {
                _ if required.contains(&original.as_str()) => Presence::Required,
                Some(value) => Presence::Default(value.clone()),
                None => Presence::Optional,
            };
            let description =
                schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
            Parameter { name, original: original.clone(), schema: schema.clone(), presence, description }
        })
        .collect();
    parameters.sort_by_key(|parameter| parameter.presence != Presence::Required);
    parameters
}

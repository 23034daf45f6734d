//! The arguments of a call: bound to a tool's parameters by name and checked against its schema before anything is sent.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::entry::{Openness, Parameter, Presence, Tool};
use super::failure::Failure;
use crate::nearest::nearest;

/// How many mistakes one error names.
const MISTAKES: usize = 5;

/// The longest quote of a value in an error, in characters.
const QUOTE: usize = 80;

/// The largest number up to which floats hold every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One argument as the caller gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// Plain data.
    Json(Value),
    /// Bytes, which JSON has none of.
    Bytes(Vec<u8>),
}

/// Arguments under the names of the tool's source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments {
    /// Plain data, in the order in which it was given.
    pub values: Map<String, Value>,
    /// Those that are bytes.
    pub bytes: HashMap<String, Vec<u8>>,
}

/// A compiled schema.
#[derive(Debug)]
pub struct Check(jsonschema::Validator);

impl Check {
    /// Compiles the schema of a tool's arguments; references to other documents are not followed.
    pub fn of(schema: &Value) -> Result<Self, String> {
        let mut schema = schema.clone();
        take_null(&mut schema);
        jsonschema::options().build(&schema).map(Self).map_err(|error| shorten(&error.to_string()))
    }

    /// Mistakes in these arguments: the top-level name, the place below it, what is wrong.
    fn mistakes(&self, values: &Value) -> Vec<(String, String, String)> {
        self.0
            .iter_errors(values)
            .take(MISTAKES)
            .map(|error| {
                let path = error.instance_path().as_str().to_owned();
                let mut steps = path.trim_start_matches('/').splitn(2, '/');
                let name = steps.next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
                (name, steps.next().unwrap_or_default().to_owned(), shorten(&error.to_string()))
            })
            .collect()
    }
}

/// Whether a schema with this pattern can be compiled; there are many dialects of them.
pub fn is_pattern(pattern: &str) -> bool {
    jsonschema::options().build(&serde_json::json!({"pattern": pattern})).is_ok()
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 4 * QUOTE {
        return text.to_owned();
    }
    let end: String = text.chars().rev().take(2 * QUOTE).collect::<Vec<_>>().into_iter().rev().collect();
    format!("{}…{end}", text.chars().take(QUOTE).collect::<String>())
}

impl Tool {
    /// Binds what was given to the parameters and checks it. Names may be written as Python or as the source writes them.
    pub fn bind(&self, given: Vec<(String, Given)>) -> Result<Arguments, Failure> {
        let mut arguments = Arguments::default();
        for (name, value) in given {
            let parameter = self.parameter(&name);
            let original = match parameter {
                Some(parameter) => parameter.original.clone(),
                None if self.open == Openness::Open => name.clone(),
                None => return Err(self.unknown(&name)),
            };
            if arguments.values.contains_key(&original) || arguments.bytes.contains_key(&original) {
                return Err(self.refuse(&format!("argument `{name}` is given twice")));
            }
            match value {
                // Models write `null` for what they leave out.
                Given::Json(Value::Null) if parameter.is_some_and(is_left_out_by_null) => {}
                Given::Json(value) => drop(arguments.values.insert(original, value)),
                Given::Bytes(bytes) if self.raw.bytes.contains(&original) => {
                    drop(arguments.bytes.insert(original, bytes));
                }
                Given::Bytes(_) => {
                    return Err(
                        self.refuse(&format!("argument `{name}` is bytes; this one takes plain data"))
                    );
                }
            }
        }
        self.check_presence(&arguments)?;
        self.check_values(&mut arguments)?;
        for parameter in &self.parameters {
            if let Some(value) = arguments.values.get_mut(&parameter.original) {
                make_whole(value, &parameter.schema);
            }
        }
        Ok(arguments)
    }

    fn parameter(&self, name: &str) -> Option<&Parameter> {
        let by_identifier = self.parameters.iter().find(|parameter| parameter.name.as_str() == name);
        by_identifier.or_else(|| self.parameters.iter().find(|parameter| parameter.original == name))
    }

    fn unknown(&self, name: &str) -> Failure {
        let names = self.parameters.iter().map(|parameter| parameter.name.as_str());
        let meant = match nearest(name, names) {
            Some(meant) => format!(" (did you mean `{meant}`?)"),
            None => String::new(),
        };
        let name: String = name.chars().take(QUOTE).collect();
        self.refuse(&format!("there is no argument `{name}`{meant}"))
    }

    fn check_presence(&self, arguments: &Arguments) -> Result<(), Failure> {
        let missing: Vec<String> = self
            .parameters
            .iter()
            .filter(|parameter| parameter.presence == Presence::Required)
            .filter(|parameter| !arguments.values.contains_key(&parameter.original))
            .filter(|parameter| !arguments.bytes.contains_key(&parameter.original))
            .map(|parameter| format!("`{}`", parameter.name))
            .collect();
        match missing.as_slice() {
            [] => Ok(()),
            [one] => Err(self.refuse(&format!("argument {one} is missing"))),
            more => Err(self.refuse(&format!("arguments {} are missing", more.join(", ")))),
        }
    }

    fn check_values(&self, arguments: &mut Arguments) -> Result<(), Failure> {
        // A schema that does not compile was reported with its tool; the tool's own server checks then.
        let Ok(check) = self.check() else { return Ok(()) };
        let mut values = std::mem::take(&mut arguments.values);
        // In a schema, bytes are a string.
        values.extend(arguments.bytes.keys().map(|name| (name.clone(), Value::from(""))));
        let values = Value::Object(values);
        let mistakes = if check.0.is_valid(&values) { Vec::new() } else { check.mistakes(&values) };
        if let (true, Value::Object(mut values)) = (mistakes.is_empty(), values) {
            arguments.bytes.keys().for_each(|name| drop(values.shift_remove(name)));
            arguments.values = values;
            return Ok(());
        }
        let words: Vec<String> = mistakes
            .into_iter()
            .filter(|(name, _, _)| !arguments.bytes.contains_key(name))
            .map(|(name, below, what)| match self.parameter(&name) {
                Some(parameter) if below.is_empty() => format!("argument `{}`: {what}", parameter.name),
                Some(parameter) => format!("argument `{}`, at {below}: {what}", parameter.name),
                None if name.is_empty() => what,
                None => format!("argument `{name}`: {what}"),
            })
            .collect();
        if words.is_empty() { Ok(()) } else { Err(self.refuse(&words.join("; "))) }
    }

    fn refuse(&self, what: &str) -> Failure {
        Failure::arguments(format!(
            "tools.{}: {what}; it is called as {}",
            self.full_name(),
            self.signature()
        ))
    }
}

/// Writes `5.0` as `5` where an integer is asked for: they are the same number to a schema, and not to every server.
fn make_whole(value: &mut Value, schema: &Value) {
    match value {
        Value::Number(number) if schema.get("type").is_some_and(|kind| kind == "integer") => {
            let whole = number.as_f64().filter(|_| number.is_f64());
            // Up to there every whole number is one.
            if let Some(whole) = whole.filter(|whole| whole.fract() == 0.0 && whole.abs() <= EXACT) {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| make_whole(item, schema));
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(schema) = schema.get("properties").and_then(|properties| properties.get(name)) {
                    make_whole(value, schema);
                }
            }
        }
        _ => {}
    }
}

/// Lets a schema take null where it says so in the manner of OpenAPI 3.0, as servers do that were made from such a document.
fn take_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                if let Some(kind @ Value::String(_)) = fields.get_mut("type") {
                    *kind = Value::Array(vec![kind.take(), Value::from("null")]);
                }
                if let Some(Value::Array(values)) = fields.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
            fields.values_mut().for_each(take_null);
        }
        Value::Array(items) => items.iter_mut().for_each(take_null),
        _ => {}
    }
}

/// Whether `None` means that the argument is left out: it may be, and the schema does not take null.
fn is_left_out_by_null(parameter: &Parameter) -> bool {
    parameter.presence != Presence::Required && !takes_null(&parameter.schema)
}

fn takes_null(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind.as_str() == Some("null");
    match schema.get("type") {
        Some(Value::Array(kinds)) if kinds.iter().any(is_null) => return true,
        Some(kind) if is_null(kind) => return true,
        _ => {}
    }
    let among = |key: &str| schema.get(key).and_then(Value::as_array);
    let alternatives = [among("anyOf"), among("oneOf")];
    schema.get("nullable") == Some(&Value::Bool(true))
        || among("enum").is_some_and(|values| values.contains(&Value::Null))
        || alternatives.into_iter().flatten().flatten().any(takes_null)
}

#[cfg(test)]
mod tests;

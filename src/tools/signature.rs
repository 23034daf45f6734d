//! Signatures, types and docstrings as Python writes them, made from JSON Schema.
//!
//! They are for reading: what a value must be is decided by the schema itself.

use std::fmt::Write as _;

use serde_json::Value;

use super::entry::{Openness, Presence, Tool};

/// How deep types are shown; below that a container is only its own name.
const DEPTH: u32 = 4;

/// Values of an enumeration that are shown.
const LITERALS: usize = 8;

/// Fields of an object that are shown.
const FIELDS: usize = 16;

/// Alternatives that are shown.
const ALTERNATIVES: usize = 5;

/// `tools.a.b(x: str, y: int = 3) -> str`.
pub fn of(tool: &Tool) -> String {
    let mut parts: Vec<String> = Vec::new();
    for parameter in &tool.parameters {
        let kind = if tool.raw.bytes.contains(&parameter.original) {
            with_bytes(&type_of(&parameter.schema, &tool.raw.input))
        } else {
            type_of(&parameter.schema, &tool.raw.input)
        };
        parts.push(match &parameter.presence {
            Presence::Required => format!("{}: {kind}", parameter.name),
            Presence::Optional => format!("{}: {kind} = None", parameter.name),
            Presence::Default(value) => format!("{}: {kind} = {}", parameter.name, literal(value)),
        });
    }
    if tool.open == Openness::Open {
        parts.push("**more".to_owned());
    }
    let result = match &tool.raw.output {
        Some(schema) => format!(" -> {}", type_of(schema, schema)),
        None => String::new(),
    };
    format!("tools.{}({}){result}", tool.full_name(), parts.join(", "))
}

fn with_bytes(kind: &str) -> String {
    if kind.split(" | ").any(|part| part == "bytes") { kind.to_owned() } else { format!("{kind} | bytes") }
}

/// What `help()` shows: the description, then each parameter.
pub fn doc(tool: &Tool) -> String {
    let mut text = tool.raw.description.trim().to_owned();
    if !tool.parameters.is_empty() {
        text.push_str("\n\nArgs:");
        for parameter in &tool.parameters {
            let mut words: Vec<&str> = parameter.description.split_whitespace().collect();
            let original = format!("(`{}` in the tool's own words)", parameter.original);
            if parameter.name.as_str() != parameter.original {
                words.push(&original);
            }
            let colon = if words.is_empty() { "" } else { ": " };
            // Writing to a string cannot fail.
            let _ = write!(text, "\n    {}{colon}{}", parameter.name, words.join(" "));
            if let Some(fields) = fields(&parameter.schema, &tool.raw.input, DEPTH) {
                let _ = write!(text, "\n        {fields}");
            }
        }
    }
    if let Some(fields) = tool.raw.output.as_ref().and_then(|schema| fields(schema, schema, DEPTH)) {
        let _ = write!(text, "\n\nReturns:\n    {fields}");
    }
    text.trim().to_owned()
}

/// The fields of an object, or of the objects in a list, as `{name: str, age?: int}`; `?` marks what may be absent.
fn fields(schema: &Value, root: &Value, depth: u32) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#')) {
        return fields(root.pointer(pointer)?, root, depth);
    }
    if let Some(items) = schema.get("items") {
        return fields(items, root, depth).map(|inner| format!("[{inner}, …]"));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(list) = schema.get(key).and_then(Value::as_array) {
            return list.iter().find_map(|each| fields(each, root, depth));
        }
    }
    let properties = schema.get("properties")?.as_object().filter(|properties| !properties.is_empty())?;
    let required: Vec<&Value> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().collect();
    let mut parts: Vec<String> = properties
        .iter()
        .take(FIELDS)
        .map(|(name, schema)| {
            let mark = if required.iter().any(|each| each.as_str() == Some(name)) { "" } else { "?" };
            let kind = fields(schema, root, depth).unwrap_or_else(|| type_of(schema, root));
            format!("{name}{mark}: {kind}")
        })
        .collect();
    if properties.len() > FIELDS {
        parts.push("…".to_owned());
    }
    Some(format!("{{{}}}", parts.join(", ")))
}

/// The type that a schema describes; `root` is the document that its references are into.
pub fn type_of(schema: &Value, root: &Value) -> String {
    describe(schema, root, DEPTH)
}

fn describe(schema: &Value, root: &Value, depth: u32) -> String {
    if depth == 0 {
        return "Any".to_owned();
    }
    let below = |schema: &Value| describe(schema, root, depth - 1);
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return match reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(target) => below(target),
            None => "Any".to_owned(),
        };
    }
    if let Some(value) = schema.get("const") {
        return format!("Literal[{}]", literal(value));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return literals(values);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(list) = schema.get(key).and_then(Value::as_array) {
            return union(list.iter().map(below));
        }
    }
    if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return below(only);
    }
    let mut kind = match schema.get("type") {
        Some(Value::String(kind)) => named(kind, schema, &below),
        Some(Value::Array(kinds)) => {
            union(kinds.iter().filter_map(Value::as_str).map(|kind| named(kind, schema, &below)))
        }
        _ if schema.get("properties").is_some() => "dict".to_owned(),
        _ if schema.get("items").is_some() => named("array", schema, &below),
        _ => "Any".to_owned(),
    };
    if schema.get("nullable") == Some(&Value::Bool(true)) && !kind.ends_with("None") {
        kind.push_str(" | None");
    }
    kind
}

fn named(kind: &str, schema: &Value, below: &dyn Fn(&Value) -> String) -> String {
    match kind {
        "string" if schema.get("format").and_then(Value::as_str) == Some("binary") => "bytes".to_owned(),
        "string" => "str".to_owned(),
        "integer" => "int".to_owned(),
        "number" => "float".to_owned(),
        "boolean" => "bool".to_owned(),
        "null" => "None".to_owned(),
        "array" => match schema.get("items") {
            Some(items) => match below(items) {
                any if any == "Any" => "list".to_owned(),
                inner => format!("list[{inner}]"),
            },
            None => "list".to_owned(),
        },
        "object" => match (schema.get("properties"), schema.get("additionalProperties")) {
            (None, Some(values @ Value::Object(_))) => format!("dict[str, {}]", below(values)),
            _ => "dict".to_owned(),
        },
        _ => "Any".to_owned(),
    }
}

fn union(kinds: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for kind in kinds.flat_map(|kind| kind.split(" | ").map(str::to_owned).collect::<Vec<_>>()) {
        if !seen.contains(&kind) {
            seen.push(kind);
        }
    }
    let nothing = seen.iter().position(|kind| kind == "None").map(|index| seen.remove(index));
    if seen.iter().any(|kind| kind == "Any") || seen.len() > ALTERNATIVES || seen.is_empty() {
        return nothing.filter(|_| seen.is_empty()).unwrap_or_else(|| "Any".to_owned());
    }
    seen.extend(nothing);
    seen.join(" | ")
}

fn literals(values: &[Value]) -> String {
    let plain = values.iter().all(|value| !value.is_object() && !value.is_array());
    if plain && values.len() <= LITERALS {
        let shown: Vec<String> = values.iter().map(literal).collect();
        return format!("Literal[{}]", shown.join(", "));
    }
    let kinds = values.iter().map(|value| match value {
        Value::Null => "None",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    });
    union(kinds.map(str::to_owned))
}

/// A value as Python writes it.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", quoted(key), literal(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c == quote => quoted.extend(['\\', c]),
            c if c.is_control() => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests;

//! Schemas of OpenAPI 3.0 and 3.1 as JSON Schema, with the definitions that they refer to.
//!
//! Whatever JSON Schema would not take, because a document is careless, is left out: then more is let through, and the
//! API's own server has the last word.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::tools::arguments::is_pattern;

/// The most definitions that one operation's schemas bring along, and their weight.
const DEFINITIONS: usize = 400;
const HEAVIEST: usize = 1 << 20;

/// Keywords that say nothing about a value here, or would lead into other documents.
const DROPPED: [&str; 13] = [
    "$id",
    "$schema",
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
    "example",
    "xml",
    "externalDocs",
    "discriminator",
    "nullable",
];

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// References that were met: the name in `$defs`, and the place in the document.
type Met = BTreeMap<String, String>;

/// The schemas of one document; each definition is converted once.
#[derive(Debug)]
pub struct Schemas<'a> {
    root: &'a Value,
    known: RefCell<HashMap<String, Rc<Definition>>>,
}

#[derive(Debug)]
struct Definition {
    schema: Value,
    met: Met,
    weight: usize,
}

impl<'a> Schemas<'a> {
    /// Over this document.
    pub fn new(root: &'a Value) -> Self {
        Self { root, known: RefCell::default() }
    }

    /// All that these schemas, which were converted already, refer to, directly or not; the nearest first. What would be
    /// too much is replaced by a schema that takes anything.
    pub fn definitions(&self, schemas: &[&Value]) -> Map<String, Value> {
        let mut found = Map::new();
        let mut met = Met::new();
        schemas.iter().for_each(|schema| references(schema, &mut met));
        let mut pending: VecDeque<(String, String)> = met.into_iter().collect();
        let mut weight = 0;
        while let Some((name, pointer)) = pending.pop_front() {
            if found.contains_key(&name) {
                continue;
            }
            let definition = self.definition(&pointer);
            if found.len() >= DEFINITIONS || weight + definition.weight > HEAVIEST {
                found.insert(name, json!({}));
                continue;
            }
            weight += definition.weight;
            pending.extend(definition.met.iter().map(|(name, place)| (name.clone(), place.clone())));
            found.insert(name, definition.schema.clone());
        }
        // The places were only for us.
        found.values_mut().for_each(forget_places);
        found
    }

    fn definition(&self, pointer: &str) -> Rc<Definition> {
        if let Some(known) = self.known.borrow().get(pointer) {
            return known.clone();
        }
        let schema = self.root.pointer(pointer).map_or(json!({}), convert);
        let mut met = Met::new();
        references(&schema, &mut met);
        let made = Rc::new(Definition { weight: weight(&schema), schema, met });
        self.known.borrow_mut().insert(pointer.to_owned(), made.clone());
        made
    }
}

/// Roughly the bytes that a value takes in memory.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => 32 + text.len(),
        Value::Array(items) => 32 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => {
            80 + map.iter().map(|(key, value)| 64 + key.len() + weight(value)).sum::<usize>()
        }
        _ => 32,
    }
}

/// Beside a reference into `$defs`, the place in the document that it stands for.
const PLACE: &str = "x-place";

/// Takes the marks out of a converted schema.
pub fn forget_places(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("$ref") && map.get(PLACE).is_some_and(Value::is_string) {
                map.remove(PLACE);
            }
            map.values_mut().for_each(forget_places);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

fn references(schema: &Value, met: &mut Met) {
    match schema {
        Value::Object(map) => {
            if let (Some(Value::String(reference)), Some(Value::String(place))) =
                (map.get("$ref"), map.get(PLACE))
                && let Some(name) = reference.strip_prefix("#/$defs/")
            {
                met.insert(name.to_owned(), place.clone());
            }
            map.values().for_each(|value| references(value, met));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, met)),
        _ => {}
    }
}

/// The JSON pointer of a reference into its own document.
pub fn pointer_of(reference: &str) -> Option<String> {
    let pointer = reference.strip_prefix('#').filter(|rest| rest.starts_with('/'))?;
    let mut bytes = Vec::new();
    let mut rest = pointer.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

/// A name for `$defs` that needs no escaping anywhere; different places have different names.
fn name_of(pointer: &str) -> String {
    let short = pointer.strip_prefix("/components/schemas/").filter(|rest| !rest.contains('/'));
    let mut name = String::new();
    for c in short.unwrap_or(&pointer[1..]).chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' || c == '-' => name.push(c),
            '.' if short.is_some() => name.push('.'),
            '/' => name.push('.'),
            // Writing to a string cannot fail.
            c => drop(write!(name, "_x{:X}_", u32::from(c))),
        }
    }
    name
}

/// A schema of OpenAPI 3.0 or 3.1 as JSON Schema, its references pointing into `$defs`.
pub fn convert(schema: &Value) -> Value {
    let Value::Object(map) = schema else {
        return if schema.is_boolean() { schema.clone() } else { json!({}) };
    };
    let mut converted = Map::new();
    for (key, value) in
        map.iter().filter(|(key, _)| !DROPPED.contains(&key.as_str()) && !key.starts_with("x-"))
    {
        if key == "$ref" {
            match value.as_str().and_then(pointer_of) {
                Some(pointer) => {
                    converted.insert(key.clone(), format!("#/$defs/{}", name_of(&pointer)).into());
                    converted.insert(PLACE.to_owned(), pointer.into());
                }
                None => drop(
                    converted.entry("description").or_insert("It is described in another document.".into()),
                ),
            }
        } else if let Some(value) = keyword(key, value) {
            converted.insert(key.clone(), value);
        }
    }
    if let Some(Value::Array(items)) = map.get("items") {
        converted.remove("items");
        converted.insert("prefixItems".to_owned(), items.iter().map(convert).collect());
    }
    make_modern(&mut converted, map.get("nullable") == Some(&Value::Bool(true)));
    free_read_only(&mut converted);
    Value::Object(converted)
}

/// One keyword's value, or nothing where JSON Schema has no such value.
fn keyword(key: &str, value: &Value) -> Option<Value> {
    match key {
        "patternProperties" if !value.as_object()?.keys().all(|pattern| is_pattern(pattern)) => None,
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
            let fields = value.as_object()?.iter().filter(|(_, schema)| is_schema(schema));
            Some(Value::Object(fields.map(|(name, schema)| (name.clone(), convert(schema))).collect()))
        }
        "items"
        | "additionalProperties"
        | "additionalItems"
        | "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => is_schema(value).then(|| convert(value)),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            let list: Vec<Value> = value.as_array()?.iter().map(convert).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        "type" => kinds(value),
        "required" => {
            let mut names: Vec<Value> = Vec::new();
            for name in value.as_array()?.iter().filter(|name| name.is_string()) {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            Some(Value::Array(names))
        }
        "enum" => value.as_array().filter(|values| !values.is_empty()).map(|_| value.clone()),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            value.as_u64().map(|_| value.clone())
        }
        "multipleOf" => value.as_f64().filter(|number| *number > 0.0).map(|_| value.clone()),
        "minimum" | "maximum" => value.is_number().then(|| value.clone()),
        "exclusiveMinimum" | "exclusiveMaximum" => {
            (value.is_number() || value.is_boolean()).then(|| value.clone())
        }
        "pattern" => value.as_str().is_some_and(is_pattern).then(|| value.clone()),
        "description" | "title" | "format" | "$comment" => value.is_string().then(|| value.clone()),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => value.is_boolean().then(|| value.clone()),
        _ => Some(value.clone()),
    }
}

fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}

fn kinds(value: &Value) -> Option<Value> {
    let is_kind = |kind: &Value| kind.as_str().is_some_and(|kind| TYPES.contains(&kind));
    match value {
        Value::String(_) if is_kind(value) => Some(value.clone()),
        Value::Array(kinds) if !kinds.is_empty() && kinds.iter().all(is_kind) => Some(value.clone()),
        _ => None,
    }
}

/// What 3.0 says in its own way: `nullable`, and bounds that are exclusive by a flag.
fn make_modern(schema: &mut Map<String, Value>, nullable: bool) {
    if nullable {
        if let Some(Value::Array(values)) = schema.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
        match schema.get_mut("type") {
            Some(kind @ Value::String(_)) if *kind != "null" => *kind = json!([kind.clone(), "null"]),
            Some(_) => {}
            None => {
                let mut before = std::mem::take(schema);
                let description = before.remove("description");
                schema.insert("anyOf".to_owned(), json!([before, {"type": "null"}]));
                schema.extend(description.map(|text| ("description".to_owned(), text)));
            }
        }
    }
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match schema.get(flag) {
            Some(Value::Bool(true)) => match schema.remove(bound) {
                Some(value) => drop(schema.insert(flag.to_owned(), value)),
                None => drop(schema.remove(flag)),
            },
            Some(Value::Bool(false)) => drop(schema.remove(flag)),
            _ => {}
        }
    }
}

/// What only the server may set is never required of the one who asks.
fn free_read_only(schema: &mut Map<String, Value>) {
    let is_read_only = |fields: &Map<String, Value>, name: &str| {
        fields.get(name).and_then(|field| field.get("readOnly")) == Some(&Value::Bool(true))
    };
    let Some(Value::Object(fields)) = schema.get("properties") else { return };
    let free: Vec<String> = fields.keys().filter(|name| is_read_only(fields, name)).cloned().collect();
    if let Some(Value::Array(names)) = schema.get_mut("required") {
        names.retain(|name| !free.iter().any(|free| name == free));
    }
}

#[cfg(test)]
mod tests;

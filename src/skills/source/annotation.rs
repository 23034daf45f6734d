//! Annotations as JSON Schema, without asking Python: by the names that people write, and by the classes of the same file.
//!
//! What is not known says nothing (`{}`), because a schema that is too narrow refuses what `run` would take.

use ruff_python_ast::{Expr, Number, Operator, UnaryOp};
use ruff_python_parser::parse_expression;
use serde_json::{Map, Value, json};

use super::classes::Known;

/// How deep an annotation is followed, classes included.
const DEPTH: usize = 12;

/// The longest annotation that is a text in quotes, in bytes.
const QUOTED: usize = 500;

/// The schema of an annotation.
pub fn schema(annotation: &Expr, known: &Known<'_>) -> Value {
    of(annotation, known, DEPTH)
}

/// The schema, `depth` levels further down at most.
pub(super) fn of(annotation: &Expr, known: &Known<'_>, depth: usize) -> Value {
    if depth == 0 || !known.goes_on() {
        return json!({});
    }
    match annotation {
        Expr::NoneLiteral(_) => json!({"type": "null"}),
        Expr::Name(name) => named(known.imported(name.id.as_str()), known, depth),
        Expr::Attribute(attribute) => named(attribute.attr.as_str(), known, depth),
        Expr::StringLiteral(text) if text.value.to_str().len() <= QUOTED => {
            match parse_expression(text.value.to_str()) {
                Ok(parsed) => of(parsed.expr(), known, depth - 1),
                Err(_) => json!({}),
            }
        }
        Expr::BinOp(operation) if operation.op == Operator::BitOr => {
            any_of(&alternatives(annotation), known, depth)
        }
        // An alias made by `NewType("UserId", int)` is its second argument.
        Expr::Call(call) if last_name(&call.func) == Some("NewType") => {
            call.arguments.args.get(1).map_or_else(|| json!({}), |base| of(base, known, depth - 1))
        }
        Expr::Subscript(subscript) => {
            let base = match subscript.value.as_ref() {
                Expr::Name(name) => known.imported(name.id.as_str()),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => return json!({}),
            };
            let arguments: Vec<&Expr> = match subscript.slice.as_ref() {
                Expr::Tuple(tuple) => tuple.elts.iter().collect(),
                one => vec![one],
            };
            generic(base, &arguments, known, depth)
        }
        _ => json!({}),
    }
}

/// `A | B | C`, which Python nests to the left.
fn alternatives(union: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut rest = union;
    while let Expr::BinOp(operation) = rest
        && operation.op == Operator::BitOr
    {
        found.push(operation.right.as_ref());
        rest = operation.left.as_ref();
    }
    found.push(rest);
    found.reverse();
    found
}

fn named(name: &str, known: &Known<'_>, depth: usize) -> Value {
    if let Some(schema) = known.schema(name, depth) {
        return schema;
    }
    match name {
        "str" | "Path" | "PurePath" | "PathLike" | "LiteralString" | "AnyStr" => json!({"type": "string"}),
        "bytes" => json!({"type": "string", "contentEncoding": "base64"}),
        "int" => json!({"type": "integer"}),
        "float" | "Decimal" | "Number" | "Real" => json!({"type": "number"}),
        "bool" => json!({"type": "boolean"}),
        "None" | "NoneType" => json!({"type": "null"}),
        "list" | "List" | "Sequence" | "Iterable" | "Iterator" | "Collection" | "MutableSequence"
        | "tuple" | "Tuple" | "deque" => json!({"type": "array"}),
        "set" | "Set" | "frozenset" | "FrozenSet" | "AbstractSet" | "MutableSet" => {
            json!({"type": "array", "uniqueItems": true})
        }
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "OrderedDict" | "defaultdict" | "DefaultDict"
        | "Counter" => {
            json!({"type": "object"})
        }
        "datetime" => json!({"type": "string", "format": "date-time"}),
        "date" => json!({"type": "string", "format": "date"}),
        "time" => json!({"type": "string", "format": "time"}),
        "UUID" => json!({"type": "string", "format": "uuid"}),
        _ => json!({}),
    }
}

fn generic(base: &str, arguments: &[&Expr], known: &Known<'_>, depth: usize) -> Value {
    let inner = |at: usize| arguments.get(at).map_or_else(|| json!({}), |each| of(each, known, depth - 1));
    match base {
        "Optional" => {
            let mut all = arguments.to_vec();
            all.truncate(1);
            with_null(any_of(&all, known, depth))
        }
        "Union" => any_of(arguments, known, depth),
        "Literal" => choice(arguments.iter().filter_map(|each| literal(each)).collect()),
        "Annotated" => {
            let mut schema = inner(0);
            if let Some(words) = arguments.iter().skip(1).find_map(|each| words_of(each)) {
                schema["description"] = words.into();
            }
            schema
        }
        "Required" | "NotRequired" | "ReadOnly" | "Final" | "ClassVar" | "Awaitable" | "Coroutine"
        | "InitVar" => inner(0),
        "tuple" | "Tuple" => match arguments {
            [_, Expr::EllipsisLiteral(_)] => json!({"type": "array", "items": inner(0)}),
            _ => {
                let items: Vec<Value> = (0..arguments.len()).map(inner).collect();
                json!({"type": "array", "prefixItems": items, "minItems": items.len(), "maxItems": items.len()})
            }
        },
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "OrderedDict" | "defaultdict" | "DefaultDict" => {
            match inner(1) {
                any if any == json!({}) => json!({"type": "object"}),
                values => json!({"type": "object", "additionalProperties": values}),
            }
        }
        "Counter" => json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        _ => {
            let mut schema = named(base, known, depth);
            let items = inner(0);
            if schema["type"] == "array" && items != json!({}) {
                schema["items"] = items;
            }
            schema
        }
    }
}

/// One of some values, with their type where they share one.
pub(super) fn choice(values: Vec<Value>) -> Value {
    let kind = |value: &Value| match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) => Some(if number.is_f64() { "number" } else { "integer" }),
        _ => None,
    };
    let first = values.first().and_then(kind);
    match first.filter(|first| values.iter().all(|each| kind(each) == Some(first))) {
        Some(kind) => json!({"type": kind, "enum": values}),
        None => json!({"enum": values}),
    }
}

/// What an annotation says in words of what it annotates.
pub fn said(annotation: &Expr) -> Option<&str> {
    match annotation {
        Expr::Subscript(subscript) if last_name(&subscript.value) == Some("Annotated") => {
            match subscript.slice.as_ref() {
                Expr::Tuple(tuple) => tuple.elts.iter().skip(1).find_map(words_of),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What a part of `Annotated` says in words: a text, `Doc("…")` or `Field(description="…")`.
fn words_of(said: &Expr) -> Option<&str> {
    match said {
        Expr::StringLiteral(text) => Some(text.value.to_str()),
        Expr::Call(call) if last_name(&call.func) == Some("Doc") => {
            call.arguments.args.first().and_then(words_of)
        }
        Expr::Call(call) => {
            let named = call.arguments.keywords.iter().find(|each| {
                each.arg.as_ref().is_some_and(|arg| ["description", "doc", "help"].contains(&arg.as_str()))
            });
            named.and_then(|named| words_of(&named.value))
        }
        _ => None,
    }
}

pub(super) fn last_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn any_of(alternatives: &[&Expr], known: &Known<'_>, depth: usize) -> Value {
    either(alternatives.iter().take(50).map(|each| of(each, known, depth - 1)))
}

/// Any of some schemas; nothing where one of them says nothing.
pub(super) fn either(alternatives: impl Iterator<Item = Value>) -> Value {
    let mut schemas: Vec<Value> = Vec::new();
    for schema in alternatives {
        if schema == json!({}) {
            return schema;
        }
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    match schemas.len() {
        0 => json!({}),
        1 => schemas.remove(0),
        _ => json!({"anyOf": schemas}),
    }
}

fn with_null(schema: Value) -> Value {
    let null = json!({"type": "null"});
    if schema == json!({}) || schema == null {
        return schema;
    }
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(all) if all.contains(&null) => schema,
        Some(all) => json!({"anyOf": all.iter().cloned().chain([null]).collect::<Vec<_>>()}),
        None => json!({"anyOf": vec![schema, null]}),
    }
}

/// A literal as JSON; nothing for what is computed or JSON has no word for.
pub fn literal(expression: &Expr) -> Option<Value> {
    value(expression, DEPTH)
}

fn value(expression: &Expr, depth: usize) -> Option<Value> {
    if depth == 0 {
        return None;
    }
    match expression {
        Expr::NoneLiteral(_) => Some(Value::Null),
        Expr::BooleanLiteral(flag) => Some(flag.value.into()),
        Expr::StringLiteral(text) => Some(text.value.to_str().into()),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(whole) => whole.as_i64().map(Value::from),
            Number::Float(float) => serde_json::Number::from_f64(*float).map(Value::Number),
            Number::Complex { .. } => None,
        },
        Expr::UnaryOp(operation) if operation.op == UnaryOp::USub => {
            match value(&operation.operand, depth - 1)? {
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => Some((-whole).into()),
                    None => number
                        .as_f64()
                        .and_then(|float| serde_json::Number::from_f64(-float))
                        .map(Value::Number),
                },
                _ => None,
            }
        }
        Expr::List(list) => list.elts.iter().map(|each| value(each, depth - 1)).collect(),
        Expr::Tuple(tuple) => tuple.elts.iter().map(|each| value(each, depth - 1)).collect(),
        Expr::Dict(dict) => {
            let mut map = Map::new();
            for item in &dict.items {
                let Some(Value::String(key)) = value(item.key.as_ref()?, depth - 1) else { return None };
                map.insert(key, value(&item.value, depth - 1)?);
            }
            Some(Value::Object(map))
        }
        _ => None,
    }
}

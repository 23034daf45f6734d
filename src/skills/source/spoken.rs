//! Types as docstrings say them, as JSON Schema: `int, optional`, `list of str`, `{'a', 'b'}`, `float or None`.
//!
//! As with annotations, what is not known says nothing, and one unknown word among several makes all of it unknown.

use ruff_python_ast::Expr;
use ruff_python_parser::parse_expression;
use serde_json::{Value, json};

use super::annotation::{choice, either, literal, of};
use super::classes::Known;

/// The longest such text, in bytes.
const LONGEST: usize = 200;

/// How deep it is followed.
const DEPTH: usize = 6;

/// The schema of a type in an author's words.
pub fn schema(text: &str, known: &Known<'_>) -> Value {
    if text.is_empty() || text.len() > LONGEST {
        return json!({});
    }
    // What follows a comma is another type, unless it says something of the parameter itself.
    let asides = ["optional", "default", "required", "keyword", "shape", "positional"];
    let parts = split(text).into_iter().map(str::trim).filter(|part| {
        let part = part.trim_start_matches('(').to_lowercase();
        !part.is_empty() && !asides.iter().any(|aside| part.starts_with(aside))
    });
    either(parts.flat_map(|part| part.split(" or ")).map(|each| one(each.trim(), known, DEPTH)))
}

fn one(text: &str, known: &Known<'_>, depth: usize) -> Value {
    if depth == 0 {
        return json!({});
    }
    if let Some((holder, item)) = text.split_once(" of ") {
        let holder = one(holder.trim(), known, depth - 1);
        let mut item = one(item.trim(), known, depth - 1);
        if item == json!({}) {
            item = text
                .rsplit(' ')
                .next()
                .and_then(|last| last.strip_suffix('s'))
                .map_or(item, |last| one(last, known, depth - 1));
        }
        return match holder["type"].as_str() {
            Some("array") if item != json!({}) => json!({"type": "array", "items": item}),
            Some("array" | "object") => holder,
            _ => json!({}),
        };
    }
    let name = match text.to_lowercase().as_str() {
        "string" | "text" => "str",
        "integer" => "int",
        "boolean" => "bool",
        "number" => "float",
        "dictionary" | "mapping" => "dict",
        "array" | "sequence" | "iterable" => "list",
        _ => text,
    };
    match parse_expression(name).as_ref().map(|parsed| parsed.expr()) {
        Ok(Expr::Set(set)) => {
            let values: Option<Vec<Value>> = set.elts.iter().map(literal).collect();
            values.map_or_else(|| json!({}), choice)
        }
        Ok(expression) => of(expression, known, depth),
        Err(_) => json!({}),
    }
}

/// The parts between commas that no bracket holds.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_schemas() {
        let known = Known::of(&[]);
        let check = |text: &str, expected: Value| assert_eq!(schema(text, &known), expected, "{text}");
        let (text, whole, nothing) =
            (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "null"}));
        check("int", whole.clone());
        check("int, optional", whole.clone());
        check("int, default 3", whole.clone());
        check("integer (optional)", json!({}));
        check("string", text.clone());
        check("float or None", json!({"anyOf": [{"type": "number"}, nothing]}));
        check("str | None, optional", json!({"anyOf": [text, nothing]}));
        check("str, int", json!({"anyOf": [text, whole]}));
        check("list of str", json!({"type": "array", "items": text}));
        check("list of ints", json!({"type": "array", "items": whole}));
        check(
            "list[dict[str, int]]",
            json!({"type": "array", "items": {"type": "object", "additionalProperties": whole}}),
        );
        check("dict of str to int", json!({"type": "object"}));
        check("{'a', 'b'}, optional", json!({"type": "string", "enum": ["a", "b"]}));
        check("array_like", json!({}));
        check("int or array_like", json!({}));
        check("the one, that (is", json!({}));
        check("", json!({}));
        check(&"(".repeat(150), json!({}));
    }
}

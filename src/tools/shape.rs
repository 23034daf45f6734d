//! The shape of results, learned where a tool's source gives no schema: which fields there are and of which types.
//!
//! No value is kept, and what is kept is bounded in depth and number.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// How deep a shape goes.
const DEPTH: u32 = 4;

/// Fields of one object that are kept.
const FIELDS: usize = 40;

/// Items of one list that are looked at.
const ITEMS: usize = 20;

/// What results of one tool looked like so far.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    seen: u32,
    node: Node,
}

#[derive(Debug, Clone, Default)]
struct Node {
    kinds: BTreeSet<&'static str>,
    fields: Vec<(String, u32, Node)>,
    objects: u32,
    items: Option<Box<Node>>,
}

impl Shape {
    /// One more result.
    pub fn learn(&mut self, value: &Value) {
        self.seen = self.seen.saturating_add(1);
        self.node.learn(value, DEPTH);
    }

    /// What was learned, as a JSON Schema with the number of results it stands on; `None` before the first.
    pub fn schema(&self) -> Option<Value> {
        if self.seen == 0 {
            return None;
        }
        let confidence = match self.seen {
            1..=2 => "low",
            3..=9 => "medium",
            _ => "high",
        };
        let mut schema = self.node.schema();
        schema.insert("x-learned-from".to_owned(), json!({"results": self.seen, "confidence": confidence}));
        Some(Value::Object(schema))
    }
}

impl Node {
    fn learn(&mut self, value: &Value, depth: u32) {
        self.kinds.insert(match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
        if depth == 0 {
            return;
        }
        match value {
            Value::Array(items) => {
                let node = self.items.get_or_insert_default();
                items.iter().take(ITEMS).for_each(|item| node.learn(item, depth - 1));
            }
            Value::Object(map) => self.learn_fields(map, depth),
            _ => {}
        }
    }

    fn learn_fields(&mut self, map: &Map<String, Value>, depth: u32) {
        self.objects = self.objects.saturating_add(1);
        for (name, value) in map {
            if let Some((_, count, node)) = self.fields.iter_mut().find(|(known, _, _)| known == name) {
                *count = count.saturating_add(1);
                node.learn(value, depth - 1);
            } else if self.fields.len() < FIELDS && name.len() <= 100 {
                let mut node = Self::default();
                node.learn(value, depth - 1);
                self.fields.push((name.clone(), 1, node));
            }
        }
    }

    fn schema(&self) -> Map<String, Value> {
        let mut schema = Map::new();
        let kinds: Vec<&str> = self.kinds.iter().copied().collect();
        match kinds.as_slice() {
            [] => {}
            [one] => drop(schema.insert("type".to_owned(), json!(one))),
            more => drop(schema.insert("type".to_owned(), json!(more))),
        }
        if self.kinds.contains("object") && !self.fields.is_empty() {
            let fields =
                self.fields.iter().map(|(name, _, node)| (name.clone(), Value::Object(node.schema())));
            schema.insert("properties".to_owned(), Value::Object(fields.collect()));
            let always = self.fields.iter().filter(|(_, count, _)| *count >= self.objects);
            let always: Vec<&str> = always.map(|(name, _, _)| name.as_str()).collect();
            schema.insert("required".to_owned(), json!(always));
        }
        if let Some(items) = self.items.as_ref().filter(|items| !items.kinds.is_empty()) {
            schema.insert("items".to_owned(), Value::Object(items.schema()));
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_what_results_have_in_common_and_holds_no_value() {
        let mut shape = Shape::default();
        assert_eq!(shape.schema(), None);
        shape.learn(&json!({"id": 1, "name": "secret", "tags": ["x", null]}));
        shape.learn(&json!({"id": 2.5, "name": null}));
        shape.learn(&json!({"id": 3, "more": {"deep": true}}));
        let learned = shape.schema().unwrap();
        let expected = json!({
            "type": "object",
            "properties": {
                "id": {"type": ["integer", "number"]},
                "name": {"type": ["null", "string"]},
                "tags": {"type": "array", "items": {"type": ["null", "string"]}},
                "more": {"type": "object", "properties": {"deep": {"type": "boolean"}}, "required": ["deep"]},
            },
            "required": ["id"],
            "x-learned-from": {"results": 3, "confidence": "medium"},
        });
        assert_eq!(learned, expected);
        assert!(!learned.to_string().contains("secret"));
    }

    #[test]
    fn a_shape_is_bounded() {
        let mut shape = Shape::default();
        let wide: Map<String, Value> = (0..1000).map(|n| (format!("f{n}"), json!(n))).collect();
        shape.learn(&Value::Object(wide));
        let mut deep = json!(1);
        for _ in 0..50 {
            deep = json!([deep]);
        }
        shape.learn(&deep);
        assert!(shape.schema().unwrap().to_string().len() < 3_000);
    }
}

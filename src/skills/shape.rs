//! The shape of a skill: what `run` takes and gives, as its signature for people and as JSON Schema for programs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What was read from a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shape {
    /// The parameters of `run`, in its order.
    pub parameters: Vec<Parameter>,
    /// `*rest: int` without the star, where `run` takes any further positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
    /// Whether `run` takes any other keyword.
    pub open: bool,
    /// The annotation of what it gives, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<String>,
    /// The same as JSON Schema, where that says something.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub returns_schema: Value,
    /// Whether `run` is `async`.
    pub is_async: bool,
    /// Packages that it needs (PEP 723).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// Versions of Python that it needs (PEP 723).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
}

/// One parameter of `run`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its annotation, as it is written.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it can be given by keyword only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keyword_only: bool,
    /// Its default, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What the docstring says of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What may be given, with description and default.
    pub schema: Value,
}

impl Parameter {
    /// How the source writes it: name, type, default.
    pub fn written(&self) -> Value {
        let mut written = json!({"name": self.name});
        if let Some(annotation) = &self.annotation {
            written["type"] = annotation.as_str().into();
        }
        if let Some(default) = &self.default {
            written["default"] = default.as_str().into();
        }
        if self.keyword_only {
            written["keyword"] = true.into();
        }
        written
    }
}

impl Shape {
    /// `skills.parse_logs(path: str, limit: int = 10) -> dict`.
    pub fn signature(&self, name: &str) -> String {
        let first = self.parameters.iter().position(|each| each.keyword_only);
        let parameters = self.parameters.iter().map(|parameter| {
            let mut text = parameter.name.clone();
            let annotation = parameter.annotation.as_deref();
            if let Some(annotation) = annotation {
                text.push_str(": ");
                text.push_str(annotation);
            }
            if let Some(default) = &parameter.default {
                text.push_str(if annotation.is_some() { " = " } else { "=" });
                text.push_str(default);
            }
            text
        });
        let mut all: Vec<String> = parameters.collect();
        match (&self.rest, first) {
            (Some(rest), first) => all.insert(first.unwrap_or(all.len()), format!("*{rest}")),
            (None, Some(first)) => all.insert(first, "*".to_owned()),
            (None, None) => {}
        }
        if self.open {
            all.push("**more".to_owned());
        }
        let returns = self.returns.as_ref().map(|returns| format!(" -> {returns}")).unwrap_or_default();
        format!("skills.{name}({}){returns}", all.join(", "))
    }

    /// The arguments as one JSON Schema.
    pub fn input(&self) -> Value {
        let properties: Map<String, Value> = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.schema.clone()))
            .collect();
        let required: Vec<&str> = self
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(|each| each.name.as_str())
            .collect();
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema["additionalProperties"] = json!(self.open);
        schema
    }

    /// The text of the parameters that words are looked for in.
    pub fn words(&self) -> String {
        let parameters = self.parameters.iter();
        parameters.map(|each| format!("{} {}\n", each.name, each.description)).collect()
    }
}

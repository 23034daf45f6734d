//! One operation of an API: where each argument goes, and the schema of all of them together.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::schema::{forget_places, weight};
use crate::tools::entry::{Hints, Raw};

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its name: `operationId`, or made of method and path.
    pub name: String,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// With `{names}`.
    pub path: String,
    /// What it does.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Parameters by the name of their argument.
    pub parameters: Vec<Parameter>,
    /// What is sent as its body.
    pub body: Option<Body>,
    /// The schema of its result, where one is given.
    pub output: Option<Value>,
    /// Security schemes that it can be called with; `None` for all that there are.
    pub security: Option<Vec<String>>,
    /// Definitions that the schemas refer to.
    pub definitions: Map<String, Value>,
    /// A server of its own.
    pub server: Option<String>,
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The argument's name.
    pub argument: String,
    /// Its name in the request.
    pub name: String,
    /// Where it goes.
    pub place: Place,
    /// How lists and objects are written.
    pub style: Style,
    /// Its JSON Schema.
    pub schema: Value,
    /// Whether it must be given.
    pub required: bool,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Into the path.
    Path,
    /// Behind the `?`.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

/// How lists and objects are written, as OpenAPI names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Its name.
    pub kind: StyleKind,
    /// Whether each item or field stands by itself.
    pub explode: bool,
    /// Whether characters with a meaning in addresses stay as they are.
    pub allow_reserved: bool,
    /// The whole value is written as JSON.
    pub json: bool,
}

/// The styles of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleKind {
    /// `a,b`
    Simple,
    /// `.a.b`
    Label,
    /// `;name=a,b`
    Matrix,
    /// `name=a&name=b`
    Form,
    /// `name=a%20b`
    SpaceDelimited,
    /// `name=a|b`
    PipeDelimited,
    /// `name[field]=a`
    DeepObject,
}

/// A request's body.
#[derive(Debug, Clone)]
pub struct Body {
    /// How it is written.
    pub form: BodyForm,
    /// Its media type.
    pub media_type: String,
    /// Its schema.
    pub schema: Value,
    /// Whether it must be given.
    pub required: bool,
    /// The fields that are arguments of their own: argument and field.
    pub spread: Vec<(String, String)>,
    /// The argument of a body that is not spread.
    pub argument: String,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// JSON.
    Json,
    /// `a=b&c=d`
    Form,
    /// Parts with files.
    Multipart,
    /// As it is.
    Raw,
}

/// What the argument of a body that is not spread is called, where nothing else is.
pub const BODY: &str = "body";

impl Operation {
    /// The tool that it is; `timeout` is for all tries of one call together.
    pub fn raw(&self, tags: &[String], timeout: Duration) -> Raw {
        let is = |methods: &[&str]| Some(methods.contains(&self.method.as_str()));
        Raw {
            name: self.name.clone(),
            description: self.description.clone(),
            input: self.input(),
            output: self.output.clone().map(|mut schema| {
                forget_places(&mut schema);
                schema
            }),
            bytes: self.bytes(),
            hints: Hints {
                read_only: is(&["GET", "HEAD", "OPTIONS"]),
                destructive: is(&["DELETE", "PUT", "PATCH", "POST"]),
                idempotent: is(&["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]),
            },
            tags: self.tags.iter().chain(tags).cloned().collect(),
            timeout: Some(timeout),
        }
    }

    /// Roughly the memory that its schemas take.
    pub fn weight(&self) -> usize {
        let parameters: usize = self.parameters.iter().map(|parameter| weight(&parameter.schema)).sum();
        let definitions: usize = self.definitions.values().map(weight).sum();
        let bodies = self.body.iter().map(|body| &body.schema).chain(&self.output).map(weight).sum::<usize>();
        self.description.len() + parameters + definitions + bodies
    }

    /// Lets go of what only the description as a tool needs.
    pub fn forget_schemas(&mut self) {
        self.output = None;
        self.definitions = Map::new();
        self.description = String::new();
        self.parameters.iter_mut().for_each(|parameter| parameter.schema = Value::Null);
        self.body.iter_mut().for_each(|body| body.schema = Value::Null);
    }

    fn bytes(&self) -> Vec<String> {
        match &self.body {
            Some(body) if body.form == BodyForm::Raw => vec![body.argument.clone()],
            Some(body) if body.form == BodyForm::Multipart => {
                body.spread.iter().map(|(argument, _)| argument.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn input(&self) -> Value {
        let mut properties = Map::new();
        let mut required: Vec<Value> = Vec::new();
        for parameter in &self.parameters {
            properties.insert(parameter.argument.clone(), parameter.schema.clone());
            if parameter.required {
                required.push(parameter.argument.as_str().into());
            }
        }
        if let Some(body) = &self.body {
            if body.spread.is_empty() {
                properties.insert(body.argument.clone(), body.schema.clone());
                if body.required {
                    required.push(body.argument.as_str().into());
                }
            }
            let needed: Vec<&str> = body
                .schema
                .get("required")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            for (argument, field) in &body.spread {
                let schema = body.schema.pointer("/properties").and_then(|fields| fields.get(field));
                properties.insert(argument.clone(), schema.cloned().unwrap_or(json!({})));
                if body.required && needed.contains(&field.as_str()) {
                    required.push(argument.as_str().into());
                }
            }
        }
        let mut input = json!({"type": "object", "properties": properties, "required": required});
        input["additionalProperties"] = false.into();
        if !self.definitions.is_empty() {
            input["$defs"] = Value::Object(self.definitions.clone());
        }
        forget_places(&mut input);
        input
    }
}

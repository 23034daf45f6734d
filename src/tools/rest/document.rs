//! An OpenAPI 3.0 or 3.1 document, read leniently: what cannot be understood is left out, and the rest works.
//!
//! References inside the document are followed, with bounds, so that one that goes in circles ends; references to other
//! documents are not.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::operation::{BODY, Body, BodyForm, Operation, Parameter, Place, Style, StyleKind};
use super::schema::{Schemas, convert, pointer_of};

/// How many references are followed one after the other.
const HOPS: usize = 16;

/// The most that the schemas of all operations may weigh together, in bytes of memory.
const HEAVIEST: usize = 512 << 20;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Headers that say how a message is sent, or who sends it: neither a document nor an argument sets them.
const NOT_PARAMETERS: [&str; 17] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields of a body that become arguments of their own; a body with more is one argument.
const SPREAD: usize = 40;

/// A document.
#[derive(Debug)]
pub struct Document {
    root: Value,
}

impl Document {
    /// Takes a document whose version is one of ours.
    pub fn new(root: Value) -> Result<Self, String> {
        match root.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.") => {}
            Some(version) => {
                return Err(format!("its document is OpenAPI {version}; 3.0 and 3.1 can be read"));
            }
            None if root.get("swagger").is_some() => {
                return Err("its document is Swagger 2.0; convert it to OpenAPI 3".to_owned());
            }
            None => return Err("its document has no `openapi` version".to_owned()),
        }
        if !root.get("paths").is_some_and(Value::is_object) {
            return Err("its document has no `paths`".to_owned());
        }
        Ok(Self { root })
    }

    /// What the API is for.
    pub fn description(&self) -> String {
        let info = |key: &str| self.root.pointer(&format!("/info/{key}")).and_then(Value::as_str);
        let text = info("summary").or_else(|| info("title")).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// Addresses of its servers, with their variables filled in.
    pub fn servers(&self, variables: &Map<String, Value>) -> Vec<String> {
        servers_of(&self.root, variables)
    }

    /// Its security schemes by name.
    pub fn schemes(&self) -> HashMap<String, Value> {
        let schemes = self.root.pointer("/components/securitySchemes").and_then(Value::as_object);
        let schemes = schemes.into_iter().flatten();
        schemes.map(|(name, scheme)| (name.clone(), self.resolve(scheme).clone())).collect()
    }

    /// Those of its operations that are wanted, in its own order, each with a name of its own.
    pub fn operations(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        variables: &Map<String, Value>,
    ) -> Result<Vec<Operation>, String> {
        let schemas = Schemas::new(&self.root);
        let mut operations = Vec::new();
        let mut taken = HashSet::new();
        let mut heavy = 0;
        let paths = self.root.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            let item = self.resolve(item);
            let shared =
                item.get("parameters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for method in METHODS {
                let Some(operation) = item.get(method).filter(|operation| operation.is_object()) else {
                    continue;
                };
                let name = unique_name(operation, method, path, &mut taken);
                if !is_wanted(&name) {
                    continue;
                }
                let mut made = self.operation(name, path, method, operation, shared);
                let server =
                    [operation, item].into_iter().find_map(|at| servers_of(at, variables).into_iter().next());
                made.server = server;
                self.describe(&mut made, operation, &schemas);
                heavy += made.weight();
                if heavy > HEAVIEST {
                    return Err(format!(
                        "its schemas take more than {} MB; name the operations that are needed in `include`",
                        HEAVIEST >> 20
                    ));
                }
                operations.push(made);
            }
        }
        Ok(operations)
    }

    /// Adds the schemas that refer to others.
    fn describe(&self, made: &mut Operation, operation: &Value, schemas: &Schemas) {
        let mut own: Vec<&Value> = made.parameters.iter().map(|known| &known.schema).collect();
        own.extend(made.body.as_ref().map(|body| &body.schema));
        made.definitions = schemas.definitions(&own);
        made.output = self.output(operation).map(|mut schema| {
            let definitions = schemas.definitions(&[&schema]);
            if let (false, Some(map)) = (definitions.is_empty(), schema.as_object_mut()) {
                map.insert("$defs".to_owned(), Value::Object(definitions));
            }
            schema
        });
    }

    fn operation(
        &self,
        name: String,
        path: &str,
        method: &str,
        operation: &Value,
        shared: &[Value],
    ) -> Operation {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        let own =
            operation.get("parameters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut parameters: Vec<Parameter> = Vec::new();
        // An operation's own parameter replaces the path's of the same name and place.
        for parameter in own.iter().chain(shared) {
            if let Some(parameter) = self.parameter(self.resolve(parameter)) {
                let is_same =
                    |other: &Parameter| (&other.name, other.place) == (&parameter.name, parameter.place);
                if !parameters.iter().any(is_same) {
                    parameters.push(parameter);
                }
            }
        }
        for name in path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name) {
            if !parameters.iter().any(|known| known.place == Place::Path && known.name == name) {
                parameters.push(plain_path_parameter(name));
            }
        }
        let body = operation.get("requestBody").and_then(|body| self.body(self.resolve(body)));
        let described = [text("summary"), text("description")].into_iter().filter(|text| !text.is_empty());
        let tags = operation.get("tags").and_then(Value::as_array).into_iter().flatten();
        let mut made = Operation {
            name,
            method: method.to_uppercase(),
            path: path.to_owned(),
            description: described.collect::<Vec<_>>().join("\n\n"),
            tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
            parameters,
            body,
            output: None,
            security: self.security(operation),
            definitions: Map::new(),
            server: None,
        };
        name_arguments(&mut made);
        made
    }

    fn parameter(&self, parameter: &Value) -> Option<Parameter> {
        let name = parameter.get("name")?.as_str()?.to_owned();
        let place = match parameter.get("in")?.as_str()? {
            "path" => Place::Path,
            "query" => Place::Query,
            "header" => Place::Header,
            "cookie" => Place::Cookie,
            _ => return None,
        };
        if place == Place::Header && is_set_by_us(&name) {
            return None;
        }
        let content =
            parameter.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
        let given = parameter.get("schema").or_else(|| content.and_then(|media| media.get("schema")));
        let mut schema = convert(given.unwrap_or(&json!({})));
        let description = parameter.get("description").filter(|text| text.is_string());
        if let (Some(description), Some(map)) = (description, schema.as_object_mut()) {
            map.entry("description").or_insert_with(|| description.clone());
        }
        let flag = |key: &str| parameter.get(key).and_then(Value::as_bool);
        let kind = match (parameter.get("style").and_then(Value::as_str), place) {
            (Some("label"), _) => StyleKind::Label,
            (Some("matrix"), _) => StyleKind::Matrix,
            (Some("spaceDelimited"), _) => StyleKind::SpaceDelimited,
            (Some("pipeDelimited"), _) => StyleKind::PipeDelimited,
            (Some("deepObject"), _) => StyleKind::DeepObject,
            (Some("form"), _) | (None, Place::Query | Place::Cookie) => StyleKind::Form,
            _ => StyleKind::Simple,
        };
        let style = Style {
            kind,
            explode: flag("explode").unwrap_or(kind == StyleKind::Form || kind == StyleKind::DeepObject),
            allow_reserved: flag("allowReserved").unwrap_or(false),
            json: content.is_some(),
        };
        let required = place == Place::Path || flag("required").unwrap_or(false);
        Some(Parameter { argument: name.clone(), name, place, style, schema, required })
    }

    fn body(&self, body: &Value) -> Option<Body> {
        let content = body.get("content")?.as_object()?;
        let rank = |media_type: &str| match form_of(media_type) {
            BodyForm::Json => 0,
            BodyForm::Multipart => 1,
            BodyForm::Form => 2,
            BodyForm::Raw => 3,
        };
        let (media_type, media) = content.iter().min_by_key(|(media_type, _)| rank(media_type))?;
        let form = form_of(media_type);
        let given = media.get("schema").map(|schema| self.resolve(schema)).unwrap_or(&Value::Bool(true));
        let whole = convert(given);
        let spread = if form == BodyForm::Raw { Vec::new() } else { spread(&whole) };
        let schema = match form {
            BodyForm::Raw => json!({"type": "string", "format": "binary"}),
            _ => whole,
        };
        let required = body.get("required").and_then(Value::as_bool).unwrap_or(false);
        Some(Body {
            form,
            media_type: media_type.clone(),
            schema,
            required,
            spread,
            argument: BODY.to_owned(),
        })
    }

    /// The schema of the first answer that is a success with JSON.
    fn output(&self, operation: &Value) -> Option<Value> {
        let responses = operation.get("responses")?.as_object()?;
        let mut successes: Vec<(&String, &Value)> =
            responses.iter().filter(|(status, _)| status.starts_with('2')).collect();
        successes.sort_by_key(|(status, _)| status.as_str());
        let (_, response) = successes.first()?;
        let content = self.resolve(response).get("content")?.as_object()?;
        let (_, media) = content.iter().find(|(media_type, _)| form_of(media_type) == BodyForm::Json)?;
        Some(convert(media.get("schema")?))
    }

    fn security(&self, operation: &Value) -> Option<Vec<String>> {
        let security = operation.get("security").or_else(|| self.root.get("security"))?.as_array()?;
        Some(security.iter().filter_map(Value::as_object).flat_map(|one| one.keys().cloned()).collect())
    }

    /// Follows references to something that is none; what leads nowhere is itself.
    fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..HOPS {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
            match pointer_of(reference).and_then(|pointer| self.root.pointer(&pointer)) {
                Some(target) => value = target,
                None => return value,
            }
        }
        value
    }
}

/// How a body of this media type is written.
pub fn form_of(media_type: &str) -> BodyForm {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => BodyForm::Form,
        "multipart/form-data" => BodyForm::Multipart,
        "application/json" | "text/json" | "*/*" => BodyForm::Json,
        other if other.ends_with("+json") => BodyForm::Json,
        _ => BodyForm::Raw,
    }
}

/// Whether a header is none that a parameter can set.
pub fn is_set_by_us(header: &str) -> bool {
    NOT_PARAMETERS.contains(&header.trim().to_ascii_lowercase().as_str())
}

/// The fields of a body that become arguments: all of a plain object's that may be sent, none of anything else's.
pub fn spread(schema: &Value) -> Vec<(String, String)> {
    let Some(fields) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    // Alternatives that only say which fields are needed change nothing about what fields there are.
    let is_demand =
        |part: &Value| part.as_object().is_some_and(|part| part.keys().all(|key| key == "required"));
    let is_plain = ["oneOf", "anyOf", "allOf"].iter().all(|key| match schema.get(*key) {
        Some(Value::Array(parts)) => parts.iter().all(is_demand),
        _ => true,
    });
    let is_open = schema.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false));
    if !is_plain || is_open || fields.len() > SPREAD {
        return Vec::new();
    }
    let sent = fields.iter().filter(|(_, schema)| schema.get("readOnly") != Some(&Value::Bool(true)));
    sent.map(|(name, _)| (name.clone(), name.clone())).collect()
}

/// `operationId`, or method and path where there is none or somebody has it already.
fn unique_name(operation: &Value, method: &str, path: &str, taken: &mut HashSet<String>) -> String {
    let id = operation.get("operationId").and_then(Value::as_str).filter(|id| !id.is_empty());
    let place = format!("{method}_{}", path.trim_matches('/'));
    let mut name = id.map(str::to_owned).filter(|id| !taken.contains(id)).unwrap_or_else(|| place.clone());
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{place}_{number}");
        number += 1;
    }
    name
}

fn servers_of(place: &Value, variables: &Map<String, Value>) -> Vec<String> {
    let servers = place.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    servers.iter().filter_map(|server| server_url(server, variables)).collect()
}

fn server_url(server: &Value, given: &Map<String, Value>) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    let variables = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        let value = given.get(name).or_else(|| variable.get("default"))?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        url = url.replace(&format!("{{{name}}}"), &value);
    }
    Some(url)
}

fn plain_path_parameter(name: &str) -> Parameter {
    Parameter {
        argument: name.to_owned(),
        name: name.to_owned(),
        place: Place::Path,
        style: Style { kind: StyleKind::Simple, explode: false, allow_reserved: false, json: false },
        schema: json!({"type": "string"}),
        required: true,
    }
}

/// Gives every argument a name of its own: one that stands in two places gets the place behind it.
pub fn name_arguments(operation: &mut Operation) {
    let mut taken: Vec<String> = Vec::new();
    let mut unique = |wanted: &str, place: &str| {
        let mut name = wanted.to_owned();
        while taken.contains(&name) {
            name = format!("{name}_{place}");
        }
        taken.push(name.clone());
        name
    };
    for parameter in &mut operation.parameters {
        let place = match parameter.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
            Place::Cookie => "cookie",
        };
        parameter.argument = unique(&parameter.name, place);
    }
    if let Some(body) = &mut operation.body {
        if body.spread.is_empty() {
            body.argument = unique(BODY, "content");
        }
        for (argument, field) in &mut body.spread {
            *argument = unique(field, "body");
        }
    }
}

//! An OpenAPI 3.0 or 3.1 document, read leniently: what cannot be understood is left out, and the rest works.
//!
//! References inside the document are followed, with bounds, so that one that goes in circles ends; references to other
//! documents are not.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::operation::{Body, BodyForm, Operation, Parameter, Place, Style, StyleKind};

/// How many references are followed one after the other.
const HOPS: usize = 16;

/// The most definitions that one operation's schemas bring along.
const DEFINITIONS: usize = 400;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

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
        let servers =
            self.root.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        servers.iter().filter_map(|server| server_url(server, variables)).collect()
    }

    /// Its security schemes by name.
    pub fn schemes(&self) -> HashMap<String, Value> {
        let schemes = self.root.pointer("/components/securitySchemes").and_then(Value::as_object);
        let schemes = schemes.into_iter().flatten();
        schemes.map(|(name, scheme)| (name.clone(), self.resolve(scheme).clone())).collect()
    }

    /// Its operations, in its own order.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        let paths = self.root.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten() {
            let item = self.resolve(item);
            let shared = item.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
            for method in METHODS {
                if let Some(operation) = item.get(method).filter(|operation| operation.is_object()) {
                    operations.push(self.operation(path, method, operation, &shared));
                }
            }
        }
        operations
    }

    fn operation(&self, path: &str, method: &str, operation: &Value, shared: &[Value]) -> Operation {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        let own = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
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
        let name = match text("operationId") {
            "" => format!("{method}_{}", path.trim_matches('/')),
            id => id.to_owned(),
        };
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
            output: self.output(operation),
            security: self.security(operation),
            definitions: Map::new(),
        };
        name_arguments(&mut made);
        self.bring_definitions(&mut made);
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
        // OpenAPI says that these are not parameters: they are set by what is sent and by the keys.
        let lower = name.to_ascii_lowercase();
        if place == Place::Header && ["accept", "content-type", "authorization"].contains(&lower.as_str()) {
            return None;
        }
        let content =
            parameter.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
        let given = parameter.get("schema").or_else(|| content.and_then(|media| media.get("schema")));
        let mut schema = convert(given.unwrap_or(&json!({})));
        if let (Some(description), Some(map)) = (parameter.get("description"), schema.as_object_mut()) {
            if !map.contains_key("$ref") {
                map.entry("description").or_insert_with(|| description.clone());
            }
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
        let given = media.get("schema").cloned().unwrap_or(json!({}));
        let whole = convert(self.resolve(&given));
        let fields = whole.get("properties").and_then(Value::as_object);
        let combined = ["oneOf", "anyOf", "allOf"].iter().any(|key| whole.get(key).is_some());
        let open = whole.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false));
        let spread: Vec<(String, String)> = match fields {
            Some(fields) if form != BodyForm::Raw && !combined && !open && fields.len() <= SPREAD => fields
                .iter()
                .filter(|(_, schema)| schema.get("readOnly") != Some(&Value::Bool(true)))
                .map(|(name, _)| (name.clone(), name.clone()))
                .collect(),
            _ => Vec::new(),
        };
        let schema = match form {
            BodyForm::Raw => json!({"type": "string", "format": "binary"}),
            _ => whole,
        };
        let required = body.get("required").and_then(Value::as_bool).unwrap_or(false);
        Some(Body { form, media_type: media_type.clone(), schema, required, spread })
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
        let mut schema = convert(media.get("schema")?);
        let definitions = self.definitions(&schema);
        if !definitions.is_empty() {
            schema["$defs"] = Value::Object(definitions);
        }
        Some(schema)
    }

    fn security(&self, operation: &Value) -> Option<Vec<String>> {
        let security = operation.get("security").or_else(|| self.root.get("security"))?.as_array()?;
        Some(security.iter().filter_map(Value::as_object).flat_map(|one| one.keys().cloned()).collect())
    }

    fn bring_definitions(&self, operation: &mut Operation) {
        let mut schemas: Vec<Value> = operation.parameters.iter().map(|known| known.schema.clone()).collect();
        schemas.extend(operation.body.as_ref().map(|body| body.schema.clone()));
        operation.definitions = self.definitions(&Value::Array(schemas));
    }

    /// All that these schemas refer to, directly or not.
    fn definitions(&self, schema: &Value) -> Map<String, Value> {
        let mut found = Map::new();
        let mut names = BTreeSet::new();
        references(schema, &mut names);
        let mut pending: Vec<String> = names.into_iter().collect();
        while let Some(name) = pending.pop() {
            if found.contains_key(&name) || found.len() >= DEFINITIONS {
                continue;
            }
            let target = self.root.pointer(&format!("/components/schemas/{name}")).map(convert);
            let target = target.unwrap_or(json!({}));
            let mut more = BTreeSet::new();
            references(&target, &mut more);
            pending.extend(more);
            found.insert(name, target);
        }
        found
    }

    /// Follows references to something that is none; what leads nowhere is itself.
    fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..HOPS {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
            match reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => value = target,
                None => return value,
            }
        }
        value
    }
}

fn form_of(media_type: &str) -> BodyForm {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => BodyForm::Form,
        "multipart/form-data" => BodyForm::Multipart,
        "application/json" | "*/*" => BodyForm::Json,
        other if other.ends_with("+json") => BodyForm::Json,
        _ => BodyForm::Raw,
    }
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
        for (argument, field) in &mut body.spread {
            *argument = unique(field, "body");
        }
    }
}

/// A schema of OpenAPI 3.0 or 3.1 as JSON Schema, its references pointing into `$defs`.
pub fn convert(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut converted: Map<String, Value> = map
                .iter()
                .filter(|(key, _)| {
                    !["example", "xml", "externalDocs", "discriminator"].contains(&key.as_str())
                })
                .map(|(key, value)| match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        let moved = reference.replace("#/components/schemas/", "#/$defs/");
                        (key.clone(), Value::String(moved))
                    }
                    ("enum" | "const" | "default" | "required" | "examples", value) => {
                        (key.clone(), value.clone())
                    }
                    (_, value) => (key.clone(), convert(value)),
                })
                .collect();
            make_modern(&mut converted);
            Value::Object(converted)
        }
        Value::Array(items) => items.iter().map(convert).collect(),
        plain => plain.clone(),
    }
}

/// What 3.0 says in its own way: `nullable`, and bounds that are exclusive by a flag.
fn make_modern(schema: &mut Map<String, Value>) {
    if schema.remove("nullable") == Some(Value::Bool(true)) {
        match schema.get_mut("type") {
            Some(kind @ Value::String(_)) => *kind = json!([kind.clone(), "null"]),
            Some(_) => {}
            None => {
                let before = std::mem::take(schema);
                schema.insert("anyOf".to_owned(), json!([before, {"type": "null"}]));
            }
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
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

fn references(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        let name = reference.strip_prefix("#/$defs/").and_then(|rest| rest.split('/').next());
                        names.extend(name.map(str::to_owned));
                    }
                    (_, value) => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

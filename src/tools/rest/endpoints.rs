//! Operations that a tool file lists by hand, without a document.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::document::{form_of, is_set_by_us, name_arguments, spread};
use super::operation::{BODY, Body, BodyForm, Operation, Parameter, Place, Style, StyleKind};
use super::schema::convert;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEndpoint {
    name: String,
    #[serde(default)]
    method: Option<String>,
    path: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    params: Map<String, Value>,
    body: Option<RawBody>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBody {
    #[serde(rename = "type")]
    media_type: Option<String>,
    schema: Option<Value>,
    #[serde(default)]
    required: bool,
}

/// The operations of a list of endpoints.
pub fn operations(endpoints: &[Value]) -> Result<Vec<Operation>, String> {
    let mut made: Vec<Operation> = Vec::new();
    for (index, endpoint) in endpoints.iter().enumerate() {
        let operation = operation(index, endpoint)?;
        if made.iter().any(|other| other.name == operation.name) {
            return Err(format!("there are two endpoints `{}`", operation.name));
        }
        made.push(operation);
    }
    Ok(made)
}

fn operation(index: usize, endpoint: &Value) -> Result<Operation, String> {
    let raw: RawEndpoint =
        serde_json::from_value(endpoint.clone()).map_err(|error| format!("endpoints[{index}]: {error}"))?;
    let method = raw.method.unwrap_or_else(|| "GET".to_owned()).to_uppercase();
    if !["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"].contains(&method.as_str()) {
        return Err(format!("endpoint `{}`: there is no method `{method}`", raw.name));
    }
    let in_path: Vec<&str> =
        raw.path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    let mut parameters = Vec::new();
    for name in &in_path {
        let about = raw.params.get(*name).cloned().unwrap_or(json!({}));
        parameters.push(parameter(&raw.name, name, &about, Some(Place::Path))?);
    }
    for (name, about) in raw.params.iter().filter(|(name, _)| !in_path.contains(&name.as_str())) {
        parameters.push(parameter(&raw.name, name, about, None)?);
    }
    let body = raw.body.map(|body| {
        let media_type = body.media_type.unwrap_or_else(|| "application/json".to_owned());
        let form = form_of(&media_type);
        let schema = match form {
            BodyForm::Raw => json!({"type": "string", "format": "binary"}),
            _ => convert(&body.schema.unwrap_or(json!({}))),
        };
        let spread = spread(&schema);
        Body { form, media_type, required: body.required, spread, schema, argument: BODY.to_owned() }
    });
    let mut made = Operation {
        name: raw.name,
        method,
        path: raw.path,
        description: raw.description,
        tags: raw.tags,
        parameters,
        body,
        output: None,
        security: None,
        definitions: Map::new(),
        server: None,
    };
    name_arguments(&mut made);
    Ok(made)
}

fn parameter(endpoint: &str, name: &str, about: &Value, fixed: Option<Place>) -> Result<Parameter, String> {
    let about = match about {
        Value::Null => Map::new(),
        Value::Object(about) => about.clone(),
        _ => return Err(format!("endpoint `{endpoint}`: parameter `{name}` must be a table")),
    };
    let place = match (fixed, about.get("in").and_then(Value::as_str)) {
        (Some(place), _) => place,
        (None, None | Some("query")) => Place::Query,
        (None, Some("header")) if is_set_by_us(name) => {
            return Err(format!(
                "endpoint `{endpoint}`: header `{name}` cannot be a parameter; it is set by what is sent"
            ));
        }
        (None, Some("header")) => Place::Header,
        (None, Some("cookie")) => Place::Cookie,
        (None, Some(other)) => {
            return Err(format!(
                "endpoint `{endpoint}`: parameter `{name}` is in query, header or cookie, not `{other}`"
            ));
        }
    };
    let required = place == Place::Path || about.get("required").and_then(Value::as_bool).unwrap_or(false);
    let mut schema = about;
    schema.retain(|key, _| key != "in" && key != "required");
    let kind =
        if matches!(place, Place::Query | Place::Cookie) { StyleKind::Form } else { StyleKind::Simple };
    Ok(Parameter {
        argument: name.to_owned(),
        name: name.to_owned(),
        place,
        style: Style { kind, explode: kind == StyleKind::Form, allow_reserved: false, json: false },
        schema: convert(&Value::Object(schema)),
        required,
    })
}

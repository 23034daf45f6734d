//! Operations that a tool file lists by hand, without a document.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::document::{convert, name_arguments};
use super::operation::{Body, BodyForm, Operation, Parameter, Place, Style, StyleKind};

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
    endpoints.iter().enumerate().map(|(index, endpoint)| operation(index, endpoint)).collect()
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
        let form = match media_type.as_str() {
            "application/json" => BodyForm::Json,
            "application/x-www-form-urlencoded" => BodyForm::Form,
            "multipart/form-data" => BodyForm::Multipart,
            _ => BodyForm::Raw,
        };
        let schema = convert(&body.schema.unwrap_or(json!({})));
        let fields = schema.get("properties").and_then(Value::as_object);
        let spread = fields.into_iter().flatten().map(|(name, _)| (name.clone(), name.clone())).collect();
        Body { form, media_type, required: body.required, spread, schema }
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

//! From checked arguments to a request: path, query, headers, cookies and body, each encoded as its style says.
//!
//! An argument can never change where a request goes: in a path everything but letters, digits and `-._~` is encoded, and a
//! path segment of dots, or of nothing, is refused.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::operation::{Body, BodyForm, Operation, Parameter, Place, StyleKind};
use crate::tools::arguments::Arguments;
use crate::tools::failure::Failure;

/// A request before its keys.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// `GET` and so on.
    pub method: String,
    /// Server and path, encoded, without the query.
    pub url: String,
    /// Encoded pairs.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Cookies.
    pub cookies: Vec<(String, String)>,
    /// What is sent.
    pub body: Content,
}

/// A body ready to be sent.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing.
    None,
    /// Bytes with a media type.
    Bytes(String, Vec<u8>),
    /// Parts of a form with files.
    Parts(Vec<FormPart>),
}

/// One part of a form with files.
#[derive(Debug, Clone)]
pub struct FormPart {
    /// The field.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its media type; a file's is octets.
    pub media_type: Option<String>,
}

impl Prepared {
    /// A request of this operation to this server.
    pub fn new(server: &str, operation: &Operation, arguments: &Arguments) -> Result<Self, Failure> {
        let mut prepared = Self {
            method: operation.method.clone(),
            url: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            cookies: Vec::new(),
            body: Content::None,
        };
        let mut path = operation.path.clone();
        for parameter in &operation.parameters {
            let Some(value) = arguments.values.get(&parameter.argument) else { continue };
            match parameter.place {
                Place::Path => {
                    let text = in_path(parameter, value);
                    // `DELETE /items/` is not what `DELETE /items/{id}` is.
                    if is_nothing(value) {
                        let words = format!(
                            "argument `{}` goes into the path and cannot be empty",
                            parameter.argument
                        );
                        return Err(Failure::arguments(words));
                    }
                    path = path.replace(&format!("{{{}}}", parameter.name), &text);
                }
                Place::Query => prepared.query.extend(in_query(parameter, value)),
                Place::Header => prepared.headers.push((parameter.name.clone(), header(parameter, value)?)),
                Place::Cookie => prepared.cookies.extend(in_query(parameter, value)),
            }
        }
        if let Some(dots) = path.split('/').find(|segment| is_dots(segment)) {
            return Err(Failure::arguments(format!(
                "a path segment cannot be `{dots}`: it would lead elsewhere"
            )));
        }
        prepared.url = format!("{server}/{}", path.trim_start_matches('/'));
        if let Some(body) = &operation.body {
            prepared.body = content(body, arguments)?;
        }
        Ok(prepared)
    }

    /// The whole address.
    pub fn address(&self) -> String {
        let mut address = self.url.clone();
        for (index, (name, value)) in self.query.iter().enumerate() {
            address.push(if index == 0 && !self.url.contains('?') { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.push_str(value);
        }
        address
    }
}

impl Prepared {
    /// Sets a header, whoever set it before.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

/// Characters that stay as they are beside letters, digits and `-._~`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None.
    Nothing,
    /// Those with a meaning in addresses, where a parameter allows them.
    Reserved,
}

/// Percent-encoding (RFC 3986).
pub fn encode(text: &str, keep: Keep) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // Never `#`, `&`, `+` and `=`: they would end or split the query.
        let reserved = keep == Keep::Reserved && b":/?[]@!$'()*,;".contains(&byte);
        if plain || reserved {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A value that is no container, as text.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Items joined, or fields as `a,1,b,2`, exploded as `a=1,b=2`.
fn joined(value: &Value, separator: &str, explode: bool) -> String {
    match value {
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(separator),
        Value::Object(map) => {
            let between = if explode { "=" } else { separator };
            let fields = map.iter().map(|(name, value)| format!("{name}{between}{}", scalar(value)));
            fields.collect::<Vec<_>>().join(separator)
        }
        plain => scalar(plain),
    }
}

fn in_path(parameter: &Parameter, value: &Value) -> String {
    let style = &parameter.style;
    let name = encode(&parameter.name, Keep::Nothing);
    let parts = |separator: &str| -> String {
        let encoded = |value: &Value| encode(&scalar(value), Keep::Nothing);
        match value {
            Value::Array(items) => items.iter().map(encoded).collect::<Vec<_>>().join(separator),
            Value::Object(map) => {
                let between = if style.explode { "=" } else { separator };
                let fields = map
                    .iter()
                    .map(|(key, value)| format!("{}{between}{}", encode(key, Keep::Nothing), encoded(value)));
                fields.collect::<Vec<_>>().join(separator)
            }
            plain => encoded(plain),
        }
    };
    if style.json {
        return encode(&value.to_string(), Keep::Nothing);
    }
    match (style.kind, value) {
        (StyleKind::Label, _) => format!(".{}", parts(if style.explode { "." } else { "," })),
        (StyleKind::Matrix, Value::Array(items)) if style.explode => {
            items.iter().map(|item| format!(";{name}={}", encode(&scalar(item), Keep::Nothing))).collect()
        }
        (StyleKind::Matrix, Value::Object(_)) if style.explode => format!(";{}", parts(";")),
        (StyleKind::Matrix, _) => format!(";{name}={}", parts(",")),
        _ => parts(","),
    }
}

fn in_query(parameter: &Parameter, value: &Value) -> Vec<(String, String)> {
    let style = &parameter.style;
    let keep = if style.allow_reserved { Keep::Reserved } else { Keep::Nothing };
    let encoded = |text: &str| encode(text, keep);
    let name = encode(&parameter.name, Keep::Nothing);
    if style.json {
        return vec![(name, encoded(&value.to_string()))];
    }
    let joined_by = |separator: &str| match value {
        Value::Array(items) => {
            items.iter().map(|item| encoded(&scalar(item))).collect::<Vec<_>>().join(separator)
        }
        Value::Object(map) => {
            let fields = map.iter().map(|(key, value)| {
                format!("{}{separator}{}", encode(key, Keep::Nothing), encoded(&scalar(value)))
            });
            fields.collect::<Vec<_>>().join(separator)
        }
        plain => encoded(&scalar(plain)),
    };
    match (value, style.kind) {
        (Value::Object(map), StyleKind::DeepObject) => deep(&parameter.name, map, keep),
        (Value::Array(items), _) if style.explode => {
            items.iter().map(|item| (name.clone(), encoded(&scalar(item)))).collect()
        }
        (Value::Object(map), _) if style.explode => {
            map.iter().map(|(key, value)| (encode(key, Keep::Nothing), encoded(&scalar(value)))).collect()
        }
        (_, StyleKind::SpaceDelimited) => vec![(name, joined_by("%20"))],
        (_, StyleKind::PipeDelimited) => vec![(name, joined_by("%7C"))],
        _ => vec![(name, joined_by(","))],
    }
}

/// `filter[a][b]=1`, lists as `filter[a][]=1` are written by most servers' frameworks.
fn deep(prefix: &str, map: &Map<String, Value>, keep: Keep) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (key, value) in map {
        let name = format!("{prefix}[{key}]");
        match value {
            Value::Object(inner) => pairs.extend(deep(&name, inner, keep)),
            Value::Array(items) => {
                let name = encode(&format!("{name}[]"), Keep::Nothing);
                pairs.extend(items.iter().map(|item| (name.clone(), encode(&scalar(item), keep))));
            }
            plain => pairs.push((encode(&name, Keep::Nothing), encode(&scalar(plain), keep))),
        }
    }
    pairs
}

fn header(parameter: &Parameter, value: &Value) -> Result<String, Failure> {
    let text =
        if parameter.style.json { value.to_string() } else { joined(value, ",", parameter.style.explode) };
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f) {
        let words =
            format!("argument `{}` goes into a header and holds a control character", parameter.argument);
        return Err(Failure::arguments(words));
    }
    Ok(text)
}

/// The body's fields, from arguments of their own or from `body`.
fn fields(body: &Body, arguments: &Arguments) -> Option<Value> {
    if body.spread.is_empty() {
        return arguments.values.get(&body.argument).cloned();
    }
    let given = body
        .spread
        .iter()
        .filter_map(|(argument, field)| Some((field.clone(), arguments.values.get(argument)?.clone())));
    let fields: Map<String, Value> = given.collect();
    (!fields.is_empty() || body.required).then_some(Value::Object(fields))
}

fn content(body: &Body, arguments: &Arguments) -> Result<Content, Failure> {
    let value = fields(body, arguments);
    let media_type = match body.form {
        BodyForm::Json if body.media_type.contains('*') => "application/json".to_owned(),
        _ if body.media_type.contains('*') => "application/octet-stream".to_owned(),
        _ => body.media_type.clone(),
    };
    Ok(match body.form {
        BodyForm::Json => match value {
            Some(value) => Content::Bytes(media_type, value.to_string().into_bytes()),
            None => Content::None,
        },
        BodyForm::Form => match value {
            Some(Value::Object(map)) => Content::Bytes(media_type, form(&map).into_bytes()),
            Some(_) => return Err(Failure::arguments("its body must be a dict of fields")),
            None => Content::None,
        },
        BodyForm::Multipart => {
            let mut parts = Vec::new();
            if let Some(Value::Object(map)) = value {
                for (name, value) in map {
                    parts.extend(form_parts(&name, &value));
                }
            }
            for (argument, bytes) in &arguments.bytes {
                let field = body.spread.iter().find(|(known, _)| known == argument);
                let name = field.map_or(argument, |(_, field)| field).clone();
                let media_type = Some("application/octet-stream".to_owned());
                parts.push(FormPart { name, bytes: bytes.clone(), media_type });
            }
            parts.sort_by(|one, other| one.name.cmp(&other.name));
            if parts.is_empty() && !body.required { Content::None } else { Content::Parts(parts) }
        }
        BodyForm::Raw => match (arguments.bytes.get(&body.argument), arguments.values.get(&body.argument)) {
            (Some(bytes), _) => Content::Bytes(media_type, bytes.clone()),
            (None, Some(Value::String(text))) => Content::Bytes(media_type, text.clone().into_bytes()),
            (None, Some(_)) => return Err(Failure::arguments("its body must be text or bytes")),
            (None, None) => Content::None,
        },
    })
}

fn form(map: &Map<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in map {
        let name = encode(name, Keep::Nothing);
        match value {
            Value::Array(items) => {
                pairs.extend(
                    items.iter().map(|item| format!("{name}={}", encode(&scalar(item), Keep::Nothing))),
                );
            }
            Value::Object(_) => pairs.push(format!("{name}={}", encode(&value.to_string(), Keep::Nothing))),
            plain => pairs.push(format!("{name}={}", encode(&scalar(plain), Keep::Nothing))),
        }
    }
    pairs.join("&")
}

fn form_parts(name: &str, value: &Value) -> Vec<FormPart> {
    let part = |bytes: Vec<u8>, media_type: Option<&str>| FormPart {
        name: name.to_owned(),
        bytes,
        media_type: media_type.map(str::to_owned),
    };
    match value {
        Value::Array(items) => items.iter().flat_map(|item| form_parts(name, item)).collect(),
        Value::Object(_) => vec![part(value.to_string().into_bytes(), Some("application/json"))],
        plain => vec![part(scalar(plain).into_bytes(), None)],
    }
}

#[cfg(test)]
mod tests;

//! What a tool gives back, as plain data.

use serde_json::Value;

/// The result of one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Structured data, from a schema or a media type that says so.
    Json(Value),
    /// Text as it came; what looks like JSON is left alone.
    Text(String),
    /// Bytes with a media type.
    Media(Media),
    /// Several things in order.
    Parts(Vec<Part>),
}

/// One of several things.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// Bytes.
    Media(Media),
    /// Structured data.
    Json(Value),
}

/// Bytes that a tool gave, such as an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What they are.
    pub bytes: Vec<u8>,
    /// Their media type, `application/octet-stream` when nobody said.
    pub media_type: String,
    /// Where they come from, when they have an address.
    pub uri: Option<String>,
}

impl Output {
    /// Roughly how many bytes it holds.
    pub fn size(&self) -> usize {
        match self {
            Self::Json(value) => size_of_json(value),
            Self::Text(text) => text.len(),
            Self::Media(media) => media.bytes.len(),
            Self::Parts(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.len(),
                    Part::Media(media) => media.bytes.len(),
                    Part::Json(value) => size_of_json(value),
                })
                .sum(),
        }
    }
}

/// Roughly how many bytes a value holds.
pub fn size_of_json(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 8,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 8,
        Value::Array(items) => 8 + items.iter().map(size_of_json).sum::<usize>(),
        Value::Object(map) => {
            8 + map.iter().map(|(key, value)| key.len() + size_of_json(value)).sum::<usize>()
        }
    }
}

//! Secrets of tools: followed where a tool file refers to them, and kept out of whatever goes back.
//!
//! A value that came from a reference is a secret: it is used in the host and replaced by `***` wherever something goes
//! back to code or to the model, as it is, percent-encoded, in JSON or in base64.

mod reference;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::failure::Failure;
use super::output::{Media, Output, Part};
use crate::masks::Masks;
use reference::Remembered;
pub use reference::{ReferenceError, Template};

/// Where the values of variables come from.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment, and the secrets that were taken from it and from elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    lookup: Lookup,
    base: Arc<Path>,
    masks: Masks,
    remembered: Arc<Mutex<Remembered>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// Over this environment; files that are named without a root lie below `base`.
    pub fn new(base: &Path, lookup: Lookup) -> Self {
        Self { lookup, base: base.into(), masks: Masks::default(), remembered: Arc::default() }
    }

    /// A text with its references followed at once, for what must be known before anything is called.
    pub fn expand(&self, text: &str) -> Result<String, ReferenceError> {
        Template::read(text, self)?.resolve_now(self)
    }

    /// This value must never go back.
    pub fn learn(&self, value: &str) {
        self.masks.learn(value);
    }

    /// All that must never go back, for whoever passes something on.
    pub fn masks(&self) -> &Masks {
        &self.masks
    }

    /// The text without secrets.
    pub fn mask(&self, text: &str) -> String {
        self.masks.now().text(text).unwrap_or_else(|| text.to_owned())
    }

    /// A result without secrets.
    pub fn mask_output(&self, output: Output) -> Output {
        match output {
            Output::Json(value) => Output::Json(self.mask_json(value)),
            Output::Text(text) => Output::Text(self.mask_owned(text)),
            Output::Media(media) => Output::Media(self.mask_media(media)),
            Output::Parts(parts) => Output::Parts(
                parts
                    .into_iter()
                    .map(|part| match part {
                        Part::Text(text) => Part::Text(self.mask_owned(text)),
                        Part::Media(media) => Part::Media(self.mask_media(media)),
                        Part::Json(value) => Part::Json(self.mask_json(value)),
                    })
                    .collect(),
            ),
        }
    }

    /// A failure without secrets.
    pub fn mask_failure(&self, failure: Failure) -> Failure {
        let facts = failure.facts.into_iter().map(|(name, value)| (name, self.mask_json(value))).collect();
        Failure { kind: failure.kind, message: self.mask(&failure.message), facts }
    }

    fn mask_owned(&self, text: String) -> String {
        self.masks.now().owned(text)
    }

    fn mask_media(&self, mut media: Media) -> Media {
        if let Some(masked) = self.masks.now().bytes(&media.bytes) {
            media.bytes = masked;
        }
        media.uri = media.uri.map(|uri| self.mask(&uri));
        media
    }

    /// Plain data without secrets.
    pub fn mask_json(&self, value: Value) -> Value {
        if self.masks.now().is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.mask_owned(text)),
            Value::Array(items) => items.into_iter().map(|item| self.mask_json(item)).collect(),
            Value::Object(map) => {
                map.into_iter().map(|(key, value)| (self.mask(&key), self.mask_json(value))).collect()
            }
            plain => plain,
        }
    }
}

#[cfg(test)]
mod tests;

//! References to the environment in tool files, and the masking of what they stand for.
//!
//! A value that came from a reference is a secret: it is used in the host and replaced by `***` wherever something goes
//! back to code or to the model, as it is, percent-encoded or in base64.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::failure::Failure;
use super::output::{Media, Output, Part};

/// Shorter values are not masked: they would turn up by chance and say more by being hidden.
const SHORTEST: usize = 6;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Where the values of references come from.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment and the secrets that were taken from it. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    lookup: Lookup,
    known: Arc<RwLock<Vec<String>>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(***)")
    }
}

/// A reference that cannot be followed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// The variable is not set.
    #[error(
        "the environment variable `{0}` is not set; set it where the server is started, or write `${{{0}:-default}}`"
    )]
    Unset(String),
    /// `${` without its end.
    #[error("`{0}` has a `${{` without a `}}`")]
    Open(String),
}

impl Secrets {
    /// Over this environment.
    pub fn new(lookup: Lookup) -> Self {
        Self { lookup, known: Arc::default() }
    }

    /// A text with its references followed: `${NAME}`, `${env:NAME}` and `${NAME:-default}`.
    pub fn expand(&self, text: &str) -> Result<String, ReferenceError> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            expanded.push_str(&rest[..start]);
            let reference = &rest[start + 2..];
            let end = reference.find('}').ok_or_else(|| ReferenceError::Open(text.to_owned()))?;
            expanded.push_str(&self.follow(&reference[..end])?);
            rest = &reference[end + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn follow(&self, reference: &str) -> Result<String, ReferenceError> {
        let reference = reference.strip_prefix("env:").unwrap_or(reference);
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        match ((self.lookup)(name), default) {
            (Some(value), _) if !value.is_empty() => {
                self.learn(&value);
                Ok(value)
            }
            (_, Some(default)) => Ok(default.to_owned()),
            (Some(empty), None) => Ok(empty),
            (None, None) => Err(ReferenceError::Unset(name.to_owned())),
        }
    }

    /// This value must never go back.
    pub fn learn(&self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(value) {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // A secret that holds another one is masked first.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without secrets.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in self.known.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if masked.contains(secret.as_str()) {
                masked = masked.replace(secret.as_str(), MASK);
            }
        }
        masked
    }

    /// Bytes that are no text, without secrets.
    fn mask_bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut masked = bytes;
        for secret in self.known.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let secret = secret.as_bytes();
            let mut from = 0;
            while let Some(at) = masked[from..].windows(secret.len()).position(|window| window == secret) {
                masked.splice(from + at..from + at + secret.len(), MASK.bytes());
                from += at + MASK.len();
            }
        }
        masked
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

    /// The same without a copy where there is nothing to mask, for texts may be large.
    fn mask_owned(&self, text: String) -> String {
        match self.known.read() {
            Ok(known) if !known.iter().any(|secret| text.contains(secret.as_str())) => text,
            _ => self.mask(&text),
        }
    }

    fn mask_media(&self, mut media: Media) -> Media {
        media.bytes = match String::from_utf8(media.bytes) {
            Ok(text) => self.mask(&text).into_bytes(),
            Err(error) => self.mask_bytes(error.into_bytes()),
        };
        media.uri = media.uri.map(|uri| self.mask(&uri));
        media
    }

    fn mask_json(&self, value: Value) -> Value {
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

/// The spellings in which a secret may come back.
fn forms(value: &str) -> Vec<String> {
    let percent = |byte: u8, upper: bool| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other if upper => format!("%{other:02X}"),
        other => format!("%{other:02x}"),
    };
    let mut forms = vec![value.to_owned()];
    forms.extend([true, false].map(|upper| value.bytes().map(|byte| percent(byte, upper)).collect()));
    // Inside of JSON that is text.
    let quoted = Value::from(value).to_string();
    forms.push(quoted[1..quoted.len() - 1].to_owned());
    for before in 0..3 {
        // In base64 a text looks different at each of three places; its first and last characters there also hold bits of
        // what stands beside it.
        let bytes = [&vec![0; before], value.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.extend(encoded.get(from..to).map(str::to_owned));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        Secrets::new(Arc::new(|name| match name {
            "TOKEN" => Some("s3cret/value".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }))
    }

    #[test]
    fn references_are_followed() {
        let check = |text: &str, expected: Result<&str, ReferenceError>| {
            assert_eq!(secrets().expand(text), expected.map(str::to_owned), "{text}");
        };
        check("Bearer ${TOKEN}!", Ok("Bearer s3cret/value!"));
        check("${env:TOKEN}", Ok("s3cret/value"));
        check("${OTHER:-x}${EMPTY:-y}", Ok("xy"));
        check("${EMPTY}", Ok(""));
        check("plain $HOME", Ok("plain $HOME"));
        check("${OTHER}", Err(ReferenceError::Unset("OTHER".into())));
        check("${TOKEN", Err(ReferenceError::Open("${TOKEN".into())));
    }

    #[test]
    fn what_was_a_reference_never_goes_back() {
        let secrets = secrets();
        secrets.expand("${TOKEN}").unwrap();
        assert_eq!(secrets.mask("key=s3cret/value&k=s3cret%2Fvalue&s3cret%2fvalue"), "key=***&k=***&***");
        for before in ["", "u", "us", "user:"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}s3cret/value, and more"));
            assert!(secrets.mask(&encoded).contains("***"), "{encoded}");
        }
        let bytes = [b"\xff", b"s3cret/value".as_slice(), b"\0s3cret/value"].concat();
        let media = Media { bytes, media_type: String::new(), uri: None };
        assert_eq!(secrets.mask_media(media).bytes, b"\xff***\0***");
        let output = Output::Json(json!({"s3cret/value": ["s3cret/value", 1]}));
        assert_eq!(secrets.mask_output(output), Output::Json(json!({"***": ["***", 1]})));
        let failure = Failure::failed("s3cret/value").with("stderr", "x s3cret/value");
        let masked = secrets.mask_failure(failure);
        assert_eq!((masked.message.as_str(), &masked.facts[0].1), ("***", &json!("x ***")));
        for around in ["", "a", "ab", "user:"] {
            for engine in
                [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE]
            {
                let masked = secrets.mask(&engine.encode(format!("{around}s3cret/value{around}")));
                let shown = engine.encode("s3cret/value");
                assert!(masked.contains("***") && !masked.contains(&shown[4..12]), "{around}: {masked}");
                assert!(masked.len() <= 3 + 4 * around.len() + 6, "{around}: {masked}");
            }
        }
        let bytes = b"\xffs3cret/values3cret/value s3cret/valu\x00".to_vec();
        let media = Media { bytes, media_type: "image/png".into(), uri: Some("x?k=s3cret%2Fvalue".into()) };
        let Output::Media(masked) = secrets.mask_output(Output::Media(media)) else { panic!("media") };
        assert_eq!(masked.bytes, b"\xff****** s3cret/valu\x00");
        assert_eq!(masked.uri.unwrap(), "x?k=***");
        assert_eq!(format!("{secrets:?}"), "Secrets(***)");
    }
}

//! Names that are valid by construction: session handles and output ids.
//!
//! Every other module takes these types; nothing past this file checks a handle's form again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A session's handle: `s_` and 128 random bits in lower-case hex. Unguessable, so holding it is the permission.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

/// The id of one cell's kept output: `o_` and 128 random bits in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutputId(String);

/// A text that is not the handle it was given as.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not {kind}: {kind} is `{prefix}` and 32 hexadecimal digits")]
pub struct NameError {
    given: String,
    kind: &'static str,
    prefix: &'static str,
}

impl SessionId {
    const PREFIX: &'static str = "s_";
    const KIND: &'static str = "a session handle";

    /// A new handle from the operating system's randomness.
    pub fn random() -> std::io::Result<Self> {
        Ok(Self(random_hex(Self::PREFIX)?))
    }

    /// Reads a handle as a client sent it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text, Self::PREFIX, Self::KIND).map(Self)
    }

    /// The handle as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OutputId {
    const PREFIX: &'static str = "o_";
    const KIND: &'static str = "an output id";

    /// A new id from the operating system's randomness.
    pub fn random() -> std::io::Result<Self> {
        Ok(Self(random_hex(Self::PREFIX)?))
    }

    /// Reads an id as a client sent it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text, Self::PREFIX, Self::KIND).map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn random_hex(prefix: &str) -> std::io::Result<String> {
    let bits = actwright_sandbox::sys::random_u128()?;
    Ok(format!("{prefix}{bits:032x}"))
}

fn check(text: &str, prefix: &'static str, kind: &'static str) -> Result<String, NameError> {
    let digits = text.strip_prefix(prefix).unwrap_or("");
    if digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(text.to_owned());
    }
    let given: String = text.chars().take(40).collect();
    Err(NameError { given, kind, prefix })
}

macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
text_form!(SessionId);
text_form!(OutputId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_handle_reads_back() {
        let id = SessionId::random().unwrap();
        assert_eq!(SessionId::parse(id.as_str()), Ok(id));
    }

    #[test]
    fn anything_else_is_refused_and_named() {
        for bad in
            ["", "s_", "s_XYZ", "o_0123456789abcdef0123456789abcdef", "s_0123456789ABCDEF0123456789ABCDEF"]
        {
            let message = SessionId::parse(bad).unwrap_err().to_string();
            assert!(message.contains("is not a session handle"), "{message}");
        }
    }
}

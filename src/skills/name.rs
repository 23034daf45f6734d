//! The name of a skill: a Python identifier that hides nothing, valid by construction.
//!
//! It cannot hold a separator or a dot, so no path and no attribute of another thing can be said with it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A skill's name, as code writes it behind `skills.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SkillName(String);

/// The longest name, in characters.
const LONGEST: usize = 64;

/// Python's keywords, on every version that runs here.
const KEYWORDS: &str = "False None True and as assert async await break class continue def del elif else except finally \
                        for from global if import in is lambda nonlocal not or pass raise return try while with yield";

/// What `skills` itself has under these names.
const METHODS: &str = "search list get invoke ainvoke create delete history verify export load names test";

/// What stands ready in every session.
const OBJECTS: &str = "tools skills artifacts deps display progress ask llm run";

/// Builtins that people reach for, and that a `from` or a loop over skills would hide.
const BUILTINS: &str = "abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile \
                        complex copyright credits delattr dict dir divmod enumerate eval exec exit filter float format \
                        frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter len \
                        license locals map max memoryview min next object oct open ord pow print property quit range \
                        repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip";

/// Why a text is no name of a skill. The words are for an agent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// No identifier.
    #[error(
        "{given:?} is no name for a skill: a name is a Python identifier of ASCII letters, digits and `_` that begins with a letter, such as parse_logs"
    )]
    Malformed {
        /// What was given, shortened.
        given: String,
    },
    /// Too long.
    #[error("the name `{given}…` is longer than {LONGEST} characters")]
    TooLong {
        /// Its beginning.
        given: String,
    },
    /// A keyword.
    #[error("`{0}` is a keyword of Python; choose another name, such as {0}_items")]
    Keyword(String),
    /// A method of `skills`.
    #[error(
        "`{0}` is reserved: skills.{0}(...) is a function of `skills` itself; choose another name, such as {0}_items"
    )]
    Reserved(String),
    /// Another object of the session.
    #[error("`{0}` is reserved for the session's own `{0}`; choose another name")]
    Object(String),
    /// A builtin.
    #[error("`{0}` would shadow Python's builtin `{0}`; choose another name, such as {0}_items")]
    Builtin(String),
}

impl SkillName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(NameError::Malformed { given: text.chars().take(60).collect() });
        }
        if text.len() > LONGEST {
            return Err(NameError::TooLong { given: text[..40].to_owned() });
        }
        let is_in = |list: &str| list.split_whitespace().any(|word| word == text);
        let name = text.to_owned();
        if is_in(KEYWORDS) {
            return Err(NameError::Keyword(name));
        }
        if is_in(METHODS) {
            return Err(NameError::Reserved(name));
        }
        if is_in(OBJECTS) {
            return Err(NameError::Object(name));
        }
        if is_in(BUILTINS) {
            return Err(NameError::Builtin(name));
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SkillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SkillName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<SkillName> for String {
    fn from(name: SkillName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_none() {
        for good in ["a", "parse_logs", "CSV2json", "name", "match", "x".repeat(64).as_str()] {
            assert_eq!(SkillName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        let check = |given: &str, expected: &str| {
            let words = SkillName::parse(given).unwrap_err().to_string();
            assert!(words.contains(expected), "{given}: {words}");
        };
        for bad in ["", "_x", "1x", "a-b", "a.b", "../x", "a/b", "naïve", "a b", "a\n", "a\0"] {
            check(bad, "is no name for a skill");
        }
        check(&"x".repeat(65), "longer than 64 characters");
        check("class", "`class` is a keyword");
        check("None", "keyword");
        check("search", "`search` is reserved: skills.search(...) is a function");
        check("verify", "reserved");
        check("tools", "reserved for the session's own `tools`");
        check("print", "would shadow Python's builtin `print`");
    }
}

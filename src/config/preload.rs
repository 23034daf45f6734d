//! Which packages are imported before a session begins: as it is written, and as it is meant.

use std::convert::Infallible;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::checks::Picked;

/// The longest name of a module.
const LONGEST: usize = 64;

/// The most names that a list may have.
const MOST: usize = 32;

/// Which packages are imported before a session begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preload {
    /// Those that sessions import anyway, of well-known ones and of those that the sessions' Python has itself.
    #[default]
    Auto,
    /// None.
    Off,
    /// These modules, by the names under which they are imported.
    These(Vec<String>),
}

/// The value as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected \"auto\", \"off\" or a list of modules")]
pub enum RawPreload {
    /// `"auto"`, `"off"`.
    Word(String),
    /// `["numpy", "pandas"]`.
    Names(Vec<String>),
}

/// In the environment names are separated by spaces.
impl FromStr for RawPreload {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "auto" || text == "off" {
            return Ok(Self::Word(text.to_owned()));
        }
        Ok(Self::Names(text.split_whitespace().map(str::to_owned).collect()))
    }
}

/// The setting, if it is one.
pub fn preload(picked: Picked<RawPreload>) -> Result<Picked<Preload>, ConfigError> {
    let preload = match &picked.value {
        RawPreload::Word(word) if word == "auto" => Preload::Auto,
        RawPreload::Word(word) if word == "off" => Preload::Off,
        RawPreload::Word(word) => {
            let words = format!("is `{word}`; allowed are `auto`, `off` and a list of modules");
            return Err(picked.refuse(words, None));
        }
        RawPreload::Names(names) if names.len() > MOST => {
            return Err(picked.refuse(format!("has more than {MOST} modules"), None));
        }
        RawPreload::Names(names) => match names.iter().find(|name| !is_module(name)) {
            Some(name) => {
                let hint = "a package is named as it is imported, such as `PIL` for pillow";
                return Err(picked
                    .refuse(format!("has `{name}`, which is no name of a module"), Some(hint.to_owned())));
            }
            None => Preload::These(names.clone()),
        },
    };
    Ok(picked.map(|_| preload))
}

/// Whether this can be the name of a top-level module that is imported by name: letters, digits and `_`.
pub fn is_module(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Preload {
    /// As it is shown.
    pub fn words(&self) -> super::listing::Shown {
        match self {
            Self::Auto => "auto".into(),
            Self::Off => "off".into(),
            Self::These(names) => names.clone().into(),
        }
    }
}

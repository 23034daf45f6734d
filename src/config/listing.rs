//! The resolved settings as `actwright config` shows them: lines of TOML with their origin, or JSON.
//!
//! The text is itself a valid `actwright.toml`; `base` and a sandbox that is `off` are comments in it,
//! because the file may not say them.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::checks::Picked;
use super::error::Origin;

/// Every setting in order.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    settings: Vec<Setting>,
}

/// One setting.
#[derive(Debug, Clone)]
struct Setting {
    name: &'static str,
    value: Shown,
    origin: Origin,
}

/// A value in the form it is shown in.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A number.
    Number(u64),
    /// Seconds.
    Seconds(Duration),
    /// A word or a path.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Paths.
    List(Vec<String>),
}

impl Listing {
    /// Adds a setting; `shown` is its value in the form it is shown in.
    pub fn add<T>(&mut self, picked: &Picked<T>, shown: impl Into<Shown>) {
        let setting = Setting { name: picked.key.name, value: shown.into(), origin: picked.origin.clone() };
        self.settings.push(setting);
    }

    /// `limits.memory = 2000000000  # default`, a line each.
    pub fn to_toml(&self) -> String {
        let line = |setting: &Setting| {
            let value = setting.value.toml();
            let comment = if setting.name == "base" || value == "\"off\"" { "# " } else { "" };
            format!("{comment}{} = {value}  # {}\n", setting.name, setting.origin.word())
        };
        self.settings.iter().map(line).collect()
    }

    /// `{"limits.memory": {"value": 2000000000, "from": "file", "where": "`actwright.toml`, line 2"}}`.
    pub fn to_json(&self) -> Value {
        let entry = |setting: &Setting| {
            let mut entry = json!({"value": setting.value.json(), "from": setting.origin.word()});
            if setting.origin != Origin::Default {
                entry["where"] = Value::from(setting.origin.to_string().replace('`', ""));
            }
            (setting.name.to_owned(), entry)
        };
        Value::Object(self.settings.iter().map(entry).collect::<Map<_, _>>())
    }
}

impl Shown {
    fn toml(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Seconds(time) => seconds(*time).to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => toml::Value::from(text.as_str()).to_string(),
            Self::List(list) => toml::Value::from(list.clone()).to_string(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Seconds(time) => seconds(*time),
            Self::Flag(flag) => json!(flag),
            Self::Text(text) => json!(text),
            Self::List(list) => json!(list),
        }
    }
}

/// Whole seconds as an integer, as people write them.
fn seconds(time: Duration) -> Value {
    if time.subsec_nanos() == 0 { json!(time.as_secs()) } else { json!(time.as_secs_f64()) }
}

macro_rules! shown_from {
    ($($from:ty => $case:ident),*) => {
        $(impl From<$from> for Shown {
            fn from(value: $from) -> Self {
                Self::$case(value.into())
            }
        })*
    };
}
shown_from!(u64 => Number, Duration => Seconds, String => Text, &str => Text, bool => Flag, Vec<String> => List);

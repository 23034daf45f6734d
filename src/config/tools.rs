//! The rules of tools in `actwright.toml`: which may be called, by whom, how often.
//!
//! They come from the file alone, because a policy on a command line is one that somebody forgets.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[tools]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawTools {
    /// `[tools.policy."github.*"]`
    pub policy: BTreeMap<String, RawRule>,
}

/// One rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    #[serde(default)]
    permission: Permission,
    #[serde(default)]
    callers: Callers,
    #[serde(default)]
    effects: Effects,
    rate: Option<Rate>,
    per_cell: Option<NonZeroU32>,
    #[serde(default)]
    serial: bool,
}

/// Which calls of the tools with certain names are allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolRule {
    /// `namespace.tool`, where `*` stands for any text.
    pub pattern: String,
    /// Whether they may be called at all.
    pub permission: Permission,
    /// Who may call them.
    pub callers: Callers,
    /// Of which of them, by what they say of their effects.
    pub effects: Effects,
    /// How often each of them may be called.
    pub rate: Option<Rate>,
    /// How often one cell may call each of them.
    pub per_cell: Option<NonZeroU32>,
    /// Whether calls of any of them wait for each other.
    pub order: Order,
}

/// Which tools a rule is for, by what they say of their effects. A tool that says nothing may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effects {
    /// All.
    #[default]
    Any,
    /// Those that do not say that they only read.
    Writes,
    /// Those that neither say that they only read nor that they destroy nothing.
    Destroys,
}

/// Whether calls wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// They run side by side.
    #[default]
    Parallel,
    /// One after the other.
    Serial,
}

/// Whether a tool may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// It may.
    #[default]
    Allow,
    /// Only with a person's consent.
    Ask,
    /// It may not.
    Deny,
}

/// Who may call a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Callers {
    /// Code in a session and the model.
    #[default]
    Both,
    /// Only code.
    Code,
    /// Only the model, through `call_tool`.
    Model,
}

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    /// So many times.
    pub calls: u32,
    /// In so long.
    pub per: Duration,
}

impl RawTools {
    /// The rules for the rest of the program.
    pub fn rules(&self) -> Vec<ToolRule> {
        let rule = |(pattern, raw): (&String, &RawRule)| ToolRule {
            pattern: pattern.trim_start_matches("tools.").to_owned(),
            permission: raw.permission,
            callers: raw.callers,
            effects: raw.effects,
            rate: raw.rate,
            per_cell: raw.per_cell,
            order: if raw.serial { Order::Serial } else { Order::Parallel },
        };
        self.policy.iter().map(rule).collect()
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    /// `10/s`, `60/min`, `1000/h`.
    fn try_from(text: String) -> Result<Self, String> {
        let refused =
            || format!("`{text}` is no rate; write calls and a unit, such as `60/min`, `10/s` or `500/h`");
        let (calls, unit) = text.split_once('/').ok_or_else(refused)?;
        let calls = calls.trim().parse().ok().filter(|calls| *calls > 0).ok_or_else(refused)?;
        let seconds = match unit.trim() {
            "s" | "second" => 1,
            "min" | "m" | "minute" => 60,
            "h" | "hour" => 3600,
            "d" | "day" => 86_400,
            _ => return Err(refused()),
        };
        Ok(Self { calls, per: Duration::from_secs(seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<ToolRule>, String> {
        toml::from_str::<RawTools>(text).map(|raw| raw.rules()).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_rule_is_read_and_what_it_leaves_out_is_allowed() {
        let rules = read(
            "[policy.\"tools.curl.*\"]\ncallers = \"code\"\nrate = \"60/min\"\nper_cell = 5\n\
                          serial = true\neffects = \"writes\"\n",
        )
        .unwrap();
        let rate = Some(Rate { calls: 60, per: Duration::from_secs(60) });
        let expected = ToolRule {
            pattern: "curl.*".into(),
            permission: Permission::Allow,
            callers: Callers::Code,
            effects: Effects::Writes,
            rate,
            per_cell: NonZeroU32::new(5),
            order: Order::Serial,
        };
        assert_eq!(rules, [expected]);
    }

    #[test]
    fn a_mistake_is_named() {
        let check = |text: &str, expected: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(
            "[policy.x]\npermission = \"maybe\"",
            "unknown variant `maybe`, expected one of `allow`, `ask`, `deny`",
        );
        check("[policy.x]\nrate = \"often\"", "`often` is no rate");
        check("[policy.x]\nper_cell = 0", "expected a nonzero u32");
        check("[policy.x]\neffects = \"reads\"", "expected one of `any`, `writes`, `destroys`");
        check("[policy.x]\nallow = true", "unknown field `allow`");
    }
}

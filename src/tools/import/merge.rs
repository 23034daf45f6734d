//! Offers merged into the servers of `mcp.json`: what is there stays as it is, unless the operator says otherwise.
//!
//! A verdict is given on every offer, so that nothing disappears without a word.

use serde_json::{Map, Value};

use super::Offer;
use crate::tools::name::{Identifier, Reserved};

/// What becomes of an entry of `mcp.json` that differs from the one offered under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differing {
    /// It stays.
    Keep,
    /// The offered one takes its place.
    Replace,
}

/// An offer and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// It.
    pub offer: Offer,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is new.
    Added,
    /// It takes the place of another entry.
    Replaced,
    /// It is there already, under this name.
    There(String),
    /// Another entry has its name: one of `mcp.json`, or of this client.
    Differs(String),
    /// Its namespace is taken by something else.
    Taken(String),
    /// It can't be taken over, for this reason.
    Skipped(String),
}

impl Verdict {
    /// The word for lists.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::There(_) => "there",
            Self::Differs(_) => "differs",
            Self::Taken(_) => "taken",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Whether `mcp.json` changes.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Added | Self::Replaced)
    }
}

/// The servers after a merge, and what became of each offer.
#[derive(Debug, PartialEq)]
pub struct Merged {
    /// The whole document.
    pub document: Map<String, Value>,
    /// In the order of the offers.
    pub outcomes: Vec<Outcome>,
}

/// Merges offers into a document. `others` are the namespaces of tool files.
pub fn merge(
    mut document: Map<String, Value>,
    others: &[String],
    offers: Vec<Offer>,
    differing: Differing,
) -> Result<Merged, String> {
    // Both keys are read, the first of them alone; a second one would hide what is there.
    let key = if document.contains_key("servers") && !document.contains_key("mcpServers") {
        "servers"
    } else {
        "mcpServers"
    };
    let mut servers = match document.remove(key) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(servers)) => servers,
        Some(_) => return Err(format!("`{key}` is not a table")),
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for offer in offers {
        let verdict = match &offer.entry {
            Err(why) => Verdict::Skipped(why.clone()),
            Ok(entry) => judge(&offer.name, entry, &servers, &outcomes, others, differing),
        };
        if let (true, Ok(entry)) = (verdict.is_change(), &offer.entry) {
            servers.insert(offer.name.clone(), entry.clone());
        }
        outcomes.push(Outcome { offer, verdict });
    }
    document.insert(key.to_owned(), Value::Object(servers));
    Ok(Merged { document, outcomes })
}

fn judge(
    name: &str,
    entry: &Value,
    servers: &Map<String, Value>,
    before: &[Outcome],
    others: &[String],
    differing: Differing,
) -> Verdict {
    if name.trim().is_empty() {
        return Verdict::Skipped("it has no name".to_owned());
    }
    if servers.get(name) == Some(entry) {
        return Verdict::There(name.to_owned());
    }
    let from_here = before.iter().find(|outcome| outcome.offer.name == name && outcome.verdict.is_change());
    if let Some(earlier) = from_here {
        return Verdict::Differs(earlier.offer.client.to_string());
    }
    if servers.contains_key(name) {
        return match differing {
            Differing::Keep => Verdict::Differs("mcp.json".to_owned()),
            Differing::Replace => Verdict::Replaced,
        };
    }
    if let Some((same, _)) = servers.iter().find(|(_, other)| *other == entry) {
        return Verdict::There(same.clone());
    }
    let space = |name: &str| Identifier::of(name, Reserved::Namespace);
    let wanted = space(name);
    if let Some(other) = servers.keys().find(|other| space(other) == wanted) {
        return Verdict::Taken(other.clone());
    }
    match others.iter().find(|other| other.as_str() == wanted.as_str()) {
        Some(other) => Verdict::Taken(other.clone()),
        None => Verdict::Added,
    }
}

#[cfg(test)]
mod tests;

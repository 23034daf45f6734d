//! A skill as everyone outside sees it, wherever it comes from.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::name::SkillName;
use super::proof::State;
use super::shape::Shape;
use crate::storage::{SkillRow, VersionKind, VersionRow};

/// Where a skill comes from. Of one name, the first wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A file in a directory of skills, by its name there.
    File(String),
    /// The store of the base directory.
    Stored,
    /// The program itself.
    Bundled,
}

impl Origin {
    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Stored => "stored",
            Self::Bundled => "bundled",
        }
    }
}

/// A skill, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Skill {
    /// Its name.
    pub name: SkillName,
    /// Where it comes from.
    pub origin: Origin,
    /// Its version, where it is stored.
    pub version: Option<i64>,
    /// The source, word for word.
    pub source: String,
    /// The description, word for word as it was given, else what the docstring says.
    pub description: String,
    /// What `run` takes and gives.
    pub shape: Shape,
    /// Words it is kept under.
    pub tags: Vec<String>,
    /// `{"args": {…}, "expect": …}`, each a call and what it gives.
    pub examples: Vec<Value>,
    /// The source's SHA-256 in hex.
    pub hash: String,
    /// Who saved it; empty for files.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When, in microseconds since 1970; 0 where that is not known.
    pub made: i64,
    /// What of the same name it hides, in words.
    pub hides: Vec<String>,
}

/// One step in a skill's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The version's number.
    pub version: i64,
    /// The version before it.
    pub parent: Option<i64>,
    /// Whether it deleted the skill.
    pub kind: VersionKind,
    /// The source's SHA-256 in hex.
    pub hash: String,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When, in microseconds since 1970.
    pub made: i64,
    /// The first line of the description.
    pub summary: String,
    /// What its newest proof said of it.
    pub proof: State,
}

/// A file that is no skill, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file's name in its directory.
    pub place: String,
    /// What is wrong with it.
    pub words: String,
}

impl Skill {
    /// A stored skill. What another program wrote there in a form of its own counts as not written.
    pub fn of_row(row: SkillRow) -> Option<Self> {
        let version = row.version;
        Some(Self {
            name: SkillName::parse(&row.name).ok()?,
            origin: Origin::Stored,
            version: Some(version.version),
            source: version.source,
            description: version.description,
            shape: serde_json::from_str(&version.shape).unwrap_or_default(),
            tags: serde_json::from_str(&version.tags).unwrap_or_default(),
            examples: serde_json::from_str(&version.examples).unwrap_or_default(),
            hash: version.hash,
            author: version.author,
            reason: version.reason,
            made: version.made,
            hides: Vec::new(),
        })
    }

    /// The first line of its description.
    pub fn summary(&self) -> &str {
        summary(&self.description)
    }

    /// `skills.parse_logs(path: str) -> dict`.
    pub fn signature(&self) -> String {
        self.shape.signature(self.name.as_str())
    }

    /// Its signature, its first line, and where it comes from if that is not the store.
    pub fn line(&self) -> String {
        let mut line = self.signature();
        if !self.summary().is_empty() {
            line.push_str("  ");
            line.push_str(self.summary());
        }
        match &self.origin {
            Origin::Stored => {}
            Origin::File(place) => line.push_str(&format!(" [file {place}]")),
            Origin::Bundled => line.push_str(" [bundled]"),
        }
        line
    }

    /// What a list says of it, for programs.
    pub fn about(&self) -> Value {
        let mut about = json!({
            "name": self.name.as_str(),
            "signature": self.signature(),
            "description": self.description,
            "origin": self.origin.word(),
            "version": self.version,
            "tags": self.tags,
        });
        if let Origin::File(place) = &self.origin {
            about["file"] = place.as_str().into();
        }
        if !self.hides.is_empty() {
            about["hides"] = json!(self.hides);
        }
        about
    }

    /// All of it, for programs.
    pub fn whole(&self) -> Value {
        let mut whole = self.about();
        whole["source"] = self.source.as_str().into();
        whole["parameters"] = self.shape.input();
        whole["run"] = json!(self.shape.parameters.iter().map(|each| each.written()).collect::<Vec<_>>());
        whole["rest"] = self.shape.rest.as_deref().into();
        whole["returns"] = self.shape.returns.as_deref().into();
        whole["returns_schema"] = self.shape.returns_schema.clone();
        whole["async"] = self.shape.is_async.into();
        whole["dependencies"] = json!(self.shape.dependencies);
        whole["examples"] = json!(self.examples);
        whole["hash"] = self.hash.as_str().into();
        whole["author"] = self.author.as_str().into();
        whole["reason"] = self.reason.as_str().into();
        whole["made"] = moment(self.made).into();
        whole
    }
}

impl Event {
    /// A version as a step.
    pub fn of_row(row: &VersionRow, proof: State) -> Self {
        Self {
            proof,
            version: row.version,
            parent: row.parent,
            kind: row.kind,
            hash: row.hash.clone(),
            author: row.author.clone(),
            reason: row.reason.clone(),
            made: row.made,
            summary: summary(&row.description).to_owned(),
        }
    }

    /// For programs.
    pub fn about(&self) -> Value {
        json!({
            "version": self.version,
            "parent": self.parent,
            "kind": match self.kind { VersionKind::Saved => "saved", VersionKind::Deleted => "deleted" },
            "hash": self.hash,
            "author": self.author,
            "reason": self.reason,
            "made": moment(self.made),
            "summary": self.summary,
            "proof": self.proof.word(),
        })
    }
}

/// The SHA-256 of a source in hex.
pub fn hash(source: &str) -> String {
    hex(&Sha256::digest(source.as_bytes()))
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn summary(description: &str) -> &str {
    description.trim_start().lines().next().unwrap_or("").trim_end()
}

/// Now, in microseconds since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A time as ISO 8601 in UTC, to the second; empty for 0. The calendar is that of Howard Hinnant's `civil_from_days`.
pub fn moment(micros: i64) -> String {
    if micros == 0 {
        return String::new();
    }
    let seconds = micros.div_euclid(1_000_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

//! Skills as the store keeps them: plain rows. What they mean is known by the room of skills alone.

use super::words::Words;

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// A source that was saved.
    Saved,
    /// The skill was deleted here.
    Deleted,
}

/// A version to be added.
#[derive(Debug, Clone, Default)]
pub struct NewVersion {
    /// The skill's name.
    pub name: String,
    /// The source, whole.
    pub source: String,
    /// The description, word for word.
    pub description: String,
    /// What the parser found, as JSON.
    pub shape: String,
    /// Examples, as JSON.
    pub examples: String,
    /// Tags, as JSON.
    pub tags: String,
    /// The source's SHA-256 in hex.
    pub hash: String,
    /// Who saved it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When, in microseconds since 1970.
    pub made: i64,
    /// The words that it is found by.
    pub words: Words,
}

/// A version as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its number, from 1.
    pub version: i64,
    /// The version before it.
    pub parent: Option<i64>,
    /// Whether it is a source or a deletion.
    pub kind: VersionKind,
    /// The source; empty for a deletion.
    pub source: String,
    /// The description.
    pub description: String,
    /// What the parser found, as JSON.
    pub shape: String,
    /// Examples, as JSON.
    pub examples: String,
    /// Tags, as JSON.
    pub tags: String,
    /// The source's SHA-256 in hex.
    pub hash: String,
    /// Who saved it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When, in microseconds since 1970.
    pub made: i64,
}

/// A skill with one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillRow {
    /// Its number in the store, stable over versions.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The version.
    pub version: VersionRow,
}

/// How a skill fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UseRow {
    /// Its name.
    pub name: String,
    /// How often it ran to an end, good or bad.
    pub uses: i64,
    /// How often that was an error.
    pub failures: i64,
    /// When the last time was, in microseconds since 1970.
    pub last_used: i64,
    /// The last error, if there ever was one.
    pub last_error: Option<String>,
}

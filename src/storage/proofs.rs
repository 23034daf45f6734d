//! Proofs of skills as the store keeps them: plain rows. What they mean is known by the room of skills alone.

use std::collections::BTreeMap;

/// What a run of a skill's examples gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofRow {
    /// The skill's name.
    pub name: String,
    /// The SHA-256 of the source that ran, in hex.
    pub hash: String,
    /// The same of source and examples together.
    pub stamp: String,
    /// The recording that was played or made.
    pub cassette: Option<i64>,
    /// Whether every example gave what it should.
    pub passed: bool,
    /// What went wrong.
    pub reason: String,
    /// What the run depended on, as JSON.
    pub used: String,
    /// When, in microseconds since 1970.
    pub made: i64,
}

/// A recording of the calls of tools that a skill's examples made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CassetteRow {
    /// Its number.
    pub id: i64,
    /// The skill's name.
    pub name: String,
    /// The SHA-256 of the source that ran, in hex.
    pub hash: String,
    /// The same of source and examples together.
    pub stamp: String,
    /// A tape for each example, as JSON.
    pub tapes: String,
    /// When, in microseconds since 1970.
    pub made: i64,
}

/// A skill's newest proof beside what the store has of the skill now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The hash and examples of the living stored skill, if there is one.
    pub stored: Option<(String, String)>,
    /// The newest proof.
    pub proof: Option<ProofRow>,
}

/// The versions of packages, by name.
pub type Packages = BTreeMap<String, String>;

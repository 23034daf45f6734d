//! The words of skills, as the store keeps them, and which skills changed. How texts become words is known by the room of skills.

use super::skills::SkillRow;

/// The SHA-256 of what a vector was made of.
pub type Hash = [u8; 32];

/// The words of a skill at one version.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The way in which they were made.
    pub edition: i64,
    /// The name of its content.
    pub content: Hash,
    /// Packed, for a search in memory.
    pub bag: Vec<u8>,
    /// With spaces between them: of its name, of what it is about, of its parameters, of its source.
    pub texts: [String; 4],
}

/// Words with the version that they are of.
#[derive(Debug, Clone)]
pub struct Worded {
    /// The skill's number in the store.
    pub skill: i64,
    /// Its version.
    pub version: i64,
    /// Its words.
    pub words: Words,
}

/// The skills that have some of the words that were looked for.
#[derive(Debug, Clone)]
pub struct WordHits {
    /// The skills at their newest versions, the best first.
    pub skills: Vec<SkillRow>,
    /// In how many living skills each word stands.
    pub counts: Vec<i64>,
    /// How many living skills there are.
    pub all: i64,
}

/// The newest version that was seen, by which later ones are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, std::hash::Hash)]
pub struct Mark {
    /// Its place in the table, which grows.
    pub place: i64,
    /// Its skill.
    pub skill: i64,
    /// Its number.
    pub version: i64,
}

/// A living skill at its newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number in the store.
    pub id: i64,
    /// The name of its content and its packed words, if they are kept.
    pub words: Option<(Hash, Vec<u8>)>,
}

/// What changed since a mark.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Whether all skills are to be read, because the mark was none of this database.
    pub is_all: bool,
    /// The skills that are new or other.
    pub living: Vec<Head>,
    /// The skills that are gone.
    pub gone: Vec<i64>,
    /// The mark for the next time.
    pub mark: Option<Mark>,
}

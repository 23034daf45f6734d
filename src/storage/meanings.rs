//! What skills mean, as the store keeps it: vectors by model and content. What a content is made of is known by the room of skills.

/// The SHA-256 of what a vector was made of.
pub type Hash = [u8; 32];

/// The newest version that was seen, by which later ones are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its place in the table, which grows.
    pub place: i64,
    /// Its skill.
    pub skill: i64,
    /// Its number.
    pub version: i64,
}

/// A living skill at its newest version, as far as its content has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number in the store.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The SHA-256 of its source in hex.
    pub source: String,
}

/// What changed since a mark.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Whether these are all skills, because the mark was none of this database.
    pub is_all: bool,
    /// The skills that are new or other.
    pub living: Vec<Head>,
    /// The skills that are gone.
    pub gone: Vec<i64>,
    /// The mark for the next time.
    pub mark: Option<Mark>,
}

/// Vectors, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vectors {
    /// What each was made of.
    pub hashes: Vec<Hash>,
    /// The numbers of all.
    pub numbers: Vec<f32>,
}

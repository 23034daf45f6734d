//! What skills mean, as the store keeps it: vectors by model and content. What a content is made of is known by the room of skills.

use super::words::Hash;

/// Vectors, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vectors {
    /// What each was made of.
    pub hashes: Vec<Hash>,
    /// The numbers of all.
    pub numbers: Vec<f32>,
}

/// A part of the table of vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The vectors of the model that was asked for.
    pub vectors: Vectors,
    /// The place of the last row, if there was one.
    pub last: Option<i64>,
}

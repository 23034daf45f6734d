//! What of a skill is read for its vector, and how its parts become one.

use sha2::{Digest, Sha256};

use crate::search::parts;
use crate::skills::skill::Skill;
use crate::skills::source;
use crate::storage::Hash;

/// Another number for every other way to make vectors; those of before are made anew.
pub const EDITION: u8 = b'1';

/// The texts that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The name's words and the first paragraph of the description.
    pub title: String,
    /// The whole description.
    pub description: String,
    /// The code without docstrings.
    pub code: String,
}

impl Recipe {
    /// Of a skill.
    pub fn of(skill: &Skill) -> Self {
        Self::new(skill.name.as_str(), &skill.description, source::code(&skill.source))
    }

    /// Of its parts.
    pub fn new(name: &str, description: &str, code: String) -> Self {
        let description = description.trim();
        let first = description.split("\n\n").next().unwrap_or_default();
        let title = format!("{}: {first}", parts(name).join(" "));
        Self { title, description: description.to_owned(), code: code.trim().to_owned() }
    }

    /// Those that say something.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.title, &self.description, &self.code]
            .into_iter()
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }
}

/// The name of a skill's content: another one whenever its vector would be.
pub fn hash_of(name: &str, description: &str, source: &str) -> Hash {
    let mut sum = Sha256::new();
    for part in [&[EDITION], name.as_bytes(), description.as_bytes(), source.as_bytes()] {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.finalize().into()
}

/// The middle of vectors, of length 1.
pub fn pooled(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vectors.first().cloned().unwrap_or_default();
    for vector in vectors.iter().skip(1) {
        for (all, each) in sum.iter_mut().zip(vector) {
            *all += each;
        }
    }
    let length = super::dot(&sum, &sum).sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|number| *number /= length);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_has_the_name_in_words_and_no_empty_part() {
        let recipe = Recipe::new("parse_logs", " Counts lines.\n\nBy level. ", String::new());
        assert_eq!(recipe.title, "parse logs: Counts lines.");
        assert_eq!(
            recipe.texts().collect::<Vec<_>>(),
            ["parse logs: Counts lines.", "Counts lines.\n\nBy level."]
        );
    }

    #[test]
    fn every_part_of_a_content_counts() {
        let all = [("a", "b", "c"), ("ab", "", "c"), ("a", "", "bc"), ("a", "b", "d")];
        let hashes: std::collections::HashSet<Hash> = all.iter().map(|(n, d, s)| hash_of(n, d, s)).collect();
        assert_eq!(hashes.len(), all.len());
    }

    #[test]
    fn the_middle_has_length_one() {
        let middle = pooled(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert!((super::super::dot(&middle, &middle) - 1.0).abs() < 1e-6);
        assert_eq!(pooled(&[]), [0.0_f32; 0]);
    }
}

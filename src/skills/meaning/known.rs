//! What a search has in memory: the words of the stored skills, the vectors of all, and what of both is missing.
//!
//! Every change touches one skill, so that a library of a hundred thousand costs no more to keep than one of ten.

use std::collections::HashMap;
use std::time::Instant;

use super::matrix::{ByHash, Matrix};
use crate::search::Bags;
use crate::storage::{Hash, Mark};

/// See the module.
#[derive(Debug, Default)]
pub struct Known {
    /// The store's generation when it was last looked at.
    pub generation: Option<u64>,
    /// The newest version that is known.
    pub mark: Option<Mark>,
    /// The words of the stored skills.
    pub bags: Bags,
    /// The vectors.
    pub matrix: Matrix,
    /// Contents that came since the store was last asked for their vectors.
    pub fresh: Vec<Hash>,
    /// The place in the table of vectors up to which it was read.
    pub scanned: Option<i64>,
    /// When the table was last read on.
    pub looked: Option<Instant>,
    /// Why vectors could not be made.
    pub failed: Option<(String, Instant)>,
    has_vectors: bool,
    stored: HashMap<i64, Hash>,
    near: Vec<Hash>,
    users: ByHash<User>,
    missing: ByHash<()>,
    unreadable: ByHash<Unreadable>,
}

/// Which skills have a content.
#[derive(Debug, Default)]
struct User {
    /// The stored one, by its number.
    id: Option<i64>,
    /// Whether one that is not stored has it too.
    is_near: bool,
}

/// A skill that has no vector because the model cannot read it.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Its name.
    pub name: String,
    /// What the model says.
    pub why: String,
}

impl Known {
    /// For vectors of so many numbers; without a model, of none.
    pub fn of(dimension: usize) -> Self {
        Self { matrix: Matrix::of(dimension), has_vectors: dimension > 0, ..Self::default() }
    }

    /// A stored skill, new or another.
    pub fn put(&mut self, id: i64, content: Hash, bag: &[u8]) {
        if self.stored.get(&id) != Some(&content) {
            self.take_out(id);
            self.stored.insert(id, content);
            self.users.entry(content).or_default().id = Some(id);
            self.want(content);
        }
        self.bags.put(id, bag);
    }

    /// A stored skill that is gone.
    pub fn take_out(&mut self, id: i64) {
        self.bags.remove(id);
        if let Some(content) = self.stored.remove(&id) {
            if let Some(user) = self.users.get_mut(&content) {
                user.id = None;
            }
            self.settle(&content);
        }
    }

    /// All stored skills are gone.
    pub fn clear(&mut self) {
        self.bags = Bags::default();
        let stored: Vec<i64> = self.stored.keys().copied().collect();
        stored.into_iter().for_each(|id| self.take_out(id));
    }

    /// Whether these are the skills that are not stored.
    pub fn is_near(&self, near: &[Hash]) -> bool {
        self.near == near
    }

    /// The skills that are not stored.
    pub fn set_near(&mut self, near: Vec<Hash>) {
        let before = std::mem::replace(&mut self.near, near.clone());
        for content in &before {
            if let Some(user) = self.users.get_mut(content) {
                user.is_near = false;
            }
        }
        for content in near {
            self.users.entry(content).or_default().is_near = true;
            self.want(content);
        }
        before.iter().for_each(|content| self.settle(content));
    }

    /// Adds a vector, if one of this content is wanted.
    pub fn add_vector(&mut self, content: Hash, vector: &[f32]) {
        if self.users.contains_key(&content) {
            self.matrix.add(content, vector);
            if self.matrix.has(&content) {
                self.missing.remove(&content);
            }
        }
    }

    /// A content that is not asked for again.
    pub fn give_up(&mut self, content: Hash, unreadable: Unreadable) {
        if self.users.contains_key(&content) {
            self.missing.remove(&content);
            self.unreadable.insert(content, unreadable);
        }
    }

    /// The skills that cannot be read, and how many.
    pub fn unreadable(&self) -> (Option<&Unreadable>, usize) {
        (self.unreadable.values().min_by(|one, other| one.name.cmp(&other.name)), self.unreadable.len())
    }

    /// Some contents that lack their vectors, with the stored skills that have them.
    pub fn missing(&self, most: usize) -> Vec<(Hash, Option<i64>)> {
        self.missing.keys().take(most).map(|hash| (*hash, self.id_of(hash))).collect()
    }

    /// How many contents there are, and how many of them lack their vectors.
    pub fn count(&self) -> (usize, usize) {
        (self.users.len(), self.missing.len())
    }

    /// The stored skill of a content.
    pub fn id_of(&self, content: &Hash) -> Option<i64> {
        self.users.get(content)?.id
    }

    /// The content of a stored skill.
    pub fn content_of(&self, id: i64) -> Option<&Hash> {
        self.stored.get(&id)
    }

    /// Every content that is needed.
    pub fn contents(&self) -> impl Iterator<Item = Hash> {
        self.users.keys().copied()
    }

    fn want(&mut self, content: Hash) {
        if self.has_vectors && !self.matrix.has(&content) && !self.unreadable.contains_key(&content) {
            self.missing.insert(content, ());
            self.fresh.push(content);
        }
    }

    /// Forgets a content that nobody has any more.
    fn settle(&mut self, content: &Hash) {
        if self.users.get(content).is_some_and(|user| user.id.is_none() && !user.is_near) {
            self.users.remove(content);
            self.missing.remove(content);
            self.unreadable.remove(content);
            self.matrix.remove(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(at: u8) -> Hash {
        [at; 32]
    }

    #[test]
    fn a_content_is_kept_as_long_as_somebody_has_it() {
        let mut known = Known::of(2);
        known.set_near(vec![hash(1), hash(2)]);
        known.put(7, hash(2), &[]);
        known.put(8, hash(3), &[]);
        assert_eq!(known.count(), (3, 3));
        for at in 1..=4 {
            known.add_vector(hash(at), &[1.0, 0.0]);
        }
        assert_eq!((known.count(), known.matrix.len()), ((3, 0), 3));
        known.set_near(vec![hash(1)]);
        assert_eq!((known.count(), known.id_of(&hash(2))), ((3, 0), Some(7)));
        known.put(7, hash(5), &[]);
        assert_eq!((known.count(), known.missing(9)), ((3, 1), vec![(hash(5), Some(7))]));
        known.clear();
        assert_eq!((known.count(), known.matrix.len(), known.id_of(&hash(3))), ((1, 0), 1, None));
    }

    #[test]
    fn what_cannot_be_read_is_not_asked_for_until_it_is_another() {
        let mut known = Known::of(2);
        known.put(7, hash(1), &[]);
        let unreadable = Unreadable { name: "odd".to_owned(), why: "too odd".to_owned() };
        known.give_up(hash(1), unreadable.clone());
        assert_eq!((known.count(), known.unreadable().1), ((1, 0), 1));
        known.put(7, hash(1), &[]);
        assert_eq!(known.count(), (1, 0));
        known.put(7, hash(2), &[]);
        assert_eq!((known.count(), known.unreadable().1), ((1, 1), 0));
    }

    #[test]
    fn without_a_model_no_vector_is_missing() {
        let mut known = Known::of(0);
        known.put(7, hash(1), &[]);
        assert_eq!((known.count(), known.fresh.len()), ((1, 0), 0));
    }
}

//! Vectors in memory, one after the other, and the nearest of them.
//!
//! All of them are looked at for every query: that takes a millisecond for ten thousand, and no index would be exact.

use std::collections::HashMap;

use crate::storage::Hash;

/// How many sums are added up side by side, so that the processor's wide registers are used.
const LANES: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub struct Matrix {
    dimension: usize,
    numbers: Vec<f32>,
    hashes: Vec<Hash>,
    places: HashMap<Hash, usize>,
}

impl Matrix {
    /// For vectors of so many numbers.
    pub fn of(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The vector of a content.
    pub fn get(&self, hash: &Hash) -> Option<&[f32]> {
        let at = *self.places.get(hash)?;
        self.numbers.get(at * self.dimension..(at + 1) * self.dimension)
    }

    /// Adds a vector; of a content that is known, nothing changes.
    pub fn add(&mut self, hash: Hash, vector: &[f32]) {
        if vector.len() == self.dimension && !self.places.contains_key(&hash) {
            self.places.insert(hash, self.hashes.len());
            self.hashes.push(hash);
            self.numbers.extend_from_slice(vector);
        }
    }

    /// Keeps only these.
    pub fn retain(&mut self, is_kept: impl Fn(&Hash) -> bool) {
        let mut at = 0;
        while let Some(hash) = self.hashes.get(at).copied() {
            if is_kept(&hash) {
                at += 1;
                continue;
            }
            // The last takes its place.
            let last = self.hashes.len() - 1;
            self.places.remove(&hash);
            self.hashes.swap_remove(at);
            if let Some(moved) = self.hashes.get(at) {
                self.places.insert(*moved, at);
                self.numbers
                    .copy_within(last * self.dimension..(last + 1) * self.dimension, at * self.dimension);
            }
            self.numbers.truncate(last * self.dimension);
        }
    }

    /// The contents whose vectors are nearest, the nearest first, with their cosines.
    pub fn nearest(&self, query: &[f32], most: usize) -> Vec<(Hash, f32)> {
        if query.len() != self.dimension || most == 0 {
            return Vec::new();
        }
        let rows = self.numbers.chunks_exact(self.dimension);
        let mut scored: Vec<(f32, u32)> = rows.map(|row| dot(row, query)).zip(0_u32..).collect();
        let best = |one: &(f32, u32), other: &(f32, u32)| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1));
        if scored.len() > most {
            scored.select_nth_unstable_by(most - 1, best);
            scored.truncate(most);
        }
        scored.sort_by(best);
        scored.into_iter().filter_map(|(cosine, at)| Some((*self.hashes.get(at as usize)?, cosine))).collect()
    }
}

/// The sum of the products.
pub fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (parts, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = parts.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0_f32; LANES];
    for (part, other) in parts.zip(others) {
        for ((sum, a), b) in sums.iter_mut().zip(part).zip(other) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(at: usize) -> Vec<f32> {
        let mut vector = vec![0.01; 20];
        vector[at] = 1.0;
        vector
    }

    fn hash(at: u8) -> Hash {
        [at; 32]
    }

    #[test]
    fn the_nearest_come_first() {
        let mut matrix = Matrix::of(20);
        for at in 0..10 {
            matrix.add(hash(at as u8), &vector(at));
        }
        let found = matrix.nearest(&vector(7), 3);
        assert_eq!((found.len(), found[0].0), (3, hash(7)));
        assert!((found[0].1 - dot(&vector(7), &vector(7))).abs() < 1e-6 && found[1].1 < 0.1);
        assert_eq!(matrix.nearest(&[1.0], 3), []);
    }

    #[test]
    fn what_is_taken_away_is_not_found_and_the_rest_is() {
        let mut matrix = Matrix::of(20);
        for at in 0..10 {
            matrix.add(hash(at as u8), &vector(at));
        }
        matrix.retain(|hash| hash[0] % 3 != 0);
        assert_eq!(matrix.len(), 6);
        for at in 0..10_u8 {
            let expected = (at % 3 != 0).then(|| vector(usize::from(at)));
            assert_eq!(matrix.get(&hash(at)), expected.as_deref(), "{at}");
        }
        assert_eq!(matrix.nearest(&vector(8), 1)[0].0, hash(8));
        matrix.retain(|_| false);
        assert_eq!((matrix.len(), matrix.nearest(&vector(8), 1)), (0, vec![]));
    }

    #[test]
    fn products_of_any_length_are_summed() {
        let (one, other): (Vec<f32>, Vec<f32>) = (0..37).map(|at| (at as f32, 2.0)).unzip();
        assert_eq!(dot(&one, &other), (0..37).sum::<i32>() as f32 * 2.0);
    }
}

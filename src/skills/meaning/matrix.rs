//! Vectors in memory, one after the other, and the nearest of them.
//!
//! All of them are looked at for every query: no index would be exact. A number is 16 bits wide and lies in two planes of a byte
//! each. The look goes over the upper plane, a quarter of what plain numbers take; those that come out near are then computed
//! from both planes, which differs from plain numbers by less than one in ten thousand.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::storage::Hash;

/// How many sums are added up side by side, so that the processor's wide registers are used.
const LANES: usize = 16;

/// How many small products are summed up at once.
const PART: usize = 32;

/// The largest number of a row: 127 in the upper plane.
const ROW: f32 = 127.0 * 256.0;

/// The largest number of a query: small enough for sums over thousands of products.
const QUERY: f32 = 2047.0;

/// How many more than wanted the first look gives, because it is not exact.
const SLACK: usize = 100;

/// Maps by contents, whose names are spread evenly already.
pub type ByHash<T> = HashMap<Hash, T, BuildHasherDefault<First>>;

/// The first eight bytes of a sum.
#[derive(Debug, Default)]
pub struct First(u64);

/// See the module.
#[derive(Debug, Default)]
pub struct Matrix {
    dimension: usize,
    upper: Vec<i8>,
    lower: Vec<i8>,
    /// What a number of each row is to be multiplied by.
    scales: Vec<f32>,
    hashes: Vec<Hash>,
    places: ByHash<u32>,
}

/// A vector that the rows are compared with.
#[derive(Debug, Clone)]
pub struct Query {
    numbers: Vec<f32>,
    /// The same as small whole numbers, up to a factor.
    small: Vec<i16>,
}

impl Hasher for First {
    fn write(&mut self, bytes: &[u8]) {
        // The length comes first, and is shorter.
        if let Some(first) = bytes.first_chunk::<8>().filter(|_| bytes.len() > 8) {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Query {
    /// Of a vector.
    pub fn of(numbers: Vec<f32>) -> Self {
        let scale = largest(&numbers) / QUERY;
        let small = numbers.iter().map(|number| (number / scale).round() as i16).collect();
        Self { numbers, small }
    }
}

impl Matrix {
    /// For vectors of so many numbers.
    pub fn of(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.upper.reserve_exact(more * self.dimension);
        self.lower.reserve_exact(more * self.dimension);
        self.scales.reserve_exact(more);
        self.hashes.reserve_exact(more);
        self.places.reserve(more);
    }

    /// Whether there is a vector of a content.
    pub fn has(&self, hash: &Hash) -> bool {
        self.places.contains_key(hash)
    }

    /// Adds a vector; of a content that is known, nothing changes.
    pub fn add(&mut self, hash: Hash, vector: &[f32]) {
        let Ok(place) = u32::try_from(self.hashes.len()) else { return };
        if vector.len() != self.dimension || self.has(&hash) {
            return;
        }
        let scale = largest(vector) / ROW;
        if !scale.is_finite() {
            return;
        }
        // Rounded by cutting off above zero, which needs no call into a library for each number.
        let whole = |number: &f32| (number / scale + 65_536.5) as i32 - 65_536;
        let upper = |number: &f32| (whole(number) + 128) >> 8;
        self.upper.extend(vector.iter().map(|number| upper(number) as i8));
        self.lower.extend(vector.iter().map(|number| (whole(number) - (upper(number) << 8)) as i8));
        self.scales.push(scale);
        self.places.insert(hash, place);
        self.hashes.push(hash);
    }

    /// Takes a vector away; the last takes its place.
    pub fn remove(&mut self, hash: &Hash) {
        let Some(place) = self.places.remove(hash) else { return };
        let (at, last) = (place as usize, self.hashes.len() - 1);
        self.hashes.swap_remove(at);
        self.scales.swap_remove(at);
        let dimension = self.dimension;
        for plane in [&mut self.upper, &mut self.lower] {
            plane.copy_within(last * dimension..(last + 1) * dimension, at * dimension);
            plane.truncate(last * dimension);
        }
        if let Some(moved) = self.hashes.get(at) {
            self.places.insert(*moved, place);
        }
    }

    /// How like a query a content is.
    pub fn cosine(&self, query: &Query, hash: &Hash) -> Option<f32> {
        self.exact(query, *self.places.get(hash)?)
    }

    fn exact(&self, query: &Query, place: u32) -> Option<f32> {
        let (from, to) = (place as usize * self.dimension, (place as usize + 1) * self.dimension);
        let (upper, lower) = (self.upper.get(from..to)?, self.lower.get(from..to)?);
        let numbers =
            upper.iter().zip(lower).map(|(upper, lower)| f32::from(*upper) * 256.0 + f32::from(*lower));
        let sum: f32 = numbers.zip(&query.numbers).map(|(row, number)| row * number).sum();
        Some(sum * self.scales.get(place as usize)?)
    }

    /// The contents whose vectors are nearest, the nearest first, with their cosines.
    pub fn nearest(&self, query: &Query, most: usize) -> Vec<(Hash, f32)> {
        if query.numbers.len() != self.dimension || most == 0 {
            return Vec::new();
        }
        let rows = self.upper.chunks_exact(self.dimension).zip(&self.scales);
        let mut best = Best::of(most + SLACK);
        for ((row, scale), place) in rows.zip(0_u32..) {
            best.see(coarse(row, &query.small) as f32 * scale, place);
        }
        let mut found: Vec<(f32, u32)> =
            best.taken().filter_map(|place| Some((self.exact(query, place)?, place))).collect();
        found.sort_by(order);
        found.truncate(most);
        found.into_iter().filter_map(|(cosine, at)| Some((*self.hashes.get(at as usize)?, cosine))).collect()
    }
}

/// The best of many, without a list of all.
struct Best {
    most: usize,
    floor: f32,
    seen: Vec<(f32, u32)>,
}

impl Best {
    fn of(most: usize) -> Self {
        Self { most, floor: f32::NEG_INFINITY, seen: Vec::with_capacity(most * 4) }
    }

    fn see(&mut self, score: f32, place: u32) {
        if score < self.floor {
            return;
        }
        self.seen.push((score, place));
        if self.seen.len() >= self.most * 4 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.seen.len() > self.most {
            self.seen.select_nth_unstable_by(self.most - 1, order);
            self.seen.truncate(self.most);
            self.floor = self.seen.iter().map(|(score, _)| *score).fold(f32::INFINITY, f32::min);
        }
    }

    fn taken(mut self) -> impl Iterator<Item = u32> {
        self.cut();
        self.seen.into_iter().map(|(_, place)| place)
    }
}

fn order(one: &(f32, u32), other: &(f32, u32)) -> std::cmp::Ordering {
    other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))
}

/// The largest number, whatever its sign; never nothing, because it is divided by.
fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(f32::MIN_POSITIVE * 1e6, |most, number| most.max(number.abs()))
}

/// The sum of the products of small numbers. Parts of a length that is known become wide instructions.
fn coarse(row: &[i8], query: &[i16]) -> i32 {
    let product = |(a, b): (&i8, &i16)| i32::from(*a) * i32::from(*b);
    let ((parts, rest), (others, other)) = (row.as_chunks::<PART>(), query.as_chunks::<PART>());
    let mut sum = rest.iter().zip(other).map(product).sum();
    for (part, other) in parts.iter().zip(others) {
        sum += part.iter().zip(other).map(product).sum::<i32>();
    }
    sum
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

    impl Matrix {
        pub fn len(&self) -> usize {
            self.hashes.len()
        }
    }

    fn vector(at: usize) -> Vec<f32> {
        let mut vector = vec![0.01; 20];
        vector[at] = 1.0;
        vector
    }

    fn query(at: usize) -> Query {
        Query::of(vector(at))
    }

    fn hash(at: u8) -> Hash {
        [at; 32]
    }

    fn ten() -> Matrix {
        let mut matrix = Matrix::of(20);
        for at in 0..10 {
            matrix.add(hash(at as u8), &vector(at));
        }
        matrix
    }

    #[test]
    fn the_nearest_come_first() {
        let matrix = ten();
        let found = matrix.nearest(&query(7), 3);
        assert_eq!((found.len(), found[0].0), (3, hash(7)));
        assert!((found[0].1 - dot(&vector(7), &vector(7))).abs() < 1e-4 && found[1].1 < 0.1);
        assert_eq!(matrix.nearest(&Query::of(vec![1.0]), 3), []);
    }

    #[test]
    fn what_is_taken_away_is_not_found_and_the_rest_is() {
        let mut matrix = ten();
        for at in [0, 3, 6, 9, 9, 77] {
            matrix.remove(&hash(at));
        }
        assert_eq!(matrix.len(), 6);
        for at in 0..10_u8 {
            let cosine = matrix.cosine(&query(usize::from(at)), &hash(at));
            assert_eq!(cosine.is_some_and(|cosine| cosine > 0.99), at % 3 != 0, "{at}");
        }
        assert_eq!(matrix.nearest(&query(8), 1)[0].0, hash(8));
        for at in 0..10 {
            matrix.remove(&hash(at));
        }
        assert_eq!((matrix.len(), matrix.nearest(&query(8), 1)), (0, vec![]));
    }

    #[test]
    fn two_planes_say_what_plain_numbers_do() {
        let mut random = 1_u32;
        let mut unit = || {
            let mut numbers: Vec<f32> = (0..384)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (random >> 8) as f32 / (1 << 24) as f32 - 0.5
                })
                .collect();
            let length = dot(&numbers, &numbers).sqrt();
            numbers.iter_mut().for_each(|number| *number /= length);
            numbers
        };
        let rows: Vec<Vec<f32>> = (0..2_000).map(|_| unit()).collect();
        let mut matrix = Matrix::of(384);
        let name = |at: usize| -> Hash { std::array::from_fn(|place| (at >> (8 * (place % 4))) as u8) };
        for (at, row) in rows.iter().enumerate() {
            matrix.add(name(at), row);
        }
        let wanted = unit();
        let mut plain: Vec<(f32, u32)> =
            rows.iter().zip(0_u32..).map(|(row, at)| (dot(row, &wanted), at)).collect();
        plain.sort_by(order);
        let found = matrix.nearest(&Query::of(wanted), 50);
        for ((hash, cosine), (expected, _)) in found.iter().zip(&plain) {
            assert!((cosine - expected).abs() < 1e-4, "{cosine} {expected}");
            assert!(plain[..52].iter().any(|(_, at)| name(*at as usize) == *hash));
        }
        assert_eq!(found.len(), 50);
    }

    #[test]
    fn products_of_any_length_are_summed() {
        let (one, other): (Vec<f32>, Vec<f32>) = (0..37).map(|at| (at as f32, 2.0)).unzip();
        assert_eq!(dot(&one, &other), (0..37).sum::<i32>() as f32 * 2.0);
    }
}

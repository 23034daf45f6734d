//! Very many documents in memory by the words that stand in them, as small as that goes: six bytes for a word of a document.
//!
//! A document comes packed, as [`Document::packed`] made it, so that nobody needs its text again. Words are known by a sum of 48
//! bits. What is taken away is only marked; when a tenth of all is marked, it is swept out.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::rank::{Corpus, Document, Query, Score};

/// A word in a document: the document's place in two halves, and how often it stands where.
type Posting = [u16; 3];

/// No document has this number.
const NOBODY: i64 = i64::MIN;

/// See the module.
#[derive(Debug, Default)]
pub struct Bags {
    postings: HashMap<u64, Vec<Posting>, BuildHasherDefault<Spread>>,
    /// The number and the weight of the document at each place.
    documents: Vec<(i64, f32)>,
    places: HashMap<i64, u32>,
}

/// Sums are spread evenly already; only their 48 bits lie low.
#[derive(Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |all, byte| all << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number << 16 | number >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Bags {
    /// How many documents there are.
    pub fn documents(&self) -> usize {
        self.places.len()
    }

    /// Puts a document in, in place of that with the same number.
    pub fn put(&mut self, number: i64, packed: &[u8]) {
        self.remove(number);
        let Some((weight, words)) = Document::unpacked(packed) else { return };
        let Ok(place) = u32::try_from(self.documents.len()) else { return };
        for (key, what) in words {
            self.postings.entry(key).or_default().push([place as u16, (place >> 16) as u16, what]);
        }
        self.documents.push((number, weight));
        self.places.insert(number, place);
    }

    /// Takes a document out.
    pub fn remove(&mut self, number: i64) {
        let Some(place) = self.places.remove(&number) else { return };
        if let Some(document) = self.documents.get_mut(place as usize) {
            document.0 = NOBODY;
        }
        if (self.documents.len() - self.places.len()) * 10 > self.documents.len() {
            self.sweep();
        }
    }

    /// Gives back what was taken in advance; for the end of putting many in.
    pub fn shrink(&mut self) {
        self.postings.values_mut().for_each(Vec::shrink_to_fit);
        self.documents.shrink_to_fit();
    }

    /// In how many documents each of the query's words stands.
    pub fn counts(&self, query: &Query) -> Vec<f64> {
        query
            .keys()
            .iter()
            .map(|key| self.postings.get(key).map_or(0.0, |posting| posting.len() as f64))
            .collect()
    }

    /// How well the documents fit that have any of the words, best first, no more than so many.
    pub fn best(&self, query: &Query, corpus: &Corpus, most: usize) -> Vec<(i64, f32)> {
        let mut got = vec![0.0_f32; self.documents.len()];
        for (number, part) in query.parts().enumerate() {
            let (rarities, ideal) = query.rarities(corpus, &part);
            let mut of_part = vec![0.0_f32; if number == 0 { 0 } else { self.documents.len() }];
            let sums = if number == 0 { &mut got } else { &mut of_part };
            for (key, rarity) in query.keys().get(part).unwrap_or_default().iter().zip(&rarities) {
                for posting in self.postings.get(key).into_iter().flatten() {
                    let place = place(posting);
                    if let (Some((_, weight)), Some(got)) = (self.documents.get(place), sums.get_mut(place)) {
                        *got += super::rank::gain(*rarity, frequency(posting[2]), f64::from(*weight)) as f32;
                    }
                }
            }
            sums.iter_mut().filter(|got| **got > 0.0).for_each(|got| *got /= ideal as f32);
            got.iter_mut().zip(of_part).for_each(|(got, other)| *got = got.max(other));
        }
        let mut found: Vec<(i64, f32)> = got
            .iter()
            .zip(&self.documents)
            .filter(|(got, (number, _))| **got > 0.0 && *number != NOBODY)
            .map(|(got, (number, _))| (*number, *got))
            .collect();
        let order =
            |one: &(i64, f32), other: &(i64, f32)| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0));
        if found.len() > most {
            found.select_nth_unstable_by(most, order);
            found.truncate(most);
        }
        found.sort_by(order);
        found
    }

    /// How well one document fits, whatever its name.
    pub fn score(&self, query: &Query, corpus: &Corpus, number: i64) -> Option<Score> {
        let place = *self.places.get(&number)?;
        let (_, weight) = self.documents.get(place as usize)?;
        query.scored(corpus, f64::from(*weight), |at| {
            let postings = self.postings.get(query.keys().get(at)?)?;
            // Places only grow along a word's postings.
            let at = postings.binary_search_by_key(&(place as usize), self::place).ok()?;
            let what = postings.get(at)?[2];
            Some((frequency(what), (what >> 12) as u8))
        })
    }

    fn sweep(&mut self) {
        let mut moved = vec![u32::MAX; self.documents.len()];
        let mut next = 0_u32;
        for (at, (number, _)) in self.documents.iter().enumerate() {
            if *number != NOBODY
                && let Some(moved) = moved.get_mut(at)
            {
                *moved = next;
                self.places.insert(*number, next);
                next += 1;
            }
        }
        self.documents.retain(|(number, _)| *number != NOBODY);
        self.postings.retain(|_, postings| {
            postings.retain_mut(|posting| {
                let to = moved.get(place(posting)).copied().unwrap_or(u32::MAX);
                (posting[0], posting[1]) = (to as u16, (to >> 16) as u16);
                to != u32::MAX
            });
            !postings.is_empty()
        });
    }
}

fn place(posting: &Posting) -> usize {
    usize::from(posting[0]) | usize::from(posting[1]) << 16
}

fn frequency(what: u16) -> f64 {
    f64::from(what & 0x0fff) / 2.0
}

#[cfg(test)]
mod tests {
    use super::super::rank::Matched;
    use super::*;

    fn document(about: &str, at: i64) -> Document {
        Document::of("x", [&format!("skill_{at}"), about, "path", ""])
    }

    fn corpus(bags: &Bags, query: &Query) -> Corpus {
        Corpus { documents: bags.documents() as f64, counts: bags.counts(query) }
    }

    fn found(bags: &Bags, text: &str) -> Vec<i64> {
        let query = Query::of(text);
        bags.best(&query, &corpus(bags, &query), 9).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn packed_documents_score_as_whole_ones() {
        let texts = ["count lines of a log", "merge lines of two files", "draw a picture", "日志文件解析"];
        let mut bags = Bags::default();
        for (at, text) in (0..).zip(texts) {
            bags.put(at, &document(text, at).packed());
        }
        for text in ["count lines", "merge the files", "picture", "日志", "path", "nothing of this"] {
            let query = Query::of(text);
            let corpus = corpus(&bags, &query);
            for (at, text) in (0..).zip(texts) {
                let whole = query.score(&document(text, at), &corpus);
                let packed = bags.score(&query, &corpus, at);
                assert_eq!(whole.is_some(), packed.is_some(), "{text}");
                if let (Some(whole), Some(packed)) = (whole, packed) {
                    assert!((whole.share - packed.share).abs() < 1e-6, "{whole:?} {packed:?}");
                    assert_eq!(whole.matched, packed.matched);
                }
            }
        }
        assert_eq!(found(&bags, "lines of a log"), [0, 1]);
        assert_eq!(found(&bags, "解析"), [3]);
    }

    #[test]
    fn what_is_replaced_or_taken_out_is_not_found_and_counts_stay_right() {
        let mut bags = Bags::default();
        for at in 0..40 {
            bags.put(at, &document("count lines", at).packed());
        }
        for _ in 0..3 {
            for at in 0..20 {
                bags.put(at, &document("draw pictures", at).packed());
            }
        }
        for at in 20..38 {
            bags.remove(at);
            bags.remove(at);
        }
        assert_eq!((bags.documents(), found(&bags, "lines")), (22, vec![38, 39]));
        assert_eq!(found(&bags, "skill_3 pictures")[0], 3);
        let query = Query::of("lines");
        assert!(bags.counts(&query)[0] <= 4.0, "{:?}", bags.counts(&query));
        let score = bags.score(&query, &corpus(&bags, &query), 39).unwrap();
        assert_eq!(score.matched, [Matched::Description]);
        assert_eq!(bags.score(&query, &corpus(&bags, &query), 20), None);
    }

    #[test]
    fn what_is_not_packed_by_us_harms_nothing() {
        let mut bags = Bags::default();
        for bad in [&b""[..], b"abc", &[255; 13], &[255; 12]] {
            bags.put(1, bad);
        }
        assert_eq!(found(&bags, "anything"), [0_i64; 0]);
    }
}

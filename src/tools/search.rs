//! Finding entries by words: a small BM25 over names, words to find by and descriptions.
//!
//! Identifiers count whole and in their parts, so that `list_issues` is found by `issues`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

/// What one field's match is worth beside the others.
const WEIGHTS: [f64; 3] = [3.0, 2.0, 1.0];

/// BM25's usual constants (Robertson and Zaragoza, 2009).
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.75;

/// Words that say nothing about what is meant.
const STOP: [&str; 26] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "how", "i", "in", "is", "it", "me", "my",
    "of", "on", "or", "that", "the", "this", "to", "what", "with",
];

/// One thing to be found.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Words it is found by: tags, parameters.
    pub words: String,
    /// What it is.
    pub description: String,
}

/// A place in the list of documents, and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Which document.
    pub index: usize,
    /// Larger is better; comparable within one answer only.
    pub score: f64,
}

/// Documents by the words that stand in them. Made once for a set of documents, because it is most of the work.
#[derive(Debug, Default)]
pub struct Index {
    /// Each word with the documents that it stands in, and how often, weighted by field. In order, so that the words with
    /// a common beginning are neighbours.
    postings: BTreeMap<String, Vec<(u32, f64)>>,
    /// How many words each document has, weighted.
    lengths: Vec<f64>,
    average: f64,
    names: HashMap<String, Vec<u32>>,
}

impl Index {
    /// Of these documents; a [`Ranked`] names them by their place here.
    pub fn of(documents: impl Iterator<Item = Document>) -> Self {
        let mut index = Self::default();
        for (number, document) in (0_u32..).zip(documents) {
            let mut length = 0.0;
            for (word, count) in bag(&document) {
                length += count;
                index.postings.entry(word).or_default().push((number, count));
            }
            index.lengths.push(length);
            index.names.entry(document.name.to_ascii_lowercase()).or_default().push(number);
        }
        index.average = index.lengths.iter().sum::<f64>() / index.lengths.len().max(1) as f64;
        index
    }

    /// The documents that fit, best first; equally good ones keep their order.
    pub fn rank(&self, query: &str, limit: usize) -> Vec<Ranked> {
        let wanted = words(query);
        let wanted: Vec<&String> =
            match wanted.iter().filter(|word| !STOP.contains(&word.as_str())).collect::<Vec<_>>() {
                none if none.is_empty() => wanted.iter().collect(),
                some => some,
            };
        let mut scores: HashMap<u32, f64> = HashMap::new();
        for word in wanted {
            let holding = self.holding(word);
            let (all, some) = (self.lengths.len() as f64, holding.len() as f64);
            let rarity = (1.0 + (all - some + 0.5) / (some + 0.5)).ln();
            for (number, frequency) in holding {
                let length = self.lengths.get(number as usize).copied().unwrap_or_default();
                let norm = SATURATION * (1.0 - LENGTH + LENGTH * length / self.average.max(1.0));
                let score = rarity * frequency * (SATURATION + 1.0) / (frequency + norm);
                *scores.entry(number).or_default() += score;
            }
        }
        let exact = query.trim().trim_start_matches("tools.").to_ascii_lowercase();
        for number in self.names.get(&exact).into_iter().flatten() {
            *scores.entry(*number).or_default() += 100.0;
        }
        let ranked = scores.into_iter().map(|(number, score)| Ranked { index: number as usize, score });
        let mut ranked: Vec<Ranked> = ranked.filter(|each| each.score > 0.0).collect();
        ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.index.cmp(&other.index)));
        ranked.truncate(limit);
        ranked
    }

    /// The documents that hold a word, and how often; where only a longer or shorter word with the same beginning stands,
    /// that counts less.
    fn holding(&self, word: &str) -> HashMap<u32, f64> {
        let mut holding: HashMap<u32, f64> = HashMap::new();
        if word.len() >= 3 {
            let from = (Bound::Excluded(word), Bound::Unbounded);
            let longer = self.postings.range::<str, _>(from).take_while(|(other, _)| other.starts_with(word));
            let shorter = (4..word.len()).filter_map(|end| word.get(..end));
            let shorter = shorter.filter_map(|other| self.postings.get_key_value(other));
            for (number, count) in longer.chain(shorter).flat_map(|(_, documents)| documents) {
                let known = holding.entry(*number).or_default();
                *known = known.max(count * 0.4);
            }
        }
        for (number, count) in self.postings.get(word).into_iter().flatten() {
            holding.insert(*number, *count);
        }
        holding
    }
}

fn bag(document: &Document) -> HashMap<String, f64> {
    let mut bag = HashMap::new();
    let fields = [&document.name, &document.words, &document.description];
    for (text, weight) in fields.into_iter().zip(WEIGHTS) {
        for word in words(text) {
            *bag.entry(word).or_insert(0.0) += weight;
        }
    }
    bag
}

/// Lower-case words: runs of letters and digits, also split where lower case turns to upper.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for run in text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let mut parts: Vec<String> = vec![String::new()];
        let mut before = ' ';
        for c in run.chars() {
            if c.is_uppercase() && before.is_lowercase() {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend(c.to_lowercase());
            }
            before = c;
        }
        if parts.len() > 1 {
            words.push(run.to_lowercase());
        }
        words.extend(parts);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> Vec<Document> {
        let make = |name: &str, words: &str, description: &str| Document {
            name: name.into(),
            words: words.into(),
            description: description.into(),
        };
        vec![
            make("github.list_issues", "owner repo state", "List the issues of a repository."),
            make("github.create_issue", "owner repo title body", "Open a new issue in a repository."),
            make("curl.get", "url http web", "Simple GET request that follows redirects."),
            make("weather.getForecast", "city days", "The forecast for a city."),
        ]
    }

    #[test]
    fn what_is_meant_comes_first() {
        let check = |query: &str, expected: &str| {
            let documents = documents();
            let found = Index::of(documents.iter().cloned()).rank(query, 10);
            assert_eq!(
                found.first().map(|hit| documents[hit.index].name.as_str()),
                Some(expected),
                "{query}"
            );
        };
        check("list issues", "github.list_issues");
        check("create an issue", "github.create_issue");
        check("http request", "curl.get");
        check("forecast", "weather.getForecast");
        check("getForecast", "weather.getForecast");
        check("tools.curl.get", "curl.get");
        check("redirect", "curl.get");
    }

    #[test]
    fn a_word_counts_more_than_one_that_begins_like_it() {
        let check = |query: &str, expected: &[&str]| {
            let documents = documents();
            let found = Index::of(documents.iter().cloned()).rank(query, 10);
            let names: Vec<&str> = found.iter().map(|hit| documents[hit.index].name.as_str()).collect();
            assert_eq!(names, expected, "{query}");
        };
        check("issue", &["github.create_issue", "github.list_issues"]);
        check("issues", &["github.list_issues", "github.create_issue"]);
        check("forecasting", &["weather.getForecast"]);
        check("repos", &["github.list_issues", "github.create_issue"]);
        check("ci", &[]);
    }

    #[test]
    fn nothing_is_found_where_nothing_fits() {
        let index = Index::of(documents().into_iter());
        assert_eq!(index.rank("quantum chromodynamics", 10), []);
        assert_eq!(index.rank("", 10), []);
        assert_eq!(index.rank("issue", 1).len(), 1);
        assert_eq!(Index::default().rank("issue", 1), []);
    }
}

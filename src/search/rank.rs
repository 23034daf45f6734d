//! How well a document fits a query: BM25 over weighted fields, as a share of the best that the query's words could get.
//!
//! The share makes scores comparable between queries, so that there can be a floor below which nothing fits. Whoever adds
//! another measure, such as the likeness of meanings, blends it with [`Score::share`].

use std::collections::HashMap;
use std::ops::Range;

use super::glossary::{Reading, read};
use super::words::{wanted, words};

/// BM25's usual constants (Robertson and Zaragoza, 2009).
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.5;

/// Fields of a document, by what a word in them is worth: name, description, parameters, source.
const WEIGHTS: [f64; 4] = [4.0, 2.0, 1.5, 0.5];

/// The most words of a query.
const WORDS: usize = 40;

/// The weight of a document's words that counts as usual; short descriptions are the rule.
const USUAL: f64 = 120.0;

/// The score below which a document is noise.
pub const FLOOR: f64 = 0.15;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    words: Vec<String>,
    keys: Vec<u64>,
    /// Where the words of its English reading begin; those of the query as it is come before.
    own: usize,
    reading: Option<Reading>,
}

/// What is searched, in numbers.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// How many documents there are.
    pub documents: f64,
    /// In how many of them each of the query's words stands.
    pub counts: Vec<f64>,
}

/// One thing that may be found: its words by weight.
#[derive(Debug, Clone, Default)]
pub struct Document {
    name: String,
    bag: HashMap<String, (f64, u8)>,
    weight: f64,
}

/// How well a document fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// From 0 to 1, comparable between queries.
    pub share: f64,
    /// Why.
    pub matched: Vec<Matched>,
}

/// What of a document fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matched {
    /// The query is its name.
    ExactName,
    /// Words of its name.
    Name,
    /// Words of its description or tags.
    Description,
    /// Words of its parameters.
    Parameters,
    /// Words of its source.
    Source,
    /// What it means, whatever the words.
    Meaning,
}

impl Matched {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::ExactName => "exact name",
            Self::Name => "name",
            Self::Description => "description",
            Self::Parameters => "parameters",
            Self::Source => "source",
            Self::Meaning => "meaning",
        }
    }

    const FIELDS: [Self; 4] = [Self::Name, Self::Description, Self::Parameters, Self::Source];
}

impl Query {
    /// Reads a query; one that is not English in English too.
    pub fn of(text: &str) -> Self {
        let text: String = text.chars().take(2_000).collect();
        let mut words = wanted(&text);
        words.truncate(WORDS);
        let own = words.len();
        let reading = read(&text);
        if let Some(reading) = &reading {
            words.extend(wanted(&reading.text).into_iter().take(WORDS));
        }
        Self::with(text.trim().to_lowercase(), words, own, reading)
    }

    fn with(text: String, words: Vec<String>, own: usize, reading: Option<Reading>) -> Self {
        let keys = words.iter().map(|word| key(word)).collect();
        Self { text, words, keys, own, reading }
    }

    /// What it is in English, where it is not.
    pub fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    /// The same in other words, where there are any for one of its own.
    pub(super) fn with_words(&self, other: impl Fn(&str) -> Option<String>) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut own = 0;
        for part in self.parts() {
            own = words.len();
            for word in &self.words[part] {
                let word = other(word).unwrap_or_else(|| word.clone());
                if !words[own..].contains(&word) {
                    words.push(word);
                }
            }
        }
        let own = if self.reading.is_some() { own } else { words.len() };
        Self::with(self.text.clone(), words, own, self.reading.clone())
    }

    /// The words of the query as it is, and those of its English reading. What fits one of them well need not fit the other.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (own, all) = (self.own, self.words.len());
        [0..own, own..all].into_iter().take(if self.reading.is_some() { 2 } else { 1 })
    }

    /// Whether what is searched is written in the language of the query: more than half of its words stand there, those
    /// aside that are the same in English.
    pub fn is_spoken(&self, corpus: &Corpus) -> bool {
        let (own, english) = self.words.split_at(self.own);
        let own = own.iter().zip(&corpus.counts).filter(|(word, _)| !english.contains(word));
        let (standing, missing): (Vec<_>, Vec<_>) = own.partition(|(_, count)| **count > 0.0);
        standing.len() > missing.len()
    }

    /// Its words, each once in each language.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The sums of its words, in their order.
    pub(super) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Whether it is the name of something.
    pub fn names(&self, name: &str) -> bool {
        !self.text.is_empty() && self.text == name.to_lowercase()
    }

    /// How rare each word of a part is, and the best score that all of them could get.
    pub(super) fn rarities(&self, corpus: &Corpus, part: &Range<usize>) -> (Vec<f64>, f64) {
        let mut ideal = 0.0;
        let counts = corpus.counts.get(part.clone()).unwrap_or_default();
        let rarities = counts.iter().map(|count| {
            let rarity = (1.0 + (corpus.documents - count + 0.5).max(0.0) / (count + 0.5)).ln();
            // A word that stands nowhere asks for something that is not here, and counts less than one that does.
            ideal += if *count == 0.0 { rarity * 0.5 } else { rarity };
            rarity
        });
        (rarities.collect(), ideal)
    }

    /// The score of the part that fits best. `find` tells how often a word stands in a document of this weight, and where, by the
    /// word's place in the query.
    pub(super) fn scored(
        &self,
        corpus: &Corpus,
        weight: f64,
        find: impl Fn(usize) -> Option<(f64, u8)>,
    ) -> Option<Score> {
        let mut best: Option<Score> = None;
        for part in self.parts() {
            let (rarities, ideal) = self.rarities(corpus, &part);
            let (mut got, mut fields) = (0.0, 0);
            for (at, rarity) in part.zip(rarities) {
                if let Some((frequency, where_)) = find(at) {
                    got += gain(rarity, frequency, weight);
                    fields |= where_;
                }
            }
            // One short of the exact name, whatever the words.
            let share = if ideal > 0.0 { (got / ideal).min(0.99) } else { 0.0 };
            if share > best.as_ref().map_or(0.0, |best| best.share) {
                best = Some(Score { share, matched: fields_of(fields) });
            }
        }
        best
    }

    /// How well a document fits, or nothing where no word of the query stands in it.
    pub fn score(&self, document: &Document, corpus: &Corpus) -> Option<Score> {
        if !self.text.is_empty() && self.text == document.name {
            return Some(Score { share: 1.0, matched: vec![Matched::ExactName] });
        }
        self.scored(corpus, document.weight, |at| document.bag.get(self.words.get(at)?).copied())
    }
}

/// What a word of this rarity gains by standing so often in a document of this weight.
pub(super) fn gain(rarity: f64, frequency: f64, weight: f64) -> f64 {
    let norm = SATURATION * (1.0 - LENGTH + LENGTH * weight / USUAL);
    rarity * frequency / (frequency + norm)
}

/// The fields of these bits.
fn fields_of(bits: u8) -> Vec<Matched> {
    (0..4).filter(|at| bits & (1 << at) != 0).map(|at| Matched::FIELDS[at]).collect()
}

/// The sum of a word: FNV-1a, of which 48 bits are kept.
fn key(word: &str) -> u64 {
    let sum = word
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (sum ^ sum >> 32) & 0xffff_ffff_ffff
}

impl Document {
    /// A document by its name and the text of its fields: name, description, parameters, source.
    pub fn of(name: &str, fields: [&str; 4]) -> Self {
        let mut document = Self { name: name.to_lowercase(), ..Self::default() };
        for (at, (text, weight)) in fields.into_iter().zip(WEIGHTS).enumerate() {
            for word in words(text) {
                let entry = document.bag.entry(word).or_default();
                entry.0 += weight;
                entry.1 |= 1 << at;
                document.weight += weight;
            }
        }
        document
    }

    /// All that a score needs as bytes: the weight, and for each word eight of them: its sum, how often it stands (in halves, at
    /// most 2,047.5) and in which fields.
    pub fn packed(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(4 + self.bag.len() * 8);
        packed.extend((self.weight as f32).to_le_bytes());
        let mut words: Vec<u64> = self
            .bag
            .iter()
            .map(|(word, (frequency, fields))| {
                key(word) << 16 | u64::from(*fields & 15) << 12 | (frequency * 2.0).min(4095.0) as u64
            })
            .collect();
        words.sort_unstable();
        packed.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        packed
    }

    /// The weight, and of each word its sum and where it stands how often; nothing where these bytes are none of ours.
    pub(super) fn unpacked(packed: &[u8]) -> Option<(f32, impl Iterator<Item = (u64, u16)>)> {
        let (weight, words) = packed.split_first_chunk::<4>()?;
        let (words, rest) = words.as_chunks::<8>();
        let weight = f32::from_le_bytes(*weight);
        if !rest.is_empty() || !weight.is_finite() || weight < 0.0 {
            return None;
        }
        let word = |bytes: &[u8; 8]| {
            let word = u64::from_le_bytes(*bytes);
            (word >> 16, word as u16)
        };
        Some((weight, words.iter().map(word)))
    }

    /// Its words, each once.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.bag.keys().map(String::as_str)
    }

    /// Whether a word stands in it.
    pub fn has(&self, word: &str) -> bool {
        self.bag.contains_key(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> Vec<(&'static str, Document)> {
        let make = |name: &'static str, about: &str, parameters: &str| {
            (name, Document::of(name, [name, about, parameters, ""]))
        };
        vec![
            make("parse_logs", "Count the lines of a log file by level.", "path level"),
            make("extract_tables", "Every table of an HTML page as rows.", "html"),
            make("json_diff", "What changed between two JSON documents.", "before after"),
            make("large_files", "The biggest files below a directory.", "path limit"),
        ]
    }

    fn find(text: &str) -> Vec<(&'static str, Score)> {
        let (query, library) = (Query::of(text), library());
        let count = |word: &String| library.iter().filter(|(_, document)| document.has(word)).count() as f64;
        let corpus =
            Corpus { documents: library.len() as f64, counts: query.words().iter().map(count).collect() };
        let mut found: Vec<_> = library
            .iter()
            .filter_map(|(name, document)| Some((*name, query.score(document, &corpus)?)))
            .collect();
        found.sort_by(|one, other| other.1.share.total_cmp(&one.1.share));
        found.retain(|(_, score)| score.share >= FLOOR);
        found
    }

    #[test]
    fn what_is_meant_comes_first() {
        let check = |query: &str, expected: &str| assert_eq!(find(query)[0].0, expected, "{query}");
        check("parse a log file", "parse_logs");
        check("tables in html pages", "extract_tables");
        check("changes between json documents", "json_diff");
        check("biggest files", "large_files");
        check("JSON_DIFF", "json_diff");
        check("levels", "parse_logs");
    }

    #[test]
    fn scores_say_why_and_stay_in_their_range() {
        assert_eq!(find("json_diff")[0].1, Score { share: 1.0, matched: vec![Matched::ExactName] });
        let found = find("logs by level");
        assert_eq!(found[0].1.matched, [Matched::Name, Matched::Description, Matched::Parameters]);
        assert!((FLOOR..1.0).contains(&found[0].1.share), "{found:?}");
    }

    #[test]
    fn a_query_of_another_language_is_found_in_english_and_as_it_is() {
        let first = |query: &str| find(query).into_iter().next();
        assert_eq!(first("Tabellen aus HTML-Seiten").map(|(name, _)| name), Some("extract_tables"));
        assert_eq!(first("统计日志的行").map(|(name, _)| name), Some("parse_logs"));
        assert_eq!(first("самые большие файлы").map(|(name, _)| name), Some("large_files"));
        // In a library of its language it scores as if nobody had put it into English.
        let own = Document::of("zeilen", ["zeilen", "Zählt die Zeilen einer Datei.", "pfad", ""]);
        let query = Query::of("Zeilen einer Datei zählen");
        let counts = query.words().iter().map(|word| f64::from(u8::from(own.has(word)))).collect();
        let corpus = Corpus { documents: 9.0, counts };
        let plain = Query::with(query.text.clone(), query.words[..query.own].to_vec(), query.own, None);
        assert!(query.reading().is_some() && query.is_spoken(&corpus));
        assert_eq!(query.score(&own, &corpus), plain.score(&own, &corpus));
        assert!(!query.is_spoken(&Corpus { documents: 9.0, counts: vec![0.0; query.words().len()] }));
    }

    #[test]
    fn nothing_fits_where_nothing_is_meant() {
        assert_eq!(find("quantum chromodynamics"), []);
        assert_eq!(find(""), []);
        assert_eq!(find("what is the weather of tomorrow in the large hall of mirrors near versailles"), []);
    }
}

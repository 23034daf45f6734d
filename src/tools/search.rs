//! Finding entries by words: a small BM25 over names, words to find by and descriptions.
//!
//! Identifiers count whole and in their parts, so that `list_issues` is found by `issues`.

use std::collections::HashMap;

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

/// The documents that fit, best first; equally good ones keep their order.
pub fn rank(query: &str, documents: &[Document], limit: usize) -> Vec<Ranked> {
    let wanted = words(query);
    let wanted: Vec<&String> =
        match wanted.iter().filter(|word| !STOP.contains(&word.as_str())).collect::<Vec<_>>() {
            none if none.is_empty() => wanted.iter().collect(),
            some => some,
        };
    let bags: Vec<HashMap<String, f64>> = documents.iter().map(bag).collect();
    let average = bags.iter().map(|bag| bag.values().sum::<f64>()).sum::<f64>() / bags.len().max(1) as f64;
    let exact = query.trim().trim_start_matches("tools.").to_ascii_lowercase();
    let mut ranked: Vec<Ranked> = Vec::new();
    for (index, bag) in bags.iter().enumerate() {
        let length = bag.values().sum::<f64>();
        let mut score = 0.0;
        for word in &wanted {
            let frequency = frequency(bag, word);
            if frequency > 0.0 {
                let holding = bags.iter().filter(|bag| self::frequency(bag, word) > 0.0).count() as f64;
                let rarity = (1.0 + (bags.len() as f64 - holding + 0.5) / (holding + 0.5)).ln();
                let norm = SATURATION * (1.0 - LENGTH + LENGTH * length / average.max(1.0));
                score += rarity * frequency * (SATURATION + 1.0) / (frequency + norm);
            }
        }
        if documents[index].name.to_ascii_lowercase() == exact {
            score += 100.0;
        }
        if score > 0.0 {
            ranked.push(Ranked { index, score });
        }
    }
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.index.cmp(&other.index)));
    ranked.truncate(limit);
    ranked
}

/// How often a word stands in a document; the beginning of a longer word counts less.
fn frequency(bag: &HashMap<String, f64>, word: &str) -> f64 {
    if let Some(count) = bag.get(word) {
        return *count;
    }
    if word.len() < 3 {
        return 0.0;
    }
    let begins = |other: &str| other.starts_with(word) || (other.len() >= 4 && word.starts_with(other));
    bag.iter().filter(|(other, _)| begins(other)).map(|(_, count)| count * 0.4).fold(0.0, f64::max)
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
            let found = rank(query, &documents, 10);
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
    fn nothing_is_found_where_nothing_fits() {
        assert_eq!(rank("quantum chromodynamics", &documents(), 10), []);
        assert_eq!(rank("", &documents(), 10), []);
        assert_eq!(rank("issue", &documents(), 1).len(), 1);
        assert_eq!(rank("issue", &[], 1), []);
    }
}

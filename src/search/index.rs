//! Documents in memory by the words that stand in them, for whoever has them all at hand. Made once for a set of documents,
//! because that is most of the work.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::rank::{Corpus, Document, Query, Score};

/// The shortest beginning of a word that stands for it.
const BEGINNING: usize = 3;

/// See the module.
#[derive(Debug, Default)]
pub struct Index {
    documents: Vec<Document>,
    /// Each word with the documents that it stands in, in order, so that words with a common beginning are neighbours.
    postings: BTreeMap<String, Vec<u32>>,
}

impl Index {
    /// Of these documents, which are named by their place from here on.
    pub fn of(documents: impl Iterator<Item = Document>) -> Self {
        let mut index = Self::default();
        for (number, document) in (0_u32..).zip(documents) {
            for word in document.words() {
                match index.postings.get_mut(word) {
                    Some(posting) => posting.push(number),
                    None => drop(index.postings.insert(word.to_owned(), vec![number])),
                }
            }
            index.documents.push(document);
        }
        index
    }

    /// The places of the documents that fit, best first; equally good ones keep their order.
    pub fn rank(&self, query: &Query, limit: usize) -> Vec<(usize, Score)> {
        let query = query.with_words(|word| self.known(word));
        let postings = query.words().iter().map(|word| self.postings.get(word));
        let counts = postings.clone().map(|posting| posting.map_or(0.0, |posting| posting.len() as f64));
        let corpus = Corpus { documents: self.documents.len() as f64, counts: counts.collect() };
        let mut fitting: Vec<u32> = postings.flatten().flatten().copied().collect();
        fitting.sort_unstable();
        fitting.dedup();
        let scored = fitting.into_iter().filter_map(|number| {
            let document = self.documents.get(number as usize)?;
            Some((number as usize, query.score(document, &corpus)?))
        });
        let mut ranked: Vec<(usize, Score)> = scored.collect();
        ranked.sort_by(|one, other| other.1.share.total_cmp(&one.1.share));
        ranked.truncate(limit);
        ranked
    }

    /// A word that stands somewhere: this one, else the most frequent that begins with it, else the longest that it begins with.
    fn known(&self, word: &str) -> Option<String> {
        if self.postings.contains_key(word) || word.chars().count() < BEGINNING {
            return None;
        }
        let from = (Bound::Excluded(word), Bound::Unbounded);
        let longer = self.postings.range::<str, _>(from).take_while(|(other, _)| other.starts_with(word));
        let longer = longer.max_by_key(|(_, posting)| posting.len()).map(|(other, _)| other.clone());
        longer.or_else(|| {
            let beginnings = (BEGINNING + 1..word.len()).rev().filter_map(|end| word.get(..end));
            beginnings.filter(|other| self.postings.contains_key(*other)).map(str::to_owned).next()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [(&str, &str, &str); 4] = [
        ("github.list_issues", "owner repo state", "List the issues of a repository."),
        ("github.create_issue", "owner repo title body", "Open a new issue in a repository."),
        ("curl.get", "url http web", "Simple GET request that follows redirects."),
        ("weather.getForecast", "city days", "The forecast for a city."),
    ];

    fn found(query: &str, limit: usize) -> Vec<&'static str> {
        let documents = DOCUMENTS
            .iter()
            .map(|(name, parameters, description)| Document::of(name, [name, description, parameters, ""]));
        let ranked = Index::of(documents).rank(&Query::of(query), limit);
        ranked.into_iter().map(|(at, _)| DOCUMENTS[at].0).collect()
    }

    #[test]
    fn what_is_meant_comes_first() {
        let check = |query: &str, expected: &str| assert_eq!(found(query, 1), [expected], "{query}");
        check("list issues", "github.list_issues");
        check("create an issue", "github.create_issue");
        check("http request", "curl.get");
        check("forecast", "weather.getForecast");
        check("getForecast", "weather.getForecast");
        check("curl.get", "curl.get");
        check("redirect", "curl.get");
        check("forecasting", "weather.getForecast");
    }

    #[test]
    fn a_beginning_stands_for_the_word() {
        assert_eq!(found("reposit", 9), ["github.list_issues", "github.create_issue"]);
        assert_eq!(found("ci", 9), [""; 0]);
    }

    #[test]
    fn nothing_is_found_where_nothing_fits() {
        for query in ["quantum chromodynamics", "", " . "] {
            assert_eq!(found(query, 9), [""; 0], "{query}");
        }
        assert_eq!(found("issue", 1).len(), 1);
        assert_eq!(Index::default().rank(&Query::of("issue"), 1), []);
    }
}

//! A library for trials of the search alone: entries in memory, scored by the same measures as skills.

use serde::Deserialize;

use super::finding::{Compares, blended, fits, meant};
use super::meaning::{Recipe, dot, pooled};
use crate::embedding::{Embedder, ModelError, Turn};
use crate::search::{Corpus, Document, Query, Score};

/// One thing that may be found.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// What the answers of queries name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// The names of its parameters.
    #[serde(default)]
    pub params: Vec<String>,
    /// Its source.
    #[serde(default)]
    pub code: String,
}

/// See the module.
#[derive(Debug)]
pub struct Library {
    entries: Vec<Entry>,
    documents: Vec<Document>,
    vectors: Vec<Vec<f32>>,
}

impl Library {
    /// Of these entries; their words can be looked for at once.
    pub fn of(entries: Vec<Entry>) -> Self {
        let document = |entry: &Entry| {
            Document::of(&entry.name, [&entry.name, &entry.description, &entry.params.join(" "), &entry.code])
        };
        Self { documents: entries.iter().map(document).collect(), entries, vectors: Vec::new() }
    }

    /// Reads what all of them mean, and tells how many there are of how many.
    pub async fn read(&mut self, embedder: &Embedder, done: impl Fn(usize, usize)) -> Result<(), ModelError> {
        for entry in &self.entries {
            let recipe = Recipe::new(&entry.name, &entry.description, entry.code.clone());
            let mut vectors = Vec::new();
            for text in recipe.texts() {
                vectors.push(embedder.read(text, Turn::Passage).await?);
            }
            self.vectors.push(pooled(&vectors));
            done(self.vectors.len(), self.entries.len());
        }
        Ok(())
    }

    /// The vector of a query.
    pub async fn vector(&self, embedder: &Embedder, text: &str) -> Result<Vec<f32>, ModelError> {
        let query = Query::of(text);
        embedder.read(meant(text, &query, || self.corpus(&query), embedder.model()), Turn::Query).await
    }

    fn corpus(&self, query: &Query) -> Corpus {
        let count = |word: &String| self.documents.iter().filter(|each| each.has(word)).count() as f64;
        Corpus { documents: self.documents.len() as f64, counts: query.words().iter().map(count).collect() }
    }

    /// The ids of what fits, best first; by words alone without a vector.
    pub fn find(&self, text: &str, vector: Option<&[f32]>, limit: usize) -> Vec<&str> {
        let query = Query::of(text);
        let corpus = self.corpus(&query);
        let scored = self.documents.iter().enumerate().filter_map(|(at, document)| {
            let cosine = vector.and_then(|vector| Some(dot(self.vectors.get(at)?, vector)));
            Some((at, blended(query.score(document, &corpus), cosine)?))
        });
        let mut scored: Vec<(usize, Score)> = scored.collect();
        scored.sort_by(|one, other| other.1.share.total_cmp(&one.1.share).then(one.0.cmp(&other.0)));
        let compares = if vector.is_some() { Compares::Both } else { Compares::Words };
        let limit = if fits(scored.first().map(|(_, score)| score), compares) { limit } else { 0 };
        scored.into_iter().take(limit).filter_map(|(at, _)| Some(self.entries.get(at)?.id.as_str())).collect()
    }
}

//! Search over the whole library. What the store's index gives and what lies in files is scored by the same measure.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::SkillError;
use super::files::Near;
use super::library::Skills;
use super::meaning::{Compared, meaning};
use super::name::SkillName;
use super::skill::{Origin, Skill};
use super::uses::Uses;
use crate::search::{Corpus, Document, FLOOR, Matched, Query, Score};
use crate::storage::{Hash, SkillRow, WordHits};

/// How many skills the store's index gives to be scored, and as many those that are nearest by meaning.
const CANDIDATES: usize = 100;

/// How much meaning counts beside words.
const MEANING: f64 = 0.7;

/// The cosine from which on a skill is said to mean what is looked for.
const ALIKE: f64 = 0.2;

/// Where the best score of words and meaning is below this, nothing fits: no query of the development set is, and half of those
/// that ask for something else are. Below the other a single skill is noise.
const BEST_FLOOR: f64 = 0.2;
const EACH_FLOOR: f64 = 0.15;

/// One skill that fits.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The skill.
    pub skill: Skill,
    /// From 0 to 1.
    pub score: f64,
    /// Why.
    pub matched: Vec<Matched>,
    /// How it fared.
    pub uses: Uses,
}

/// Whether meanings were compared, not only words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Semantic {
    /// They were.
    On,
    /// They were not, for this reason.
    Off(String),
}

/// What a score is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compares {
    /// Words.
    Words,
    /// Words and meaning.
    Both,
}

/// What a search gives.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The best first; empty where nothing fits.
    pub hits: Vec<Hit>,
    /// Whether meanings were compared.
    pub semantic: Semantic,
}

impl Answer {
    /// All of it for programs.
    pub fn about(&self) -> Value {
        let (semantic, reason) = self.semantic.words();
        let hits = self.hits.iter().map(|hit| {
            let mut about = hit.uses.add_to(hit.skill.about());
            about["score"] = json!(hit.score);
            about["matched_by"] = hit.matched.iter().map(|matched| matched.word()).collect();
            about
        });
        json!({"hits": hits.collect::<Vec<_>>(), "semantic": semantic, "reason": reason})
    }
}

impl Semantic {
    /// `on`, or `off` and the reason.
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::On => ("on", ""),
            Self::Off(why) => ("off", why),
        }
    }
}

impl Skills {
    /// The skills that fit these words, best first. Those that only share a common word are left out.
    pub async fn search(&self, text: &str, limit: usize) -> Result<Answer, SkillError> {
        let query = Query::of(text);
        let near = self.in_memory();
        let words = query.words().to_vec();
        let stored = self.store().ask(move |db| db.skills_with(&words, CANDIDATES));
        let (hits, compared) = tokio::join!(stored, self.compare(text, &near, CANDIDATES));
        let (hits, compared) = (hits?, compared?);
        let corpus = corpus(&query, &hits, &near);
        let stored = self.candidates(text, hits.skills, compared.as_ref().ok()).await?;
        let score = |document: &Document, meaning: &Hash| {
            let cosine =
                compared.as_ref().ok().and_then(|compared| self.meanings().cosine(compared, meaning));
            blended(query.score(document, &corpus), cosine)
        };
        let mut found: Vec<(Skill, Score)> = Vec::new();
        for each in &near {
            let is_hidden = each.skill.origin == Origin::Bundled
                && stored.iter().any(|other| other.name == each.skill.name);
            if !is_hidden && let Some(score) = score(&each.document, &each.meaning) {
                found.push((each.skill.clone(), score));
            }
        }
        for skill in stored {
            let is_hidden = near
                .iter()
                .any(|other| other.skill.name == skill.name && other.skill.origin < Origin::Stored);
            if !is_hidden && let Some(score) = score(&document(&skill), &meaning(&skill)) {
                found.push((skill, score));
            }
        }
        found.sort_by(|one, other| {
            other.1.share.total_cmp(&one.1.share).then_with(|| one.0.name.cmp(&other.0.name))
        });
        let compares = if compared.is_ok() { Compares::Both } else { Compares::Words };
        found.truncate(if fits(found.first().map(|(_, score)| score), compares) { limit } else { 0 });
        let names = found.iter().map(|(skill, _)| skill.name.to_string()).collect();
        let uses = self.uses(names).await?;
        let hits = found.into_iter().map(|(skill, score)| Hit {
            uses: uses.get(skill.name.as_str()).cloned().unwrap_or_default(),
            skill,
            score: (score.share * 1000.0).round() / 1000.0,
            matched: score.matched,
        });
        Ok(Answer { hits: hits.collect(), semantic: compared.err().unwrap_or(Semantic::On) })
    }

    /// The stored skills that are looked at closely: those with the query's words, those near its meaning, that of its name.
    async fn candidates(
        &self,
        text: &str,
        worded: Vec<SkillRow>,
        compared: Option<&Compared>,
    ) -> Result<Vec<Skill>, SkillError> {
        let nearest = compared.map(|compared| compared.nearest.as_slice()).unwrap_or_default();
        let mut ids = nearest.to_vec();
        ids.retain(|id| worded.iter().all(|row| row.id != *id));
        let mut rows = worded;
        if !ids.is_empty() {
            rows.extend(self.store().ask(move |db| db.skills_by_id(&ids)).await?);
        }
        let mut skills: Vec<Skill> = rows.into_iter().filter_map(Skill::of_row).collect();
        // The exact name is found whatever the index makes of it.
        if let Ok(name) = SkillName::parse(text.trim().trim_start_matches("skills."))
            && skills.iter().all(|skill| skill.name != name)
            && let Some(row) = self.store().ask(move |db| db.skill(name.as_str(), None)).await?
        {
            skills.extend(Skill::of_row(row));
        }
        Ok(skills)
    }
}

/// What is searched, in numbers: the store's skills and those beside it.
fn corpus(query: &Query, hits: &WordHits, near: &[Arc<Near>]) -> Corpus {
    let beside = |word: &String| near.iter().filter(|each| each.document.has(word)).count() as f64;
    Corpus {
        documents: hits.all as f64 + near.len() as f64,
        counts: query
            .words()
            .iter()
            .zip(&hits.counts)
            .map(|(word, count)| *count as f64 + beside(word))
            .collect(),
    }
}

/// Whether what was found best fits at all.
pub fn fits(best: Option<&Score>, semantic: Compares) -> bool {
    best.is_some_and(|best| semantic == Compares::Words || best.share >= BEST_FLOOR)
}

/// Words and meaning as one score, or nothing where a skill does not fit. Without a cosine words alone decide.
pub fn blended(words: Option<Score>, cosine: Option<f32>) -> Option<Score> {
    let Some(cosine) = cosine.map(f64::from) else { return words.filter(|score| score.share >= FLOOR) };
    let mut score = words.unwrap_or(Score { share: 0.0, matched: Vec::new() });
    if score.matched.contains(&Matched::ExactName) {
        return Some(score);
    }
    if cosine >= ALIKE {
        score.matched.push(Matched::Meaning);
    }
    score.share = (MEANING * cosine.max(0.0) + (1.0 - MEANING) * score.share).min(0.99);
    (score.share >= EACH_FLOOR).then_some(score)
}

/// The texts that words are looked for in: name, description and tags, parameters, source.
pub fn fields(skill: &Skill) -> [String; 4] {
    [
        skill.name.to_string(),
        format!("{}\n{}", skill.description, skill.tags.join(" ")),
        skill.shape.words(),
        skill.source.clone(),
    ]
}

/// A skill as something that is searched.
pub fn document(skill: &Skill) -> Document {
    let [name, about, parameters, source] = fields(skill);
    Document::of(skill.name.as_str(), [&name, &about, &parameters, &source])
}

//! Search over the whole library. What the store's index gives and what lies in files is scored by the same measure.

use serde_json::{Value, json};

use super::error::SkillError;
use super::library::Skills;
use super::name::SkillName;
use super::skill::{Origin, Skill};
use super::uses::Uses;
use crate::search::{Corpus, Document, FLOOR, Matched, Query, Score};

/// How many skills the store's index gives to be scored.
const CANDIDATES: usize = 200;

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
    /// They were not, for this reason.
    Off(String),
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
    /// `off` and the reason.
    pub fn words(&self) -> (&'static str, &str) {
        match self {
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
        let hits = self.store().ask(move |db| db.skills_with(&words, CANDIDATES)).await?;
        let beside: Vec<(&Skill, &Document)> =
            near.iter().map(|each| (&each.skill, &each.document)).collect();
        let corpus = Corpus {
            documents: hits.all as f64 + beside.len() as f64,
            counts: query
                .words()
                .iter()
                .zip(&hits.counts)
                .map(|(word, count)| {
                    *count as f64 + beside.iter().filter(|(_, each)| each.has(word)).count() as f64
                })
                .collect(),
        };
        let mut stored: Vec<Skill> = hits.skills.into_iter().filter_map(Skill::of_row).collect();
        // The exact name is found whatever the index makes of it.
        if let Ok(name) = SkillName::parse(text.trim().trim_start_matches("skills."))
            && stored.iter().all(|skill| skill.name != name)
            && let Some(row) = self.store().ask(move |db| db.skill(name.as_str(), None)).await?
        {
            stored.extend(Skill::of_row(row));
        }
        let mut found: Vec<(Skill, Score)> = Vec::new();
        for (skill, document) in &beside {
            let is_hidden =
                skill.origin == Origin::Bundled && stored.iter().any(|other| other.name == skill.name);
            if let Some(score) = query.score(document, &corpus).filter(|_| !is_hidden) {
                found.push(((*skill).clone(), score));
            }
        }
        for skill in stored {
            let is_hidden =
                beside.iter().any(|(other, _)| other.name == skill.name && other.origin < Origin::Stored);
            if let Some(score) = query.score(&document(&skill), &corpus).filter(|_| !is_hidden) {
                found.push((skill, score));
            }
        }
        found.retain(|(_, score)| score.share >= FLOOR);
        found.sort_by(|one, other| {
            other.1.share.total_cmp(&one.1.share).then_with(|| one.0.name.cmp(&other.0.name))
        });
        found.truncate(limit);
        let names = found.iter().map(|(skill, _)| skill.name.to_string()).collect();
        let uses = self.uses(names).await?;
        let hits = found.into_iter().map(|(skill, score)| Hit {
            uses: uses.get(skill.name.as_str()).cloned().unwrap_or_default(),
            skill,
            score: (score.share * 1000.0).round() / 1000.0,
            matched: score.matched,
        });
        let why = "there is no embedding model, so only words were compared";
        Ok(Answer { hits: hits.collect(), semantic: Semantic::Off(why.to_owned()) })
    }
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

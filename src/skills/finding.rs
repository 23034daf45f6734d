//! Search over the whole library. What is stored and what lies in files is scored by the same measure.
//!
//! The words of stored skills are looked for in memory, and only those rows are read that are shown. As long as a library is not
//! in memory, which is a moment for a server and always so for a command without a model, the store's index of full text gives
//! the rows that are looked at.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::error::SkillError;
use super::files::Near;
use super::library::Skills;
use super::meaning::{self, Compared, Loading, meaning};
use super::name::SkillName;
use super::skill::{Origin, Skill};
use super::uses::Uses;
use crate::embedding::{Model, State};
use crate::search::{Corpus, Document, FLOOR, Matched, Query, Score, index};
use crate::storage::{Hash, SkillRow, WordHits, Words};

/// In which way words and contents are made; what was made in another way is made anew.
pub const EDITION: i64 = crate::search::EDITION * 256 + meaning::EDITION as i64;

/// How many skills with the query's words are scored, and as many those that are nearest by meaning.
const CANDIDATES: usize = 100;

/// How many rows are read beyond those that are shown, because files may hide some.
const HIDDEN: usize = 8;

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
    /// They were, but not all could be, for this reason.
    But(String),
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
    /// The query in English, where it was in another language.
    pub read_as: Option<String>,
    /// What took how long.
    pub spent: Spent,
}

/// What a search spent its time with. Reading the query and looking at vectors goes beside looking for words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Bringing what is in memory up to date.
    pub refresh: Duration,
    /// Looking for words.
    pub words: Duration,
    /// Reading the query with the model.
    pub query: Duration,
    /// Looking at all vectors.
    pub vectors: Duration,
    /// Putting words and meaning together.
    pub fusion: Duration,
    /// Reading the rows of what is shown, and how it fared.
    pub rows: Duration,
    /// All of it.
    pub all: Duration,
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
        let mut about = json!({"hits": hits.collect::<Vec<_>>(), "semantic": semantic, "reason": reason});
        if let Some(read_as) = &self.read_as {
            about["read_as"] = read_as.as_str().into();
        }
        about
    }
}

impl Semantic {
    /// `on`, or `off` and the reason.
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::On => ("on", ""),
            Self::But(what) => ("on", what),
            Self::Off(why) => ("off", why),
        }
    }
}

/// What the words of stored skills gave.
enum Worded {
    /// They were looked for in memory: how often each stands, and the skills that fit best.
    Memory(Corpus, Vec<i64>),
    /// They were looked for by the store.
    Store(Corpus, Vec<SkillRow>),
}

/// Something that was found, before it is read.
struct Found {
    score: Score,
    what: Place,
}

enum Place {
    Stored(i64),
    Read(Box<Skill>),
    Beside(Arc<Near>),
}

impl Skills {
    /// The skills that fit these words, best first. Those that only share a common word are left out.
    pub async fn search(&self, text: &str, limit: usize) -> Result<Answer, SkillError> {
        let begun = Instant::now();
        let query = Query::of(text);
        let near = self.in_memory();
        let mut spent = Spent::default();
        let reader = self.meanings().embedder().model();
        let mut model = self.meanings().embedder().state();
        if self.refresh_in_time(&near).await? == Loading::GoesOn && model == State::Ready {
            model = State::Off("the library is still being brought into memory".to_owned());
        }
        spent.refresh = begun.elapsed();
        let meant = meant(text, &query, || self.corpus_in_memory(&query, &near), reader);
        let words = async {
            let begun = Instant::now();
            (self.look_for_words(&query, &near, CANDIDATES.max(limit + HIDDEN)).await, begun.elapsed())
        };
        let (compared, (worded, taken)) = tokio::join!(self.compare(meant, model, CANDIDATES), words);
        spent.words = taken;
        let worded = worded?;
        if let Ok(compared) = &compared {
            (spent.query, spent.vectors) = compared.spent;
        }
        let fusing = Instant::now();
        let named = self.named(text).await?;
        let found = self.score_all(&query, &near, worded, named, compared.as_ref().ok());
        spent.fusion = fusing.elapsed();
        let compares = if compared.is_ok() { Compares::Both } else { Compares::Words };
        let limit = if fits(found.first().map(|found| &found.score), compares) { limit } else { 0 };
        let reading = Instant::now();
        let found = self.read_found(found, &near, limit).await?;
        let names = found.iter().map(|(skill, _)| skill.name.to_string()).collect();
        let uses = self.uses(names).await?;
        let hits = found.into_iter().map(|(skill, score)| Hit {
            uses: uses.get(skill.name.as_str()).cloned().unwrap_or_default(),
            skill,
            score: (score.share * 1000.0).round() / 1000.0,
            matched: score.matched,
        });
        let mut hits: Vec<Hit> = hits.collect();
        // Of two that fit equally well, to the thousandth, the one that has proven useful comes first.
        let ran_well = |hit: &Hit| hit.uses.uses - hit.uses.failures;
        hits.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then_with(|| ran_well(other).cmp(&ran_well(one)))
        });
        (spent.rows, spent.all) = (reading.elapsed(), begun.elapsed());
        tracing::debug!(?spent, "searched");
        let reading = query.reading();
        let is_read = reading.is_some_and(|reading| reading.is_complete);
        let unknown = reader.filter(|_| !is_read).and_then(|reader| reader.cannot_read(text));
        let read_as = reading.map(|reading| reading.text.clone());
        let on = || unknown.or_else(|| self.meanings().unreadable()).map_or(Semantic::On, Semantic::But);
        Ok(Answer { hits, semantic: compared.err().unwrap_or_else(on), read_as, spent })
    }

    /// The stored skills that have the query's words.
    async fn look_for_words(
        &self,
        query: &Query,
        near: &[Arc<Near>],
        most: usize,
    ) -> Result<Worded, SkillError> {
        if self.meanings().is_loaded() {
            let (skills, query) = (self.clone(), query.clone());
            let corpus = self.corpus_in_memory(&query, near);
            let looked = tokio::task::spawn_blocking(move || {
                let known = skills.meanings().read();
                let best = known.bags.best(&query, &corpus, most).into_iter().map(|(id, _)| id).collect();
                Worded::Memory(corpus, best)
            });
            return Ok(looked.await.map_err(|_| crate::storage::StorageError::Ended)?);
        }
        let words = query.words().to_vec();
        let hits = self.store().ask(move |db| db.skills_with(&words, most)).await?;
        Ok(Worded::Store(corpus(query, &hits, near), hits.skills))
    }

    /// What is searched, in numbers, as far as it is in memory.
    fn corpus_in_memory(&self, query: &Query, near: &[Arc<Near>]) -> Corpus {
        let known = self.meanings().read();
        let bags = &known.bags;
        let counts = bags.counts(query).into_iter().zip(counts_beside(query, near));
        Corpus {
            documents: (bags.documents() + near.len()) as f64,
            counts: counts.map(|(stored, beside)| stored + beside).collect(),
        }
    }

    /// The stored skill of this name, if the query is one. It is found whatever else is.
    async fn named(&self, text: &str) -> Result<Option<SkillRow>, SkillError> {
        let Ok(name) = SkillName::parse(text.trim().trim_start_matches("skills.")) else { return Ok(None) };
        Ok(self.store().ask(move |db| db.skill(name.as_str(), None)).await?)
    }

    /// Everything that fits, the best first.
    fn score_all(
        &self,
        query: &Query,
        near: &[Arc<Near>],
        worded: Worded,
        named: Option<SkillRow>,
        compared: Option<&Compared>,
    ) -> Vec<Found> {
        let cosine = |content: &Hash| compared.and_then(|compared| self.meanings().cosine(compared, content));
        let (Worded::Memory(corpus, _) | Worded::Store(corpus, _)) = &worded;
        let mut found: Vec<Found> = Vec::new();
        let mut add =
            |score: Option<Score>, what: Place| found.extend(score.map(|score| Found { score, what }));
        for each in near {
            let score = blended(query.score(&each.document, corpus), cosine(&each.meaning));
            add(score, Place::Beside(each.clone()));
        }
        let mut seen = HashSet::new();
        let whole = |row: SkillRow| {
            let skill = Skill::of_row(row)?;
            Some((blended(query.score(&document(&skill), corpus), cosine(&meaning(&skill))), skill))
        };
        let mut rows: Vec<SkillRow> = named.into_iter().collect();
        let mut ids: Vec<i64> = compared.map(|compared| compared.nearest.clone()).unwrap_or_default();
        match &worded {
            Worded::Memory(_, best) => ids.extend(best),
            Worded::Store(_, hits) => rows.extend(hits.iter().cloned()),
        }
        for row in rows {
            if seen.insert(row.id)
                && let Some((score, skill)) = whole(row)
            {
                add(score, Place::Read(Box::new(skill)));
            }
        }
        let known = self.meanings().read();
        for id in ids {
            if seen.insert(id)
                && let Some(content) = known.content_of(id)
            {
                let cosine = compared.and_then(|compared| known.matrix.cosine(compared.query(), content));
                add(blended(known.bags.score(query, corpus, id), cosine), Place::Stored(id));
            }
        }
        found.sort_by(|one, other| other.score.share.total_cmp(&one.score.share));
        found
    }

    /// The best of what was found, read and without what is hidden.
    async fn read_found(
        &self,
        found: Vec<Found>,
        near: &[Arc<Near>],
        limit: usize,
    ) -> Result<Vec<(Skill, Score)>, SkillError> {
        let files: HashSet<&SkillName> = near
            .iter()
            .filter(|near| near.skill.origin < Origin::Stored)
            .map(|near| &near.skill.name)
            .collect();
        let bundled: HashSet<&SkillName> = near
            .iter()
            .filter(|near| near.skill.origin > Origin::Stored)
            .map(|near| &near.skill.name)
            .collect();
        let overridden: Vec<String> = bundled.iter().map(|name| name.to_string()).collect();
        let overridden: HashSet<String> =
            self.ask(move |db| db.living(&overridden)).await?.unwrap_or_default().into_iter().collect();
        let mut shown: Vec<(Skill, Score)> = Vec::new();
        let mut rest = found.into_iter().peekable();
        while shown.len() < limit && rest.peek().is_some() {
            let part: Vec<Found> = rest.by_ref().take(limit - shown.len() + HIDDEN).collect();
            let ids: Vec<i64> = part
                .iter()
                .filter_map(|found| if let Place::Stored(id) = found.what { Some(id) } else { None })
                .collect();
            let rows = if ids.is_empty() {
                Vec::new()
            } else {
                self.store().ask(move |db| db.skills_by_id(&ids)).await?
            };
            for Found { score, what } in part {
                let skill = match what {
                    Place::Read(skill) => Some(*skill),
                    Place::Beside(near) => Some(near.skill.clone()),
                    Place::Stored(id) => {
                        rows.iter().find(|row| row.id == id).cloned().and_then(Skill::of_row)
                    }
                };
                let Some(skill) = skill else { continue };
                let is_hidden = match skill.origin {
                    Origin::File(_) => false,
                    Origin::Stored => files.contains(&skill.name),
                    Origin::Bundled => overridden.contains(skill.name.as_str()),
                };
                if !is_hidden {
                    shown.push((skill, score));
                }
            }
        }
        shown.sort_by(|one, other| {
            other.1.share.total_cmp(&one.1.share).then_with(|| one.0.name.cmp(&other.0.name))
        });
        shown.truncate(limit);
        Ok(shown)
    }
}

/// What of a query is compared by its meaning: what it is in English, unless the model or the library is of its language.
pub fn meant<'a>(
    text: &'a str,
    query: &'a Query,
    corpus: impl FnOnce() -> Corpus,
    reader: Option<&Model>,
) -> &'a str {
    match query.reading() {
        Some(reading) if !reader.is_some_and(Model::reads_many) && !query.is_spoken(&corpus()) => {
            &reading.text
        }
        _ => text,
    }
}

/// In how many skills that are not stored each of the query's words stands.
fn counts_beside(query: &Query, near: &[Arc<Near>]) -> Vec<f64> {
    let count = |word: &String| near.iter().filter(|each| each.document.has(word)).count() as f64;
    query.words().iter().map(count).collect()
}

/// What is searched, in numbers: the store's skills and those beside it.
fn corpus(query: &Query, hits: &WordHits, near: &[Arc<Near>]) -> Corpus {
    let counts =
        hits.counts.iter().zip(counts_beside(query, near)).map(|(count, beside)| *count as f64 + beside);
    Corpus { documents: hits.all as f64 + near.len() as f64, counts: counts.collect() }
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

/// The words of a skill, as the store keeps them.
pub fn words_of(skill: &Skill) -> Words {
    Words {
        edition: EDITION,
        content: meaning(skill),
        bag: document(skill).packed(),
        texts: fields(skill).map(|text| index(&text)),
    }
}

//! Which skills have their vector, and how those that lack one get it.
//!
//! What is in memory follows the store by a mark, so that a look costs nothing while nothing changes. Missing vectors are made
//! one skill after the other, written in small parts, and whatever is interrupted goes on from there.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::matrix::Matrix;
use super::recipe::{Recipe, hash_of, pooled};
use crate::embedding::{Embedder, ModelError, State, Turn};
use crate::skills::error::SkillError;
use crate::skills::files::Near;
use crate::skills::finding::Semantic;
use crate::skills::library::Skills;
use crate::skills::skill::Skill;
use crate::storage::{Hash, Mark};

/// How many vectors are made before they are written.
const PART: usize = 16;

/// So few missing vectors are waited for, but not longer than this.
const FEW: usize = 16;
const PATIENCE: Duration = Duration::from_secs(2);

/// How long after a failure vectors are not tried again.
const FAILED: Duration = Duration::from_secs(60);

/// How long after its start a server begins to read skills, so that its first answers come first, and how often it then looks
/// whether the model has come.
const FIRST: Duration = Duration::from_secs(1);

/// How often the table of vectors is looked through for those that other servers made.
const OTHERS: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Meanings {
    embedder: Embedder,
    known: RwLock<Known>,
    is_filling: AtomicBool,
    /// A vector was made, or making them ended.
    moved: tokio::sync::Notify,
}

/// What is in memory.
#[derive(Debug, Default)]
struct Known {
    generation: Option<u64>,
    mark: Option<Mark>,
    stored: HashMap<i64, Hash>,
    /// The skills of each content that is to have a vector: their numbers in the store, none for those that lie elsewhere.
    wanted: HashMap<Hash, Option<i64>>,
    near: Vec<Hash>,
    matrix: Matrix,
    looked: Option<Instant>,
    /// Why vectors could not be made.
    failed: Option<(String, Instant)>,
}

/// A query's vector beside those of the skills.
#[derive(Debug)]
pub struct Compared {
    query: Vec<f32>,
    /// The stored skills nearest to it, by their numbers.
    pub nearest: Vec<i64>,
}

impl Meanings {
    /// Over this model.
    pub fn over(embedder: Embedder) -> Self {
        let dimension = embedder.model().map_or(0, |model| model.dimension);
        let known = Known { matrix: Matrix::of(dimension), ..Known::default() };
        Self {
            embedder,
            known: RwLock::new(known),
            is_filling: AtomicBool::new(false),
            moved: tokio::sync::Notify::new(),
        }
    }

    /// The model.
    pub fn embedder(&self) -> &Embedder {
        &self.embedder
    }

    /// How like the query a skill is.
    pub fn cosine(&self, compared: &Compared, skill: &Hash) -> Option<f32> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.matrix.get(skill).map(|vector| super::dot(vector, &compared.query))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many vectors there are to be, and how many are missing.
    fn count(&self) -> (usize, usize) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.wanted.len(), known.wanted.len().saturating_sub(known.matrix.len()))
    }
}

impl Known {
    fn missing(&self, most: usize) -> Vec<(Hash, Option<i64>)> {
        let missing = self.wanted.iter().filter(|(hash, _)| self.matrix.get(hash).is_none());
        missing.take(most).map(|(hash, id)| (*hash, *id)).collect()
    }

    /// What is to have a vector, from what is stored and what is not.
    fn settle(&mut self) {
        self.wanted = self.near.iter().map(|hash| (*hash, None)).collect();
        self.wanted.extend(self.stored.iter().map(|(id, hash)| (*hash, Some(*id))));
        let wanted = &self.wanted;
        self.matrix.retain(|hash| wanted.contains_key(hash));
    }
}

impl Skills {
    /// The query beside all skills, or why that cannot be.
    pub(in crate::skills) async fn compare(
        &self,
        text: &str,
        near: &[Arc<Near>],
        most: usize,
    ) -> Result<Result<Compared, Semantic>, SkillError> {
        let meanings = self.meanings();
        match meanings.embedder.state() {
            State::Ready => {}
            State::Fetching(percent) => {
                let why = format!("the model is being fetched ({percent} %), so only words were compared");
                return Ok(Err(Semantic::Off(why)));
            }
            State::Off(why) => return Ok(Err(Semantic::Off(format!("{why}; only words were compared")))),
        }
        self.refresh(near).await?;
        if let Some(why) = self.lacking().await {
            return Ok(Err(Semantic::Off(why)));
        }
        let query = match meanings.embedder.read(text, Turn::Query).await {
            Ok(query) => query,
            Err(error) => return Ok(Err(Semantic::Off(format!("{error}; only words were compared")))),
        };
        let skills = self.clone();
        // Looking at a hundred thousand vectors takes longer than the runtime may be held.
        let scan = tokio::task::spawn_blocking(move || {
            let known = skills.meanings().known.read().unwrap_or_else(PoisonError::into_inner);
            let found = known.matrix.nearest(&query, most);
            let nearest =
                found.iter().filter_map(|(hash, _)| known.wanted.get(hash).copied().flatten()).collect();
            Compared { query, nearest }
        });
        match scan.await {
            Ok(compared) => Ok(Ok(compared)),
            Err(_) => Ok(Err(Semantic::Off("the server is ending; only words were compared".to_owned()))),
        }
    }

    /// Why not all skills have their vectors, if they don't. A few are waited for.
    async fn lacking(&self) -> Option<String> {
        let meanings = self.meanings();
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let moved = meanings.moved.notified();
            let (all, missing) = meanings.count();
            if missing == 0 {
                return None;
            }
            let failed = meanings.known.read().unwrap_or_else(PoisonError::into_inner).failed.clone();
            if let Some((why, _)) = failed.filter(|(_, when)| when.elapsed() < FAILED) {
                return Some(format!("{why}; only words were compared"));
            }
            self.fill_in_background();
            if missing > FEW || tokio::time::timeout_at(give_up, moved).await.is_err() {
                let there = all - missing;
                return Some(format!("{there} of {all} skills have been read, so only words were compared"));
            }
        }
    }

    /// Brings what is in memory to the state of the store and of the files.
    async fn refresh(&self, near: &[Arc<Near>]) -> Result<(), SkillError> {
        let meanings = self.meanings();
        let Some(model) = meanings.embedder.model() else { return Ok(()) };
        let near: Vec<Hash> = near.iter().map(|each| each.meaning).collect();
        let (generation, mark, mut is_settled) = {
            let known = meanings.known.read().unwrap_or_else(PoisonError::into_inner);
            (known.generation, known.mark, known.near == near)
        };
        if self.store().path().is_some() {
            let looked = self.store().ask(move |db| {
                let now = db.generation()?;
                let changes = if generation == Some(now) { None } else { Some(db.skill_changes(mark)?) };
                Ok((now, changes))
            });
            let (now, changes) = looked.await?;
            if let Some(changes) = changes {
                let mut known = meanings.write();
                is_settled &= !changes.is_all && changes.living.is_empty() && changes.gone.is_empty();
                if changes.is_all {
                    known.stored.clear();
                }
                for id in &changes.gone {
                    known.stored.remove(id);
                }
                let living = changes.living.into_iter();
                known.stored.extend(
                    living.map(|head| (head.id, hash_of(&head.name, &head.description, &head.source))),
                );
                known.mark = changes.mark;
                known.generation = Some(now);
            }
        }
        if !is_settled {
            let mut known = meanings.write();
            known.near = near;
            known.settle();
            known.looked = None;
        }
        let missing = {
            let mut known = meanings.write();
            if known.looked.is_some_and(|looked| looked.elapsed() < OTHERS) {
                return Ok(());
            }
            known.looked = Some(Instant::now());
            known.missing(usize::MAX)
        };
        if missing.is_empty() || self.store().path().is_none() {
            return Ok(());
        }
        let hashes: Vec<Hash> = missing.into_iter().map(|(hash, _)| hash).collect();
        let (key, dimension) = (model.key(), model.dimension);
        let vectors = self.store().ask(move |db| db.vectors(&key, &hashes, dimension)).await?;
        let mut known = meanings.write();
        for (hash, vector) in vectors.hashes.iter().zip(vectors.numbers.chunks_exact(dimension)) {
            if known.wanted.contains_key(hash) {
                known.matrix.add(*hash, vector);
            }
        }
        Ok(())
    }

    /// For a server: fetches the model where that is wanted, and reads the skills as soon as it is there.
    pub fn begin_to_read(&self) {
        let skills = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(FIRST).await;
            let embedder = &skills.meanings().embedder;
            embedder.fetch_in_background();
            while matches!(embedder.state(), State::Fetching(_)) {
                tokio::time::sleep(FIRST).await;
            }
            if embedder.state() == State::Ready {
                skills.fill_in_background();
            }
        });
    }

    /// Makes the vectors that are missing, unless somebody does already.
    pub fn fill_in_background(&self) {
        if self.meanings().is_filling.swap(true, Ordering::AcqRel) {
            return;
        }
        let skills = self.clone();
        tokio::spawn(async move {
            if let Err(why) = skills.fill(|_, _| ()).await {
                tracing::warn!(why, "the meanings of skills could not be read");
                skills.meanings().write().failed = Some((why, Instant::now()));
            }
            skills.meanings().is_filling.store(false, Ordering::Release);
            skills.meanings().moved.notify_waiters();
        });
    }

    /// Makes the vectors that are missing, one after the other, and tells how many there are of how many.
    pub async fn fill(&self, done: impl Fn(usize, usize)) -> Result<(), String> {
        let meanings = self.meanings();
        let Some(model) = meanings.embedder.model() else { return Ok(()) };
        // A content is tried twice: what is still missing then is no skill that can be read, and has no direction.
        let mut tried = HashSet::new();
        loop {
            let near = self.in_memory();
            self.refresh(&near).await.map_err(|error| error.to_string())?;
            let part = meanings.known.read().unwrap_or_else(PoisonError::into_inner).missing(PART);
            if part.is_empty() {
                return Ok(());
            }
            let ids: Vec<i64> = part.iter().filter_map(|(_, id)| *id).collect();
            let rows = self.store().ask_if_any(move |db| db.skills_by_id(&ids)).await;
            let stored = rows.map_err(|error| error.to_string())?.unwrap_or_default();
            let stored = stored.into_iter().filter_map(Skill::of_row);
            let wanted = |skill: &Skill| part.iter().any(|(hash, _)| *hash == meaning(skill));
            let beside = near.iter().map(|near| &near.skill).filter(|skill| wanted(skill)).cloned();
            let skills: Vec<Skill> = stored.filter(|skill| wanted(skill)).chain(beside).collect();
            let mut made = Vec::with_capacity(skills.len());
            for skill in skills {
                let vector = self.read_skill(&skill).await.map_err(|error| error.to_string())?;
                made.push((meaning(&skill), vector));
            }
            {
                let mut known = meanings.write();
                for (hash, vector) in &made {
                    if known.wanted.contains_key(hash) {
                        known.matrix.add(*hash, vector);
                    }
                }
                let nowhere = vec![0.0; model.dimension];
                for (hash, _) in &part {
                    if !tried.insert(*hash) && known.wanted.contains_key(hash) {
                        known.matrix.add(*hash, &nowhere);
                    }
                }
            }
            let key = model.key();
            let kept = self.store().ask_if_any(move |db| db.keep_vectors(&key, &made)).await;
            kept.map_err(|error| error.to_string())?;
            meanings.moved.notify_waiters();
            let (all, missing) = meanings.count();
            done(all - missing, all);
        }
    }

    /// The vector of a skill.
    async fn read_skill(&self, skill: &Skill) -> Result<Vec<f32>, ModelError> {
        let skill = skill.clone();
        let recipe =
            tokio::task::spawn_blocking(move || Recipe::of(&skill)).await.map_err(|_| ModelError::Ended)?;
        let mut vectors = Vec::new();
        for text in recipe.texts() {
            vectors.push(self.meanings().embedder.read(text, Turn::Passage).await?);
        }
        Ok(pooled(&vectors))
    }
}

/// The name of a skill's content.
pub fn meaning(skill: &Skill) -> Hash {
    hash_of(skill.name.as_str(), &skill.description, &skill.hash)
}

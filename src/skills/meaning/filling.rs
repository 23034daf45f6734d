//! Which skills have their vector, and how those that lack one get it.
//!
//! Missing vectors are made one skill after the other, written in small parts, and whatever is interrupted goes on from there. A
//! skill that the model cannot read is left out and named; the others are read all the same.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use super::known::{Known, Unreadable};
use super::matrix::{ByHash, Query};
use super::recipe::{Recipe, hash_of, pooled};
use crate::embedding::{Embedder, ModelError, State, Turn};
use crate::skills::files::Near;
use crate::skills::finding::Semantic;
use crate::skills::library::Skills;
use crate::skills::skill::Skill;
use crate::storage::{Hash, StorageError};

/// How many vectors are made before they are written.
const PART: usize = 16;

/// So few missing vectors are waited for, but not longer than this.
const FEW: usize = 16;
const PATIENCE: Duration = Duration::from_secs(2);

/// How long after a failure vectors are not tried again.
const FAILED: Duration = Duration::from_secs(15);

/// How long after its start a server begins to read skills, so that its first answers come first, and how often it then looks
/// whether the model has come.
const FIRST: Duration = Duration::from_secs(1);

/// So many vectors that no skill of this server needs are kept at least, and never fewer than those that are needed: for other
/// servers, for the model of before, and for a skill that comes back.
const SPARE: usize = 1_000;

/// How many vectors are made before those that are spare are counted again.
const COUNTED: usize = 500;

/// How many rows are looked at in one transaction, and the pause after it.
const SWEPT: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Debug)]
pub struct Meanings {
    embedder: Embedder,
    pub(super) known: RwLock<Known>,
    /// Who brings what is in memory up to date.
    pub(super) turn: tokio::sync::Semaphore,
    is_filling: AtomicBool,
    /// Whether somebody may search soon, so that skills are read as soon as they are saved.
    is_serving: AtomicBool,
    /// How many vectors were made since those that are spare were counted.
    made: AtomicUsize,
    /// A vector was made, or making them ended.
    moved: tokio::sync::Notify,
}

/// A query's vector beside those of the skills.
#[derive(Debug)]
pub struct Compared {
    query: Query,
    /// The stored skills nearest to it, by their numbers.
    pub nearest: Vec<i64>,
    /// How long it took to read the query, and to look at all vectors.
    pub spent: (Duration, Duration),
}

impl Compared {
    /// The query's vector.
    pub fn query(&self) -> &Query {
        &self.query
    }
}

impl Meanings {
    /// Over this model.
    pub fn over(embedder: Embedder) -> Self {
        let known = Known::of(embedder.model().map_or(0, |model| model.dimension));
        Self {
            embedder,
            known: RwLock::new(known),
            turn: tokio::sync::Semaphore::new(1),
            is_filling: AtomicBool::new(false),
            is_serving: AtomicBool::new(false),
            made: AtomicUsize::new(COUNTED),
            moved: tokio::sync::Notify::new(),
        }
    }

    /// The model.
    pub fn embedder(&self) -> &Embedder {
        &self.embedder
    }

    /// How like the query a skill is, if it has its vector.
    pub fn cosine(&self, compared: &Compared, skill: &Hash) -> Option<f32> {
        self.read().matrix.cosine(&compared.query, skill)
    }

    /// What a search has to say of skills that cannot be read, if there are any.
    pub fn unreadable(&self) -> Option<String> {
        let known = self.read();
        let (first, count) = known.unreadable();
        let Unreadable { name, why } = first?;
        let others = if count > 1 { format!("; so are {} others", count - 1) } else { String::new() };
        Some(format!(
            "skill '{name}' cannot be read by the model ({why}), so it is found by words only{others}"
        ))
    }
}

impl Skills {
    /// The query beside all skills, or why that cannot be.
    pub(in crate::skills) async fn compare(
        &self,
        text: &str,
        model: State,
        most: usize,
    ) -> Result<Compared, Semantic> {
        let meanings = self.meanings();
        match model {
            State::Ready => {}
            State::Fetching(percent) => {
                let why = format!("the model is being fetched ({percent} %), so only words were compared");
                return Err(Semantic::Off(why));
            }
            State::Off(why) => return Err(Semantic::Off(format!("{why}; only words were compared"))),
        }
        if let Some(why) = self.lacking().await {
            return Err(Semantic::Off(why));
        }
        let begun = Instant::now();
        let query = match meanings.embedder.read(text, Turn::Query).await {
            Ok(query) => Query::of(query),
            Err(error) => return Err(Semantic::Off(format!("{error}; only words were compared"))),
        };
        let (skills, read) = (self.clone(), begun.elapsed());
        // Looking at a hundred thousand vectors takes longer than the runtime may be held.
        let scan = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let known = skills.meanings().read();
            let found = known.matrix.nearest(&query, most);
            let nearest = found.iter().filter_map(|(hash, _)| known.id_of(hash)).collect();
            Compared { query, nearest, spent: (read, begun.elapsed()) }
        });
        match scan.await {
            Ok(compared) => Ok(compared),
            Err(_) => Err(Semantic::Off("the server is ending; only words were compared".to_owned())),
        }
    }

    /// Why not all skills have their vectors, if they don't. A few are waited for.
    async fn lacking(&self) -> Option<String> {
        let meanings = self.meanings();
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let moved = meanings.moved.notified();
            let (all, missing) = meanings.read().count();
            if missing == 0 {
                return None;
            }
            let failed = meanings.read().failed.clone();
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

    /// For a server: brings the library into memory, fetches the model where that is wanted, and reads the skills as soon as it
    /// is there.
    pub fn begin_to_read(&self) {
        self.meanings().is_serving.store(true, Ordering::Relaxed);
        let skills = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(FIRST).await;
            if let Err(error) = skills.refresh(&skills.in_memory()).await {
                tracing::warn!(%error, "the library was not brought into memory");
            }
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

    /// A skill was saved: a server reads it at once, so that the next search need not wait for that.
    pub(in crate::skills) fn read_soon(&self) {
        let meanings = self.meanings();
        if meanings.is_serving.load(Ordering::Relaxed) && meanings.embedder.state() == State::Ready {
            self.fill_in_background();
        }
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
            if let Err(error) = skills.drop_spare_vectors().await {
                tracing::warn!(%error, "vectors that nobody needs were not taken away");
            }
        });
    }

    /// Makes the vectors that are missing, one after the other, and tells how many there are of how many.
    pub async fn fill(&self, done: impl Fn(usize, usize)) -> Result<(), String> {
        let meanings = self.meanings();
        let Some(model) = meanings.embedder.model() else { return Ok(()) };
        // A content is tried twice: what is still missing then is no skill that the library gives.
        let mut tried = HashSet::new();
        loop {
            let near = self.in_memory();
            self.refresh(&near).await.map_err(|error| error.to_string())?;
            let part = meanings.read().missing(PART);
            if part.is_empty() {
                return Ok(());
            }
            let mut made = Vec::with_capacity(part.len());
            for skill in self.skills_of(&part, &near).await.map_err(|error| error.to_string())? {
                let content = meaning(&skill);
                match self.read_skill(&skill).await {
                    Ok(vector) => made.push((content, vector)),
                    Err(ModelError::Text { what }) => {
                        tracing::warn!(skill = skill.name.as_str(), what, "the model cannot read a skill");
                        let unreadable = Unreadable { name: skill.name.to_string(), why: what };
                        meanings.write().give_up(content, unreadable);
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
            {
                let mut known = meanings.write();
                for (hash, vector) in &made {
                    known.add_vector(*hash, vector);
                }
                for (hash, id) in &part {
                    if !tried.insert(*hash) && !known.matrix.has(hash) {
                        let name = id.map_or_else(|| "a file".to_owned(), |id| format!("number {id}"));
                        known.give_up(*hash, Unreadable { name, why: "it is no skill".to_owned() });
                    }
                }
            }
            // Whoever waits for a vector need not wait for the disk.
            meanings.moved.notify_waiters();
            meanings.made.fetch_add(made.len(), Ordering::Relaxed);
            let key = model.key();
            let kept = self.store().ask_if_any(move |db| db.keep_vectors(&key, &made)).await;
            kept.map_err(|error| error.to_string())?;
            let (all, missing) = meanings.read().count();
            done(all - missing, all);
        }
    }

    /// The skills of these contents.
    async fn skills_of(
        &self,
        part: &[(Hash, Option<i64>)],
        near: &[Arc<Near>],
    ) -> Result<Vec<Skill>, StorageError> {
        let ids: Vec<i64> = part.iter().filter_map(|(_, id)| *id).collect();
        let rows = self.store().ask_if_any(move |db| db.skills_by_id(&ids)).await?.unwrap_or_default();
        let stored = rows.into_iter().filter_map(Skill::of_row);
        let wanted = |skill: &Skill| part.iter().any(|(hash, _)| *hash == meaning(skill));
        let stored: Vec<Skill> = stored.filter(|skill| wanted(skill)).collect();
        let is_stored = |near: &Near| stored.iter().any(|skill| meaning(skill) == near.meaning);
        let beside = near.iter().filter(|near| wanted(&near.skill) && !is_stored(near));
        let beside: Vec<Skill> = beside.map(|near| near.skill.clone()).collect();
        Ok(stored.into_iter().chain(beside).collect())
    }

    /// Takes away the oldest of the vectors that no skill needs, where there are more of them than may be spare. Looks when a
    /// server has begun, and again after some hundred new ones.
    pub(in crate::skills) async fn drop_spare_vectors(&self) -> Result<(), StorageError> {
        let meanings = self.meanings();
        let Some(model) = meanings.embedder.model() else { return Ok(()) };
        let (_, missing) = meanings.read().count();
        if missing > 0 || meanings.made.load(Ordering::Relaxed) < COUNTED || self.store().path().is_none() {
            return Ok(());
        }
        meanings.made.store(0, Ordering::Relaxed);
        let needed: Arc<ByHash<()>> = Arc::new(meanings.read().contents().map(|hash| (hash, ())).collect());
        let kept = self.store().ask(|db| db.count_vectors()).await?;
        let mut more = kept.saturating_sub(needed.len() + needed.len().max(SPARE));
        let mut after = 0;
        while more > 0 {
            let (key, needed) = (model.key(), needed.clone());
            let is_needed = move |hash: &Hash| needed.contains_key(hash);
            let dropped = self.store().ask(move |db| db.drop_vectors(&key, after, SWEPT, more, is_needed));
            let (count, last) = dropped.await?;
            let Some(last) = last else { break };
            (more, after) = (more - count, last);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
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

//! What is in memory follows the store and the files: all of it once, page by page, and from then on what changed.
//!
//! A look costs nothing while nothing changes. Pages are small, so that others get their turn at the store meanwhile.

use std::sync::{Arc, PoisonError, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::filling::Meanings;
use super::known::Known;
use crate::skills::error::SkillError;
use crate::skills::files::Near;
use crate::skills::finding::{EDITION, words_of};
use crate::skills::library::Skills;
use crate::skills::skill::Skill;
use crate::storage::{Hash, Head, StorageError, Worded};

/// How many skills, or vectors, are read at once.
const PAGE: usize = 1_000;

/// From how many missing vectors on the table is read as a whole.
const MANY: usize = 500;

/// How often the table of vectors is looked through for those that other servers made.
const OTHERS: Duration = Duration::from_secs(5);

/// How long a search waits for the library.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the library is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// All of it.
    Done,
    /// It is being brought there.
    GoesOn,
}

impl Meanings {
    pub(in crate::skills) fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the stored skills are in memory.
    pub fn is_loaded(&self) -> bool {
        self.read().generation.is_some()
    }
}

impl Skills {
    /// The same, but the first time is not waited for to its end: a large library whose words are made anew takes minutes.
    pub(in crate::skills) async fn refresh_in_time(&self, near: &[Arc<Near>]) -> Result<Loading, SkillError> {
        if self.meanings().is_loaded() {
            return self.refresh(near).await.map(|()| Loading::Done);
        }
        let (skills, near) = (self.clone(), near.to_vec());
        let refreshed = tokio::spawn(async move { skills.refresh(&near).await });
        match tokio::time::timeout(PATIENCE, refreshed).await {
            Ok(Ok(refreshed)) => refreshed.map(|()| Loading::Done),
            Ok(Err(_)) => Err(StorageError::Ended.into()),
            Err(_) => Ok(Loading::GoesOn),
        }
    }

    /// Brings what is in memory to the state of the store and of the files. One does it, and the others find it done.
    pub(in crate::skills) async fn refresh(&self, near: &[Arc<Near>]) -> Result<(), SkillError> {
        let meanings = self.meanings();
        let _turn = meanings.turn.acquire().await.map_err(|_| StorageError::Ended)?;
        let near: Vec<Hash> = near.iter().map(|each| each.meaning).collect();
        let (generation, mark, is_near) = {
            let known = meanings.read();
            (known.generation, known.mark, known.is_near(&near))
        };
        if !is_near {
            meanings.write().set_near(near);
        }
        if self.store().path().is_none() {
            return Ok(());
        }
        let looked = self.store().ask(move |db| {
            let now = db.generation()?;
            let is_same = generation == Some(now);
            Ok((now, if is_same { None } else { Some(db.skill_changes(mark, EDITION)?) }))
        });
        let (now, changes) = looked.await?;
        if let Some(changes) = changes {
            if changes.is_all {
                self.load().await?;
            } else {
                changes.gone.iter().for_each(|id| meanings.write().take_out(*id));
                self.take_in(changes.living).await?;
            }
            let mut known = meanings.write();
            known.mark = changes.mark;
            known.generation = Some(now);
        }
        self.refresh_vectors().await
    }

    /// All stored skills, page by page.
    async fn load(&self) -> Result<(), SkillError> {
        let meanings = self.meanings();
        {
            let mut known = meanings.write();
            (known.generation, known.mark) = (None, None);
            known.clear();
        }
        let mut after = 0;
        loop {
            let heads = self.store().ask(move |db| db.heads_after(after, PAGE, EDITION)).await?;
            let Some(last) = heads.last() else { break };
            after = last.id;
            self.take_in(heads).await?;
        }
        meanings.write().bags.shrink();
        Ok(())
    }

    /// Takes skills into memory. Those whose words are not kept, or were made in another way, are taken apart anew.
    async fn take_in(&self, heads: Vec<Head>) -> Result<(), SkillError> {
        if heads.is_empty() {
            return Ok(());
        }
        let without: Vec<i64> =
            heads.iter().filter(|head| head.words.is_none()).map(|head| head.id).collect();
        let mut worded = Vec::new();
        if !without.is_empty() {
            let rows = self.store().ask(move |db| db.skills_by_id(&without)).await?;
            let made = tokio::task::spawn_blocking(move || {
                let rows = rows.into_iter().map(|row| (row.id, row.version.version, Skill::of_row(row)));
                rows.filter_map(|(skill, version, read)| {
                    Some(Worded { skill, version, words: words_of(&read?) })
                })
                .collect::<Vec<_>>()
            });
            worded = made.await.map_err(|_| StorageError::Ended)?;
        }
        let skills = self.clone();
        let taken = tokio::task::spawn_blocking(move || {
            let mut known = skills.meanings().write();
            for head in heads {
                match head.words {
                    Some((content, bag)) => known.put(head.id, content, &bag),
                    None => known.take_out(head.id),
                }
            }
            for one in &worded {
                known.put(one.skill, one.words.content, &one.words.bag);
            }
            worded
        });
        let worded = taken.await.map_err(|_| StorageError::Ended)?;
        // They are in memory all the same; whoever comes next tries again.
        if !worded.is_empty()
            && let Err(error) = self.store().ask(move |db| db.keep_words(&worded)).await
        {
            tracing::warn!(%error, "the words of skills were not kept");
        }
        Ok(())
    }

    /// Vectors that the store has and that are missing here.
    async fn refresh_vectors(&self) -> Result<(), SkillError> {
        let meanings = self.meanings();
        let Some(model) = meanings.embedder().model() else { return Ok(()) };
        let is_due = |known: &Known| known.looked.is_none_or(|looked| looked.elapsed() >= OTHERS);
        {
            let known = meanings.read();
            if known.count().1 == 0 || known.fresh.is_empty() && !is_due(&known) {
                return Ok(());
            }
        }
        let (mut hashes, from) = {
            let mut known = meanings.write();
            let (is_due, (_, missing)) = (is_due(&known), known.count());
            let fresh = std::mem::take(&mut known.fresh);
            if is_due {
                known.looked = Some(Instant::now());
            }
            match known.scanned {
                _ if fresh.len() >= MANY => (Vec::new(), Some(0)),
                None if missing >= MANY => (Vec::new(), Some(0)),
                None if is_due => (known.missing(MANY).into_iter().map(|(hash, _)| hash).collect(), None),
                Some(place) if is_due => (fresh, Some(place)),
                _ => (fresh, None),
            }
        };
        let (key, dimension) = (model.key(), model.dimension);
        if !hashes.is_empty() {
            hashes.sort_unstable();
            hashes.dedup();
            let of = key.clone();
            let vectors = self.store().ask(move |db| db.vectors(&of, &hashes, dimension)).await?;
            let mut known = meanings.write();
            for (hash, vector) in vectors.hashes.iter().zip(vectors.numbers.chunks_exact(dimension)) {
                known.add_vector(*hash, vector);
            }
        }
        let Some(mut after) = from else { return Ok(()) };
        {
            let mut known = meanings.write();
            let missing = if after == 0 { known.count().1 } else { 0 };
            known.matrix.reserve(missing);
        }
        loop {
            let of = key.clone();
            let part = self.store().ask(move |db| db.vectors_after(&of, after, PAGE, dimension)).await?;
            let last = part.last;
            let skills = self.clone();
            let added = tokio::task::spawn_blocking(move || {
                let mut known = skills.meanings().write();
                let numbers = part.vectors.numbers.chunks_exact(dimension);
                for (hash, vector) in part.vectors.hashes.iter().zip(numbers) {
                    known.add_vector(*hash, vector);
                }
            });
            added.await.map_err(|_| StorageError::Ended)?;
            let Some(last) = last else { break };
            after = last;
        }
        meanings.write().scanned = Some(after);
        Ok(())
    }
}

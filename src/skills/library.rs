//! The library: one handle over files, store and bundled skills, for every room that shows or runs them.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::error::SkillError;
use super::files::{Files, Near};
use super::meaning::Meanings;
use super::name::SkillName;
use super::proof::{Stage, Staged, State};
use super::ran::Cells;
use super::skill::{Event, Origin, Skill, Trouble, now};
use super::uses::{Due, Outcome, Pending, Uses};
use super::{SkillError as Error, bundled};
use crate::embedding::Embedder;
use crate::nearest::nearest;
use crate::storage::{Db, StorageError, Store, VersionKind};

/// How long uses are gathered before they are written.
const GATHERED: Duration = Duration::from_millis(500);

/// The most names among which a misspelt one is looked for.
const NAMES: usize = 20_000;

/// The skills of one base directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Skills {
    inner: Arc<Inner>,
    staged: Option<Arc<Staged>>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    files: Mutex<Files>,
    pending: Pending,
    meanings: Meanings,
    stage: OnceLock<Arc<dyn Stage>>,
    cells: Cells,
}

/// A part of the list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The skills, by name.
    pub skills: Vec<(Skill, Uses)>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl Skills {
    /// Over this store and these directories, the first of which wins; nothing is read yet.
    pub fn over(store: Store, directories: Vec<PathBuf>, embedder: Embedder) -> Self {
        let inner = Inner {
            store,
            files: Mutex::new(Files::over(directories)),
            pending: Pending::default(),
            meanings: Meanings::over(embedder),
            stage: OnceLock::new(),
            cells: Cells::default(),
        };
        Self { inner: Arc::new(inner), staged: None }
    }

    /// From now on proofs are run there; the first stage stays.
    pub fn use_stage(&self, stage: Arc<dyn Stage>) {
        drop(self.inner.stage.set(stage));
    }

    /// The cells that ran a while ago, to make skills from.
    pub fn cells(&self) -> &Cells {
        &self.inner.cells
    }

    /// Where proofs are run, if there is such a place.
    pub(super) fn stage(&self) -> Option<Arc<dyn Stage>> {
        self.inner.stage.get().cloned()
    }

    /// The same library with this skill in its place, where nothing can be changed; and what tells how it was used.
    pub(super) fn on_stage(&self, skill: Skill) -> (Self, Arc<Staged>) {
        let staged = Arc::new(Staged::of(skill));
        (Self { inner: self.inner.clone(), staged: Some(staged.clone()) }, staged)
    }

    /// The skill that is being proven, where this is its stage.
    pub fn staged(&self) -> Option<&Arc<Staged>> {
        self.staged.as_ref()
    }

    /// Refuses what would change the library from its stage.
    pub(super) fn not_on_stage(&self, what: &'static str, name: &str) -> Result<(), SkillError> {
        match &self.staged {
            None => Ok(()),
            Some(_) => Err(Error::OnStage { name: name.chars().take(80).collect(), what }),
        }
    }

    /// Asks the store, if there is one.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<Option<T>, SkillError> {
        match self.store().path() {
            None => Ok(None),
            Some(_) => Ok(Some(self.store().ask(work).await?)),
        }
    }

    /// Only those that come with the program.
    pub fn none() -> Self {
        Self::over(Store::none(), Vec::new(), Embedder::none())
    }

    /// What they mean.
    pub fn meanings(&self) -> &Meanings {
        &self.inner.meanings
    }

    pub(super) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// A skill by its name, at its newest version or at this one.
    pub async fn get(&self, name: &str, version: Option<i64>) -> Result<Skill, SkillError> {
        let Some(staged) = &self.staged else { return self.find(name, version).await };
        if version.is_none() && staged.skill().name.as_str() == name.strip_prefix("skills.").unwrap_or(name) {
            return Ok(staged.skill().clone());
        }
        let skill = self.find(name, version).await?;
        staged.note(&skill);
        Ok(skill)
    }

    async fn find(&self, name: &str, version: Option<i64>) -> Result<Skill, SkillError> {
        let wanted = name.strip_prefix("skills.").unwrap_or(name);
        let Ok(name) = SkillName::parse(wanted) else { return Err(self.not_found(wanted).await) };
        let near = self.in_memory().into_iter().find(|near| near.skill.name == name);
        if version.is_none()
            && let Some(near) = near.as_ref().filter(|near| near.skill.origin < Origin::Stored)
        {
            let mut skill = near.skill.clone();
            let text = name.to_string();
            // A store that cannot be read does not take the files with it.
            if let Ok(Some(row)) = self.store().ask(move |db| db.skill(&text, None)).await {
                skill.hides.push(format!("version {} in the store", row.version.version));
            }
            if bundled::skills().iter().any(|other| other.skill.name == skill.name) {
                skill.hides.push("the bundled skill of this name".to_owned());
            }
            return Ok(skill);
        }
        let text = name.to_string();
        let row = match self.store().ask(move |db| db.skill(&text, version)).await {
            Ok(row) => row,
            Err(_) if near.is_some() && version.is_none() => None,
            Err(error) => return Err(error.into()),
        };
        match row {
            Some(row) if row.version.kind == VersionKind::Deleted => Err(Error::Deleted {
                name: name.to_string(),
                version: row.version.version,
                before: row.version.version - 1,
            }),
            Some(row) => {
                Skill::of_row(row).ok_or(Error::NotFound { name: name.to_string(), nearest: String::new() })
            }
            None => match near.filter(|_| version.is_none()) {
                Some(near) => Ok(near.skill.clone()),
                None => Err(self.missing(&name, version).await?),
            },
        }
    }

    /// Skills by name from this name on, `limit` of them.
    pub async fn list(&self, after: &str, limit: usize) -> Result<Page, SkillError> {
        let from = after.to_owned();
        let rows = self.store().ask(move |db| db.skills_after(&from, limit + 1)).await?;
        let mut all: Vec<Skill> = rows.into_iter().filter_map(Skill::of_row).collect();
        for near in self.in_memory() {
            if near.skill.name.as_str() <= after {
                continue;
            }
            match all.iter_mut().find(|skill| skill.name == near.skill.name) {
                Some(stored) if near.skill.origin < Origin::Stored => {
                    let version = stored.version.unwrap_or_default();
                    *stored = near.skill.clone();
                    stored.hides.push(format!("version {version} in the store"));
                }
                Some(_) => {}
                None => all.push(near.skill.clone()),
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let more = all.len() > limit;
        all.truncate(limit);
        let next = all.last().filter(|_| more).map(|skill| skill.name.to_string());
        let uses = self.uses(all.iter().map(|skill| skill.name.to_string()).collect()).await?;
        let with_uses = |skill: Skill| {
            let uses = uses.get(skill.name.as_str()).cloned().unwrap_or_default();
            (skill, uses)
        };
        Ok(Page { skills: all.into_iter().map(with_uses).collect(), next })
    }

    /// Every stored skill, whatever hides it.
    pub async fn stored(&self) -> Result<Vec<Skill>, SkillError> {
        let rows = self.store().ask(|db| db.skills_after("", usize::MAX >> 1)).await?;
        Ok(rows.into_iter().filter_map(Skill::of_row).collect())
    }

    /// Every name, in order.
    pub async fn names(&self) -> Result<Vec<String>, SkillError> {
        let mut names = self.store().ask(Db::skill_names).await?;
        names.extend(self.in_memory().iter().map(|near| near.skill.name.to_string()));
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Deletes a stored skill; gives the number of the version that says so. Its history stays.
    pub async fn delete(&self, name: &str, author: &str, reason: &str) -> Result<i64, SkillError> {
        self.not_on_stage("deleted", name)?;
        let wanted = name.strip_prefix("skills.").unwrap_or(name);
        let Ok(name) = SkillName::parse(wanted) else { return Err(self.not_found(wanted).await) };
        let (text, author, reason) =
            (name.to_string(), author.to_owned(), reason.chars().take(1_000).collect::<String>());
        let deleted = self.store().ask(move |db| db.delete_skill(&text, &author, &reason, now())).await?;
        if let Some(version) = deleted {
            return Ok(version);
        }
        match self.beside(&name) {
            Some(Origin::File(place)) => Err(Error::NotStored {
                name: name.to_string(),
                why: format!("is the file {place} and not in the store; remove the file instead"),
            }),
            Some(Origin::Bundled) => Err(Error::NotStored {
                name: name.to_string(),
                why:
                    "comes with actwright and cannot be deleted; save one of the same name to take its place"
                        .to_owned(),
            }),
            Some(Origin::Stored) | None => Err(self.missing(&name, None).await?),
        }
    }

    /// Every version of a stored skill, the oldest first.
    pub async fn history(&self, name: &str) -> Result<Vec<Event>, SkillError> {
        let wanted = name.strip_prefix("skills.").unwrap_or(name);
        let Ok(name) = SkillName::parse(wanted) else { return Err(self.not_found(wanted).await) };
        let text = name.to_string();
        let rows = self.store().ask(move |db| db.skill_history(&text)).await?;
        if rows.is_empty() && self.beside(&name).is_none() {
            return Err(self.not_found(name.as_str()).await);
        }
        let text = name.to_string();
        let proofs = self.ask(move |db| db.proofs_of(&text)).await?.unwrap_or_default();
        Ok(rows.iter().map(|row| Event::of_row(row, State::of_version(row, &proofs))).collect())
    }

    /// The files that are no skills, and why.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.inner.files.lock().unwrap_or_else(PoisonError::into_inner).troubles().to_vec()
    }

    /// Counts a run of a skill. It is written a moment later, with others.
    pub fn used(&self, name: &SkillName, outcome: &Outcome) {
        if self.staged.is_none()
            && self.store().path().is_some()
            && self.inner.pending.count(name.as_str(), outcome) == Due::Now
        {
            let skills = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(GATHERED).await;
                skills.write_uses().await;
            });
        }
    }

    /// How these skills fared and stand; those of which nothing is known are left out.
    pub async fn uses(&self, names: Vec<String>) -> Result<HashMap<String, Uses>, SkillError> {
        self.write_uses().await;
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let proofs = self.proofs(names.clone()).await?;
        let rows = self.store().ask(move |db| db.uses(&names)).await?;
        let mut all: HashMap<String, Uses> =
            rows.into_iter().map(|row| (row.name.clone(), Uses::of_row(row))).collect();
        for (name, proof) in proofs {
            all.entry(name).or_default().proof = proof;
        }
        Ok(all)
    }

    /// Writes what is gathered; for the end of the server, and before it is read.
    pub async fn write_uses(&self) {
        let rows = self.inner.pending.take();
        if !rows.is_empty()
            && let Err(error) = self.store().ask(move |db| db.count_uses(&rows)).await
        {
            tracing::warn!(%error, "uses of skills were not counted");
        }
    }

    /// A value that is another one whenever there are other skills or versions; uses are no change.
    pub async fn state(&self) -> Result<u64, SkillError> {
        let mut state = DefaultHasher::new();
        for near in self.in_memory() {
            (near.skill.name.as_str(), &near.skill.hash, &near.skill.description).hash(&mut state);
        }
        if self.store().path().is_some() {
            self.store().ask(Db::newest_version).await?.hash(&mut state);
        }
        Ok(state.finish())
    }

    /// A number that is another one whenever the store was written to.
    pub async fn generation(&self) -> Result<u64, SkillError> {
        Ok(self.store().ask(Db::generation).await?)
    }

    /// The skills that are not stored: files, then those that come with the program and that no file hides.
    pub(super) fn in_memory(&self) -> Vec<Arc<Near>> {
        let mut files = self.inner.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = files.skills().to_vec();
        for near in bundled::skills() {
            if all.iter().all(|other| other.skill.name != near.skill.name) {
                all.push(near.clone());
            }
        }
        all
    }

    /// Where a name is known apart from the store.
    pub(super) fn beside(&self, name: &SkillName) -> Option<Origin> {
        self.in_memory().iter().find(|near| near.skill.name == *name).map(|near| near.skill.origin.clone())
    }

    /// Why a name, or a version of it, is not there.
    async fn missing(&self, name: &SkillName, version: Option<i64>) -> Result<SkillError, SkillError> {
        let text = name.to_string();
        let history = self.store().ask(move |db| db.skill_history(&text)).await?;
        let Some(last) = history.last() else { return Ok(self.not_found(name.as_str()).await) };
        Ok(match version {
            Some(version) => SkillError::NoVersion {
                name: name.to_string(),
                version,
                known: format!("versions 1 to {}", last.version),
            },
            None => SkillError::Deleted {
                name: name.to_string(),
                version: last.version,
                before: last.parent.unwrap_or(last.version),
            },
        })
    }

    /// The skill whose name is nearly this one.
    pub async fn near(&self, name: &str) -> Option<Skill> {
        self.get(&self.nearest(name).await?, None).await.ok()
    }

    async fn nearest(&self, name: &str) -> Option<String> {
        let mut names = self.names().await.unwrap_or_default();
        names.truncate(NAMES);
        nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    async fn not_found(&self, name: &str) -> SkillError {
        // The file that would be it is there and cannot be used: that is what its author wants to hear.
        let is_it = |each: &&Trouble| Path::new(&each.place).file_stem() == Some(name.as_ref());
        if let Some(broken) = self.troubles().iter().find(is_it) {
            let why = format!("; its file {} is broken: {}", broken.place, broken.words);
            return SkillError::NotFound { name: name.to_owned(), nearest: why };
        }
        let near = self.nearest(name).await;
        let nearest = near.map(|near| format!("; nearest: '{near}'")).unwrap_or_default();
        SkillError::NotFound { name: name.chars().take(80).collect(), nearest }
    }
}

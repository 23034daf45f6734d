//! The artifacts of one base directory: saved, found, read, deleted, collected.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::blobs::{Blobs, Health, Incoming, Kept};
use super::error::ArtifactError;
use super::name::ArtifactName;
use super::uploads::Uploads;
use crate::nearest::nearest;
use crate::storage::{
    ArtifactKind, ArtifactRow, Collected, Db, NewArtifact, Room, Saving, StorageError, Store, Usage,
};

/// Names that are looked at for a nearest one.
const NAMES: usize = 10_000;

/// The most artifacts of one cell that its report names.
const MADE: usize = 20;

/// The longest description and metadata, in bytes.
const DESCRIPTION: usize = 10_000;
const METADATA: usize = 64 << 10;

/// The longest time that an artifact may be told to live: a hundred years.
const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;

/// How much may be kept.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Bytes of one artifact.
    pub largest: u64,
    /// Bytes of all.
    pub all: u64,
}

/// What is said of content when it is saved.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Its name, as it was given.
    pub name: String,
    /// How it was encoded.
    pub form: String,
    /// Its media type.
    pub media_type: String,
    /// What it is, in words.
    pub description: String,
    /// More about it, as JSON.
    pub metadata: Option<Value>,
    /// How many seconds it lives.
    pub ttl: Option<f64>,
    /// Who saves it.
    pub author: String,
}

/// Bytes of a version.
#[derive(Debug)]
pub struct Content {
    /// The version.
    pub row: ArtifactRow,
    /// Its bytes from the offset on.
    pub bytes: Vec<u8>,
}

/// Some artifacts in order.
#[derive(Debug)]
pub struct Page {
    /// At their newest versions.
    pub artifacts: Vec<ArtifactRow>,
    /// The name after which the next page begins, if there is one.
    pub next: Option<String>,
}

/// What a collection did.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// In the store.
    pub collected: Collected,
    /// Files that were removed.
    pub files: u64,
}

/// The artifacts of one base directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Artifacts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    blobs: Blobs,
    rules: Rules,
    uploads: Uploads,
    swept: AtomicBool,
    made: Mutex<HashMap<String, Vec<ArtifactRow>>>,
}

impl Artifacts {
    /// Those of a base directory; nothing is read yet.
    pub fn below(base: &Path, store: Store, rules: Rules) -> Self {
        let inner = Inner {
            store,
            blobs: Blobs::below(base),
            rules,
            uploads: Uploads::default(),
            swept: AtomicBool::new(false),
            made: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Of a directory that has a store of its own; nothing is made before it is needed.
    pub fn alone(directory: &Path, rules: Rules) -> Self {
        Self::below(directory, Store::at(directory), rules)
    }

    /// None: every request is refused with its reason.
    pub fn none() -> Self {
        Self::below(Path::new(""), Store::none(), Rules { largest: 0, all: 0 })
    }

    /// Begins a save in several steps; gives its number.
    pub async fn begin(&self, session: &str) -> Result<u64, ArtifactError> {
        self.inner.store.path().ok_or(StorageError::Absent)?;
        self.make_room(1).await?;
        let room = self.room().await?;
        let incoming = self.incoming().await?;
        self.inner.uploads.add(session, incoming, room)
    }

    /// Adds bytes to a save.
    pub async fn append(&self, session: &str, id: u64, bytes: Vec<u8>) -> Result<u64, ArtifactError> {
        let bytes = Arc::new(bytes);
        match self.grow(session, id, bytes.clone()).await {
            // What was deleted gives way as soon as there is no room beside it.
            Err(ArtifactError::NoRoomNow { .. }) => {
                self.collect().await?;
                self.inner.uploads.set_room(session, id, self.room().await?);
                self.grow(session, id, bytes).await
            }
            done => done,
        }
    }

    /// Bytes that fit beside everything that is kept.
    async fn room(&self) -> Result<u64, ArtifactError> {
        let used = u64::try_from(self.usage().await?.bytes).unwrap_or(0);
        Ok(self.inner.rules.all.saturating_sub(used))
    }

    async fn grow(&self, session: &str, id: u64, bytes: Arc<Vec<u8>>) -> Result<u64, ArtifactError> {
        let (this, session) = (self.clone(), session.to_owned());
        blocking(move || {
            let (uploads, largest) = (&this.inner.uploads, this.inner.rules.largest);
            uploads.grow(&session, id, bytes.len() as u64, |incoming| append(incoming, &bytes, largest))
        })
        .await
    }

    /// Ends a save; when it is answered the version is on the disk.
    pub async fn finish(&self, session: &str, id: u64, about: About) -> Result<ArtifactRow, ArtifactError> {
        let incoming = self.inner.uploads.take(session, id)?;
        self.keep(incoming, about).await
    }

    /// Gives a save up.
    pub fn abandon(&self, session: &str, id: u64) -> Result<(), ArtifactError> {
        self.inner.uploads.take(session, id).map(drop)
    }

    /// Gives up all saves of a session.
    pub fn end_uploads(&self, session: &str) {
        self.inner.uploads.end(session);
    }

    /// Saves bytes as the next version of a name.
    pub async fn save(&self, about: About, bytes: Vec<u8>) -> Result<ArtifactRow, ArtifactError> {
        self.inner.store.path().ok_or(StorageError::Absent)?;
        // A name that is none is said before anything is written.
        ArtifactName::parse(&about.name)?;
        let mut incoming = self.incoming().await?;
        let largest = self.inner.rules.largest;
        let incoming = blocking(move || append(&mut incoming, &bytes, largest).map(|_| incoming)).await?;
        self.keep(incoming, about).await
    }

    async fn incoming(&self) -> Result<Incoming, ArtifactError> {
        let this = self.clone();
        blocking(move || {
            if !this.inner.swept.swap(true, Ordering::Relaxed)
                && let Err(error) = this.inner.blobs.sweep_incoming()
            {
                tracing::warn!(%error, "what a killed server left of artifacts could not be removed");
            }
            this.inner.blobs.begin().map_err(|cause| ArtifactError::disk("beginning a save", cause))
        })
        .await
    }

    async fn keep(&self, incoming: Incoming, about: About) -> Result<ArtifactRow, ArtifactError> {
        let name = ArtifactName::parse(&about.name)?;
        let mut new = row_of(&name, about)?;
        self.make_room(incoming.size()).await?;
        let blobs = self.inner.blobs.clone();
        let kept: Kept = blocking(move || {
            blobs.keep(incoming).map_err(|cause| ArtifactError::disk("saving an artifact", cause))
        })
        .await?;
        new.hash.clone_from(&kept.hash);
        new.size = i64::try_from(kept.size).unwrap_or(i64::MAX);
        let room = Room { bytes: i64::try_from(self.inner.rules.all).unwrap_or(i64::MAX) };
        // Held until the row is there, so that no collection takes the content for garbage.
        let saved = self.inner.store.ask(move |db| db.save_artifact(&new, room)).await;
        drop(kept);
        match saved? {
            Saving::Version(version) => self.row(&name, Some(version)).await,
            Saving::Collides(other) => Err(ArtifactError::Collides { name: name.to_string(), other }),
            Saving::NoRoom(used) => {
                Err(ArtifactError::NoRoom { name: name.to_string(), used, limit: self.inner.rules.all })
            }
        }
    }

    /// Gives up what was deleted when a save would not fit beside it.
    async fn make_room(&self, size: u64) -> Result<(), ArtifactError> {
        let used = self.usage().await?.bytes;
        if u64::try_from(used).unwrap_or(0).saturating_add(size) > self.inner.rules.all {
            self.collect().await?;
        }
        Ok(())
    }

    /// Takes down what a session has made, for the report of its cell.
    pub fn note_made(&self, session: &str, row: &ArtifactRow) {
        let mut made = self.inner.made.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = made.entry(session.to_owned()).or_default();
        rows.retain(|known| known.name != row.name);
        if rows.len() < MADE {
            rows.push(row.clone());
        }
    }

    /// What a session has made since it was last asked for, each name at its newest version.
    pub fn take_made(&self, session: &str) -> Vec<ArtifactRow> {
        self.inner.made.lock().unwrap_or_else(PoisonError::into_inner).remove(session).unwrap_or_default()
    }

    /// A living artifact at its newest version, or any version by its number.
    pub async fn get(&self, name: &str, version: Option<i64>) -> Result<ArtifactRow, ArtifactError> {
        let Ok(name) = ArtifactName::parse(name) else { return Err(self.not_found(name).await) };
        let row = self.row(&name, version).await?;
        if row.kind == ArtifactKind::Deleted {
            return Err(ArtifactError::Deleted { name: row.name, version: row.version });
        }
        if row.expires.is_some_and(|expires| expires <= now()) {
            return Err(ArtifactError::Expired { name: row.name });
        }
        Ok(row)
    }

    /// Whether there is an artifact of a name under which one could be saved; else why it is none.
    pub async fn is_there(&self, name: &str) -> Result<bool, ArtifactError> {
        ArtifactName::parse(name)?;
        match self.get(name, None).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.word() == "not_found" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn row(&self, name: &ArtifactName, version: Option<i64>) -> Result<ArtifactRow, ArtifactError> {
        let text = name.to_string();
        match self.inner.store.ask(move |db| db.artifact(&text, version)).await? {
            Some(row) => Ok(row),
            None => {
                let text = name.to_string();
                match (version, self.inner.store.ask(move |db| db.artifact(&text, None)).await?) {
                    (Some(version), Some(_)) => {
                        Err(ArtifactError::NoVersion { name: name.to_string(), version })
                    }
                    _ => Err(self.not_found(name.as_str()).await),
                }
            }
        }
    }

    /// Bytes of a version. Before its first byte is given, all of its content is compared with its hash.
    pub async fn read(
        &self,
        name: &str,
        version: Option<i64>,
        offset: u64,
        limit: usize,
    ) -> Result<Content, ArtifactError> {
        let row = self.get(name, version).await?;
        if !row.is_kept {
            return Err(ArtifactError::Collected { name: row.name, version: row.version });
        }
        let blobs = self.inner.blobs.clone();
        blocking(move || {
            let size = u64::try_from(row.size).unwrap_or(0);
            let health = match offset {
                0 => blobs.health(&row.hash, size),
                _ => blobs.health_on_the_way(&row.hash, size),
            };
            let what = match health {
                Ok(Health::Sound) => None,
                Ok(Health::Missing) => Some("its file is missing"),
                Ok(Health::Changed) => Some("its file holds something else"),
                Err(cause) => return Err(ArtifactError::disk("reading an artifact", cause)),
            };
            if let Some(what) = what {
                let ArtifactRow { name, version, hash, .. } = row;
                return Err(ArtifactError::Damaged { name, version, what, hash });
            }
            let bytes = blobs.read(&row.hash, offset, limit);
            let bytes = bytes.map_err(|cause| ArtifactError::disk("reading an artifact", cause))?;
            Ok(Content { row, bytes })
        })
        .await
    }

    /// Artifacts by name from this name on: those whose name begins so, and that have this tag.
    pub async fn list(
        &self,
        after: &str,
        prefix: &str,
        tag: Option<&str>,
        limit: usize,
    ) -> Result<Page, ArtifactError> {
        let (after, prefix, tag) = (after.to_owned(), prefix.to_owned(), tag.map(str::to_owned));
        let ask = move |db: &mut Db| db.artifacts_after(&after, &prefix, tag.as_deref(), now(), limit + 1);
        let mut artifacts = self.inner.store.ask(ask).await?;
        let more = artifacts.len() > limit;
        artifacts.truncate(limit);
        let next = artifacts.last().filter(|_| more).map(|row| row.name.clone());
        Ok(Page { artifacts, next })
    }

    /// Every version of a name, the oldest first.
    pub async fn history(&self, name: &str) -> Result<Vec<ArtifactRow>, ArtifactError> {
        let Ok(name) = ArtifactName::parse(name) else { return Err(self.not_found(name).await) };
        let text = name.to_string();
        let rows = self.inner.store.ask(move |db| db.artifact_history(&text)).await?;
        if rows.is_empty() { Err(self.not_found(name.as_str()).await) } else { Ok(rows) }
    }

    /// Deletes an artifact; gives the number of the version that says so.
    pub async fn delete(&self, name: &str, author: &str) -> Result<i64, ArtifactError> {
        let row = self.get(name, None).await?;
        let (text, author) = (row.name.clone(), author.to_owned());
        let deleted = self.inner.store.ask(move |db| db.delete_artifact(&text, &author, now())).await?;
        match deleted {
            Some(version) => Ok(version),
            None => Err(self.not_found(&row.name).await),
        }
    }

    /// Gives up the content of what was deleted or is over its time, and files that nothing names.
    pub async fn collect(&self) -> Result<Collection, ArtifactError> {
        let blobs = self.inner.blobs.clone();
        let failed = |cause| ArtifactError::disk("collecting", cause);
        let held = blocking(move || blobs.stop_saves().map_err(failed)).await?;
        let collected = self.inner.store.ask(|db| db.collect_artifacts(now())).await?;
        let kept = self.inner.store.ask(Db::artifact_hashes).await?;
        let blobs = self.inner.blobs.clone();
        let files = blocking(move || blobs.sweep(&kept).map_err(failed)).await?;
        drop(held);
        Ok(Collection { collected, files })
    }

    /// How much is kept.
    pub async fn usage(&self) -> Result<Usage, ArtifactError> {
        Ok(self.inner.store.ask(|db| db.artifact_usage(now())).await?)
    }

    /// Another one whenever an artifact came, went or got a new version, here or by another server.
    pub async fn state(&self) -> Result<(i64, i64), ArtifactError> {
        Ok(self.inner.store.ask(|db| db.artifacts_state(now())).await?)
    }

    async fn not_found(&self, name: &str) -> ArtifactError {
        let names = self.inner.store.ask(|db| db.artifact_names(now(), NAMES)).await.unwrap_or_default();
        let near = nearest(name, names.iter().map(String::as_str));
        let nearest = near.map(|near| format!("; nearest: '{near}'")).unwrap_or_default();
        ArtifactError::NotFound { name: name.chars().take(80).collect(), nearest }
    }
}

/// Adds bytes, up to the most that one artifact may have.
fn append(incoming: &mut Incoming, bytes: &[u8], largest: u64) -> Result<u64, ArtifactError> {
    if incoming.size().saturating_add(bytes.len() as u64) > largest {
        return Err(ArtifactError::TooLarge { limit: largest });
    }
    incoming.append(bytes).map_err(|cause| ArtifactError::disk("saving an artifact", cause))
}

/// What the store is to keep, without the content.
fn row_of(name: &ArtifactName, about: About) -> Result<NewArtifact, ArtifactError> {
    let given = |what: String| ArtifactError::Given { name: name.to_string(), what };
    if about.description.len() > DESCRIPTION {
        return Err(given(format!("the description is longer than {DESCRIPTION} bytes")));
    }
    let metadata = match about.metadata {
        None => "{}".to_owned(),
        Some(value @ Value::Object(_)) => value.to_string(),
        Some(_) => return Err(given("metadata must be a dict".to_owned())),
    };
    if metadata.len() > METADATA {
        return Err(given(format!("the metadata takes more than {METADATA} bytes")));
    }
    let made = now();
    let expires = match about.ttl {
        None => None,
        Some(ttl) if ttl > 0.0 && ttl <= LONGEST => Some(made.saturating_add((ttl * 1e6) as i64)),
        Some(_) => {
            return Err(given("ttl must be a number of seconds above 0, up to a hundred years".to_owned()));
        }
    };
    Ok(NewArtifact {
        name: name.to_string(),
        folded: name.folded(),
        form: about.form.chars().take(64).collect(),
        media_type: about.media_type.chars().take(200).collect(),
        description: about.description,
        metadata,
        author: about.author,
        made,
        expires,
        ..NewArtifact::default()
    })
}

/// Does what waits for a disk where that holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StorageError::failed("working on artifacts", error).into()),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

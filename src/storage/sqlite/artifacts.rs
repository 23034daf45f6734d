//! Artifacts in the database. A save is one transaction: its version, the name's state, what it takes of the room there is.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::super::artifacts::{
    ArtifactContent, ArtifactKind, ArtifactRow, Collected, NewArtifact, Room, Saving, Usage,
};
use super::super::error::StorageError;
use super::{Db, failure, read_only, schema};

/// The columns in the order in which [`artifact`] reads them.
const COLUMNS: &str = "a.name, v.version, v.kind, v.hash, v.size, v.form, v.media_type, v.description, v.metadata, \
                       v.author, v.made, v.expires, v.kept, v.version = a.head";

/// Living artifacts at their newest versions; `?1` is the time.
const LIVING: &str = "artifacts a JOIN artifact_versions v ON v.artifact = a.id AND v.version = a.head \
                      WHERE a.live = 1 AND (v.expires IS NULL OR v.expires > ?1)";

/// What is known of changes, so that looking for them costs nothing where there are none, and little where there are some.
#[derive(Debug, Default)]
pub(super) struct ArtifactsState {
    generation: Option<u64>,
    /// The last version's row; every change adds one.
    last: i64,
    /// Times that are to come, at which an artifact is gone.
    expiring: BTreeSet<i64>,
    /// How many of them have come.
    passed: i64,
}

impl ArtifactsState {
    fn at(&mut self, now: i64) -> (i64, i64) {
        while self.expiring.first().is_some_and(|first| *first <= now) {
            self.expiring.pop_first();
            self.passed += 1;
        }
        (self.last, self.passed)
    }
}

impl Db {
    /// Adds a version and makes it the newest, if there is room and no other name looks the same.
    pub fn save_artifact(&mut self, new: &NewArtifact, room: Room) -> Result<Saving, StorageError> {
        self.write("saving an artifact", |db| {
            let query = format!("SELECT a.name FROM {LIVING} AND a.folded = ?2 AND a.name <> ?3");
            let same = db
                .prepare_cached(&query)?
                .query_row(params![new.made, new.folded, new.name], |row| row.get::<_, String>(0))
                .optional()?;
            if let Some(name) = same {
                return Ok(Saving::Collides(name));
            }
            let used = bytes(db)?;
            let added = db
                .prepare_cached("INSERT OR IGNORE INTO artifact_blobs VALUES (?1, ?2)")?
                .execute(params![new.hash, new.size])?;
            if added > 0 && used.saturating_add(new.size) > room.bytes {
                db.execute("DELETE FROM artifact_blobs WHERE hash = ?1", [&new.hash])?;
                return Ok(Saving::NoRoom(used));
            }
            let (id, head) = ensure(db, new)?;
            let version = head + 1;
            db.prepare_cached(
                "INSERT INTO artifact_versions VALUES (:artifact, :version, 'saved', :hash, :size, :form, :media_type, \
                 :description, :metadata, :author, :made, :expires, 1)",
            )?
            .execute(named_params! {
                ":artifact": id, ":version": version, ":hash": new.hash, ":size": new.size, ":form": new.form,
                ":media_type": new.media_type, ":description": new.description, ":metadata": new.metadata,
                ":author": new.author, ":made": new.made, ":expires": new.expires,
            })?;
            db.prepare_cached("UPDATE artifacts SET head = ?2, live = 1 WHERE id = ?1")?.execute([id, version])?;
            Ok(Saving::Version(version))
        })
    }

    /// Adds a deletion; gives its number, or nothing where there is no living artifact of the name.
    pub fn delete_artifact(
        &mut self,
        name: &str,
        author: &str,
        made: i64,
    ) -> Result<Option<i64>, StorageError> {
        self.write("deleting an artifact", |db| {
            let query = format!("SELECT a.id, a.head FROM {LIVING} AND a.name = ?2");
            let found = db
                .prepare_cached(&query)?
                .query_row(params![made, name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
                .optional()?;
            let Some((id, head)) = found else { return Ok(None) };
            db.execute(
                "INSERT INTO artifact_versions VALUES (?1, ?2, 'deleted', '', 0, '', '', '', '{}', ?3, ?4, NULL, 0)",
                params![id, head + 1, author, made],
            )?;
            db.execute("UPDATE artifacts SET head = ?2, live = 0 WHERE id = ?1", [id, head + 1])?;
            Ok(Some(head + 1))
        })
    }

    /// A name at its newest version or at this one, whatever became of it.
    pub fn artifact(
        &mut self,
        name: &str,
        version: Option<i64>,
    ) -> Result<Option<ArtifactRow>, StorageError> {
        self.read("reading an artifact", |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM artifacts a JOIN artifact_versions v ON v.artifact = a.id \
                 WHERE a.name = ?1 AND v.version = coalesce(?2, a.head)"
            );
            db.prepare_cached(&query)?.query_row(params![name, version], artifact).optional()
        })
    }

    /// Living artifacts by name, after this one: those whose name begins so, and that have this tag.
    pub fn artifacts_after(
        &mut self,
        after: &str,
        prefix: &str,
        tag: Option<&str>,
        now: i64,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, StorageError> {
        self.read("listing artifacts", |db| {
            // Both bounds are in the index; of names that begin so, none is above the last character that there is.
            let query = format!(
                "SELECT {COLUMNS} FROM {LIVING} AND a.name >= ?2 AND a.name < ?3 AND a.name <> ?6 \
                 AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(v.metadata, '$.tags') t WHERE t.value = ?4)) \
                 ORDER BY a.name LIMIT ?5"
            );
            let (from, to) = (after.max(prefix), format!("{prefix}{}", char::MAX));
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map(params![now, from, to, tag, limit as i64, after], artifact)?;
            rows.collect()
        })
    }

    /// The names of living artifacts, in order.
    pub fn artifact_names(&mut self, now: i64, limit: usize) -> Result<Vec<String>, StorageError> {
        self.read("listing artifacts", |db| {
            let query = format!("SELECT a.name FROM {LIVING} ORDER BY a.name LIMIT ?2");
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map(params![now, limit as i64], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// Every version of a name, the oldest first; nothing if there never was such an artifact.
    pub fn artifact_history(&mut self, name: &str) -> Result<Vec<ArtifactRow>, StorageError> {
        self.read("reading an artifact's history", |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM artifacts a JOIN artifact_versions v ON v.artifact = a.id WHERE a.name = ?1 \
                 ORDER BY v.version"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map([name], artifact)?;
            rows.collect()
        })
    }

    /// Gives up the content of what was deleted or is over its time.
    pub fn collect_artifacts(&mut self, now: i64) -> Result<Collected, StorageError> {
        self.write("collecting artifacts", |db| {
            let before = bytes(db)?;
            let versions = db.execute(
                "UPDATE artifact_versions SET kept = 0 WHERE kept = 1 AND (expires <= ?1 OR artifact IN \
                 (SELECT id FROM artifacts WHERE live = 0))",
                [now],
            )?;
            db.execute(
                "DELETE FROM artifact_blobs WHERE hash NOT IN (SELECT hash FROM artifact_versions WHERE kept = 1)",
                [],
            )?;
            Ok(Collected { versions: versions as i64, bytes: before - bytes(db)? })
        })
    }

    /// The hashes of all content that is kept, in order.
    pub fn artifact_hashes(&mut self) -> Result<Vec<(String, i64)>, StorageError> {
        self.read("listing content", |db| {
            let mut statement = db.prepare_cached("SELECT hash, size FROM artifact_blobs ORDER BY hash")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }

    /// All content that is kept, by its hash.
    pub fn artifact_contents(&mut self) -> Result<Vec<ArtifactContent>, StorageError> {
        self.read("listing content", |db| contents(db))
    }

    /// The same of a copy of the store, which is only read. A copy of an old schema has none.
    pub fn artifact_contents_of(copy: &Path) -> Result<Vec<ArtifactContent>, StorageError> {
        let source = read_only(copy)?;
        schema::recognise(&source)?;
        let failed = |error| failure("listing content", error);
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'artifact_blobs'";
        if source.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(failed)? == 0 {
            return Ok(Vec::new());
        }
        contents(&source).map_err(failed)
    }

    /// Another pair after every change of artifacts, and whenever the time of one is over.
    pub fn artifacts_state(&mut self, now: i64) -> Result<(i64, i64), StorageError> {
        let generation = self.generation()?;
        if self.artifacts_state.generation == Some(generation) {
            return Ok(self.artifacts_state.at(now));
        }
        let known = self.artifacts_state.last;
        let (last, expiring) = self.read("looking for changes", |db| {
            let last: i64 = db
                .prepare_cached("SELECT coalesce(max(rowid), 0) FROM artifact_versions")?
                .query_row([], |row| row.get(0))?;
            // A restore may have brought fewer.
            let known = if last < known { 0 } else { known };
            let mut statement = db.prepare_cached(
                "SELECT expires FROM artifact_versions WHERE rowid > ?1 AND expires IS NOT NULL",
            )?;
            let rows = statement.query_map([known], |row| row.get(0))?;
            Ok((last, rows.collect::<rusqlite::Result<Vec<i64>>>()?))
        })?;
        let state = &mut self.artifacts_state;
        (state.generation, state.last) = (Some(generation), last);
        state.expiring.extend(expiring);
        Ok(state.at(now))
    }

    /// How much is kept.
    pub fn artifact_usage(&mut self, now: i64) -> Result<Usage, StorageError> {
        self.read("counting artifacts", |db| {
            let artifacts =
                db.query_row(&format!("SELECT count(*) FROM {LIVING}"), [now], |row| row.get(0))?;
            let (versions, apparent) = db.query_row(
                "SELECT count(*), coalesce(sum(size), 0) FROM artifact_versions WHERE kept = 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(Usage { artifacts, versions, bytes: bytes(db)?, apparent })
        })
    }
}

fn contents(db: &Connection) -> rusqlite::Result<Vec<ArtifactContent>> {
    let query = "SELECT b.hash, b.size, a.name, max(v.version) FROM artifact_blobs b \
                 JOIN artifact_versions v ON v.hash = b.hash AND v.kept = 1 JOIN artifacts a ON a.id = v.artifact \
                 GROUP BY b.hash ORDER BY b.hash";
    let mut statement = db.prepare(query)?;
    let rows = statement.query_map([], |row| {
        Ok(ArtifactContent { hash: row.get(0)?, size: row.get(1)?, name: row.get(2)?, version: row.get(3)? })
    })?;
    rows.collect()
}

fn bytes(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT coalesce(sum(size), 0) FROM artifact_blobs")?.query_row([], |row| row.get(0))
}

/// A name's number and newest version; a new one has none yet.
fn ensure(db: &Connection, new: &NewArtifact) -> rusqlite::Result<(i64, i64)> {
    let found = db
        .prepare_cached("SELECT id, head FROM artifacts WHERE name = ?1")?
        .query_row([&new.name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    db.prepare_cached("INSERT INTO artifacts (name, folded, head, live) VALUES (?1, ?2, 0, 0)")?
        .execute([&new.name, &new.folded])?;
    Ok((db.last_insert_rowid(), 0))
}

fn artifact(row: &Row<'_>) -> rusqlite::Result<ArtifactRow> {
    let kind: String = row.get(2)?;
    Ok(ArtifactRow {
        name: row.get(0)?,
        version: row.get(1)?,
        kind: if kind == "deleted" { ArtifactKind::Deleted } else { ArtifactKind::Saved },
        hash: row.get(3)?,
        size: row.get(4)?,
        form: row.get(5)?,
        media_type: row.get(6)?,
        description: row.get(7)?,
        metadata: row.get(8)?,
        author: row.get(9)?,
        made: row.get(10)?,
        expires: row.get(11)?,
        is_kept: row.get::<_, i64>(12)? != 0,
        is_newest: row.get::<_, i64>(13)? != 0,
    })
}

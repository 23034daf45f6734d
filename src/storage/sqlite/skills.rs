//! Skills in the database. A save or a deletion is one transaction: its version, the name's state, the words it is found by.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::super::error::StorageError;
use super::super::skills::{NewVersion, SkillRow, UseRow, VersionKind, VersionRow};
use super::Db;
use super::words::{put_words, take_words};

/// The columns of a skill with a version, in the order in which [`skill`] reads them.
pub(super) const COLUMNS: &str = "s.id, s.name, v.version, v.parent, v.kind, v.source, v.description, v.shape, v.examples, v.tags, \
                       v.hash, v.author, v.reason, v.made";

impl Db {
    /// Adds a version and makes it the newest; gives its number.
    pub fn save_skill(&mut self, new: &NewVersion) -> Result<i64, StorageError> {
        self.write("saving a skill", |db| save(db, new))
    }

    /// The same for many, all of them or none.
    pub fn save_skills(&mut self, all: &[NewVersion]) -> Result<(), StorageError> {
        self.write("saving skills", |db| all.iter().try_for_each(|new| save(db, new).map(drop)))
    }

    /// Adds a deletion; gives its number, or nothing where there is no living skill of the name.
    pub fn delete_skill(
        &mut self,
        name: &str,
        author: &str,
        reason: &str,
        made: i64,
    ) -> Result<Option<i64>, StorageError> {
        self.write("deleting a skill", |db| {
            let Some((id, head, 1)) = find(db, name)? else { return Ok(None) };
            db.execute(
                "INSERT INTO skill_versions VALUES (?1, ?2, ?3, 'deleted', '', '', '{}', '[]', '[]', '', ?4, ?5, ?6)",
                params![id, head + 1, head, author, reason, made],
            )?;
            db.execute("UPDATE skills SET head = ?2, live = 0 WHERE id = ?1", [id, head + 1])?;
            take_words(db, id)?;
            Ok(Some(head + 1))
        })
    }

    /// A living skill at its newest version, or any version of a skill by its number.
    pub fn skill(&mut self, name: &str, version: Option<i64>) -> Result<Option<SkillRow>, StorageError> {
        self.read("reading a skill", |db| match version {
            None => {
                let query = format!(
                    "SELECT {COLUMNS} FROM skills s JOIN skill_versions v ON v.skill = s.id AND v.version = s.head \
                     WHERE s.name = ?1 AND s.live = 1"
                );
                db.prepare_cached(&query)?.query_row([name], skill).optional()
            }
            Some(version) => {
                let query = format!(
                    "SELECT {COLUMNS} FROM skills s JOIN skill_versions v ON v.skill = s.id \
                     WHERE s.name = ?1 AND v.version = ?2"
                );
                db.prepare_cached(&query)?.query_row(params![name, version], skill).optional()
            }
        })
    }

    /// The living ones of these skills, by their numbers in the store.
    pub fn skills_by_id(&mut self, ids: &[i64]) -> Result<Vec<SkillRow>, StorageError> {
        self.read("reading skills", |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM skills s JOIN skill_versions v ON v.skill = s.id AND v.version = s.head \
                 WHERE s.id = ?1 AND s.live = 1"
            );
            let mut statement = db.prepare_cached(&query)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(statement.query_row([id], skill).optional()?);
            }
            Ok(found)
        })
    }

    /// Living skills by name, after this one.
    pub fn skills_after(&mut self, name: &str, limit: usize) -> Result<Vec<SkillRow>, StorageError> {
        self.read("listing skills", |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM skills s JOIN skill_versions v ON v.skill = s.id AND v.version = s.head \
                 WHERE s.live = 1 AND s.name > ?1 ORDER BY s.name LIMIT ?2"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map(params![name, limit as i64], skill)?;
            rows.collect()
        })
    }

    /// The names of all living skills, in order.
    pub fn skill_names(&mut self) -> Result<Vec<String>, StorageError> {
        self.read("listing skills", |db| {
            let mut statement = db.prepare_cached("SELECT name FROM skills WHERE live = 1 ORDER BY name")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// Those of these names that are living skills.
    pub fn living(&mut self, names: &[String]) -> Result<Vec<String>, StorageError> {
        self.read("reading skills", |db| {
            let mut statement = db.prepare_cached("SELECT 1 FROM skills WHERE name = ?1 AND live = 1")?;
            let mut living = Vec::new();
            for name in names {
                if statement.exists([name])? {
                    living.push(name.clone());
                }
            }
            Ok(living)
        })
    }

    /// Every version of a name, the oldest first; nothing if there never was such a skill.
    pub fn skill_history(&mut self, name: &str) -> Result<Vec<VersionRow>, StorageError> {
        self.read("reading a skill's history", |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM skills s JOIN skill_versions v ON v.skill = s.id WHERE s.name = ?1 ORDER BY v.version"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map([name], |row| Ok(skill(row)?.version))?;
            rows.collect()
        })
    }

    /// Adds to how skills fared: each row holds what came since the last time.
    pub fn count_uses(&mut self, since: &[UseRow]) -> Result<(), StorageError> {
        self.write("counting uses", |db| {
            let mut statement = db.prepare_cached(
                "INSERT INTO skill_uses VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET \
                 uses = uses + excluded.uses, failures = failures + excluded.failures, \
                 last_used = max(last_used, excluded.last_used), last_error = coalesce(excluded.last_error, last_error)",
            )?;
            for row in since {
                statement.execute(params![row.name, row.uses, row.failures, row.last_used, row.last_error])?;
            }
            Ok(())
        })
    }

    /// How these skills fared, those that were ever used.
    pub fn uses(&mut self, names: &[String]) -> Result<Vec<UseRow>, StorageError> {
        self.read("reading uses", |db| {
            let mut statement = db.prepare_cached("SELECT * FROM skill_uses WHERE name = ?1")?;
            let mut found = Vec::new();
            for name in names {
                found.extend(statement.query_row([name], use_row).optional()?);
            }
            Ok(found)
        })
    }
}

fn save(db: &Connection, new: &NewVersion) -> rusqlite::Result<i64> {
    let (id, parent, _) = ensure(db, &new.name)?;
    let version = parent.unwrap_or(0) + 1;
    db.prepare_cached(
        "INSERT INTO skill_versions VALUES (:skill, :version, :parent, 'saved', :source, :description, :shape, \
         :examples, :tags, :hash, :author, :reason, :made)",
    )?
    .execute(named_params! {
        ":skill": id, ":version": version, ":parent": parent, ":source": new.source,
        ":description": new.description, ":shape": new.shape, ":examples": new.examples,
        ":tags": new.tags, ":hash": new.hash, ":author": new.author, ":reason": new.reason,
        ":made": new.made,
    })?;
    db.prepare_cached("UPDATE skills SET head = ?2, live = 1 WHERE id = ?1")?.execute([id, version])?;
    put_words(db, id, version, &new.words)?;
    Ok(version)
}

/// A skill's number, newest version and whether it lives.
fn find(db: &Connection, name: &str) -> rusqlite::Result<Option<(i64, i64, i64)>> {
    db.prepare_cached("SELECT id, head, live FROM skills WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// The same for a name that may be new: then it has no version yet.
fn ensure(db: &Connection, name: &str) -> rusqlite::Result<(i64, Option<i64>, i64)> {
    if let Some((id, head, live)) = find(db, name)? {
        return Ok((id, Some(head), live));
    }
    db.prepare_cached("INSERT INTO skills (name, head, live) VALUES (?1, 0, 0)")?.execute([name])?;
    Ok((db.last_insert_rowid(), None, 0))
}

pub(super) fn skill(row: &Row<'_>) -> rusqlite::Result<SkillRow> {
    let kind: String = row.get(4)?;
    Ok(SkillRow {
        id: row.get(0)?,
        name: row.get(1)?,
        version: VersionRow {
            version: row.get(2)?,
            parent: row.get(3)?,
            kind: if kind == "deleted" { VersionKind::Deleted } else { VersionKind::Saved },
            source: row.get(5)?,
            description: row.get(6)?,
            shape: row.get(7)?,
            examples: row.get(8)?,
            tags: row.get(9)?,
            hash: row.get(10)?,
            author: row.get(11)?,
            reason: row.get(12)?,
            made: row.get(13)?,
        },
    })
}

fn use_row(row: &Row<'_>) -> rusqlite::Result<UseRow> {
    Ok(UseRow {
        name: row.get(0)?,
        uses: row.get(1)?,
        failures: row.get(2)?,
        last_used: row.get(3)?,
        last_error: row.get(4)?,
    })
}

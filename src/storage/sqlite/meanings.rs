//! Vectors in the database, and which skills there are to have one.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::error::StorageError;
use super::super::meanings::{Changes, Hash, Head, Mark, Vectors};
use super::Db;

/// From how many missing vectors on the table is read as a whole.
const MANY: usize = 500;

impl Db {
    /// What changed of the living skills since a mark.
    pub fn skill_changes(&mut self, since: Option<Mark>) -> Result<Changes, StorageError> {
        self.read("looking for changes", |db| {
            let newest = db
                .prepare_cached(
                    "SELECT rowid, skill, version FROM skill_versions ORDER BY rowid DESC LIMIT 1",
                )?
                .query_row([], mark)
                .optional()?;
            let known = match since {
                Some(since) => db
                    .prepare_cached("SELECT rowid, skill, version FROM skill_versions WHERE rowid = ?1")?
                    .query_row([since.place], mark)
                    .optional()?
                    .filter(|known| *known == since),
                None => None,
            };
            let Some(known) = known else {
                let mut statement = db.prepare_cached(
                    "SELECT s.id, s.name, v.description, v.hash FROM skills s \
                     JOIN skill_versions v ON v.skill = s.id AND v.version = s.head WHERE s.live = 1",
                )?;
                let living = statement.query_map([], head)?.collect::<Result<_, _>>()?;
                return Ok(Changes { is_all: true, living, gone: Vec::new(), mark: newest });
            };
            let mut changed =
                db.prepare_cached("SELECT DISTINCT skill FROM skill_versions WHERE rowid > ?1")?;
            let changed: Vec<i64> =
                changed.query_map([known.place], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let (mut living, mut gone) = (Vec::new(), Vec::new());
            for id in changed {
                match living_head(db, id)? {
                    Some(head) => living.push(head),
                    None => gone.push(id),
                }
            }
            Ok(Changes { is_all: false, living, gone, mark: newest })
        })
    }

    /// Those of these vectors that are there, each of so many numbers.
    pub fn vectors(
        &mut self,
        model: &str,
        wanted: &[Hash],
        dimension: usize,
    ) -> Result<Vectors, StorageError> {
        self.read("reading vectors", |db| {
            let mut found = Vectors::default();
            if wanted.len() < MANY {
                let mut statement =
                    db.prepare_cached("SELECT hash, vector FROM meanings WHERE model = ?1 AND hash = ?2")?;
                for hash in wanted {
                    let mut rows = statement.query(params![model, hash])?;
                    if let Some(row) = rows.next()? {
                        take(&mut found, row, dimension)?;
                    }
                }
                return Ok(found);
            }
            let wanted: HashSet<&[u8]> = wanted.iter().map(|hash| hash.as_slice()).collect();
            let mut statement = db.prepare_cached("SELECT hash, vector FROM meanings WHERE model = ?1")?;
            let mut rows = statement.query([model])?;
            while let Some(row) = rows.next()? {
                if wanted.contains(row.get_ref(0)?.as_blob().unwrap_or_default()) {
                    take(&mut found, row, dimension)?;
                }
            }
            Ok(found)
        })
    }

    /// Keeps vectors; those that another server has kept meanwhile are the same.
    pub fn keep_vectors(&mut self, model: &str, made: &[(Hash, Vec<f32>)]) -> Result<(), StorageError> {
        self.write("keeping vectors", |db| {
            let mut statement = db.prepare_cached("INSERT OR REPLACE INTO meanings VALUES (?1, ?2, ?3)")?;
            for (hash, vector) in made {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                statement.execute(params![model, hash, bytes])?;
            }
            Ok(())
        })
    }
}

/// Adds a row's vector. One of another length is not ours, and is made anew.
fn take(found: &mut Vectors, row: &Row<'_>, dimension: usize) -> rusqlite::Result<()> {
    let (hash, bytes) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
    if let Ok(hash) = Hash::try_from(hash)
        && bytes.len() == dimension * 4
    {
        found.hashes.push(hash);
        let numbers = bytes.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok());
        found.numbers.extend(numbers.map(f32::from_le_bytes));
    }
    Ok(())
}

fn living_head(db: &Connection, id: i64) -> rusqlite::Result<Option<Head>> {
    db.prepare_cached(
        "SELECT s.id, s.name, v.description, v.hash FROM skills s \
         JOIN skill_versions v ON v.skill = s.id AND v.version = s.head WHERE s.id = ?1 AND s.live = 1",
    )?
    .query_row([id], head)
    .optional()
}

fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head { id: row.get(0)?, name: row.get(1)?, description: row.get(2)?, source: row.get(3)? })
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark { place: row.get(0)?, skill: row.get(1)?, version: row.get(2)? })
}

//! Vectors in the database.

use rusqlite::{Row, params};

use super::super::error::StorageError;
use super::super::meanings::{Part, Vectors};
use super::super::words::Hash;
use super::Db;

impl Db {
    /// Those of these vectors that are there, each of so many numbers.
    pub fn vectors(
        &mut self,
        model: &str,
        wanted: &[Hash],
        dimension: usize,
    ) -> Result<Vectors, StorageError> {
        self.read("reading vectors", |db| {
            let mut found = Vectors::default();
            let mut statement =
                db.prepare_cached("SELECT hash, vector FROM meanings WHERE model = ?1 AND hash = ?2")?;
            for hash in wanted {
                let mut rows = statement.query(params![model, hash])?;
                if let Some(row) = rows.next()? {
                    take(&mut found, row, dimension)?;
                }
            }
            Ok(found)
        })
    }

    /// A model's vectors in the order in which they were kept, from the rows after this place; no more than `limit` rows are
    /// looked at.
    pub fn vectors_after(
        &mut self,
        model: &str,
        after: i64,
        limit: usize,
        dimension: usize,
    ) -> Result<Part, StorageError> {
        self.read("reading vectors", |db| {
            let mut part = Part::default();
            // In the order of the table: by its key every row would be looked up.
            let mut statement = db.prepare_cached(
                "SELECT hash, vector, model, rowid FROM meanings WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
            )?;
            let mut rows = statement.query(params![after, limit as i64])?;
            while let Some(row) = rows.next()? {
                part.last = Some(row.get(3)?);
                if row.get_ref(2)?.as_str().is_ok_and(|of| of == model) {
                    take(&mut part.vectors, row, dimension)?;
                }
            }
            Ok(part)
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

    /// How many vectors are kept, of all models.
    pub fn count_vectors(&mut self) -> Result<usize, StorageError> {
        self.read("counting vectors", |db| {
            db.query_row("SELECT count(*) FROM meanings", [], |row| row.get::<_, i64>(0))
                .map(|count| count as usize)
        })
    }

    /// Looks at `limit` rows after this place, the oldest first, and takes away those that are of another model or not needed,
    /// `most` of them at most. Gives how many that were, and the place of the last row if there was one.
    pub fn drop_vectors(
        &mut self,
        model: &str,
        after: i64,
        limit: usize,
        most: usize,
        is_needed: impl Fn(&Hash) -> bool,
    ) -> Result<(usize, Option<i64>), StorageError> {
        self.write("taking away vectors", |db| {
            let mut last = None;
            let mut spare = Vec::new();
            let mut statement = db.prepare_cached(
                "SELECT rowid, model, hash FROM meanings WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
            )?;
            let mut rows = statement.query(params![after, limit as i64])?;
            while let Some(row) = rows.next()? {
                let place: i64 = row.get(0)?;
                last = Some(place);
                let is_ours = row.get_ref(1)?.as_str().is_ok_and(|of| of == model);
                let hash = Hash::try_from(row.get_ref(2)?.as_blob().unwrap_or_default());
                if !(is_ours && hash.is_ok_and(|hash| is_needed(&hash))) && spare.len() < most {
                    spare.push(place);
                }
            }
            let mut delete = db.prepare_cached("DELETE FROM meanings WHERE rowid = ?1")?;
            for place in &spare {
                delete.execute([place])?;
            }
            Ok((spare.len(), last))
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

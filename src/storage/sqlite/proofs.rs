//! Proofs of skills in the database: only ever added to.

use rusqlite::{OptionalExtension, Row, params};

use super::super::error::StorageError;
use super::super::proofs::{CassetteRow, Packages, ProofRow, Standing};
use super::Db;

const COLUMNS: &str = "name, hash, stamp, cassette, passed, reason, used, made";

impl Db {
    /// Adds a proof, with the recording that it made if it made one. One that says what the newest already says is not
    /// written again.
    pub fn add_proof(
        &mut self,
        proof: &ProofRow,
        tapes: Option<&str>,
        packages: &Packages,
    ) -> Result<(), StorageError> {
        self.write("saving a proof", |db| {
            let query = format!("SELECT {COLUMNS} FROM skill_proofs WHERE name = ?1 ORDER BY id DESC LIMIT 1");
            let newest = db.prepare_cached(&query)?.query_row([&proof.name], row).optional()?;
            let says_the_same = |known: &ProofRow| ProofRow { made: proof.made, ..known.clone() } == *proof;
            if tapes.is_none() && newest.as_ref().is_some_and(says_the_same) {
                return Ok(());
            }
            let mut cassette = proof.cassette;
            if let Some(tapes) = tapes {
                db.prepare_cached(
                    "INSERT INTO skill_cassettes (name, hash, stamp, tapes, made) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![proof.name, proof.hash, proof.stamp, tapes, proof.made])?;
                cassette = Some(db.last_insert_rowid());
            }
            db.prepare_cached(&format!("INSERT INTO skill_proofs ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"))?
                .execute(params![
                    proof.name, proof.hash, proof.stamp, cassette, proof.passed, proof.reason, proof.used, proof.made,
                ])?;
            let mut seen = db.prepare_cached(
                "INSERT INTO packages_seen VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            )?;
            for (name, version) in packages {
                seen.execute([name, version])?;
            }
            Ok(())
        })
    }

    /// How these skills stand.
    pub fn standings(&mut self, names: &[String]) -> Result<Vec<Standing>, StorageError> {
        self.read("reading proofs", |db| {
            let query = format!("SELECT {COLUMNS} FROM skill_proofs WHERE name = ?1 ORDER BY id DESC LIMIT 1");
            let mut proofs = db.prepare_cached(&query)?;
            let mut stored = db.prepare_cached(
                "SELECT v.hash, v.examples FROM skills s JOIN skill_versions v ON v.skill = s.id AND v.version = s.head \
                 WHERE s.name = ?1 AND s.live = 1",
            )?;
            let mut standings = Vec::with_capacity(names.len());
            for name in names {
                let proof = proofs.query_row([name], row).optional()?;
                let stored = stored.query_row([name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                standings.push(Standing { stored, proof });
            }
            Ok(standings)
        })
    }

    /// The newest proof of each source of a skill.
    pub fn proofs_of(&mut self, name: &str) -> Result<Vec<ProofRow>, StorageError> {
        self.read("reading proofs", |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM skill_proofs WHERE id IN \
                 (SELECT max(id) FROM skill_proofs WHERE name = ?1 GROUP BY stamp)"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map([name], row)?;
            rows.collect()
        })
    }

    /// The newest recording that was made of a source with these examples, else the newest of the skill.
    pub fn cassette(&mut self, name: &str, stamp: &str) -> Result<Option<CassetteRow>, StorageError> {
        self.read("reading a recording", |db| {
            db.prepare_cached(
                "SELECT id, name, hash, stamp, tapes, made FROM skill_cassettes WHERE name = ?1 \
                 ORDER BY stamp = ?2 DESC, id DESC LIMIT 1",
            )?
            .query_row([name, stamp], |row| {
                Ok(CassetteRow {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    hash: row.get(2)?,
                    stamp: row.get(3)?,
                    tapes: row.get(4)?,
                    made: row.get(5)?,
                })
            })
            .optional()
        })
    }

    /// The versions of packages when a proof last looked.
    pub fn packages_seen(&mut self) -> Result<Packages, StorageError> {
        self.read("reading packages", |db| {
            let mut statement = db.prepare_cached("SELECT name, version FROM packages_seen")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<ProofRow> {
    Ok(ProofRow {
        name: row.get(0)?,
        hash: row.get(1)?,
        stamp: row.get(2)?,
        cassette: row.get(3)?,
        passed: row.get(4)?,
        reason: row.get(5)?,
        used: row.get(6)?,
        made: row.get(7)?,
    })
}

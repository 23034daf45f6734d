//! Backup, restore and check: whole databases, copied page by page while servers work on them.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::super::error::StorageError;
use super::{Db, failure, private, read_only, schema};

/// Pages copied before other connections get a turn.
const PAGES: i32 = 1000;

/// The pause after so many pages.
const PAUSE: Duration = Duration::from_millis(1);

/// The most findings that a check lists.
const FINDINGS: usize = 20;

impl Db {
    /// Copies everything into a new file, which is complete and on the disk when this returns.
    pub fn back_up(&mut self, to: &Path) -> Result<(), StorageError> {
        if to.exists() {
            return Err(StorageError::Exists);
        }
        let unfinished = to.with_extension("unfinished");
        let copied = self.copy_to(&unfinished);
        let done = copied.and_then(|()| {
            let moved = std::fs::File::open(&unfinished)
                .and_then(|file| file.sync_all())
                // A hard link fails where a file appeared meanwhile; a rename would replace it.
                .and_then(|()| std::fs::hard_link(&unfinished, to));
            moved.map_err(|cause| StorageError::failed("writing the backup", cause))
        });
        drop(std::fs::remove_file(&unfinished));
        done
    }

    fn copy_to(&self, path: &Path) -> Result<(), StorageError> {
        let failed = |error| failure("writing the backup", error);
        drop(std::fs::remove_file(path));
        private(path)?;
        let mut target = Connection::open(path).map_err(failed)?;
        Backup::new(&self.connection, &mut target)
            .and_then(|backup| backup.run_to_completion(PAGES, PAUSE, None))
            .map_err(failed)?;
        // One file that needs no log beside it.
        target.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
        target.close().map_err(|(_, error)| failed(error))
    }

    /// Puts a backup in place of everything; servers that are running see it at their next request. A backup of an older
    /// schema is brought up to date.
    pub fn restore(&mut self, from: &Path) -> Result<(), StorageError> {
        let failed = |error| failure("restoring", error);
        let source = read_only(from)?;
        schema::recognise(&source)?;
        if source
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
            .map_err(failed)?
            == 0
        {
            return Err(StorageError::Foreign);
        }
        if let Some(what) = findings(&source)?.into_iter().next() {
            return Err(StorageError::Damaged { what });
        }
        Backup::new(&source, &mut self.connection)
            // In one step: other connections see all of it or nothing.
            .and_then(|backup| backup.run_to_completion(i32::MAX, PAUSE, None))
            .map_err(failed)?;
        self.connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        schema::migrate(&mut self.connection)?;
        self.written += 1;
        Ok(())
    }

    /// What is wrong with the database: nothing, or findings in SQLite's words.
    pub fn check(&mut self) -> Result<Vec<String>, StorageError> {
        findings(&self.connection)
    }
}

fn findings(connection: &Connection) -> Result<Vec<String>, StorageError> {
    let failed = |error| failure("checking", error);
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS})")).map_err(failed)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    let mut found: Vec<String> = rows.collect::<Result<_, _>>().map_err(failed)?;
    found.retain(|line| line != "ok");
    let mut keys = connection.prepare("PRAGMA foreign_key_check").map_err(failed)?;
    let rows = keys.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    for table in rows {
        found.push(format!("a row of {} points at nothing", table.map_err(failed)?));
    }
    found.truncate(FINDINGS);
    Ok(found)
}

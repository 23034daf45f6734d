//! The database: opened with the settings that make an answer durable, migrated, and its failures put into our words.
//!
//! This directory is the only place that names SQLite's library. Every write is one immediate transaction, so that two
//! servers on one base directory take turns and never see half of anything.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::error::StorageError;

mod artifacts;
mod copies;
mod meanings;
mod proofs;
mod schema;
mod skills;
mod words;

/// How long a request waits for another process.
const PATIENCE: Duration = Duration::from_secs(20);

/// The largest that the database may become, in pages of 4 kB: 4 GB. Versions are never taken away, and code that saves in a
/// loop must not fill the disk.
const PAGES: u32 = 1 << 20;

/// The pause between two attempts to open.
const PAUSE: Duration = Duration::from_millis(5);

/// `actw` as SQLite's application id, by which a file of ours is known.
const APPLICATION: i64 = 0x6163_7477;

/// The open database. It belongs to one thread.
#[derive(Debug)]
pub struct Db {
    connection: Connection,
    written: u64,
    /// The last `data_version`, and how often it was another.
    seen: (i64, u64),
    artifacts_state: artifacts::ArtifactsState,
}

impl Db {
    /// Opens the database, makes it where there is none, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        private(path)?;
        let give_up = Instant::now() + PATIENCE;
        loop {
            let connection = Connection::open(path).map_err(|error| failure("opening", error))?;
            match Self::over(connection) {
                // SQLite does not wait for those who turn its log on or read it anew at the same moment.
                Err(StorageError::Busy) if Instant::now() < give_up => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
    }

    fn over(connection: Connection) -> Result<Self, StorageError> {
        let opening = |error| failure("opening", error);
        connection.busy_timeout(PATIENCE).map_err(opening)?;
        let mut db = Self {
            connection,
            written: 0,
            seen: (0, 0),
            artifacts_state: artifacts::ArtifactsState::default(),
        };
        schema::recognise(&db.connection)?;
        // An answer must be on the disk: `FULL` syncs the log at each commit, where `NORMAL` would not.
        db.connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
            )
            .map_err(opening)?;
        db.bound(PAGES)?;
        schema::migrate(&mut db.connection)?;
        db.seen.0 = db.data_version()?;
        Ok(db)
    }

    /// Nothing is written that would take more pages than this.
    pub(super) fn bound(&self, pages: u32) -> Result<(), StorageError> {
        let bounded = self.connection.pragma_update(None, "max_page_count", pages);
        // It answers with the bound that holds.
        match bounded {
            Ok(()) | Err(rusqlite::Error::ExecuteReturnedResults) => Ok(()),
            Err(error) => Err(failure("opening", error)),
        }
    }

    /// A number that is another one whenever something was written, here or by another process.
    pub fn generation(&mut self) -> Result<u64, StorageError> {
        let now = self.data_version()?;
        if now != self.seen.0 {
            self.seen = (now, self.seen.1 + 1);
        }
        Ok(self.written + self.seen.1)
    }

    fn data_version(&self) -> Result<i64, StorageError> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| failure("looking for changes", error))
    }

    /// One transaction; nothing of it stays when `work` fails.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let failed = |error| failure(doing, error);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = work(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.written += 1;
        Ok(done)
    }

    /// Reads one state of the database.
    fn read<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let failed = |error| failure(doing, error);
        let transaction = self.connection.transaction().map_err(failed)?;
        work(&transaction).map_err(failed)
    }
}

/// A new file belongs to its owner alone, whatever the umask says; SQLite gives the same mode to its log.
fn private(path: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|cause| StorageError::failed("opening", cause))
}

/// Opens a file that is only looked at.
fn read_only(path: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(|error| failure("opening", error))
}

/// What went wrong, in the store's own words where it has some.
fn failure(doing: &'static str, error: rusqlite::Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy,
        Some(ErrorCode::NotADatabase) => StorageError::Foreign,
        Some(ErrorCode::DatabaseCorrupt) => StorageError::Damaged { what: error.to_string() },
        Some(ErrorCode::DiskFull) => StorageError::Full,
        _ => StorageError::failed(doing, error),
    }
}

//! The tables, as a list of steps from each schema to the next.
//!
//! A step that was released is never changed; a new need is a new step at the end.

use rusqlite::{Connection, TransactionBehavior};

use super::super::error::StorageError;
use super::{APPLICATION, failure};

/// Step `n` leads from schema `n` to schema `n + 1`.
const STEPS: [&str; 5] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/proofs.sql"),
    include_str!("schema/meanings.sql"),
    include_str!("schema/words.sql"),
];

/// The schema that this program writes.
pub const KNOWN: i64 = STEPS.len() as i64;

/// Refuses what is not ours or too new, before anything is written.
pub fn recognise(connection: &Connection) -> Result<(), StorageError> {
    let opening = |error| failure("opening", error);
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(opening)?;
    let found = number("user_version").map_err(opening)?;
    if application == 0 && found == 0 {
        // An empty file is a new store; a database of somebody else has tables.
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        return if tables.map_err(opening)? == 0 { Ok(()) } else { Err(StorageError::Foreign) };
    }
    if application != APPLICATION {
        return Err(StorageError::Foreign);
    }
    if found > KNOWN { Err(StorageError::Newer { found, known: KNOWN }) } else { Ok(()) }
}

/// Takes the steps that are missing, all in one transaction. Another server may have been faster.
pub fn migrate(connection: &mut Connection) -> Result<(), StorageError> {
    let failed = |error| failure("bringing its tables up to date", error);
    let current = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
    if current(connection).map_err(failed)? == KNOWN {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let from = current(&transaction).map_err(failed)?;
    if from > KNOWN {
        return Err(StorageError::Newer { found: from, known: KNOWN });
    }
    for step in STEPS.iter().skip(from as usize) {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
    transaction.pragma_update(None, "user_version", KNOWN).map_err(failed)?;
    transaction.commit().map_err(failed)
}

//! `actwright store`: backup, restore and check of what the base directory keeps.
//!
//! Servers may be at work on the same base directory meanwhile; the database itself keeps the order.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::error::hinted;
use super::flags::Workspace;
use super::{engine, print};
use crate::storage::{Db, StorageError, Store};

/// `actwright store`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    workspace: Workspace,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy the store into a new file; servers go on meanwhile
    Backup {
        /// The file to be made
        file: PathBuf,
    },
    /// Put a backup in place of the store; what was there is kept beside it
    Restore {
        /// A file that `store backup` made
        file: PathBuf,
    },
    /// Look for damage; exit code 1 when there is some
    Check,
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.workspace.resolve(Vec::new())?;
    let store = Store::at(&config.base);
    match args.command {
        Command::Backup { file } => backup(&store, file),
        Command::Restore { file } => restore(&store, &config.base, file),
        Command::Check => check(&store),
    }
}

fn ask<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Db) -> Result<T, StorageError> + Send + 'static,
) -> anyhow::Result<Result<T, StorageError>> {
    Ok(engine::runtime()?.block_on(store.ask(work)))
}

fn backup(store: &Store, file: PathBuf) -> anyhow::Result<ExitCode> {
    let shown = file.display().to_string();
    match ask(store, move |db| db.back_up(&file))? {
        Ok(()) => print::stdout(&format!("the store was copied to {shown}\n"))?,
        Err(StorageError::Exists) => {
            return Err(hinted(format!("{shown} is already there"), "name a file that does not exist"));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {shown}")),
    }
    Ok(ExitCode::SUCCESS)
}

fn restore(store: &Store, base: &Path, file: PathBuf) -> anyhow::Result<ExitCode> {
    let shown = file.display().to_string();
    if !file.is_file() {
        return Err(hinted(format!("{shown} is no file"), "name a file that `actwright store backup` made"));
    }
    let kept = unused(base);
    let copy = kept.clone();
    match ask(store, move |db| db.back_up(&copy))? {
        Ok(()) => print::stdout(&format!("the store as it was is kept in {}\n", kept.display()))?,
        Err(StorageError::Foreign | StorageError::Damaged { .. }) => set_aside(store, &kept)?,
        Err(error) => return Err(error).context("cannot keep the store as it is"),
    }
    // A handle of its own: the one before may still hold the file that was moved away.
    let restored = ask(&Store::at(base), move |db| db.restore(&file))?;
    restored.with_context(|| format!("cannot restore {shown}"))?;
    print::stdout(&format!("the store was restored from {shown}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// A store that is too damaged to be copied or written to is moved away as it is, log and all.
fn set_aside(store: &Store, kept: &Path) -> anyhow::Result<()> {
    let Some(path) = store.path() else { return Ok(()) };
    for ending in ["-wal", "-shm", ""] {
        let mut from = path.as_os_str().to_owned();
        from.push(ending);
        let mut to = kept.as_os_str().to_owned();
        to.push(ending);
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("cannot move the damaged store away");
            }
            _ => {}
        }
    }
    print::stdout(&format!("the damaged store was moved to {}\n", kept.display()))?;
    Ok(())
}

/// The first name of its kind that nothing has.
fn unused(base: &Path) -> PathBuf {
    (1_u64..)
        .map(|n| base.join(format!("store-before-restore-{n}.db")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| base.join("store-before-restore.db"))
}

fn check(store: &Store) -> anyhow::Result<ExitCode> {
    let findings = match ask(store, Db::check)? {
        Ok(findings) => findings,
        Err(StorageError::Damaged { what }) => vec![what],
        Err(error) => return Err(error.into()),
    };
    if findings.is_empty() {
        print::stdout("the store is sound\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    print::stdout(&(findings.join("\n") + "\n"))?;
    Err(hinted("the store is damaged", "`actwright store restore FILE` brings a backup back"))
}

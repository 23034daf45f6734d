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
use crate::artifacts::{Contents, Health, Unsound, Way};
use crate::storage::{Db, StorageError, Store};

/// Contents that are named in one message.
const SHOWN: usize = 20;

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
    /// Copy the store into a new file, and what artifacts hold into FILE.artifacts; servers go on meanwhile
    Backup {
        /// The file to be made
        file: PathBuf,
    },
    /// Put a backup in place of the store; what was there is kept beside it
    Restore {
        /// A file that `store backup` made
        file: PathBuf,
    },
    /// Look for damage in the store and in what artifacts hold; exit code 1 when there is some
    Check,
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.workspace.resolve(Vec::new())?;
    let store = Store::at(&config.base);
    match args.command {
        Command::Backup { file } => backup(&store, &config.base, &file),
        Command::Restore { file } => restore(&store, &config.base, &file),
        Command::Check => check(&store, &config.base),
    }
}

fn ask<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Db) -> Result<T, StorageError> + Send + 'static,
) -> anyhow::Result<Result<T, StorageError>> {
    Ok(engine::runtime()?.block_on(store.ask(work)))
}

fn backup(store: &Store, base: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let unsound = copy(store, base, file, Way::Copied)?;
    print::stdout(&format!("the store was copied to {}\n", file.display()))?;
    let lost = "save it again, or restore it from another backup, and make a new backup then";
    if unsound.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(hinted(in_words(&unsound), lost)) }
}

/// Copies everything beside each other; `file` is there when all of it is. Gives the content that could not be taken.
fn copy(store: &Store, base: &Path, file: &Path, way: Way) -> anyhow::Result<Vec<Unsound>> {
    let cannot = || format!("cannot write {}", file.display());
    let contents = Contents::below(base);
    for made in [file, &Contents::beside(file)] {
        if made.exists() {
            let words = format!("{} is already there", made.display());
            return Err(hinted(words, "name a file that does not exist"));
        }
    }
    // What the copy names stays where it is until it is copied too.
    let _held = contents.hold().with_context(cannot)?;
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    drop(std::fs::remove_file(&partial));
    let to = partial.clone();
    // Without a context, so that whoever asks can tell a damaged store.
    ask(store, move |db| db.back_up(&to))??;
    let done = Db::artifact_contents_of(&partial)
        .with_context(cannot)
        .and_then(|wanted| contents.take_out(&wanted, file, way).with_context(cannot))
        // A hard link fails where a file appeared meanwhile; a rename would replace it.
        .and_then(|unsound| std::fs::hard_link(&partial, file).map(|()| unsound).with_context(cannot));
    drop(std::fs::remove_file(&partial));
    done
}

fn restore(store: &Store, base: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let shown = file.display().to_string();
    if !file.is_file() {
        return Err(hinted(format!("{shown} is no file"), "name a file that `actwright store backup` made"));
    }
    let wanted = Db::artifact_contents_of(file).with_context(|| format!("cannot restore {shown}"))?;
    let kept = unused(base);
    match copy(store, base, &kept, Way::Linked) {
        // What is missing now is missing in the copy too.
        Ok(_) => print::stdout(&format!("the store as it was is kept in {}\n", kept.display()))?,
        Err(error) => match error.downcast_ref::<StorageError>() {
            Some(StorageError::Foreign | StorageError::Damaged { .. }) => set_aside(store, &kept)?,
            _ => return Err(error).context("cannot keep the store as it is"),
        },
    }
    let contents = Contents::below(base);
    let _held = contents.hold().context("cannot write to the base directory")?;
    let unsound = contents.bring_back(&wanted, file).with_context(|| format!("cannot restore {shown}"))?;
    // A handle of its own: the one before may still hold the file that was moved away.
    let from = file.to_owned();
    let restored = ask(&Store::at(base), move |db| db.restore(&from))?;
    restored.with_context(|| format!("cannot restore {shown}"))?;
    print::stdout(&format!("the store was restored from {shown}\n"))?;
    let hint = format!("it is not in {} either; all else is restored", Contents::beside(file).display());
    if unsound.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(hinted(in_words(&unsound), hint)) }
}

/// Content that is not what it was, named.
fn in_words(unsound: &[Unsound]) -> String {
    let one = |Unsound { of, health }: &Unsound| {
        let what = if *health == Health::Missing { "is missing" } else { "is another" };
        format!("the content of artifact '{}', version {}, {what} ({})", of.name, of.version, of.hash)
    };
    let more = unsound.len().saturating_sub(SHOWN);
    let mut words: Vec<String> = unsound.iter().take(SHOWN).map(one).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join("\n")
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

fn check(store: &Store, base: &Path) -> anyhow::Result<ExitCode> {
    let mut findings = match ask(store, Db::check)? {
        Ok(findings) => findings,
        Err(StorageError::Damaged { what }) => vec![what],
        Err(error) => return Err(error.into()),
    };
    // Damaged tables may not tell what there should be.
    if let Ok(wanted) = ask(store, Db::artifact_contents)? {
        let unsound = Contents::below(base).unsound(&wanted).context("cannot read what artifacts hold")?;
        if !unsound.is_empty() {
            findings.push(in_words(&unsound));
        }
    }
    if findings.is_empty() {
        print::stdout("the store is sound\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    print::stdout(&(findings.join("\n") + "\n"))?;
    Err(hinted("the store is damaged", "`actwright store restore FILE` brings a backup back"))
}

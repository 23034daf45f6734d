//! The directory in which models and their library are kept: what is there, and how something comes in whole or not at all.
//!
//! Each model is a directory of its own. It is made beside its place under another name and gets its own by one rename, so that
//! whoever finds it finds all of it. Several servers take turns by a lock, and only to write.

use std::fs::{self, File as Handle, OpenOptions};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::manifest::{File, Graph, Model, runtime};

/// Unfinished directories begin with this.
const UNFINISHED: &str = ".unfinished-";

/// See the module.
#[derive(Debug, Clone)]
pub struct Shelf {
    directory: PathBuf,
    runtime: Option<PathBuf>,
}

/// Whether something is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// All of it, by names and sizes; sums are compared when it is loaded.
    Whole,
    /// Not all of it.
    Missing,
}

/// What is loaded: every byte was compared with its sum.
pub struct Loaded {
    /// The library.
    pub library: Library,
    /// The model's files by name.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// The library that is loaded.
pub enum Library {
    /// One of the user's own, which is taken as it lies there.
    Own(PathBuf),
    /// This content, which was compared.
    Checked(Vec<u8>),
}

/// What tells that a file is another: its number, its size and when it was changed.
pub type Stamp = Option<(u64, u64, i64, i64)>;

/// The right to write, until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "the lock ends with the file")] Handle);

impl Shelf {
    /// This directory; `runtime` is a library of the user's own, which is taken as it is.
    pub fn at(directory: PathBuf, runtime: Option<PathBuf>) -> Self {
        Self { directory, runtime }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory of a model.
    pub fn place(&self, model: &Model) -> PathBuf {
        self.directory.join(model.directory())
    }

    /// Where the library lies or will.
    pub fn library(&self) -> Result<PathBuf, ModelError> {
        if let Some(own) = &self.runtime {
            return Ok(own.clone());
        }
        let runtime = runtime().ok_or(ModelError::NoRuntime)?;
        Ok(self.directory.join(runtime.directory()).join(runtime.library.name))
    }

    /// Whether the model is there.
    pub fn model(&self, model: &Model) -> Found {
        whole(&self.place(model), model.files)
    }

    /// Whether the library is there.
    pub fn runtime(&self) -> Found {
        if self.runtime.as_ref().is_some_and(|own| own.is_file()) {
            return Found::Whole;
        }
        match runtime() {
            Some(runtime) => {
                whole(&self.directory.join(runtime.directory()), std::slice::from_ref(&runtime.library))
            }
            None => Found::Missing,
        }
    }

    /// Whether both are.
    pub fn all(&self, model: &Model) -> Found {
        if self.model(model) == Found::Whole { self.runtime() } else { Found::Missing }
    }

    /// What tells whether any file of a model or the library was changed.
    pub fn stamps(&self, model: &Model) -> Vec<Stamp> {
        let place = self.place(model);
        let files = model.files.iter().map(|file| place.join(file.name));
        let stamp = |path: PathBuf| {
            let about = fs::metadata(path).ok()?;
            Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
        };
        files.chain(self.library().ok()).map(stamp).collect()
    }

    /// Throws a model and the library away, unless somebody fetches at this moment.
    pub fn forget(&self, model: &Model) -> Result<(), ModelError> {
        let Some(_turn) = self.turn()? else { return Ok(()) };
        let library = runtime().map(|runtime| self.directory.join(runtime.directory()));
        for place in [Some(self.place(model)), library].into_iter().flatten().filter(|place| place.exists()) {
            fs::remove_dir_all(&place).map_err(|cause| ModelError::disk("remove", &place, cause))?;
        }
        Ok(())
    }

    /// Reads a model and compares it and the library with their sums.
    pub fn load(&self, model: &Model) -> Result<Loaded, ModelError> {
        let library = match &self.runtime {
            Some(own) => Library::Own(own.clone()),
            None => {
                let runtime = runtime().ok_or(ModelError::NoRuntime)?;
                Library::Checked(checked(&self.library()?, &runtime.library)?)
            }
        };
        let place = self.place(model);
        let read = |file: &File| Ok((file.name, checked(&place.join(file.name), file)?));
        let files: Result<_, ModelError> = model.files.iter().map(read).collect();
        Ok(Loaded { library, files: files? })
    }

    /// Takes the turn to write, if nobody has it.
    pub fn turn(&self) -> Result<Option<Turn>, ModelError> {
        if self.directory.as_os_str().is_empty() {
            return Err(ModelError::NoPlace);
        }
        let make = |cause| ModelError::disk("make the directory", &self.directory, cause);
        fs::create_dir_all(&self.directory).map_err(make)?;
        let path = self.directory.join(".lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let handle = opened.map_err(|cause| ModelError::disk("write", &path, cause))?;
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.sweep();
                Ok(Some(Turn(handle)))
            }
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(ModelError::disk("lock", &path, error.into())),
        }
    }

    /// A new directory to be filled; only who has the turn makes one.
    pub fn begin(&self, _turn: &Turn) -> Result<tempfile::TempDir, ModelError> {
        let made = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.directory);
        made.map_err(|cause| ModelError::disk("write", &self.directory, cause))
    }

    /// Gives a filled directory its name. What stood there was not whole.
    pub fn finish(&self, filled: tempfile::TempDir, name: &str) -> Result<(), ModelError> {
        let place = self.directory.join(name);
        if place.exists() {
            fs::remove_dir_all(&place).map_err(|cause| ModelError::disk("replace", &place, cause))?;
        }
        fs::rename(filled.path(), &place).map_err(|cause| ModelError::disk("write", &place, cause))?;
        // The directory has another name now, and nothing is left to be taken away.
        drop(filled.keep());
        let synced = Handle::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|cause| ModelError::disk("write", &self.directory, cause))
    }

    /// Takes away what servers left that were killed while they fetched.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::debug!(%error, "an unfinished model was not taken away");
            }
        }
    }
}

impl Loaded {
    /// A file by its name.
    pub fn take(&mut self, name: &str) -> Result<Vec<u8>, ModelError> {
        let at = self.files.iter().position(|(known, _)| *known == name);
        let missing = || ModelError::Engine { what: format!("the model has no file {name}") };
        Ok(self.files.swap_remove(at.ok_or_else(missing)?).1)
    }

    /// The graph, and the name of the file that holds its weights if that is another.
    pub fn graph(&mut self, model: &Model) -> Result<(Vec<u8>, Option<&'static str>), ModelError> {
        Ok(match model.graph {
            Graph::Own(graph, weights) => (graph.to_vec(), Some(weights)),
            Graph::File(name) => (self.take(name)?, None),
        })
    }
}

fn whole(directory: &Path, files: &[File]) -> Found {
    let is_there = |file: &File| {
        fs::metadata(directory.join(file.name)).is_ok_and(|about| about.is_file() && about.len() == file.size)
    };
    if files.iter().all(is_there) { Found::Whole } else { Found::Missing }
}

/// The content of a file, which is what the manifest says.
fn checked(path: &Path, file: &File) -> Result<Vec<u8>, ModelError> {
    let read = |cause| ModelError::disk("read", path, cause);
    let mut content = Vec::with_capacity(file.size as usize + 1);
    Handle::open(path).map_err(read)?.take(file.size + 1).read_to_end(&mut content).map_err(read)?;
    let sum = hex(&Sha256::digest(&content));
    if sum != file.sum {
        return Err(ModelError::Different {
            name: file.name.to_owned(),
            what: format!(
                "its SHA-256 is {sum} and not {}; `actwright model fetch --force` fetches it anew",
                file.sum
            ),
        });
    }
    Ok(content)
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

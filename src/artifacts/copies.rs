//! Content beside a copy of the store: taken along by a backup, brought back by a restore, looked through by a check.
//!
//! Beside `FILE` it lies in the directory `FILE.artifacts`, by the same names. Every file is compared with its hash on the
//! way, in both directions.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::blobs::{Blobs, Health};
use crate::storage::ArtifactContent;

/// Bytes that are copied at a time.
const STEP: usize = 1 << 20;

/// How content gets beside a copy of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As files of their own, which share no fate with the first ones.
    Copied,
    /// By another name of the same files, which takes no room; on the same file system only.
    Linked,
}

/// Content that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsound {
    /// What it is of.
    pub of: ArtifactContent,
    /// What became of it.
    pub health: Health,
}

/// The content of one base directory.
#[derive(Debug, Clone)]
pub struct Contents {
    blobs: Blobs,
}

impl Contents {
    /// Below this directory.
    pub fn below(base: &Path) -> Self {
        Self { blobs: Blobs::below(base) }
    }

    /// Where the content of a copy of the store lies.
    pub fn beside(copy: &Path) -> PathBuf {
        with_ending(copy, ".artifacts")
    }

    /// Keeps collections away as long as the answer lives.
    pub fn hold(&self) -> io::Result<File> {
        self.blobs.share()
    }

    /// Puts this content beside a copy of the store; the directory is there when it is whole. Gives what could not be taken.
    pub fn take_out(&self, wanted: &[ArtifactContent], copy: &Path, way: Way) -> io::Result<Vec<Unsound>> {
        let (to, partial) = (Self::beside(copy), with_ending(copy, ".artifacts.partial"));
        if to.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut unsound = Vec::new();
        for of in wanted {
            let health = self.take_one(of, &partial, way)?;
            if health != Health::Sound {
                unsound.push(Unsound { of: of.clone(), health });
            }
        }
        private_directory(&partial)?;
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, &to)?;
        Ok(unsound)
    }

    fn take_one(&self, of: &ArtifactContent, to: &Path, way: Way) -> io::Result<Health> {
        let directory = to.join(prefix(&of.hash));
        let target = directory.join(&of.hash);
        if way == Way::Linked {
            private_directory(&directory)?;
            return match fs::hard_link(self.blobs.path(&of.hash), &target) {
                Ok(()) => Ok(Health::Sound),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Health::Missing),
                Err(error) => Err(error),
            };
        }
        let mut source = match File::open(self.blobs.path(&of.hash)) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Health::Missing),
            Err(error) => return Err(error),
        };
        private_directory(&directory)?;
        let mut made = NamedTempFile::new_in(&directory)?;
        if !copied(&mut source, of, |bytes| made.write_all(bytes))? {
            return Ok(Health::Changed);
        }
        made.as_file().sync_all()?;
        made.persist(&target).map_err(|error| error.error)?;
        File::open(&directory)?.sync_all()?;
        Ok(Health::Sound)
    }

    /// Brings content back from beside a copy of the store, where it is not there as it was. The caller holds collections
    /// away until the store names it. Gives what is in neither place.
    pub fn bring_back(&self, wanted: &[ArtifactContent], copy: &Path) -> io::Result<Vec<Unsound>> {
        let from = Self::beside(copy);
        let mut unsound = Vec::new();
        for of in wanted {
            if self.blobs.health(&of.hash, size(of))? == Health::Sound {
                continue;
            }
            let health = match File::open(from.join(prefix(&of.hash)).join(&of.hash)) {
                Ok(mut source) => {
                    let mut incoming = self.blobs.begin()?;
                    if copied(&mut source, of, |bytes| incoming.append(bytes).map(drop))? {
                        self.blobs.keep(incoming)?;
                        Health::Sound
                    } else {
                        Health::Changed
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Health::Missing,
                Err(error) => return Err(error),
            };
            if health != Health::Sound {
                unsound.push(Unsound { of: of.clone(), health });
            }
        }
        Ok(unsound)
    }

    /// What of this content is not what it was.
    pub fn unsound(&self, wanted: &[ArtifactContent]) -> io::Result<Vec<Unsound>> {
        let mut unsound = Vec::new();
        for of in wanted {
            let health = self.blobs.health(&of.hash, size(of))?;
            if health != Health::Sound {
                unsound.push(Unsound { of: of.clone(), health });
            }
        }
        Ok(unsound)
    }
}

/// Passes all bytes on; whether they were those of this content.
fn copied(
    source: &mut File,
    of: &ArtifactContent,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    let (mut hash, mut step) = (super::blobs::Hash::default(), vec![0; STEP]);
    loop {
        match source.read(&mut step)? {
            0 => return Ok(hash.end() == of.hash),
            read => {
                hash.add(&step[..read]);
                to(&step[..read])?;
            }
        }
    }
}

fn size(of: &ArtifactContent) -> u64 {
    u64::try_from(of.size).unwrap_or(0)
}

fn prefix(hash: &str) -> &str {
    hash.get(..2).unwrap_or("00")
}

fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

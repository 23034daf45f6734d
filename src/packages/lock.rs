//! The lock file: what was asked for, and for each version of Python the exact versions with their hashes.
//!
//! It is JSON that people can read and keep under version control; it is replaced as a whole and never written in place.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::PackageError;
use crate::requirements::{PackageName, Requirement};

/// The file's name in the base directory.
pub const FILE: &str = "packages.lock";

/// The version of its form.
const FORM: u32 = 1;

/// The largest file that is read: a thousand packages have about this much in hashes.
const LARGEST: u64 = 16 << 20;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    form: u32,
    /// What was asked for, by name.
    pub requested: BTreeMap<PackageName, Requirement>,
    /// What that became, by the version of Python (`3.12`).
    pub resolved: BTreeMap<String, Resolution>,
}

/// Exact versions for one version of Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// What it was made for; when something else is asked for it has to be made again.
    pub requested: Vec<Requirement>,
    /// Every package, by name.
    pub packages: Vec<Pin>,
}

/// One package at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: String,
    /// The hashes that its file may have, `sha256:…`.
    pub hashes: Vec<String>,
}

/// A package that is installed, as the set's own list has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: String,
    /// The modules that it brings, by the names under which they are imported.
    pub modules: Vec<String>,
    /// Packages that it needs, whatever for.
    pub requires: Vec<PackageName>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { form: FORM, requested: BTreeMap::new(), resolved: BTreeMap::new() }
    }
}

impl Lock {
    /// Whether a base directory has such a file.
    pub fn is_in(base: &Path) -> bool {
        base.join(FILE).exists()
    }

    /// What is in the base directory; a file that is not there is an empty one.
    pub fn read(base: &Path) -> Result<Self, PackageError> {
        let path = base.join(FILE);
        let reading = "reading the packages' lock file";
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Ok(file) if file.len() > LARGEST => {
                return Err(PackageError::Lock("it is too large".to_owned()));
            }
            found => found.map_err(PackageError::disk(reading))?,
        };
        let bytes = fs::read(&path).map_err(PackageError::disk(reading))?;
        let lock: Self =
            serde_json::from_slice(&bytes).map_err(|error| PackageError::Lock(error.to_string()))?;
        if lock.form == FORM {
            Ok(lock)
        } else {
            Err(PackageError::Lock(format!("it has form {}, and this version reads form {FORM}", lock.form)))
        }
    }

    /// Puts it into the base directory, on the disk when this returns.
    pub fn write(&self, base: &Path) -> Result<(), PackageError> {
        let written = (|| {
            let mut file = tempfile::NamedTempFile::new_in(base)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(base.join(FILE)).map_err(|error| error.error)?;
            fs::File::open(base)?.sync_all()
        })();
        written.map_err(PackageError::disk("writing the packages' lock file"))
    }

    /// What was asked for became this, if that is still what is asked for.
    pub fn resolution(&self, python: &str) -> Option<&Resolution> {
        self.resolved.get(python).filter(|known| known.requested.iter().eq(self.requested.values()))
    }
}

impl Resolution {
    /// A name for the directory that holds just this.
    pub fn set(&self, python: &str) -> String {
        let mut hash = Sha256::new();
        for pin in &self.packages {
            hash.update(format!("{}=={}\n", pin.name, pin.version));
            for each in &pin.hashes {
                hash.update(format!("{each}\n"));
            }
        }
        let hash: String = hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        format!("{python}-{hash}")
    }

    /// As a file of requirements that admits nothing else.
    pub fn requirements(&self) -> String {
        let mut text = String::new();
        for Pin { name, version, hashes } in &self.packages {
            text.push_str(&format!("{name}=={version}"));
            for hash in hashes {
                text.push_str(&format!(" --hash={hash}"));
            }
            text.push('\n');
        }
        text
    }
}

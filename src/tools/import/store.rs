//! `mcp.json` on the disk: read as it is, written whole or not at all.
//!
//! It may hold secrets, so it is readable for its owner alone from its first byte on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Why it can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is there and can't be read.
    #[error("cannot read `{}`: {why}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is not JSON: what a person wrote beside the data would be lost.
    #[error("`{}` is not plain JSON, and writing it would lose what is not: {why}", .path.display())]
    NotPlain {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The disk does not take it.
    #[error("cannot write `{}`", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The document in a file; nothing when there is no file.
pub fn read_servers(path: &Path) -> Result<Map<String, Value>, StoreError> {
    if !path.exists() {
        return Ok(Map::new());
    }
    let text = super::read(path).map_err(|why| StoreError::Read { path: path.to_owned(), why })?;
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&text)
        .map_err(|error| StoreError::NotPlain { path: path.to_owned(), why: error.to_string() })
}

/// Writes the document in one step, readable for the owner alone. A link stays a link.
pub fn write_servers(path: &Path, document: &Map<String, Value>) -> Result<(), StoreError> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write(&path, document).map_err(|source| StoreError::Write { path, source })
}

fn write(path: &Path, document: &Map<String, Value>) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::NotFound)?;
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    // It is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_written_is_read_again_and_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mcp.json");
        assert_eq!(read_servers(&path).unwrap(), Map::new());
        let servers = document(json!({"z": 1, "mcpServers": {"b": {}, "a": {}}}));
        write_servers(&path, &servers).unwrap();
        assert_eq!(read_servers(&path).unwrap(), servers);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.find("\"b\"") < text.find("\"a\"") && text.ends_with("}\n"), "{text}");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (target, path) = (directory.path().join("real.json"), directory.path().join("mcp.json"));
        fs::write(&target, "{}").unwrap();
        symlink(&target, &path).unwrap();
        write_servers(&path, &document(json!({"a": 1}))).unwrap();
        assert!(path.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(target).unwrap(), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn what_is_not_plain_json_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mcp.json");
        fs::write(&path, "# mine\nmcpServers: {}\n").unwrap();
        let refused = read_servers(&path).unwrap_err();
        assert!(matches!(refused, StoreError::NotPlain { .. }), "{refused}");
        let nowhere = directory.path().join("none/mcp.json");
        assert!(matches!(write_servers(&nowhere, &Map::new()), Err(StoreError::Write { .. })));
    }
}

//! Finds the interpreter that a `PythonChoice` means.
//!
//! What it finds may be a launcher script (pyenv's shims are): ask it for `sys.executable` before a sandbox
//! is built around it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::env::Environment;
use super::{Config, ConfigError, PythonChoice};

/// The interpreter of this configuration: `$VIRTUAL_ENV`, `.venv` in the base directory, `python3` on `PATH`,
/// or the one that was named.
pub fn find(config: &Config, environment: &Environment) -> Result<PathBuf, ConfigError> {
    if let PythonChoice::At(path) = &config.python {
        return Ok(path.clone());
    }
    let active = environment.virtual_env().map(|venv| venv.join("bin/python3"));
    let own = config.base.join(".venv/bin/python3");
    let found = active.into_iter().chain([own]).find(|file| is_executable(file));
    found.or_else(|| environment.on_path("python3")).ok_or(ConfigError::NoPython)
}

/// Whether there is a file here that someone may execute.
pub(super) fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

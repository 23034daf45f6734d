//! Host directories for sessions that have no mount namespace (levels `restricted` and `off`).
//!
//! A directory goes with its session. What a killed server leaves behind is removed by the next one: the name says
//! which process made it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use actwright_sandbox::plan::workspace_owner;
use actwright_sandbox::sys;

use super::WorkerError;
use super::policy::{facts, level};
use crate::config::{Config, SandboxLevel};

const PREFIX: &str = "actwright-session-";

/// A host directory that one session works in; removed when dropped.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
}

impl Workspace {
    /// A new one, if sessions of this configuration need one; those of level `full` have a file system of their own.
    pub fn make(config: &Config) -> Result<Option<Self>, WorkerError> {
        if config.sandbox.level == SandboxLevel::Full {
            return Ok(None);
        }
        let made = Self::below(&parent(config), owner(config));
        made.map(Some).map_err(|error| WorkerError::Launch(format!("a workspace could not be made: {error}")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn below(parent: &Path, owner: Option<u32>) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let (pid, start) = (sys::pid(), sys::start_ticks(sys::pid()).unwrap_or(0));
        let path = parent.join(format!("{PREFIX}{pid}-{start}-{:032x}", sys::random_u128()?));
        let workspace = Self { path };
        for directory in [workspace.path.clone(), workspace.path.join("tmp")] {
            fs::DirBuilder::new().mode(0o700).create(&directory)?;
            if owner.is_some() {
                chown(&directory, owner, owner)?;
            }
        }
        Ok(workspace)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "a session's workspace could not be removed");
        }
    }
}

/// Removes the directories of servers that have ended without doing so.
pub fn remove_abandoned(config: &Config) {
    if config.sandbox.level == SandboxLevel::Full {
        return;
    }
    let (own, _) = sys::effective_ids();
    let ours = owner(config).unwrap_or(own);
    let Ok(entries) = fs::read_dir(parent(config)) else { return };
    for entry in entries.flatten() {
        let Some(maker) = maker(&entry.file_name().to_string_lossy()) else { continue };
        // In a directory that others can write to, a name alone proves nothing.
        let is_ours = entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == ours);
        let is_alive = sys::start_ticks(maker.0) == Some(maker.1);
        if is_ours && !is_alive && fs::remove_dir_all(entry.path()).is_ok() {
            tracing::info!("removed a workspace that an earlier server left behind");
        }
    }
}

/// The pid and start time in a directory's name.
fn maker(name: &str) -> Option<(i32, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn owner(config: &Config) -> Option<u32> {
    workspace_owner(facts(), level(config))
}

/// Where they are: in the base directory, or where another user can reach them if sessions run as one.
fn parent(config: &Config) -> PathBuf {
    if owner(config).is_some() { std::env::temp_dir() } else { config.base.join("workspaces") }
}

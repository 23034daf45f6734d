//! `actwright __launch`: the program as the launcher of its own sandbox.
//!
//! Not for people: the host starts it with descriptors that mean something only to the two of them.

use std::process::ExitCode;

use super::error;
use crate::worker::launcher::{self, LaunchError, UNBUILT};

/// `actwright __launch`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Becomes the launcher, and then Python; comes back only with an error.
pub fn run(_args: Args) -> anyhow::Result<ExitCode> {
    match launcher::run() {
        Err(error @ LaunchError::Sandbox(_)) => {
            error::report(&error.into());
            Ok(ExitCode::from(UNBUILT))
        }
        other => Ok(other.map(|()| ExitCode::SUCCESS)?),
    }
}

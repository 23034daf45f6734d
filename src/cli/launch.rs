//! `actwright __launch`: the program as the launcher of its own sandbox.
//!
//! Not for people: the host starts it with descriptors that mean something only to the two of them.

use std::ffi::OsString;
use std::process::ExitCode;

/// `actwright __launch`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the launcher.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`__launch` is started by actwright itself ({} arguments given)", args.arguments.len())
}

//! A skill's source, read and never run: what `run` takes and gives, its description, the packages it needs.
//!
//! The source is hostile until it is read: its size is bounded before the parser sees it, its depth while it is parsed, and
//! all of it happens on a thread whose stack is large enough for what those bounds allow.

use std::thread;

use super::shape::Shape;

mod annotation;
mod classes;
mod docstring;
mod imports;
mod metadata;
mod scope;
mod shadows;
mod spoken;
mod syntax;
mod wrap;

pub use imports::imports;
pub use metadata::{Metadata, needed};
pub use wrap::of_cell;

/// The largest source, in bytes.
pub const LARGEST: usize = 256 * 1024;

/// Stack for a source at its bounds. It is reserved, not used up: only what is touched takes memory.
const STACK: usize = 256 * 1024 * 1024;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What `run` takes and gives.
    pub shape: Shape,
    /// The docstring of the module, else that of `run`, cleaned; empty if there is neither.
    pub description: String,
}

/// Why a source cannot be a skill. Places count from 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// Too large.
    #[error(
        "the source is {bytes} bytes and the limit is {LARGEST}; put data into an artifact or a file instead"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No Python.
    #[error("syntax error in line {line}, column {column}: {message}")]
    Syntax {
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Nested too deeply.
    #[error("the source is nested too deeply in line {line}; split it into functions")]
    TooDeep {
        /// The line.
        line: usize,
    },
    /// No entry.
    #[error(
        "the source defines no function `run` at its top level; a skill is a module with def run(...) or async def run(...)"
    )]
    NoRun,
    /// `run` cannot be called by keyword.
    #[error("`run` takes `{0}` by position only; leave the `/` out, because skills are called by keyword")]
    PositionalOnly(String),
    /// `run` names a parameter twice.
    #[error("`run` has the parameter `{0}` twice")]
    Twice(String),
    /// Another definition hides `run`.
    #[error(
        "`run` is defined in line {first} and again in line {line}, which hides the first; keep one of them"
    )]
    RunTwice {
        /// The line of the first.
        first: usize,
        /// The line of the other.
        line: usize,
    },
    /// A name of the file hides what stands ready in every session.
    #[error(
        "line {line}: `{name}` would shadow the session's own `{name}`, which the skill could not reach any more; choose another name, such as my_{name}"
    )]
    Shadows {
        /// The name.
        name: String,
        /// The line.
        line: usize,
    },
    /// The PEP 723 block is wrong.
    #[error("line {line}: {message}")]
    Metadata {
        /// The line.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The host could not read it.
    #[error("the source could not be read; try again")]
    Host,
}

/// A source without its docstrings and comments at its start, as it is where it cannot be read.
pub fn code(source: &str) -> String {
    if source.len() > LARGEST {
        return source.to_owned();
    }
    let read = thread::scope(|scope| {
        let reader = thread::Builder::new().name("source".to_owned()).stack_size(STACK);
        reader.spawn_scoped(scope, || syntax::code(source)).ok()?.join().ok()?
    });
    read.unwrap_or_else(|| source.to_owned())
}

/// Reads a source.
pub fn read(source: &str) -> Result<Source, SourceError> {
    if source.len() > LARGEST {
        return Err(SourceError::TooLarge { bytes: source.len() });
    }
    let metadata = needed(source)?;
    let mut read = deeply(|| syntax::read(source))?;
    read.shape.dependencies = metadata.dependencies;
    read.shape.requires_python = metadata.requires_python;
    Ok(read)
}

/// Does something with a source on a stack that is large enough for it.
fn deeply<T: Send>(work: impl FnOnce() -> Result<T, SourceError> + Send) -> Result<T, SourceError> {
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("source".to_owned()).stack_size(STACK);
        let reader = reader.spawn_scoped(scope, work).map_err(|_| SourceError::Host)?;
        reader.join().unwrap_or(Err(SourceError::Host))
    })
}

#[cfg(test)]
mod tests;

//! Why there is no model, in words for the person who runs the server. No password that stands in an address gets in here.

use std::io;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is no model of this name.
    #[error("there is no model named `{name}`; known are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// There is no library for this machine.
    #[error("there is no ONNX Runtime to fetch for this kind of machine; name one with `model.runtime`")]
    NoRuntime,
    /// No place to keep it.
    #[error("there is no place to keep models; name one with `model.directory`")]
    NoPlace,
    /// The package index must not be used.
    #[error("pip is told to use no package index (`no-index`)")]
    Barred,
    /// Nobody says which package index to use.
    #[error("no package index is named and no pip on the PATH says which is usual; set `PIP_INDEX_URL`")]
    NoIndex,
    /// Nothing came.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// What the connection says.
        why: String,
    },
    /// Something else came.
    #[error("{host} answered {status} for {what}")]
    Refused {
        /// Who was asked.
        host: String,
        /// The status.
        status: u16,
        /// What for.
        what: String,
    },
    /// The index does not have the file.
    #[error("the package index at {host} has no {name}")]
    Missing {
        /// Who was asked.
        host: String,
        /// The file.
        name: String,
    },
    /// What the index says cannot be read.
    #[error("{what} is no address of a file")]
    Address {
        /// What was given.
        what: String,
    },
    /// The content is another.
    #[error("{name} is not what it should be: {what}; it was thrown away")]
    Different {
        /// The file.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The wheel cannot be used.
    #[error("{name} cannot be unpacked: {what}")]
    Wheel {
        /// The wheel.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The disk.
    #[error("cannot {doing} {place}: {cause}")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// Where.
        place: String,
        /// Why not.
        cause: io::Error,
    },
    /// The library or the model does not load.
    #[error("{what}")]
    Engine {
        /// What it says.
        what: String,
    },
    /// The model works and cannot read this one text.
    #[error("the model cannot read this text: {what}")]
    Text {
        /// What it says.
        what: String,
    },
    /// Whoever asked is gone, or the thread is.
    #[error("the model was given up")]
    Ended,
    /// Too many ask at once.
    #[error("too many texts wait for the model")]
    Busy,
}

impl ModelError {
    /// A failure of the disk.
    pub(super) fn disk(doing: &'static str, path: &std::path::Path, cause: io::Error) -> Self {
        Self::Disk { doing, place: path.display().to_string(), cause }
    }
}

//! Texts as vectors of their meaning: which models there are, their files on the disk, and the thread that runs one.
//!
//! The library that runs models and the weights are no part of the program: they are fetched once, checked against the sums in
//! the manifest, and loaded when the first text is to be read. Whatever fails here leaves a reason and harms nothing else.

mod download;
mod embedder;
mod engine;
mod error;
mod manifest;
mod pages;
mod provision;
mod shelf;
mod wheel;

pub use embedder::{Embedder, State, Turn};
pub use error::ModelError;
pub use manifest::{MODELS, Model, Origin};
pub use provision::{Progress, fetch};
pub use shelf::{Found, Shelf};

#[cfg(test)]
#[path = "pretend/tests.rs"]
pub mod pretend;
#[cfg(test)]
mod tests;

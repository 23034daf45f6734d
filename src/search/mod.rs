//! Finding things by words: how text becomes words, and how well a document fits a query.
//!
//! Nothing here knows what is searched or where it lies. A corpus is described by numbers alone, so that documents may
//! come from a database, from files or from both, and their scores still compare.

mod bags;
mod glossary;
mod index;
mod rank;
mod words;

pub use bags::Bags;
pub use glossary::Reading;
pub use index::Index;
pub use rank::{Corpus, Document, FLOOR, Matched, Query, Score};
pub use words::{EDITION, index, parts, words};

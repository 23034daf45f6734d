//! What skills mean: a vector of each, kept in the store, held in memory, and compared with that of a query.
//!
//! Until every skill has its vector a search compares words only and says so. A vector is made of the name with the first
//! paragraph, of the description, and of the code, so that a query may meet any of them.

mod filling;
mod known;
mod matrix;
mod recipe;
mod refresh;

pub use filling::{Compared, Meanings, meaning};
pub use matrix::dot;
pub use recipe::{EDITION, Recipe, pooled};
pub use refresh::Loading;

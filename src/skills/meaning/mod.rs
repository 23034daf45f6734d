//! What a search goes by: the words of the stored skills, and a vector of what each skill means. Both are kept in the store, held in
//! memory, and compared with those of a query.
//!
//! Until every skill has its vector a search compares words only and says so; one that the model cannot read is named. A vector is made of the name with the first
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

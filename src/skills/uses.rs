//! How skills fared: counted in memory and written together, because a loop may use a skill a thousand times a second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::proof::Proof;
use super::skill::now;
use crate::storage::UseRow;

/// The longest error that is kept, in characters.
const LONGEST: usize = 300;

/// The most names that are counted before they are written.
const NAMES: usize = 10_000;

/// How a skill's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It gave a value.
    Gave,
    /// It raised this.
    Raised(String),
}

/// How a skill fared so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// How often it ran.
    pub uses: i64,
    /// How often it raised.
    pub failures: i64,
    /// The last error.
    pub last_error: Option<String>,
    /// How far it is proven.
    pub proof: Proof,
}

impl Uses {
    /// What programs read of a skill, with how it fared.
    pub fn add_to(&self, mut about: Value) -> Value {
        about["uses"] = self.uses.into();
        about["success_rate"] = json!(self.success_rate());
        about["proof"] = self.proof.about();
        if let Some(error) = &self.last_error {
            about["last_error"] = error.as_str().into();
        }
        about
    }
}

/// What is not written yet.
#[derive(Debug, Default)]
pub struct Pending {
    rows: Mutex<HashMap<String, UseRow>>,
}

/// Whether somebody must see to it that what is pending gets written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nobody does yet.
    Now,
    /// Somebody does already.
    Already,
}

impl Uses {
    /// The share of runs that gave a value, from 0 to 1.
    pub fn success_rate(&self) -> Option<f64> {
        (self.uses > 0)
            .then(|| ((self.uses - self.failures) as f64 / self.uses as f64 * 1000.0).round() / 1000.0)
    }

    /// What a line of a list says of both, in brackets; nothing where there is nothing to say.
    pub fn words(&self) -> String {
        let used = self.success_rate().map(|rate| format!("used {}x, {:.0} % well", self.uses, rate * 100.0));
        let all: Vec<String> = self.proof.words().into_iter().chain(used).collect();
        if all.is_empty() { String::new() } else { format!(" [{}]", all.join(", ")) }
    }

    /// From what is kept.
    pub fn of_row(row: UseRow) -> Self {
        Self { uses: row.uses, failures: row.failures, last_error: row.last_error, proof: Proof::default() }
    }
}

impl Pending {
    /// Counts one use.
    pub fn count(&self, name: &str, outcome: &Outcome) -> Due {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let due = if rows.is_empty() { Due::Now } else { Due::Already };
        if rows.len() >= NAMES && !rows.contains_key(name) {
            return due;
        }
        let row = rows
            .entry(name.to_owned())
            .or_insert_with(|| UseRow { name: name.to_owned(), ..UseRow::default() });
        row.uses += 1;
        row.last_used = now();
        if let Outcome::Raised(error) = outcome {
            row.failures += 1;
            row.last_error = Some(error.chars().take(LONGEST).collect());
        }
        due
    }

    /// Takes what is pending.
    pub fn take(&self) -> Vec<UseRow> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.drain().map(|(_, row)| row).collect()
    }
}

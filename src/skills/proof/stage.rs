//! What a proof needs of the sessions above: somebody who runs a skill in a session that nobody else uses.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::skills::library::Skills;
use crate::skills::skill::Skill;
use crate::skills::source;
use crate::storage::Packages;

/// A future that somebody else polls.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who wants a proof, in a form that only the stage reads: calls of tools count as theirs.
pub type Behalf = Arc<dyn Any + Send + Sync>;

/// Runs skills for proofs.
pub trait Stage: fmt::Debug + Send + Sync {
    /// Runs a skill once for each set of arguments, each in a new session; an error is the reason why none could be run.
    fn play(&self, trial: Trial) -> Task<'_, Result<Played, String>>;

    /// What is known of these tools' schemas without starting anything.
    fn schemas(&self, tools: Vec<String>) -> Task<'_, BTreeMap<String, Known>>;

    /// The versions of those of these packages that were added for sessions, as sessions see them now.
    fn added(&self, packages: Vec<String>) -> Task<'_, BTreeMap<String, String>>;
}

/// What is known of a tool's schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Their digest.
    Is(String),
    /// There is no such tool any more.
    Gone,
    /// Its source was not started yet.
    Unknown,
}

/// What is to be run.
pub struct Trial {
    /// The library as it is on the stage.
    pub library: Skills,
    /// The skill's name there.
    pub name: String,
    /// The arguments of each run.
    pub calls: Vec<Map<String, Value>>,
    /// Who answers calls of tools.
    pub answers: Answers,
    /// For whom it is run.
    pub behalf: Option<Behalf>,
}

/// Who answers calls of tools.
#[derive(Debug)]
pub enum Answers {
    /// The tools themselves, and what they give is recorded.
    Tools,
    /// A recording, one for each run.
    Recordings(Vec<Value>),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Played {
    /// Each run.
    pub runs: Vec<Run>,
    /// The tools that were called, each with the digest of its schemas.
    pub tools: BTreeMap<String, String>,
    /// The versions of the packages that the sources import.
    pub packages: Packages,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// What the skill gave, or what went wrong in words.
    pub value: Result<Value, String>,
    /// The calls of tools that the recording has no answer for.
    pub missed: Vec<String>,
    /// What tools were given and gave, or why that is not known whole.
    pub tape: Result<Value, String>,
}

/// A library on the stage: one skill in it is the one that is tried, and nothing can be changed.
#[derive(Debug)]
pub struct Staged {
    skill: Skill,
    fetched: Mutex<BTreeMap<String, (String, String)>>,
}

impl Staged {
    /// With this skill in its place.
    pub fn of(skill: Skill) -> Self {
        Self { skill, fetched: Mutex::default() }
    }

    /// The skill that is tried.
    pub fn skill(&self) -> &Skill {
        &self.skill
    }

    /// This skill was asked for.
    pub fn note(&self, skill: &Skill) {
        if skill.name != self.skill.name {
            let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            fetched.insert(skill.name.to_string(), (skill.hash.clone(), skill.source.clone()));
        }
    }

    /// The other skills that were asked for, each with its hash.
    pub fn fetched(&self) -> BTreeMap<String, String> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.iter().map(|(name, (hash, _))| (name.clone(), hash.clone())).collect()
    }

    /// What all these sources import, by the names of the modules, and the packages that they say they need.
    pub fn imports(&self) -> Vec<String> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = fetched.values().map(|(_, source)| source).chain([&self.skill.source]);
        let imported: BTreeSet<String> = sources.flat_map(|source| source::imports(source)).collect();
        imported.into_iter().collect()
    }
}

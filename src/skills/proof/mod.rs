//! How far a skill is proven: its examples were run, what tools gave was recorded, and nothing that it depends on has changed.
//!
//! A proof is a row that is never changed. What it says today is worked out whenever somebody asks, from what is known without
//! running or starting anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::SkillError;
use super::library::Skills;
use super::skill::{Origin, Skill, hex, moment};
use crate::storage::{Packages, ProofRow, Standing, VersionRow};

mod compare;
mod stage;
mod verify;

pub use stage::{Answers, Behalf, Known, Played, Run, Stage, Staged, Task, Trial};
pub use verify::{Manner, Tried, Verdict};

/// What is known of a skill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Its examples give what they should.
    Verified,
    /// They did, and something that it depends on has changed since.
    Stale,
    /// They do not.
    Broken,
    /// Nobody has tried.
    #[default]
    Unproven,
}

impl State {
    /// What the newest proof of a version said, whatever has changed since.
    pub fn of_version(version: &VersionRow, proofs: &[ProofRow]) -> Self {
        let examples: Vec<Value> = serde_json::from_str(&version.examples).unwrap_or_default();
        let stamp = stamp(&version.hash, &examples);
        match proofs.iter().find(|row| row.stamp == stamp && !examples.is_empty()) {
            Some(row) if row.passed => Self::Verified,
            Some(_) => Self::Broken,
            None => Self::Unproven,
        }
    }

    /// The word for programs and people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Stale => "stale",
            Self::Broken => "broken",
            Self::Unproven => "unproven",
        }
    }
}

/// How a skill stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// What is known.
    pub state: State,
    /// What has changed, or went wrong.
    pub reason: String,
    /// When it was last tried, in microseconds since 1970; 0 for never.
    pub made: i64,
}

impl Proof {
    fn of(state: State, reason: impl Into<String>, made: i64) -> Self {
        Self { state, reason: reason.into(), made }
    }

    /// For programs.
    pub fn about(&self) -> Value {
        let mut about = json!({"state": self.state.word()});
        if !self.reason.is_empty() {
            about["reason"] = self.reason.as_str().into();
        }
        if self.made != 0 {
            about["made"] = moment(self.made).into();
        }
        about
    }

    /// `verified`, or the state with its reason; nothing where nobody has tried.
    pub fn words(&self) -> Option<String> {
        match (self.state, self.reason.lines().next().unwrap_or("")) {
            (State::Unproven, _) => None,
            (state, "") => Some(state.word().to_owned()),
            (state, reason) => {
                Some(format!("{}: {}", state.word(), reason.chars().take(120).collect::<String>()))
            }
        }
    }
}

/// What the run of a skill's examples depended on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// The other skills that it fetched, each with the hash of its source.
    pub skills: BTreeMap<String, String>,
    /// The tools that it called, each with the digest of its schemas.
    pub tools: BTreeMap<String, String>,
    /// The packages that its source imports, and Python.
    pub packages: Packages,
    /// Those of them that had been added for sessions.
    pub added: BTreeSet<String>,
}

/// A source and its examples as one digest: what a proof is a proof of.
pub fn stamp(hash: &str, examples: &[Value]) -> String {
    let examples = serde_json::to_string(examples).unwrap_or_default();
    hex(&Sha256::digest(format!("{hash}\n{examples}").as_bytes()))
}

/// A skill as it is now: its hash and its stamp, and whether it has examples.
#[derive(Debug)]
struct Now {
    hash: String,
    stamp: String,
    has_examples: bool,
}

impl Now {
    fn of(hash: &str, examples: &[Value]) -> Self {
        Self { hash: hash.to_owned(), stamp: stamp(hash, examples), has_examples: !examples.is_empty() }
    }
}

impl Skills {
    /// How a skill stands, at the version that it is.
    pub async fn proof_of(&self, skill: &Skill) -> Result<Proof, SkillError> {
        let name = skill.name.to_string();
        let rows = self.ask(move |db| db.proofs_of(&name)).await?.unwrap_or_default();
        let now = Now::of(&skill.hash, &skill.examples);
        let row =
            rows.iter().find(|row| row.stamp == now.stamp).or_else(|| rows.iter().max_by_key(|row| row.made));
        let judged = self.judge(vec![(now, row.cloned())]).await?;
        Ok(judged.into_iter().next().unwrap_or_default())
    }

    /// How the skills of these names stand, each as the library gives it now.
    pub(super) async fn proofs(&self, names: Vec<String>) -> Result<HashMap<String, Proof>, SkillError> {
        let standings = self.standings(names.clone()).await?;
        let near = self.in_memory();
        let mut cases = Vec::new();
        let mut named = Vec::new();
        for (name, standing) in names.into_iter().zip(standings) {
            let Some(proof) = standing.proof else { continue };
            let beside = near.iter().find(|each| each.skill.name.as_str() == name);
            let now = match (beside, standing.stored) {
                (Some(file), _) if file.skill.origin < Origin::Stored => {
                    Now::of(&file.skill.hash, &file.skill.examples)
                }
                (_, Some((hash, examples))) => {
                    Now::of(&hash, &serde_json::from_str::<Vec<Value>>(&examples).unwrap_or_default())
                }
                (Some(bundled), None) => Now::of(&bundled.skill.hash, &bundled.skill.examples),
                (None, None) => continue,
            };
            cases.push((now, Some(proof)));
            named.push(name);
        }
        Ok(named.into_iter().zip(self.judge(cases).await?).collect())
    }

    /// What proofs say today.
    async fn judge(&self, cases: Vec<(Now, Option<ProofRow>)>) -> Result<Vec<Proof>, SkillError> {
        let used: Vec<Used> = cases
            .iter()
            .map(|(_, row)| {
                row.as_ref().and_then(|row| serde_json::from_str(&row.used).ok()).unwrap_or_default()
            })
            .collect();
        let skills: BTreeSet<String> = used.iter().flat_map(|used| used.skills.keys().cloned()).collect();
        let tools: BTreeSet<String> = used.iter().flat_map(|used| used.tools.keys().cloned()).collect();
        let hashes = self.hashes(skills.into_iter().collect()).await?;
        let schemas = match self.stage() {
            Some(stage) if !tools.is_empty() => stage.schemas(tools.into_iter().collect()).await,
            _ => BTreeMap::new(),
        };
        let packages = self.packages_now(&used).await?;
        let judge = |((now, row), used): ((Now, Option<ProofRow>), Used)| match row {
            None => Proof::default(),
            Some(row) => verdict(&now, &row, changed(&used, &hashes, &schemas, &packages)),
        };
        Ok(cases.into_iter().zip(used).map(judge).collect())
    }

    /// The versions of packages: of those that were added for sessions the present ones, of others those that were seen last.
    async fn packages_now(&self, used: &[Used]) -> Result<Packages, SkillError> {
        if used.iter().all(|used| used.packages.is_empty()) {
            return Ok(Packages::new());
        }
        let mut now = self.ask(crate::storage::Db::packages_seen).await?.unwrap_or_default();
        let names: BTreeSet<&String> =
            used.iter().flat_map(|used| used.packages.keys()).filter(|name| *name != "python").collect();
        if let Some(stage) = self.stage().filter(|_| !names.is_empty()) {
            for gone in used.iter().flat_map(|used| &used.added) {
                now.insert(gone.clone(), String::new());
            }
            now.extend(stage.added(names.into_iter().cloned().collect()).await);
        }
        Ok(now)
    }

    /// The hashes of skills as the library gives them now.
    async fn hashes(&self, names: Vec<String>) -> Result<HashMap<String, String>, SkillError> {
        let near = self.in_memory();
        let standings = self.standings(names.clone()).await?;
        let hash = |(name, standing): (String, Standing)| {
            let beside = near.iter().find(|each| each.skill.name.as_str() == name).map(|each| &each.skill);
            let file = beside.filter(|skill| skill.origin < Origin::Stored);
            let hash = match (file, standing.stored) {
                (Some(file), _) => Some(file.hash.clone()),
                (None, Some((hash, _))) => Some(hash),
                (None, None) => beside.map(|bundled| bundled.hash.clone()),
            };
            Some((name, hash?))
        };
        Ok(names.into_iter().zip(standings).filter_map(hash).collect())
    }

    async fn standings(&self, names: Vec<String>) -> Result<Vec<Standing>, SkillError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let many = names.len();
        let found = self.ask(move |db| db.standings(&names)).await?;
        Ok(found.unwrap_or_else(|| vec![Standing::default(); many]))
    }
}

fn verdict(now: &Now, row: &ProofRow, changed: Option<String>) -> Proof {
    if !now.has_examples {
        return Proof::default();
    }
    if row.hash != now.hash {
        return Proof::of(State::Stale, "its source has changed since", row.made);
    }
    if row.stamp != now.stamp {
        return Proof::of(State::Stale, "its examples have changed since", row.made);
    }
    if !row.passed {
        return Proof::of(State::Broken, row.reason.as_str(), row.made);
    }
    match changed {
        Some(what) => Proof::of(State::Stale, what, row.made),
        None => Proof::of(State::Verified, "", row.made),
    }
}

/// The first thing that is not as it was.
fn changed(
    used: &Used,
    hashes: &HashMap<String, String>,
    schemas: &BTreeMap<String, Known>,
    packages: &Packages,
) -> Option<String> {
    for (name, hash) in &used.skills {
        match hashes.get(name) {
            Some(now) if now == hash => {}
            Some(_) => return Some(format!("skills.{name} has changed since")),
            None => return Some(format!("skills.{name} is not there any more")),
        }
    }
    for (name, schema) in &used.tools {
        match schemas.get(name) {
            Some(Known::Is(now)) if now != schema => {
                return Some(format!("tools.{name} has another schema since"));
            }
            Some(Known::Gone) => return Some(format!("tools.{name} is not there any more")),
            _ => {}
        }
    }
    used.packages.iter().find_map(|(name, version)| {
        let now = packages.get(name).filter(|now| *now != version)?;
        let now = if now.is_empty() { "not installed" } else { now };
        Some(format!("{name} was {version} and is {now}"))
    })
}

//! Running a skill's examples, and keeping what came of it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compare::differences;
use super::stage::{Answers, Behalf, Run, Stage, Trial};
use super::{Proof, Used, stamp};
use crate::skills::error::SkillError;
use crate::skills::library::Skills;
use crate::skills::skill::{Skill, now};
use crate::storage::ProofRow;

/// The longest reason that is kept, in characters.
const REASON: usize = 2_000;

/// Who answers calls of tools while a skill is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// What was recorded; nothing leaves the machine and nothing is changed.
    Replayed,
    /// The tools themselves, and what they give is recorded anew.
    Recorded,
}

/// What came of verifying.
#[derive(Debug)]
pub struct Verdict {
    /// The skill at the version that was run.
    pub skill: Skill,
    /// How it stands now.
    pub proof: Proof,
    /// Each of its examples.
    pub examples: Vec<Checked>,
    /// Things that the caller must know, a sentence each.
    pub notes: Vec<String>,
}

/// One example that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was wrong, a line for each difference.
    pub wrong: Option<String>,
    /// Whether it is the value alone.
    gave_another_value: bool,
}

/// What came of running examples.
#[derive(Debug)]
pub struct Tried {
    /// Each of them.
    pub checked: Vec<Checked>,
    tapes: Vec<Result<Value, String>>,
    used: Used,
}

impl Verdict {
    /// For programs.
    pub fn about(&self) -> Value {
        let examples = self.examples.iter().enumerate().map(
            |(at, each)| json!({"example": at + 1, "passed": each.wrong.is_none(), "wrong": each.wrong}),
        );
        let mut about = self.proof.about();
        about["name"] = self.skill.name.as_str().into();
        about["version"] = json!(self.skill.version);
        about["examples"] = examples.collect();
        about["notes"] = json!(self.notes);
        about
    }

    /// For people: the state, then what is wrong.
    pub fn text(&self) -> String {
        let version = self.skill.version.map(|version| format!(" (version {version})")).unwrap_or_default();
        let many = match self.examples.len() {
            0 => String::new(),
            1 => ", 1 example".to_owned(),
            many => format!(", {many} examples"),
        };
        let mut lines = vec![format!("{}: {}{version}{many}", self.proof.state.word(), self.skill.name)];
        let failed = self.examples.iter().any(|each| each.wrong.is_some());
        if !failed && !self.proof.reason.is_empty() {
            lines.push(self.proof.reason.clone());
        }
        for (at, each) in self.examples.iter().enumerate() {
            if let Some(wrong) = &each.wrong {
                lines.push(format!("example {}: {wrong}", at + 1));
            }
        }
        lines.extend(self.notes.iter().map(|note| format!("[note] {note}")));
        lines.join("\n")
    }
}

impl Tried {
    /// Whether every example gave what it should.
    pub fn passed(&self) -> bool {
        self.checked.iter().all(|each| each.wrong.is_none())
    }

    /// The first thing that was wrong, with its example.
    pub fn wrong(&self) -> Option<String> {
        let mut wrong =
            self.checked.iter().enumerate().filter_map(|(at, each)| Some((at, each.wrong.as_ref()?)));
        wrong.next().map(|(at, what)| format!("example {}: {what}", at + 1))
    }

    /// Whether all that is wrong is values that are others than expected.
    pub fn gave_another_value(&self) -> bool {
        self.checked.iter().all(|each| each.wrong.is_none() || each.gave_another_value)
    }

    /// The recordings, or why there are none.
    fn tapes(&self) -> Result<Vec<&Value>, String> {
        self.tapes.iter().map(|tape| tape.as_ref().map_err(Clone::clone)).collect()
    }
}

impl Skills {
    /// Runs a skill's examples, each in a session that nobody else uses, and keeps what came of it.
    pub async fn verify(
        &self,
        name: &str,
        version: Option<i64>,
        manner: Manner,
        behalf: Option<Behalf>,
    ) -> Result<Verdict, SkillError> {
        let skill = self.get(name, version).await?;
        self.not_on_stage("verified", skill.name.as_str())?;
        if skill.examples.is_empty() {
            let notes = vec![
                "it has no examples; save it with examples=[{\"args\": {...}, \"expect\": ...}] to prove it"
                    .to_owned(),
            ];
            return Ok(Verdict { skill, proof: Proof::default(), examples: Vec::new(), notes });
        }
        let no_stage = |why: String| SkillError::NotRun { name: skill.name.to_string(), why };
        let stage = self.stage().ok_or_else(|| no_stage("this program runs no code".to_owned()))?;
        let (text, key) = (skill.name.to_string(), stamp(&skill.hash, &skill.examples));
        let cassette = match manner {
            Manner::Recorded => None,
            Manner::Replayed => self.ask(move |db| db.cassette(&text, &key)).await?.flatten(),
        };
        let recorded: Option<Vec<Value>> = cassette
            .as_ref()
            .and_then(|cassette| serde_json::from_str(&cassette.tapes).ok())
            .filter(|tapes: &Vec<Value>| tapes.len() == skill.examples.len());
        let is_recorded = recorded.is_some();
        let answers = match manner {
            Manner::Recorded => Answers::Tools,
            Manner::Replayed => {
                Answers::Recordings(recorded.unwrap_or_else(|| vec![json!({}); skill.examples.len()]))
            }
        };
        let mut tried = self.try_out(&stage, &skill, answers, behalf).await.map_err(no_stage)?;
        let mut notes = Vec::new();
        if manner == Manner::Replayed && !is_recorded && !tried.passed() {
            notes.push(format!(
                "no calls of tools are recorded for it; if it makes some, skills.verify(\"{}\", record=True) records them",
                skill.name
            ));
        }
        let cassette = cassette.filter(|_| is_recorded).map(|cassette| cassette.id);
        if let Err(why) = self.keep(&skill, &mut tried, manner, cassette).await? {
            notes.push(why);
        }
        let proof = self.proof_of(&skill).await?;
        Ok(Verdict { skill, proof, examples: tried.checked, notes })
    }

    /// Runs the examples of a skill that may not be in the library yet. An error is why none could be run.
    pub(in crate::skills) async fn try_out(
        &self,
        stage: &Arc<dyn Stage>,
        skill: &Skill,
        answers: Answers,
        behalf: Option<Behalf>,
    ) -> Result<Tried, String> {
        let (library, staged) = self.on_stage(skill.clone());
        let calls = skill.examples.iter().map(|example| match example.get("args") {
            Some(Value::Object(args)) => args.clone(),
            _ => Map::new(),
        });
        let trial = Trial { library, name: skill.name.to_string(), calls: calls.collect(), answers, behalf };
        let played = stage.play(trial).await?;
        let added = stage.added(played.packages.keys().cloned().collect()).await.into_keys().collect();
        let checked = skill.examples.iter().zip(&played.runs).map(|(example, run)| check(example, run));
        Ok(Tried {
            checked: checked.collect(),
            used: Used { skills: staged.fetched(), tools: played.tools, packages: played.packages, added },
            tapes: played.runs.into_iter().map(|run| run.tape).collect(),
        })
    }

    /// Keeps what came of a trial; the inner error is why nothing was.
    pub(in crate::skills) async fn keep(
        &self,
        skill: &Skill,
        tried: &mut Tried,
        manner: Manner,
        cassette: Option<i64>,
    ) -> Result<Result<(), String>, SkillError> {
        let tapes = match (manner, tried.tapes()) {
            (Manner::Recorded, Ok(tapes)) if tried.passed() => serde_json::to_string(&tapes).ok(),
            (Manner::Recorded, Err(why)) if tried.passed() => {
                return Ok(Err(format!("it cannot be proven: {why}, and no more is recorded")));
            }
            _ => None,
        };
        let reason: String = tried.wrong().unwrap_or_default().chars().take(REASON).collect();
        let row = ProofRow {
            name: skill.name.to_string(),
            hash: skill.hash.clone(),
            stamp: stamp(&skill.hash, &skill.examples),
            cassette,
            passed: tried.passed(),
            reason,
            used: serde_json::to_string(&tried.used).unwrap_or_default(),
            made: now(),
        };
        let packages = tried.used.packages.clone();
        let kept = self.ask(move |db| db.add_proof(&row, tapes.as_deref(), &packages)).await?;
        Ok(kept.ok_or_else(|| "there is no store, so this is not remembered".to_owned()))
    }
}

fn check(example: &Value, run: &Run) -> Checked {
    let missed =
        run.missed.first().map(|what| format!("{what}; verify with record=True if the skill has to make it"));
    match (&run.value, missed) {
        (_, Some(missed)) => Checked { wrong: Some(missed), gave_another_value: false },
        (Err(words), None) => Checked { wrong: Some(words.clone()), gave_another_value: false },
        (Ok(value), None) => {
            let expected = example.get("expect");
            let found = expected.map(|expected| differences(expected, value).join("\n  "));
            Checked { wrong: found.filter(|found| !found.is_empty()), gave_another_value: true }
        }
    }
}

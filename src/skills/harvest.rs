//! A skill made from a cell that ran: its source, and an example of what the cell did, with the calls of tools that it made.

use serde_json::{Value, json};

use super::error::SkillError;
use super::library::Skills;
use super::proof::{Answers, Tried};
use super::ran::{Cell, Ran, Which};
use super::saving::Creation;
use super::skill::Skill;
use super::source;

/// What comes with a source that was made from a cell.
#[derive(Debug)]
pub struct Harvest {
    /// The calls of tools that the cell made, or why they are not known whole; nothing where the example is not the cell's.
    calls: Option<Result<Value, String>>,
    /// Things that the caller must know, a sentence each.
    pub notes: Vec<String>,
}

impl Harvest {
    /// Whether the example is what the cell did.
    pub fn is_its_own(&self) -> bool {
        self.calls.is_some()
    }
}

impl Creation {
    /// Makes the source from its cell, if it is to be made from one.
    pub(super) fn harvest(&mut self) -> Result<Option<Harvest>, SkillError> {
        let Some(Cell { ran, before }) = self.cell.take() else { return Ok(None) };
        let refuse = |what: String| SkillError::Cell { name: self.name.chars().take(80).collect(), what };
        if !ran.is_well {
            return Err(refuse(format!("cell {} ended with an error; name one that ran well", ran.cell)));
        }
        let before: Vec<&str> = before.iter().map(|ran| ran.code.as_str()).collect();
        let made =
            source::of_cell(&ran.code, &before).map_err(|why| refuse(format!("cell {}: {why}", ran.cell)))?;
        self.source = made.source;
        let mut harvest =
            Harvest { calls: None, notes: vec![format!("its source was made from cell {}", ran.cell)] };
        if !made.parameters.is_empty() {
            harvest.notes.push(format!(
                "variables of the session are parameters of run: {}",
                made.parameters.join(", ")
            ));
        }
        match made.arguments.filter(|_| self.examples.is_empty()) {
            Some(arguments) => {
                let mut example = json!({"args": arguments});
                if let Some(value) = expected(&ran) {
                    example["expect"] = value;
                }
                self.examples = vec![example];
                harvest.calls = Some(ran.calls.written());
            }
            None if self.examples.is_empty() => {
                harvest.notes.push("give examples=[{args, expect}] to prove it".to_owned());
            }
            None => {}
        }
        Ok(Some(harvest))
    }
}

impl Skills {
    /// Plays the cell's own run again as the first proof of the skill that was made from it. An example that does not hold by
    /// itself is not kept.
    pub(super) async fn replay_cell(
        &self,
        skill: &mut Skill,
        harvest: &Harvest,
        notes: &mut Vec<String>,
    ) -> Option<Tried> {
        let unproven = |skill: &mut Skill, notes: &mut Vec<String>, why: &str| {
            skill.examples.clear();
            notes.push(format!("it is saved unproven: {why}"));
        };
        let calls = match harvest.calls.as_ref()? {
            Ok(calls) => calls,
            Err(why) => {
                unproven(skill, notes, why);
                return None;
            }
        };
        let Some(stage) = self.stage() else {
            notes.push("its example was not run".to_owned());
            return None;
        };
        for _ in 0..2 {
            let answers = Answers::Recordings(vec![calls.clone()]);
            match self.try_out(&stage, skill, answers, None).await {
                Ok(tried) if tried.passed() => return Some(tried),
                Ok(tried) if tried.gave_another_value() => {
                    notes.push(
                        "its value is another one in each run, so its example only says that it runs"
                            .to_owned(),
                    );
                    skill.examples = vec![json!({"args": skill.examples[0]["args"]})];
                }
                Ok(tried) => {
                    let why = tried.wrong().unwrap_or_default();
                    unproven(skill, notes, &format!("run by itself in a new session, {why}"));
                    return None;
                }
                Err(why) => {
                    unproven(skill, notes, &why);
                    return None;
                }
            }
        }
        None
    }

    /// The cell that is meant, or why it cannot be found, in words that follow the skill's name.
    pub fn cell(&self, name: &str, session: Option<&str>, which: &str) -> Result<Cell, SkillError> {
        let refuse = |what: String| SkillError::Cell { name: name.chars().take(80).collect(), what };
        let parsed = Which::parse(which).ok_or_else(|| {
            let which: String = which.chars().take(40).collect();
            refuse(format!(
                "`{which}` names no cell; it is \"last\", a cell's number, or the id of its output, o_…"
            ))
        })?;
        self.cells().find(session, &parsed).ok_or_else(|| {
            let which: String = which.chars().take(40).collect();
            let session = if session.is_none() { " (no session is named)" } else { "" };
            refuse(format!(
                "cell {which} is not kept any more, or never ran{session}; run it again, or give source"
            ))
        })
    }
}

/// The cell's value, where it is small enough for an example.
fn expected(ran: &Ran) -> Option<Value> {
    let text = ran.value.as_ref().filter(|text| text.len() <= 32 * 1024)?;
    serde_json::from_str(text).ok()
}

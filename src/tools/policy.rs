//! Which calls are allowed: per tool, who may call it, how often, and whether its calls wait for each other.
//!
//! The most specific pattern that fits decides alone. A call that is not allowed never reaches its adapter.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::MutexGuard;

use super::call::{Caller, Origin};
use super::entry::Hints;
use super::failure::{Failure, FailureKind};
use crate::config::{Callers, Effects, Order, Permission, ToolRule};

/// The rules and the calls that count against them.
#[derive(Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    made: Mutex<HashMap<String, VecDeque<Instant>>>,
}

#[derive(Debug)]
struct Rule {
    said: ToolRule,
    turn: tokio::sync::Mutex<()>,
}

/// The rule for one tool, found once for all its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleIndex(Option<usize>);

impl Policy {
    /// These rules; without any, every call is allowed.
    pub fn new(mut rules: Vec<ToolRule>) -> Self {
        // A pattern without a star before one with, then the longer one.
        rules.sort_by_key(|rule| (rule.pattern.contains('*'), std::cmp::Reverse(rule.pattern.len())));
        let rules = rules.into_iter().map(|said| Rule { said, turn: tokio::sync::Mutex::default() });
        Self { rules: rules.collect(), made: Mutex::default() }
    }

    /// The rule for a tool. It may name the tool in any of its `spellings`, so that one that is written in the words of the
    /// tool's source is not silently no rule at all.
    pub fn rule(&self, spellings: &[String], hints: Hints) -> RuleIndex {
        let is_meant = |rule: &Rule| {
            has_effects(hints, rule.said.effects)
                && spellings.iter().any(|spelling| fits(&rule.said.pattern, spelling))
        };
        RuleIndex(self.rules.iter().position(is_meant))
    }

    /// Admits one call of `tools.<name>` and counts it, or says why not.
    pub fn admit(&self, rule: RuleIndex, name: &str, origin: &Origin) -> Result<(), Failure> {
        let Some(rule) = self.get(rule) else { return Ok(()) };
        let rule = &rule.said;
        let refuse = |why: String| {
            let place = format!("[tools.policy.\"{}\"] in actwright.toml", rule.pattern);
            Err(Failure::new(FailureKind::Denied, format!("tools.{name} was not called: {why} ({place})")))
        };
        match rule.permission {
            Permission::Allow => {}
            Permission::Deny => return refuse("the policy denies it".to_owned()),
            Permission::Ask if origin.caller == Caller::Operator => {}
            Permission::Ask => {
                let why = "the policy wants a person's consent, and this server has no way to ask yet; its \
                           operator can set permission = \"allow\"";
                return refuse(why.to_owned());
            }
        }
        match (rule.callers, origin.caller) {
            (Callers::Code, Caller::Model) => {
                return refuse("only code may call it; use run_code".to_owned());
            }
            (Callers::Model, Caller::Code) => {
                return refuse("code may not call it; the model may, with call_tool".to_owned());
            }
            _ => {}
        }
        if let (Some(most), Some(cell)) = (rule.per_cell, &origin.cell)
            && !cell.admit(name, most.get())
        {
            return refuse(format!("this cell has called it {most} times already; go on in another cell"));
        }
        match rule.rate {
            Some(rate) if !self.count(name, rate.calls, rate.per) => {
                refuse(format!("it was called {} times in {} s", rate.calls, rate.per.as_secs_f64()))
            }
            _ => Ok(()),
        }
    }

    /// Waits until no other call under a rule that wants one at a time is under way; none waits under any other.
    pub async fn turn(&self, rule: RuleIndex) -> Option<MutexGuard<'_, ()>> {
        match self.get(rule) {
            Some(rule) if rule.said.order == Order::Serial => Some(rule.turn.lock().await),
            _ => None,
        }
    }

    fn get(&self, rule: RuleIndex) -> Option<&Rule> {
        rule.0.and_then(|index| self.rules.get(index))
    }

    /// Counts a call unless that would be one too many.
    fn count(&self, name: &str, most: u32, per: Duration) -> bool {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let times = made.entry(name.to_owned()).or_default();
        let now = Instant::now();
        while times.front().is_some_and(|time| now.duration_since(*time) > per) {
            times.pop_front();
        }
        if times.len() >= most as usize {
            return false;
        }
        times.push_back(now);
        true
    }
}

/// Whether a tool has such effects, for all that it says.
fn has_effects(hints: Hints, effects: Effects) -> bool {
    let writes = hints.read_only != Some(true);
    match effects {
        Effects::Any => true,
        Effects::Writes => writes,
        Effects::Destroys => writes && hints.destructive != Some(false),
    }
}

/// Whether a name fits a pattern, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| fits(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests;

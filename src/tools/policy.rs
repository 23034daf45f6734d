//! Which calls are allowed: per tool, who may call it, and how often.
//!
//! The most specific pattern that fits decides alone. A call that is not allowed never reaches its adapter.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::call::Caller;
use super::failure::{Failure, FailureKind};
use crate::config::{Callers, Permission, ToolRule};

/// The rules and the calls that count against them.
#[derive(Debug, Default)]
pub struct Policy {
    rules: Vec<ToolRule>,
    made: Mutex<HashMap<String, VecDeque<Instant>>>,
}

impl Policy {
    /// These rules; without any, every call is allowed.
    pub fn new(mut rules: Vec<ToolRule>) -> Self {
        // A pattern without a star before one with, then the longer one.
        rules.sort_by_key(|rule| (rule.pattern.contains('*'), std::cmp::Reverse(rule.pattern.len())));
        Self { rules, made: Mutex::default() }
    }

    /// Admits one call of `tools.<name>` and counts it, or says why not. A rule may name the tool in any of its `spellings`,
    /// so that one that is written in the words of the tool's source is not silently no rule at all.
    pub fn admit(&self, name: &str, spellings: &[String], caller: Caller) -> Result<(), Failure> {
        let is_meant = |rule: &&ToolRule| {
            fits(&rule.pattern, name) || spellings.iter().any(|spelling| fits(&rule.pattern, spelling))
        };
        let Some(rule) = self.rules.iter().find(is_meant) else { return Ok(()) };
        let refuse = |why: String| {
            let place = format!("[tools.policy.\"{}\"] in actwright.toml", rule.pattern);
            Err(Failure::new(FailureKind::Denied, format!("tools.{name} was not called: {why} ({place})")))
        };
        match rule.permission {
            Permission::Allow => {}
            Permission::Deny => return refuse("the policy denies it".to_owned()),
            Permission::Ask if caller == Caller::Operator => {}
            Permission::Ask => {
                let why = "the policy wants a person's consent, and this server has no way to ask yet; its \
                           operator can set permission = \"allow\"";
                return refuse(why.to_owned());
            }
        }
        match (rule.callers, caller) {
            (Callers::Code, Caller::Model) => {
                return refuse("only code may call it; use run_code".to_owned());
            }
            (Callers::Model, Caller::Code) => {
                return refuse("code may not call it; the model may, with call_tool".to_owned());
            }
            _ => {}
        }
        match rule.rate {
            Some(rate) if !self.count(name, rate.calls, rate.per) => {
                refuse(format!("it was called {} times in {} s", rate.calls, rate.per.as_secs_f64()))
            }
            _ => Ok(()),
        }
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
mod tests {
    use super::*;
    use crate::config::Rate;

    fn rule(pattern: &str, permission: Permission, callers: Callers) -> ToolRule {
        ToolRule { pattern: pattern.into(), permission, callers, rate: None }
    }

    #[test]
    fn the_most_specific_pattern_decides() {
        let policy = Policy::new(vec![
            rule("*", Permission::Deny, Callers::Both),
            rule("github.*", Permission::Allow, Callers::Both),
            rule("github.delete_*", Permission::Ask, Callers::Both),
            rule("github.get_repo", Permission::Allow, Callers::Code),
        ]);
        let check = |name: &str, caller: Caller, expected: Option<&str>| {
            let refused = policy.admit(name, &[], caller).err().map(|failure| failure.message);
            match expected {
                None => assert_eq!(refused, None, "{name}"),
                Some(words) => {
                    assert!(refused.as_ref().is_some_and(|text| text.contains(words)), "{refused:?}")
                }
            }
        };
        check("github.list_issues", Caller::Model, None);
        check("github.get_repo", Caller::Code, None);
        check("github.get_repo", Caller::Model, Some("only code may call it"));
        check("github.delete_repo", Caller::Code, Some("a person's consent"));
        check("curl.get", Caller::Code, Some("tools.curl.get was not called: the policy denies it"));
        assert!(Policy::default().admit("anything", &[], Caller::Model).is_ok());
        let spelled = policy.admit("git_hub.delete", &["github.delete_it".to_owned()], Caller::Code);
        assert!(spelled.unwrap_err().message.contains("a person's consent"));
        // Whoever calls by hand need not be asked, and is denied all the same.
        check("github.delete_repo", Caller::Operator, None);
        check("github.get_repo", Caller::Operator, None);
        check("curl.get", Caller::Operator, Some("the policy denies it"));
    }

    #[test]
    fn a_rate_holds_and_passes() {
        let rate = Some(Rate { calls: 2, per: Duration::from_millis(50) });
        let limited = ToolRule { rate, ..rule("a.*", Permission::Allow, Callers::Both) };
        let policy = Policy::new(vec![limited]);
        assert!(policy.admit("a.b", &[], Caller::Code).is_ok());
        assert!(policy.admit("a.b", &[], Caller::Code).is_ok());
        let refused = policy.admit("a.b", &[], Caller::Code).unwrap_err().message;
        assert!(refused.contains("it was called 2 times in 0.05 s"), "{refused}");
        assert!(policy.admit("a.c", &[], Caller::Code).is_ok());
        std::thread::sleep(Duration::from_millis(60));
        assert!(policy.admit("a.b", &[], Caller::Code).is_ok());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        };
        check("a.b", "a.b", true);
        check("a.b", "a.bc", false);
        check("*", "", true);
        check("a.*", "a.", true);
        check("*.get*", "curl.get_it", true);
        check("*.get", "curl.get_it", false);
    }
}

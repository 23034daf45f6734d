//! The decisions of a policy, as tables.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::*;
use crate::config::Rate;
use crate::tools::tally::Tally;

fn rule(pattern: &str, permission: Permission, callers: Callers) -> ToolRule {
    ToolRule {
        pattern: pattern.into(),
        permission,
        callers,
        effects: Effects::Any,
        rate: None,
        per_cell: None,
        order: Order::Parallel,
    }
}

/// Why a call is refused, if it is.
fn refused(policy: &Policy, spellings: &[&str], hints: Hints, origin: &Origin) -> Option<String> {
    let owned: Vec<String> = spellings.iter().map(|name| (*name).to_owned()).collect();
    policy.admit(policy.rule(&owned, hints), spellings[0], origin).err().map(|failure| failure.message)
}

fn by(caller: Caller) -> Origin {
    Origin::outside(caller)
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
        let refused = refused(&policy, &[name], Hints::default(), &by(caller));
        match expected {
            None => assert_eq!(refused, None, "{name}"),
            Some(words) => assert!(refused.as_ref().is_some_and(|text| text.contains(words)), "{refused:?}"),
        }
    };
    check("github.list_issues", Caller::Model, None);
    check("github.get_repo", Caller::Code, None);
    check("github.get_repo", Caller::Model, Some("only code may call it"));
    check("github.delete_repo", Caller::Code, Some("a person's consent"));
    check("curl.get", Caller::Code, Some("tools.curl.get was not called: the policy denies it"));
    let nothing = Hints::default();
    assert_eq!(refused(&Policy::default(), &["anything"], nothing, &by(Caller::Model)), None);
    let spelled = refused(&policy, &["git_hub.delete", "github.delete_it"], nothing, &by(Caller::Code));
    assert!(spelled.unwrap().contains("a person's consent"));
    // Whoever calls by hand need not be asked, and is denied all the same.
    check("github.delete_repo", Caller::Operator, None);
    check("github.get_repo", Caller::Operator, None);
    check("curl.get", Caller::Operator, Some("the policy denies it"));
}

#[test]
fn a_rule_can_be_for_what_writes_or_destroys_alone() {
    let check = |effects: Effects, read_only: Option<bool>, destructive: Option<bool>, expected: bool| {
        let denied = ToolRule { effects, ..rule("*", Permission::Deny, Callers::Both) };
        let hints = Hints { read_only, destructive, idempotent: None };
        let refused = refused(&Policy::new(vec![denied]), &["a.b"], hints, &by(Caller::Code));
        assert_eq!(refused.is_some(), expected, "{effects:?} {hints:?}");
    };
    check(Effects::Any, Some(true), Some(false), true);
    check(Effects::Writes, Some(true), None, false);
    check(Effects::Writes, Some(false), Some(false), true);
    check(Effects::Writes, None, None, true);
    check(Effects::Destroys, None, None, true);
    check(Effects::Destroys, None, Some(true), true);
    check(Effects::Destroys, None, Some(false), false);
    check(Effects::Destroys, Some(true), Some(true), false);
}

#[test]
fn a_rate_holds_and_passes() {
    let rate = Some(Rate { calls: 2, per: Duration::from_millis(50) });
    let policy = Policy::new(vec![ToolRule { rate, ..rule("a.*", Permission::Allow, Callers::Both) }]);
    let call = |name: &str| refused(&policy, &[name], Hints::default(), &by(Caller::Code));
    assert_eq!((call("a.b"), call("a.b")), (None, None));
    let words = call("a.b").unwrap();
    assert!(words.contains("it was called 2 times in 0.05 s"), "{words}");
    assert_eq!(call("a.c"), None);
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(call("a.b"), None);
}

#[test]
fn a_cell_may_call_each_tool_so_often_and_the_next_cell_again() {
    let per_cell = NonZeroU32::new(2);
    let policy = Policy::new(vec![ToolRule { per_cell, ..rule("a.*", Permission::Allow, Callers::Both) }]);
    let cell = || Origin::code("s".into(), Arc::new(Tally::default()));
    let first = cell();
    // By its raw name it is the same tool.
    let call = |origin: &Origin, raw: &str| refused(&policy, &["a.b", raw], Hints::default(), origin);
    assert_eq!((call(&first, "a.b"), call(&first, "a.B")), (None, None));
    let words = call(&first, "a.b").unwrap();
    assert!(words.contains("this cell has called it 2 times already"), "{words}");
    assert_eq!(refused(&policy, &["a.c"], Hints::default(), &first), None);
    assert_eq!(call(&cell(), "a.b"), None);
    assert_eq!(call(&by(Caller::Model), "a.b"), None);
}

#[tokio::test]
async fn one_at_a_time_where_a_rule_says_so() {
    let serial = ToolRule { order: Order::Serial, ..rule("a.*", Permission::Allow, Callers::Both) };
    let policy = Policy::new(vec![serial]);
    let (a, b) = (policy.rule(&["a.x".to_owned()], Hints::default()), policy.rule(&[], Hints::default()));
    let turn = policy.turn(a).await;
    assert!(turn.is_some() && policy.turn(b).await.is_none());
    let soon = Duration::from_millis(20);
    assert!(tokio::time::timeout(soon, policy.turn(a)).await.is_err());
    drop(turn);
    assert!(policy.turn(a).await.is_some());
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

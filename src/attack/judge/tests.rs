//! Every way in which control and attempt can come out.

use std::time::Duration;

use super::*;
use crate::attack::catalogue::{Class, attempt};

const PLAIN: Attempt = attempt(Class::Files, "read", "a file", "ENOENT or EACCES", "EACCES");
const ROOTS: Attempt = PLAIN.needs_rights();

fn done() -> Outcome {
    Outcome::Done("read it".into())
}

fn refused(by: &str) -> Outcome {
    Outcome::Refused(by.into())
}

fn check(attempt: &Attempt, control: Outcome, inside: Outcome, expected: (Verdict, &str)) {
    let performed = |outcome| Performed { outcome, harm: None, took: Duration::ZERO };
    let (control, inside) = (performed(control), performed(inside));
    let level = SandboxLevel::Full;
    let account = Account { attempt, level, control: &control, inside: &inside, touched: None };
    assert_eq!(judge(&account), (expected.0, expected.1.to_owned()));
}

#[test]
fn only_an_expected_refusal_of_something_that_works_counts() {
    check(&PLAIN, done(), refused("ENOENT"), (Verdict::Held, "ENOENT"));
    check(&PLAIN, done(), refused("EACCES"), (Verdict::Held, "EACCES"));
    let other = "refused by EIO, expected ENOENT or EACCES";
    check(&PLAIN, done(), refused("EIO"), (Verdict::Inconclusive, other));
    let both = "outside it was refused too: EPERM";
    check(&PLAIN, refused("EPERM"), refused("ENOENT"), (Verdict::Inconclusive, both));
}

#[test]
fn what_gets_through_is_an_escape_even_when_the_control_failed() {
    check(&PLAIN, done(), done(), (Verdict::Escaped, "read it"));
    check(&PLAIN, refused("EPERM"), done(), (Verdict::Escaped, "read it"));
}

#[test]
fn a_missing_target_is_absent() {
    let nothing = Outcome::Absent("no such call".into());
    check(&PLAIN, nothing.clone(), refused("ENOENT"), (Verdict::Absent, "no such call"));
    check(
        &ROOTS,
        refused("EPERM"),
        refused("ENOENT"),
        (Verdict::Absent, "refused to this server too: EPERM"),
    );
    check(&PLAIN, done(), nothing, (Verdict::Inconclusive, "no such call"));
}

#[test]
fn a_touched_canary_or_a_harmed_neighbour_is_an_escape() {
    let performed = |harm: Option<&str>| Performed {
        outcome: refused("ENOENT"),
        harm: harm.map(str::to_owned),
        took: Duration::ZERO,
    };
    let control = Performed { outcome: done(), harm: None, took: Duration::ZERO };
    let level = SandboxLevel::Full;
    let told = |inside: &Performed, touched: Option<&str>| {
        let touched = touched.map(str::to_owned);
        judge(&Account { attempt: &PLAIN, level, control: &control, inside, touched })
    };
    assert_eq!(told(&performed(None), Some("it came")), (Verdict::Escaped, "it came".to_owned()));
    assert_eq!(told(&performed(Some("silence")), None), (Verdict::Escaped, "silence".to_owned()));
}

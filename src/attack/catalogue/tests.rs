//! The list and the programs belong together: every name is a function, every name is there once.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_attempt_is_a_function_and_is_there_once() {
    let mut seen = BTreeSet::new();
    for attempt in attempts() {
        assert!(seen.insert(attempt.name), "{} is there twice", attempt.name);
        let mut functions = vec![attempt.name];
        functions.extend(attempt.control);
        match attempt.script {
            Script::Beside { victim } => functions.push(victim),
            Script::After { plant, .. } => functions.push(plant),
            Script::Twin { plant, act } => functions.extend([plant, act]),
            Script::Alone | Script::Hurried | Script::Remains { .. } => {}
        }
        for function in functions {
            let head = format!("\ndef {function}():");
            assert!(
                attempt.class.program().contains(&head),
                "no {function} in the programs of {:?}",
                attempt.class
            );
        }
    }
}

#[test]
fn every_attempt_applies_somewhere() {
    for attempt in attempts() {
        assert!(!attempt.expected(SandboxLevel::Full).is_empty(), "{} applies nowhere", attempt.name);
    }
}

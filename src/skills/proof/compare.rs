//! Whether a value is the one that was expected, and where it is not.
//!
//! Both are JSON. Numbers are the same when they are equal, as in Python: `1` and `1.0` are.

use serde_json::{Number, Value};

/// The most differences that are named.
const DIFFERENCES: usize = 5;

/// The longest quote of a value, in characters.
const QUOTE: usize = 120;

/// What differs, a line each; empty where nothing does.
pub fn differences(expected: &Value, given: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(expected, given, "", &mut found);
    if found.len() > DIFFERENCES {
        let more = found.len() - DIFFERENCES;
        found.truncate(DIFFERENCES);
        found.push(format!("and {more} more"));
    }
    found
}

fn compare(expected: &Value, given: &Value, place: &str, found: &mut Vec<String>) {
    // Enough is known.
    if found.len() > 100 {
        return;
    }
    match (expected, given) {
        (Value::Object(wanted), Value::Object(got)) => {
            for (key, value) in wanted {
                let place = format!("{place}[{}]", Value::from(key.as_str()));
                match got.get(key) {
                    Some(other) => compare(value, other, &place, found),
                    None => found.push(format!("{place} is missing; {} was expected", quote(value))),
                }
            }
            for (key, value) in got.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                found.push(format!(
                    "{place}[{}] was not expected: {}",
                    Value::from(key.as_str()),
                    quote(value)
                ));
            }
        }
        (Value::Array(wanted), Value::Array(got)) => {
            for (at, (value, other)) in wanted.iter().zip(got).enumerate() {
                compare(value, other, &format!("{place}[{at}]"), found);
            }
            if wanted.len() != got.len() {
                let whole = if place.is_empty() { "the list" } else { place };
                found.push(format!("{whole} has {} items; {} were expected", got.len(), wanted.len()));
            }
        }
        (Value::Number(wanted), Value::Number(got)) if is_same(wanted, got) => {}
        (wanted, got) if wanted == got => {}
        (wanted, got) => {
            let place = if place.is_empty() { "it".to_owned() } else { format!("at {place} it") };
            found.push(format!("{place} gives {}; {} was expected", quote(got), quote(wanted)));
        }
    }
}

/// Whole numbers by their digits, others as the floats that they are.
fn is_same(one: &Number, other: &Number) -> bool {
    let is_whole =
        |number: &Number| number.as_str().bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    one.as_str() == other.as_str()
        || !(is_whole(one) && is_whole(other)) && one.as_f64().is_some() && one.as_f64() == other.as_f64()
}

fn quote(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= QUOTE {
        return text;
    }
    text.chars().take(QUOTE).collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_named_with_its_place() {
        let check = |expected: Value, given: Value, words: &[&str]| {
            assert_eq!(differences(&expected, &given), words, "{expected} {given}");
        };
        check(json!({"a": [1, 2.0], "b": null}), json!({"b": null, "a": [1.0, 2]}), &[]);
        check(json!(1), json!(true), &["it gives true; 1 was expected"]);
        check(json!(null), json!([]), &["it gives []; null was expected"]);
        check(
            json!({"rows": [{"price": 3}, {"price": 4}], "n": 2}),
            json!({"rows": [{"price": 3}, {"price": 5}, {}], "m": 2}),
            &[
                "at [\"rows\"][1][\"price\"] it gives 5; 4 was expected",
                "[\"rows\"] has 3 items; 2 were expected",
                "[\"n\"] is missing; 2 was expected",
                "[\"m\"] was not expected: 2",
            ],
        );
        let big: Value = serde_json::from_str("9007199254740993").unwrap();
        let near: Value = serde_json::from_str("9007199254740992").unwrap();
        assert_eq!(differences(&big, &near).len(), 1);
        let many: Vec<usize> = (0..20).collect();
        assert_eq!(differences(&json!(many), &json!(vec![1; 20])).last().unwrap(), "and 14 more");
    }
}

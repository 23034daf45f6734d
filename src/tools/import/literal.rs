//! Secrets that stand in an entry as they are: named, never shown, each with the reference that should stand there.
//!
//! It goes by names and by the beginnings of well known tokens, and so it can miss one and can be wrong; it only advises.

use serde_json::{Map, Value};

use super::reference::variable_for;

/// Parts of names that hold secrets.
const NAMES: [&str; 10] = [
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "credential",
    "_key",
];

/// How well known tokens begin.
const BEGINNINGS: [&str; 9] =
    ["sk-", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "Bearer "];

/// A sentence for each secret in `env`, `headers`, `args` and `url`.
pub fn warnings(entry: &Map<String, Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    for key in ["env", "headers"] {
        for (name, value) in entry.get(key).and_then(Value::as_object).into_iter().flatten() {
            let Some(value) = value.as_str().filter(|value| is_secret(name, value)) else { continue };
            let variable = variable_for(name);
            let reference = if value.starts_with("Bearer ") { "Bearer ${" } else { "${" };
            let words = "is a secret in plain text, which nothing masks; put it into the environment";
            warnings.push(format!("`{key}`, `{name}` {words} and write `{reference}{variable}}}`"));
        }
    }
    let arguments =
        entry.get("args").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let arguments: Vec<&str> = arguments.chain(entry.get("url").and_then(Value::as_str)).collect();
    if arguments.iter().any(|text| holds_secret(text)) {
        let words = "seem to hold a secret in plain text; put it into the environment and write `${NAME}`";
        warnings.push(format!("its arguments or address {words}"));
    }
    warnings
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let named = NAMES.iter().any(|part| name.contains(part));
    !value.is_empty() && !value.contains("${") && (named || holds_secret(value))
}

fn holds_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let assigned = NAMES
        .iter()
        .any(|part| lower.split_once(part).is_some_and(|(_, rest)| rest.starts_with('=') && rest.len() > 8));
    let begins =
        BEGINNINGS.iter().any(|beginning| text.strip_prefix(beginning).is_some_and(|rest| rest.len() > 8));
    !text.contains("${") && (assigned || begins)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_named_and_not_shown() {
        let check = |entry: Value, expected: &[&str]| {
            let found = warnings(entry.as_object().unwrap());
            assert_eq!(found.len(), expected.len(), "{entry}: {found:?}");
            for (warning, words) in found.iter().zip(expected) {
                assert!(warning.contains(words), "{warning}");
                assert!(!warning.contains("0123456789"), "{warning}");
            }
        };
        check(json!({"env": {"GITHUB_TOKEN": "0123456789"}}), &["`env`, `GITHUB_TOKEN` is a secret"]);
        check(json!({"env": {"GITHUB_TOKEN": "0123456789"}}), &["write `${GITHUB_TOKEN}`"]);
        check(
            json!({"headers": {"Authorization": "Bearer 0123456789"}}),
            &["write `Bearer ${AUTHORIZATION}`"],
        );
        check(json!({"env": {"X": "ghp_0123456789"}}), &["write `${X}`"]);
        check(json!({"args": ["--api-key=0123456789"]}), &["its arguments"]);
        check(json!({"url": "https://x/mcp?api_key=0123456789"}), &["its arguments or address"]);
        check(
            json!({"env": {"GITHUB_TOKEN": "${T}", "PATH": "/bin", "LANG": "C"}, "args": ["--token"]}),
            &[],
        );
        check(json!({"url": "https://x/token", "headers": {"X-Team": "a"}}), &[]);
    }
}

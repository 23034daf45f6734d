//! Live twins of a session: what they share with it, what they do not, what they cannot have, and how they end.

use serde_json::{Value, json};

use crate::support::{Client, report, text};

/// Copies whatever they cost: what a busy machine has to say about that is no part of these tests.
const ALWAYS: &str = "[sessions]\ncheckpoints = \"always\"\n";

/// Handles in a reply of `fork_session`: the session's own, then its twins'.
fn handles(result: &Value) -> Vec<String> {
    assert_eq!(result["isError"], false, "{result}");
    let words = text(result);
    let handles = words.split_whitespace().filter(|word| word.starts_with("s_") && word.len() == 34);
    handles.map(str::to_owned).collect()
}

fn fork(client: &mut Client, n: u64) -> Vec<String> {
    let forked = client.call("fork_session", json!({"n": n}));
    let handles = handles(&forked);
    assert_eq!(handles.len() as u64, n + 1, "{forked}");
    handles
}

/// The value of an expression in a session, which must not fail.
fn value(client: &mut Client, session: &str, code: &str) -> String {
    let result = client.call("run_code", json!({"code": code, "session": session}));
    assert_eq!(report(&result)["status"], "ok", "{code}: {result}");
    report(&result)["result"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn twins_go_on_from_the_same_state_and_part() {
    let mut client = Client::configured(ALWAYS, &[]);
    let prepared = client.run("x = [1]\nopen('note', 'w').write('one')\nimport os; os.getcwd()");
    assert_eq!(report(&prepared)["status"], "ok", "{prepared}");
    let all = fork(&mut client, 2);
    for (index, session) in all.iter().enumerate() {
        let code = format!("x.append({index}); open('note', 'a').write('{index}'); (x, open('note').read())");
        let expected = format!("([1, {index}], 'one{index}')");
        assert_eq!(value(&mut client, session, &code), expected);
    }
    for (index, session) in all.iter().enumerate() {
        let expected = format!("([1, {index}], 'one{index}')");
        assert_eq!(value(&mut client, session, "x, open('note').read()"), expected);
    }
}

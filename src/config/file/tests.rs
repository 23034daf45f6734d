//! What the file may say, and what an operator reads when it says something else.

use super::*;

fn refusal(text: &str) -> String {
    let error = LoadedFile::parse(text.into(), Path::new("/base/actwright.toml")).unwrap_err();
    format!("{error} | {}", error.hint().unwrap_or("-"))
}

#[test]
fn every_key_reads() {
    let text = r#"
        python = "auto"
        log = "info"
        [sandbox]
        level = "restricted"
        read = ["/data"]
        write = ["~/out"]
        network = "none"
        [limits]
        memory = "2GB"
        processes = 8
        files = 128
        workspace = 1000000
        output = "1MB"
        source = "1MiB"
        calls = 500
        cpu_time = "90s"
        timeout = 2.5
        max_timeout = "1h"
        [sessions]
        max = 3
        idle_timeout = "30m"
        pool = 0
        [results]
        max_output = 4000
        structured = true
        kept_outputs = "1GB"
        [network]
        connections = 4
        rate = 10
        sent = "1MB"
        received = "1MB"
        session_sent = "1MB"
        session_received = "1MB"
        head = 8000
        idle_timeout = "1m"
    "#;
    let file = LoadedFile::parse(text.into(), Path::new("x")).unwrap();
    assert_eq!(file.raw.limits.memory.as_ref().unwrap().get_ref().0, 2_000_000_000);
    assert_eq!(file.raw.limits.timeout.as_ref().unwrap().get_ref().0.as_millis(), 2500);
    assert_eq!(file.line_of(file.raw.sandbox.level.as_ref().unwrap()), 5);
}

#[test]
fn a_typo_names_the_line_and_the_key_that_was_meant() {
    let message = refusal("[limits]\ntimeout = 3\nmemroy = 3\n");
    assert!(message.contains("/base/actwright.toml, line 3: unknown key `memroy`"), "{message}");
    assert!(message.contains("did you mean `memory`? allowed here: `memory`, `processes`"), "{message}");
}

#[test]
fn an_unknown_table_lists_the_known_ones() {
    let message = refusal("[plugins]\n");
    assert!(message.contains("line 1: unknown key `plugins`"), "{message}");
    assert!(message.contains("`sandbox`, `limits`"), "{message}");
}

#[test]
fn a_wrong_value_says_what_is_allowed() {
    for (text, words) in [
        ("[limits]\nmemory = \"2 bananas\"", "line 2: `2 bananas` is not a size; write a number of bytes"),
        ("[limits]\nmemory = -1", "a size can't be negative"),
        ("[limits]\ntimeout = \"soon\"", "`soon` is not a duration"),
        ("[limits]\nmemory = true", "expected a number of bytes"),
        ("[limits\nmemory = 1", "line 1"),
        ("python = ", "line 1"),
        ("[limits]\nmemory = 1\nmemory = 2", "duplicate key"),
    ] {
        let message = refusal(text);
        assert!(message.contains(words), "{text:?} gave {message}");
    }
}

//! Skills as an agent meets them: saved, found and run through the real program, by code and by tools of their own.

use serde_json::{Value, json};

use crate::support::{Client, raised, report, said, text, value};

mod agents;
mod bundled;
mod code;
mod commands;
mod durable;
mod files;
mod proofs;
mod recordings;

const LEVELS: &str = "\"\"\"Count the lines of a log by level.

Args:
    path: The log file.
    levels: Which ones.
\"\"\"
from collections import Counter


def run(text: str, levels: list[str] | None = None, *, name: str = 'x') -> dict[str, int]:
    counts = Counter(line.split()[0] for line in text.splitlines() if line.strip())
    return {level: count for level, count in sorted(counts.items()) if levels is None or level in levels}
";

/// What is said in another language is found by its words in English, and the answer tells what these are.
fn finds_in_other_languages(client: &mut Client) {
    for (query, english) in [
        ("Zeilen eines Protokolls zählen", "line log count"),
        ("посчитать строки журнала", "count string line log"),
        ("统计日志的行", "count log line"),
        ("ログの行を数える", "log line count"),
    ] {
        let found = client.call("search_skills", json!({"query": query}));
        assert!(text(&found).contains("skills.log_levels("), "{}", text(&found));
        assert!(text(&found).ends_with(&format!("\n[read as: \"{english}\"]")), "{}", text(&found));
        assert_eq!(found["_meta"]["actwright/skills"]["read_as"], json!(english));
    }
    let found = client.call("search_skills", json!({"query": "count log lines"}));
    assert!(!text(&found).contains("read as"), "{}", text(&found));
    assert_eq!(found["_meta"]["actwright/skills"].get("read_as"), None);
}

#[test]
fn a_client_without_code_saves_finds_runs_and_deletes() {
    let mut client = Client::start();
    let made = client.call("create_skill", json!({"name": "log_levels", "source": LEVELS, "tags": ["logs"]}));
    assert_eq!(
        text(&made),
        "saved version 1: skills.log_levels(text: str, levels: list[str] | None = None, *, name: str = 'x') -> dict[str, int]  Count the lines of a log by level."
    );
    let arguments = json!({"text": "INFO a\nWARN b\nINFO \u{1F600} \\ \" '\n", "name": "given"});
    let run = client.call("invoke_skill", json!({"name": "log_levels", "arguments": arguments}));
    assert_eq!(text(&run), "[result: dict]\n{'INFO': 2, 'WARN': 1}");
    assert_eq!(report(&run)["result_json"], json!({"INFO": 2, "WARN": 1}));
    let found = client.call("search_skills", json!({"query": "count the lines of a log by level"}));
    assert!(text(&found).starts_with("skills.log_levels("), "{}", text(&found));
    assert!(text(&found).contains(" [used 1x, 100 % well] [score 0."), "{}", text(&found));
    assert!(text(&found).ends_with(
        "[semantic: off: comparing meanings is switched off (`model.name`); only words were compared]"
    ));
    let hit = &found["_meta"]["actwright/skills"]["hits"][0];
    assert_eq!((hit["name"].as_str(), hit["uses"].as_u64()), (Some("log_levels"), Some(1)));
    assert!(
        said(&mut client, "search_skills", json!({"query": "weather in paris"})).starts_with("nothing fits;")
    );
    finds_in_other_languages(&mut client);
    assert!(said(&mut client, "list_skills", json!({})).contains("skills.log_levels("));
    let got = client.call("get_skill", json!({"name": "log_levels"}));
    assert!(text(&got).ends_with(LEVELS), "{}", text(&got));
    assert_eq!(got["_meta"]["actwright/skills"]["parameters"]["required"], json!(["text"]));
    let gone = said(&mut client, "delete_skill", json!({"name": "log_levels"}));
    assert_eq!(gone, "skill 'log_levels' is deleted (version 2); earlier versions can still be read");
    let again = client.call("invoke_skill", json!({"name": "log_levels"}));
    assert!(again["isError"] == true && text(&again).contains("was deleted (version 2)"), "{again}");
    let old = json!({"name": "log_levels", "version": 1, "arguments": {"text": "A"}});
    assert_eq!(said(&mut client, "invoke_skill", old), "[result: dict]\n{'A': 1}");
}

#[test]
fn what_is_no_skill_is_refused_with_its_reason() {
    let mut client = Client::start();
    let before = said(&mut client, "list_skills", json!({}));
    let mut check = |arguments: Value, words: &str| {
        let result = client.call("create_skill", arguments);
        assert!(result["isError"] == true && text(&result).contains(words), "{result}");
    };
    check(json!({"name": "a", "source": "x = 1"}), "the source defines no function `run` at its top level");
    check(json!({"name": "a", "source": "def run():\n  return ("}), "syntax error in line 2, column ");
    check(json!({"name": "search", "source": "def run(): pass"}), "`search` is reserved");
    check(json!({"name": "../x", "source": "def run(): pass"}), "is no name for a skill");
    check(
        json!({"name": "a", "source": "def run(): pass", "tags": "x"}),
        "argument `tags` must be a list of strings",
    );
    check(
        json!({"name": "a", "source": "def run(): pass", "examples": [{"args": {"x": 1}}]}),
        "`run` has no parameter `x`",
    );
    check(json!({"name": "a"}), "needs the argument `source`");
    assert_eq!(said(&mut client, "list_skills", json!({})), before);
    let result = client.call("invoke_skill", json!({"name": "nothing_here"}));
    assert!(text(&result).contains("no skill named 'nothing_here'"), "{result}");
}

#[test]
fn a_failing_skill_is_a_failing_call_and_shows_its_lines() {
    let mut client = Client::start();
    let source = "class Odd(ValueError):\n    pass\n\ndef run(n):\n    raise Odd(f'{n} is odd')\n";
    client.call("create_skill", json!({"name": "judge", "source": source}));
    let result = client.call("invoke_skill", json!({"name": "judge", "arguments": {"n": 3}}));
    assert_eq!(result["isError"], true);
    assert!(
        text(&result)
            .contains("File \"<skill judge, version 1>\", line 5, in run\n    raise Odd(f'{n} is odd')"),
        "{result}"
    );
    assert_eq!(report(&result)["error"]["type"], "skills.judge.Odd");
    let found = client.call("search_skills", json!({"query": "judge"}));
    assert!(text(&found).contains("[used 1x, 0 % well]"), "{}", text(&found));
}

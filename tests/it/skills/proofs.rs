//! Skills that are proven: their examples run when they are saved, what tools gave is recorded, and verifying plays it again
//! without them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{said, value};
use crate::support::{Client, Wire, text};

/// A command that says how often it was called, and keeps count in a file.
const TALLY: &str = "import json, os, sys
place = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'calls')
lines = open(place).read().splitlines() if os.path.exists(place) else []
open(place, 'a').write(sys.argv[1] + '\\n')
print(json.dumps({'word': sys.argv[1], 'length': len(sys.argv[1])}))
";

const SUM: &str =
    "def run(words: list[str]) -> int:\n    return sum(tools.tally(word=word)['length'] for word in words)\n";

fn with_tally(schema: &str) -> Client {
    let base = tempfile::tempdir().unwrap();
    describe(base.path(), schema);
    over(base)
}

fn over(base: tempfile::TempDir) -> Client {
    let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    client
}

fn describe(base: &Path, schema: &str) {
    std::fs::create_dir_all(base.join("tools")).unwrap();
    std::fs::write(base.join("tally.py"), TALLY).unwrap();
    let tool = format!(
        "name: tally\ncommand: python3\nargs: [\"-I\", \"{}\"]\noutput: json\nschema:\n  positional:\n    - {{name: word, {schema}}}\n",
        base.join("tally.py").display()
    );
    std::fs::write(base.join("tools/tally.yaml"), tool).unwrap();
}

fn calls(client: &Client) -> usize {
    std::fs::read_to_string(client.base().join("calls")).unwrap_or_default().lines().count()
}

fn test(base: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    let output = command.args(["skills", "test"]).args(arguments).arg("--base").arg(base).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn saving_records_and_verifying_plays_it_again_without_the_tools() {
    let mut client = with_tally("type: string, required: true");
    let examples =
        json!([{"args": {"words": ["ab", "cde"]}, "expect": 5}, {"args": {"words": []}, "expect": 0.0}]);
    let made =
        said(&mut client, "create_skill", json!({"name": "lengths", "source": SUM, "examples": examples}));
    assert!(made.starts_with("saved version 1"), "{made}");
    assert_eq!(calls(&client), 2);
    let verified = said(&mut client, "verify_skill", json!({"name": "lengths"}));
    assert_eq!(verified, "verified: lengths (version 1), 2 examples");
    assert_eq!(calls(&client), 2, "the tool itself was called");
    for tool in ["search_skills", "list_skills", "get_skill"] {
        let arguments = match tool {
            "search_skills" => json!({"query": "lengths"}),
            "list_skills" => json!({}),
            _ => json!({"name": "lengths"}),
        };
        assert!(said(&mut client, tool, arguments).contains("[verified]"), "{tool}");
    }
    assert_eq!(
        value(&mut client, "skills.verify('lengths')['state'], skills.get('lengths')['proof']['state']"),
        "('verified', 'verified')"
    );
    assert_eq!(value(&mut client, "skills.search('lengths')[0]['proof']['state']"), "'verified'");
    assert_eq!(value(&mut client, "skills.history('lengths')[0]['proof']"), "'verified'");
    // Proofs are no uses.
    assert_eq!(value(&mut client, "skills.get('lengths')['uses']"), "0");
    assert_eq!(said(&mut client, "verify_skill", json!({"name": "lengths", "record": true})), verified);
    assert_eq!(calls(&client), 4);
    let base = client.part();
    let (code, out, err) = test(base.path(), &["lengths"]);
    assert_eq!((code, out.as_str()), (0, "verified: lengths (version 1), 2 examples\n"), "{err}");
    assert_eq!(std::fs::read_to_string(base.path().join("calls")).unwrap().lines().count(), 4);
    let all: Value = serde_json::from_str(&test(base.path(), &["--json"]).1).unwrap();
    assert!(all["skills"].as_array().unwrap().len() > 8 && all["failed"] == 0, "{all:#}");
}

#[test]
fn a_call_that_was_not_recorded_is_named() {
    let mut client = with_tally("type: string, required: true");
    std::fs::create_dir(client.base().join("skills")).unwrap();
    let write = |client: &Client, source: &str| {
        std::fs::write(client.base().join("skills/lengths.py"), source).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
    };
    write(&client, SUM);
    std::fs::write(
        client.base().join("skills/lengths.json"),
        r#"{"examples": [{"args": {"words": ["ab"]}, "expect": 2}]}"#,
    )
    .unwrap();
    let unproven = said(&mut client, "verify_skill", json!({"name": "lengths"}));
    assert!(unproven.starts_with("broken: lengths") && unproven.contains("record=True"), "{unproven}");
    assert_eq!(calls(&client), 0);
    assert_eq!(
        said(&mut client, "verify_skill", json!({"name": "lengths", "record": true})),
        "verified: lengths, 1 example"
    );
    write(&client, &SUM.replace("word=word", "word=word + '!'"));
    assert!(
        said(&mut client, "get_skill", json!({"name": "lengths"}))
            .contains("[stale: its source has changed since]")
    );
    let broken = said(&mut client, "verify_skill", json!({"name": "lengths"}));
    assert_eq!(
        broken,
        "broken: lengths, 1 example\nexample 1: the call tools.tally({\"word\":\"ab!\"}) is not in the recording; verify with record=True if the skill has to make it"
    );
    // One that the skill catches is known all the same.
    let caught = "def run(words):\n    try:\n        return tools.tally(word='other')['length']\n    except ToolError:\n        return 2\n";
    write(&client, caught);
    assert!(
        said(&mut client, "verify_skill", json!({"name": "lengths"}))
            .contains("tools.tally({\"word\":\"other\"}) is not in")
    );
    let twice = SUM.replace("in words)", "in words * 2)");
    write(&client, &twice);
    assert!(
        said(&mut client, "verify_skill", json!({"name": "lengths"}))
            .contains("made once more than the recording has it")
    );
    assert_eq!(calls(&client), 1);
    // The same calls in another way are fine, and the proof is one of the new source.
    write(&client, &SUM.replace("sum(", "0 + sum("));
    assert_eq!(said(&mut client, "verify_skill", json!({"name": "lengths"})), "verified: lengths, 1 example");
    let list = said(&mut client, "list_skills", json!({}));
    assert!(
        list.contains("skills.lengths(words: list[str]) -> int [file skills/lengths.py] [verified]"),
        "{list}"
    );
}

#[test]
fn what_does_not_hold_is_not_saved_and_says_where_it_differs() {
    let mut client = Client::start();
    let source = "def run(n):\n    return {'rows': [{'price': n}], 'pair': (1, 2)}\n";
    let wrong = json!([{"args": {"n": 1}, "expect": {"rows": [{"price": 2}], "pair": [1, 2]}}]);
    let refused = client.call("create_skill", json!({"name": "rows", "source": source, "examples": wrong}));
    assert_eq!(refused["isError"], true);
    insta::assert_snapshot!(text(&refused), @r#"
    [error] skill 'rows' was not saved: example 1: at ["rows"][0]["price"] it gives 1; 2 was expected
    Mend the source or the example and save again, or leave the example out
    "#);
    let mut check = |source: &str, words: &str| {
        let arguments = json!({"name": "odd", "source": source, "examples": [{"args": {}, "expect": 1}]});
        let refused = client.call("create_skill", arguments);
        assert!(refused["isError"] == true && text(&refused).contains(words), "{refused}");
    };
    check("def run(): return {1}", "it gives a value of type set that JSON cannot say");
    check(
        "def run(): return [][1]",
        "it raised IndexError: list index out of range, in `def run(): return [][1]`",
    );
    check("def run(): return skills.create('x', 'def run(): pass')", "changes no skills");
    check("def run(): return artifacts.load('theirs')", "it raised ArtifactNotFoundError");
    assert!(said(&mut client, "get_skill", json!({"name": "rows"})).contains("no skill named 'rows'"));
    let right = json!([{"args": {"n": 1}, "expect": {"rows": [{"price": 1}], "pair": [1, 2]}}]);
    client.call("create_skill", json!({"name": "rows", "source": source, "examples": right}));
    assert!(said(&mut client, "get_skill", json!({"name": "rows"})).contains("[verified]"));
    let bare = said(&mut client, "create_skill", json!({"name": "bare", "source": source}));
    assert!(bare.starts_with("saved version 1"), "{bare}");
    assert!(
        said(&mut client, "verify_skill", json!({"name": "bare"}))
            .starts_with("unproven: bare (version 1)\n[note] it has no examples")
    );
}

#[test]
fn a_proof_is_stale_when_something_that_it_used_has_changed() {
    let mut client = with_tally("type: string, required: true");
    let save = |client: &mut Client, name: &str, source: &str, expect: Value| {
        let arguments = json!({"name": name, "source": source, "examples": [{"args": {}, "expect": expect}]});
        let made = said(client, "create_skill", arguments);
        assert!(made.starts_with("saved version"), "{made}");
    };
    save(&mut client, "inner", "def run(): return 2", json!(2));
    save(&mut client, "outer", "def run(): return 2 * skills.inner()", json!(4));
    save(&mut client, "called", "def run(): return tools.tally(word='abc')['length']", json!(3));
    save(&mut client, "inner", "def run(): return 3", json!(3));
    let state = |client: &mut Client, name: &str| {
        value(client, &format!("p = skills.get({name:?})['proof']\n(p['state'], p.get('reason'))"))
    };
    assert_eq!(state(&mut client, "inner"), "('verified', None)");
    assert_eq!(state(&mut client, "outer"), "('stale', 'skills.inner has changed since')");
    let broken = said(&mut client, "verify_skill", json!({"name": "outer"}));
    assert_eq!(broken, "broken: outer (version 1), 1 example\nexample 1: it gives 6; 4 was expected");
    assert_eq!(state(&mut client, "outer"), "('broken', 'example 1: it gives 6; 4 was expected')");
    assert_eq!(
        value(&mut client, "[each['proof'] for each in skills.history('inner')]"),
        "['verified', 'verified']"
    );
    assert_eq!(state(&mut client, "called"), "('verified', None)");
    // The tool is another one now.
    let base = client.part();
    describe(base.path(), "type: string, required: true, description: More is said of it");
    let mut client = over(base);
    assert_eq!(state(&mut client, "called"), "('stale', 'tools.tally has another schema since')");
    assert!(
        said(&mut client, "verify_skill", json!({"name": "called"}))
            .starts_with("stale: called (version 1), 1 example\n")
    );
    let base = client.part();
    let (code, out, _) = test(base.path(), &["called"]);
    assert_eq!((code, out.starts_with("stale: called")), (1, true), "{out}");
    assert_eq!(test(base.path(), &["called", "--record"]).0, 0);
    std::fs::remove_file(base.path().join("tools/tally.yaml")).unwrap();
    let mut client = over(base);
    assert_eq!(state(&mut client, "called"), "('stale', 'tools.tally is not there any more')");
}

#[test]
fn a_cell_that_ran_becomes_a_skill_with_its_calls() {
    let mut client = with_tally("type: string, required: true");
    value(&mut client, "import json\ndef clean(text):\n    return text.strip()");
    value(&mut client, "word = ' abc '");
    assert_eq!(value(&mut client, "found = tools.tally(word=clean(word))\nfound['length'] * 2"), "6");
    let made = said(
        &mut client,
        "create_skill",
        json!({"name": "twice_as_long", "from_cell": "last", "description": "Twice a length."}),
    );
    assert!(made.contains("skills.twice_as_long(word: str = ' abc ')"), "{made}");
    assert!(made.contains("variables of the session are parameters of run: word"), "{made}");
    assert!(said(&mut client, "get_skill", json!({"name": "twice_as_long"})).contains("[verified]"));
    assert_eq!(calls(&client), 1, "the cell's own call was recorded, none was made to save it");
    assert_eq!(value(&mut client, "skills.twice_as_long(word='abcd')"), "8");
    assert_eq!(value(&mut client, "skills.get('twice_as_long')['examples']"), "[{'args': {}, 'expect': 6}]");
    // From code: the last cell is the one before.
    value(&mut client, "def run(n: int) -> int:\n    return n * 3\nrun(4)");
    assert_eq!(
        value(&mut client, "skills.create('triple', from_cell='last')['proof']['state']"),
        "'verified'"
    );
    assert_eq!(value(&mut client, "skills.get('triple')['examples']"), "[{'args': {'n': 4}, 'expect': 12}]");
    // What is another value each time only runs; what needs the session is saved unproven.
    value(&mut client, "import random\nrandom.random()");
    let made = said(&mut client, "create_skill", json!({"name": "dice", "from_cell": "last"}));
    assert!(made.contains("its value is another one in each run"), "{made}");
    value(&mut client, "open('here.txt', 'w').write('x')");
    value(&mut client, "open('here.txt').read()");
    let made = said(&mut client, "create_skill", json!({"name": "reads", "from_cell": "last"}));
    assert!(made.contains("[note] it is saved unproven: run by itself in a new session, example 1: it raised FileNotFoundError"), "{made}");
    let mut check = |from: &str, words: &str| {
        let refused = client.call("create_skill", json!({"name": "x", "from_cell": from}));
        assert!(refused["isError"] == true && text(&refused).contains(words), "{refused}");
    };
    check("first", "`first` names no cell");
    check("999", "cell 999 is not kept any more, or never ran");
    check(&format!("o_{:032x}", 1), "is not kept any more, or never ran");
    client.run("1 / 0");
    let refused = said(&mut client, "create_skill", json!({"name": "x", "from_cell": "last"}));
    assert!(refused.contains("ended with an error; name one that ran well"), "{refused}");
    assert!(said(&mut client, "create_skill", json!({"name": "x"})).contains("needs the argument `source`"));
}

//! What a recording holds, and what playing it may do: no secrets, failures as they were, no network, no way round a policy.

use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use super::{said, value};
use crate::support::{Client, Wire, raised};

fn over(files: &[(&str, &str)], arguments: &[&str], secret: &str) -> Client {
    let base = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = base.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(base.path()).args(arguments).env("RECORDED_SECRET", secret);
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    client
}

fn save(client: &mut Client, name: &str, source: &str, expect: Value) -> String {
    let arguments = json!({"name": name, "source": source, "examples": [{"args": {}, "expect": expect}]});
    said(client, "create_skill", arguments)
}

const TELL: &str = "name: tell\ncommand: python3\nargs: [\"-I\", \"-c\", \"import os, sys; print(os.environ['KEY']); sys.exit(int(sys.argv[1]))\"]\nenv: {KEY: \"${env:RECORDED_SECRET}\"}\nschema:\n  positional:\n    - {name: code, type: integer, required: true}\n";

#[test]
fn a_recording_has_no_secret_and_plays_failures_as_they_were() {
    let secret = "a-secret-that-is-long-enough";
    let mut client = over(&[("tools/tell.yaml", TELL)], &[], secret);
    let source = "def run():\n    told = tools.tell(code=0)\n    try:\n        tools.tell(code=3)\n    except ToolError as error:\n        return [told.strip(), error.exit_code, error.tool, str(error).splitlines()[0]]\n";
    value(&mut client, &source.replace("def run():\n", "def f():\n"));
    let shown = value(&mut client, "f()");
    assert!(shown.contains("***") && !shown.contains(secret), "{shown}");
    let expect: Value = serde_json::from_str(
        &value(&mut client, "import json; print(json.dumps(f()))\njson.dumps(f())")
            .trim_matches('\'')
            .replace("\\'", "'"),
    )
    .unwrap();
    let made = save(&mut client, "told", source, expect);
    assert!(made.contains("[verified]"), "{made}");
    assert_eq!(
        said(&mut client, "verify_skill", json!({"name": "told"})),
        "verified: told (version 1), 1 example"
    );
    let base = client.part();
    let mut seen = false;
    for entry in std::fs::read_dir(base.path()).unwrap().map(Result::unwrap) {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("store.db")) {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{:?}", entry.path());
            seen |= bytes.windows(9).any(|part| part == b"exit_code");
        }
    }
    assert!(seen, "the recording is not in the store");
}

#[test]
fn verifying_has_no_network_even_where_sessions_have() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = over(&[], &["--network", "full"], "");
    let source = format!(
        "import socket\ndef run():\n    try:\n        socket.create_connection(('127.0.0.1', {port}), 5).close()\n        return 'reached'\n    except OSError:\n        return 'refused'\n"
    );
    let made = save(&mut client, "reaches", &source, json!("reached"));
    assert!(made.starts_with("saved version 1"), "{made}");
    let verified = said(&mut client, "verify_skill", json!({"name": "reaches"}));
    assert_eq!(
        verified,
        "broken: reaches (version 1), 1 example\nexample 1: it gives \"refused\"; \"reached\" was expected"
    );
    assert_eq!(
        said(&mut client, "verify_skill", json!({"name": "reaches", "record": true})),
        "verified: reaches (version 1), 1 example"
    );
    assert_eq!(value(&mut client, "skills.reaches()"), "'reached'");
}

#[test]
fn a_proof_is_no_way_round_what_a_cell_may_call() {
    let policy = "[tools.policy.\"tell\"]\nper_cell = 2\n";
    let mut client = over(&[("tools/tell.yaml", TELL), ("actwright.toml", policy)], &[], "some-secret-value");
    let code = "source = 'def run(): return len(tools.tell(code=0)) > 0'\nfor n in range(5):\n    skills.create(f'told_{n}', source, examples=[{'args': {}, 'expect': True}])";
    let (kind, message) = raised(&mut client, code);
    assert!(
        kind == "SkillSourceError" && message.contains("this cell has called it 2 times already"),
        "{kind}: {message}"
    );
    assert_eq!(
        value(&mut client, "[each['name'] for each in skills.list() if each['name'].startswith('told')]"),
        "['told_0', 'told_1']"
    );
}

#[test]
fn another_version_of_a_package_makes_a_proof_stale() {
    let mut client = Client::start();
    let source = |version: &str| {
        format!(
            "import os\n\ndef run():\n    os.mkdir('made_here-{version}.dist-info')\n    with open('made_here-{version}.dist-info/METADATA', 'w') as file:\n        file.write('Metadata-Version: 2.1\\nName: made_here\\nVersion: {version}\\n')\n    open('made_here.py', 'w').close()\n    import made_here\n    return 1\n"
        )
    };
    save(&mut client, "first", &source("1.0"), json!(1));
    assert!(said(&mut client, "get_skill", json!({"name": "first"})).contains("[verified]"));
    save(&mut client, "second", &source("2.0"), json!(1));
    let list = said(&mut client, "list_skills", json!({}));
    assert!(list.contains("skills.first() [stale: made_here was 1.0 and is 2.0]"), "{list}");
    assert!(list.contains("skills.second() [verified]"), "{list}");
}

#[test]
fn what_is_added_later_in_another_version_or_removed_makes_a_proof_stale_at_once() {
    let mut client = Client::start();
    said(&mut client, "add_dep", json!({"package": "humanize==4.12.2"}));
    let source = "import humanize\n\ndef run():\n    return humanize.ordinal(2)\n";
    save(&mut client, "ordinal", source, json!("2nd"));
    let state = |client: &mut Client| said(client, "list_skills", json!({}));
    assert!(state(&mut client).contains("skills.ordinal() [verified]"), "{}", state(&mut client));
    said(&mut client, "add_dep", json!({"package": "humanize==4.12.3"}));
    let list = state(&mut client);
    assert!(list.contains("skills.ordinal() [stale: humanize was 4.12.2 and is 4.12.3]"), "{list}");
    said(&mut client, "remove_dep", json!({"package": "humanize"}));
    let list = state(&mut client);
    assert!(list.contains("skills.ordinal() [stale: humanize was 4.12.2 and is not installed]"), "{list}");
    said(&mut client, "add_dep", json!({"package": "humanize==4.12.2"}));
    assert!(state(&mut client).contains("skills.ordinal() [verified]"), "{}", state(&mut client));
}

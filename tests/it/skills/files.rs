//! Skills in directories: seen when they change, broken ones said, files before the store.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{said, value};
use crate::support::{Client, Era, Wire};

#[test]
fn skills_are_resources_and_changes_are_told() {
    let mut client = Client::start();
    let listed = |client: &mut Client| -> Vec<String> {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let params = cursor.map_or_else(|| json!({}), |cursor: String| json!({"cursor": cursor}));
            let page = client.request("resources/list", params).unwrap();
            found.extend(
                page["resources"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|each| each["uri"].as_str().unwrap().to_owned()),
            );
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return found;
            }
        }
    };
    let before = listed(&mut client);
    assert!(before.contains(&"skill://csv_summary".to_owned()), "{before:?}");
    // The first look tells what there is; only a later one can find a change.
    client.listen(Duration::from_millis(1_000));
    assert!(client.notifications.is_empty(), "{:?}", client.notifications);
    for n in 0..60 {
        let source = format!("def run():\n    return {n}\n");
        client.call("create_skill", json!({"name": format!("made_{n:02}"), "source": source}));
    }
    client.notification(|message| message["method"] == "notifications/resources/list_changed");
    let after = listed(&mut client);
    assert_eq!(after.len(), before.len() + 60);
    let read = client.request("resources/read", json!({"uri": "skill://made_07"})).unwrap();
    let content = &read["contents"][0];
    assert_eq!(
        (content["text"].as_str(), content["mimeType"].as_str()),
        (Some("def run():\n    return 7\n"), Some("text/x-python"))
    );
    client.call("create_skill", json!({"name": "made_07", "source": "def run(): return 8"}));
    let old = client.request("resources/read", json!({"uri": "skill://made_07?version=1"})).unwrap();
    assert!(old["contents"][0]["text"].as_str().unwrap().contains("return 7"));
    for (uri, code) in [
        ("skill://nothing", -32002),
        ("skill://made_07?version=9", -32002),
        ("skill://../x", -32002),
        ("skill://made_07?version=x", -32602),
    ] {
        assert_eq!(client.request("resources/read", json!({"uri": uri})).unwrap_err().code, code, "{uri}");
    }
    std::fs::create_dir(client.base().join("skills")).unwrap();
    std::fs::write(client.base().join("skills/of_file.py"), "def run(): pass").unwrap();
    // The first word may still be of the version that was made before.
    let until = Instant::now() + Duration::from_secs(20);
    while !listed(&mut client).contains(&"skill://of_file".to_owned()) {
        assert!(Instant::now() < until, "the file is not listed");
        client.notifications.clear();
        client.notification(|message| message["method"] == "notifications/resources/list_changed");
    }
}

#[test]
fn each_skill_can_be_a_tool_or_a_prompt() {
    let open =
        |kind: &str| Client::open(Wire::Pipes, Era::Initialize("2025-11-25"), &["--expose-skills", kind]);
    let mut client = open("tools");
    let source = "def run(x: int, times: int = 2):\n    'Multiplies.'\n    return x * times\n";
    client.listen(Duration::from_millis(1_000));
    client.call("create_skill", json!({"name": "multiply", "source": source}));
    client.notification(|message| message["method"] == "notifications/tools/list_changed");
    let tools = client.request("tools/list", json!({})).unwrap();
    let tool =
        tools["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "skill_multiply").unwrap();
    assert_eq!(
        (&tool["description"], &tool["inputSchema"]["required"]),
        (&json!("Multiplies."), &json!(["x"]))
    );
    assert_eq!(said(&mut client, "skill_multiply", json!({"x": 4})), "[result: int]\n8");
    assert!(said(&mut client, "skill_nothing", json!({})).contains("no skill named 'nothing'"));
    client.call("delete_skill", json!({"name": "multiply"}));
    let tools = client.request("tools/list", json!({})).unwrap().to_string();
    assert!(!tools.contains("skill_multiply") && tools.contains("skill_csv_summary"));

    let mut client = open("prompts");
    let prompts = client.request("prompts/list", json!({})).unwrap();
    let prompt =
        prompts["prompts"].as_array().unwrap().iter().find(|prompt| prompt["name"] == "json_diff").unwrap();
    assert_eq!(prompt["arguments"][0]["name"], "before");
    let got = client
        .request("prompts/get", json!({"name": "json_diff", "arguments": {"before": "1", "after": "2"}}))
        .unwrap();
    let text = got["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("Run the saved skill 'json_diff'") && text.contains("\"before\":\"1\""), "{text}");
    let half = client
        .request("prompts/get", json!({"name": "json_diff", "arguments": {"before": "1"}}))
        .unwrap_err();
    assert!(half.message.contains("the prompt `json_diff` needs the argument `after`"), "{}", half.message);
    assert_eq!(client.request("prompts/get", json!({"name": "nothing"})).unwrap_err().code, -32602);
    assert!(client.request("tools/call", json!({"name": "skill_json_diff", "arguments": {}})).is_err());
}

#[test]
fn files_are_seen_within_a_second_and_win() {
    let room = tempfile::tempdir().unwrap();
    let more = room.path().join("more");
    std::fs::create_dir(&more).unwrap();
    let base = tempfile::tempdir().unwrap();
    let own = base.path().join("skills");
    let mut client = Client::spawn_in(base, Wire::Pipes, &["--skills", more.to_str().unwrap()]);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "skills.create('both', 'def run(): return 1')['version']"), "1");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("both.py"), "\"\"\"Of the base.\"\"\"\ndef run(): return 2\n").unwrap();
    let until = |client: &mut Client, code: &str, expected: &str| {
        let start = Instant::now();
        loop {
            let found = value(client, code);
            if found == expected {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(1), "{code}: {found}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(&mut client, "skills.both()", "2");
    std::fs::write(more.join("both.py"), "def run(): return 3\n").unwrap();
    std::fs::write(more.join("broken.py"), "def run(:\n").unwrap();
    until(&mut client, "skills.both()", "3");
    assert!(
        said(&mut client, "get_skill", json!({"name": "both"})).contains("[it hides version 1 in the store]")
    );
    let list = said(&mut client, "list_skills", json!({}));
    assert!(list.contains("broken: more/broken.py: syntax error in line 1, column 9"), "{list}");
    let (kind, words) = crate::support::raised(&mut client, "skills.broken()");
    assert_eq!(kind, "SkillNotFoundError");
    assert!(
        words.contains(
            "no skill named 'broken'; its file more/broken.py is broken: syntax error in line 1, column 9"
        ),
        "{words}"
    );
    assert!(
        list.contains("broken: skills/both.py: not used: more/both.py has the same name and comes first"),
        "{list}"
    );
    assert!(list.contains("skills.both() [file more/both.py]"), "{list}");
    let made = said(&mut client, "create_skill", json!({"name": "both", "source": "def run(): return 4"}));
    assert!(made.contains("[note] the file more/both.py has the same name and wins"), "{made}");
    let gone = said(&mut client, "delete_skill", json!({"name": "both"}));
    assert!(gone.contains("is deleted (version 3)"), "{gone}");
    let refused = said(&mut client, "delete_skill", json!({"name": "both"}));
    assert!(
        refused.contains("is the file more/both.py and not in the store; remove the file instead"),
        "{refused}"
    );
    std::fs::remove_file(more.join("both.py")).unwrap();
    until(&mut client, "skills.both()", "2");
}

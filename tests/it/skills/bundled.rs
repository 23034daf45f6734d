//! The skills that come with the program: each example of each of them is run, and any of them can be replaced.

use std::path::Path;

use serde_json::{Value, json};

use super::{said, value};
use crate::support::{Client, report, text};

#[test]
fn every_example_gives_what_it_says() {
    let mut client = Client::start();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("skills");
    let mut names: Vec<String> = std::fs::read_dir(directory.clone())
        .unwrap()
        .filter_map(|entry| entry.unwrap().path().file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name != "README")
        .collect();
    names.sort();
    names.dedup();
    assert!((8..=12).contains(&names.len()), "{names:?}");
    for name in names {
        let about = client.call("get_skill", json!({"name": name}));
        let about = &about["_meta"]["actwright/skills"];
        assert_eq!(about["origin"], "bundled", "{name}");
        assert_eq!(about["source"], std::fs::read_to_string(directory.join(format!("{name}.py"))).unwrap());
        let examples = about["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name} has no examples");
        for example in examples {
            let arguments = json!({"name": name, "arguments": example["args"]});
            let result = client.call("invoke_skill", arguments);
            let expected = serde_json::to_string(&example["expect"]).unwrap();
            let code = format!("import json; _ == json.loads({})", Value::from(expected));
            assert_eq!(report(&result)["status"], "ok", "{name}: {}", text(&result));
            assert_eq!(value(&mut client, &code), "True", "{name}: {}", text(&result));
        }
    }
}

#[test]
fn they_are_found_work_on_files_and_can_be_replaced() {
    let mut client = Client::start();
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("open('a.log', 'w').write('x' * 9) and open('b.txt', 'w').write('needle\\n')", "7");
    check("skills.large_files(limit=1, pattern='*.log')", "[{'path': 'a.log', 'bytes': 9}]");
    check(
        "skills.find_in_files('NEEDLE', ignore_case=True)",
        "[{'path': 'b.txt', 'line': 1, 'text': 'needle'}]",
    );
    for (query, name) in [
        ("summarise a csv file", "csv_summary"),
        ("difference between two json documents", "json_diff"),
        ("extract tables from html", "html_tables"),
        ("biggest files in the workspace", "large_files"),
        ("count log lines by level", "log_counts"),
    ] {
        check(&format!("skills.search({query:?})[0]['name']"), &format!("'{name}'"));
    }
    let refused = said(&mut client, "delete_skill", json!({"name": "csv_summary"}));
    assert!(refused.contains("comes with actwright and cannot be deleted"), "{refused}");
    let made =
        said(&mut client, "create_skill", json!({"name": "csv_summary", "source": "def run(): return 1"}));
    assert!(made.contains("[note] it takes the place of the bundled skill 'csv_summary'"), "{made}");
    assert_eq!(value(&mut client, "skills.csv_summary()"), "1");
    said(&mut client, "delete_skill", json!({"name": "csv_summary"}));
    assert_eq!(value(&mut client, "skills.get('csv_summary')['origin']"), "'bundled'");
}

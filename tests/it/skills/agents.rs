//! Agent Skills: imported, served from a directory of skills, exported, and served over MCP to clients that know the extension.

use std::path::Path;

use serde_json::json;

use super::commands::skills;
use super::{said, value};
use crate::support::{Client, Wire};

const INSTRUCTIONS: &str = "---\nname: csv-tools\ndescription: Adds up columns. Use for tables.\nallowed-tools: Bash(*)\nlicense: MIT\n---\n\n# How\n\nCall it with rows.\n";

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn they_come_in_and_go_out_and_grant_nothing() {
    let room = tempfile::tempdir().unwrap();
    let (base, theirs, ours) =
        (room.path().join("base"), room.path().join("theirs"), room.path().join("ours"));
    let add = "def run(rows: list[list[int]]) -> list[int]:\n    return [sum(each) for each in zip(*rows)]\n";
    write(
        &theirs,
        &[
            ("csv-tools/SKILL.md", INSTRUCTIONS),
            ("csv-tools/scripts/add.py", add),
            (
                "csv-tools/scripts/add.json",
                r#"{"tags": ["csv"], "examples": [{"args": {"rows": [[1], [2]]}, "expect": [3]}]}"#,
            ),
            ("csv-tools/assets/logo.png", "x"),
            ("house-rules/SKILL.md", "---\nname: house-rules\ndescription: How we write.\n---\nShort.\n"),
            ("house-rules/references/more.md", "Plain."),
            ("wrong/SKILL.md", "no head"),
            ("plain.py", "def run(): return 1\n"),
        ],
    );
    let place = theirs.to_str().unwrap();
    let (code, out, err) = skills(&base, &["import", place]);
    assert_eq!((code, out.as_str()), (1, "+ csv_tools\n+ house_rules\n+ plain\n"));
    assert!(err.contains("broken: theirs/wrong: SKILL.md does not begin with frontmatter"), "{err}");
    assert!(
        err.contains("note: theirs/csv-tools: it asks for the tools `Bash(*)`; nothing was granted"),
        "{err}"
    );
    assert!(
        err.contains("left out, because only Python with a function run becomes a skill: assets/logo.png"),
        "{err}"
    );
    std::fs::remove_dir_all(theirs.join("wrong")).unwrap();
    assert_eq!(skills(&base, &["diff", place]).0, 0);
    // One by itself, and from within.
    assert_eq!(
        skills(&base, &["diff", theirs.join("csv-tools").to_str().unwrap()]).1,
        "= csv_tools\n- house_rules\n- plain\n"
    );
    let shown = skills(&base, &["show", "csv_tools"]);
    assert!(
        shown.2.contains("Adds up columns. Use for tables.\n\n# How\n\nCall it with rows."),
        "{}",
        shown.2
    );
    assert_eq!(shown.1, add);
    // Out again, and in again: the same.
    let there = ours.to_str().unwrap();
    assert_eq!(
        skills(&base, &["export", there, "--agent-skills"]).1,
        "+ csv_tools\n+ house_rules\n+ plain\n"
    );
    let text = std::fs::read_to_string(ours.join("csv-tools/SKILL.md")).unwrap();
    assert!(
        text.starts_with("---\nname: \"csv-tools\"\ndescription: \"Adds up columns. Use for tables.\"\n"),
        "{text}"
    );
    assert_eq!(std::fs::read_to_string(ours.join("csv-tools/scripts/csv_tools.py")).unwrap(), add);
    assert_eq!(
        skills(&base, &["diff", there]),
        (0, "= csv_tools\n= house_rules\n= plain\n".into(), String::new())
    );
    let other = room.path().join("other");
    assert_eq!(skills(&other, &["import", there]).1, "+ csv_tools\n+ house_rules\n+ plain\n");
    assert_eq!(skills(&other, &["diff", place]).1, "= csv_tools\n= house_rules\n= plain\n");
    skills(&base, &["delete", "plain"]);
    assert_eq!(
        skills(&base, &["export", there, "--agent-skills", "--prune"]).1,
        "= csv_tools\n= house_rules\n- plain\n"
    );
    assert!(!ours.join("plain").exists() && ours.join("csv-tools").exists());
    // Nothing is written through a link.
    let elsewhere = room.path().join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let linked = room.path().join("linked");
    std::fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(&elsewhere, linked.join("csv-tools")).unwrap();
    let refused = skills(&base, &["export", linked.to_str().unwrap(), "--agent-skills"]);
    assert!(refused.0 == 1 && refused.2.contains("is a link"), "{}", refused.2);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn links_that_lead_out_of_a_directory_are_refused_and_said() {
    use std::os::unix::fs::symlink;
    let room = tempfile::tempdir().unwrap();
    let (base, place, away) = (room.path().join("base"), room.path().join("place"), room.path().join("away"));
    let agent = "---\nname: tool\ndescription: A tool.\n---\nText.\n";
    write(&away, &[("secret.py", "def run():\n    return 'secret'\n"), ("tool/SKILL.md", agent)]);
    write(&place, &[("own.py", "def run():\n    return 1\n"), ("held/x", "")]);
    symlink(away.join("secret.py"), place.join("out.py")).unwrap();
    symlink("../away/secret.py", place.join("up.py")).unwrap();
    symlink("own.py", place.join("alias.py")).unwrap();
    symlink(away.join("tool"), place.join("tool")).unwrap();
    symlink(away.join("tool/SKILL.md"), place.join("held/SKILL.md")).unwrap();
    let imported = skills(&base, &["import", place.to_str().unwrap()]);
    assert_eq!((imported.0, imported.1.as_str()), (1, "+ alias\n+ own\n"), "{}", imported.2);
    for words in [
        "place/out.py: it is a link that leads out of its directory",
        "place/up.py: it is a link that leads out of its directory",
        "place/tool: it is a link, and nothing is read through links",
        "place/held: its SKILL.md is a link",
    ] {
        assert!(imported.2.contains(words), "{words}: {}", imported.2);
    }
    // What cannot be read is not what the directory has given up.
    std::fs::remove_file(place.join("alias.py")).unwrap();
    std::fs::write(place.join("own.py"), "def run(:\n").unwrap();
    let pruned = skills(&base, &["import", place.to_str().unwrap(), "--prune"]);
    assert_eq!((pruned.0, pruned.1.as_str()), (1, "- alias\n"), "{}", pruned.2);
    let empty = tempfile::tempdir().unwrap();
    let nothing = skills(&base, &["import", empty.path().to_str().unwrap()]);
    assert!(nothing.2.starts_with("no skills there; a skill is a file NAME.py"), "{}", nothing.2);
}

#[test]
fn a_directory_of_skills_may_hold_them() {
    let base = tempfile::tempdir().unwrap();
    write(
        &base.path().join("skills"),
        &[
            ("csv-tools/SKILL.md", INSTRUCTIONS),
            ("csv-tools/scripts/add.py", "def run(n: int) -> int:\n    return n + 1\n"),
            ("house-rules/SKILL.md", "---\nname: house-rules\ndescription: How we write.\n---\nShort.\n"),
            ("house-rules/references/more.md", "Plain \"words\"."),
        ],
    );
    let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "skills.csv_tools(1)"), "2");
    assert_eq!(value(&mut client, "skills.house_rules('references/more.md')"), "'Plain \"words\".'");
    assert!(value(&mut client, "skills.house_rules()").contains("Short."));
    let got = said(&mut client, "get_skill", json!({"name": "csv_tools"}));
    assert!(got.contains("[file]") && got.contains("# How\n\nCall it with rows."), "{got}");
    let found = said(&mut client, "search_skills", json!({"query": "how do we write"}));
    assert!(found.contains("[file skills/house-rules/SKILL.md]"), "{found}");
    // A change inside is seen, and what went wrong is said.
    write(
        &client.base().join("skills"),
        &[("csv-tools/scripts/add.py", "def run(n: int) -> int:\n    return n + 2\n")],
    );
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(value(&mut client, "skills.csv_tools(1)"), "3");
    write(&client.base().join("skills"), &[("csv-tools/SKILL.md", "gone")]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let list = said(&mut client, "list_skills", json!({}));
    assert!(list.contains("broken: skills/csv-tools: SKILL.md does not begin with frontmatter"), "{list}");
}

#[test]
fn clients_that_know_the_extension_list_verify_and_read_them() {
    let mut client = Client::spawn(Wire::Pipes, &[]);
    let opened = client.initialize("2025-11-25");
    assert_eq!(
        opened["capabilities"]["extensions"]["io.modelcontextprotocol/skills"],
        json!({"directoryRead": true})
    );
    let source = "def run(n: int = 1):\n    return n\n";
    for (name, description) in
        [("plain", "Says: \"n\"\nand more\n\nThen more."), ("Odd__Name", ""), ("odd_name", "Second.")]
    {
        client.call("create_skill", json!({"name": name, "source": source, "description": description}));
    }
    let mut entries = Vec::new();
    let mut cursor = None;
    loop {
        let params = cursor.map_or_else(|| json!({}), |cursor: String| json!({"cursor": cursor}));
        let page = client.request("skills/list", params).unwrap();
        entries.extend(page["skills"].as_array().unwrap().clone());
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let entry = |uri: &str| {
        entries.iter().find(|entry| entry["uri"] == uri).unwrap_or_else(|| panic!("{uri}")).clone()
    };
    assert_eq!(entries.iter().filter(|entry| entry["uri"] == "skill://odd-name/SKILL.md").count(), 1);
    assert_eq!(entry("skill://odd-name/SKILL.md")["frontmatter"]["description"], "Second.");
    let plain = entry("skill://plain/SKILL.md");
    assert_eq!(
        plain["frontmatter"],
        json!({
            "name": "plain", "description": "Says: \"n\" and more",
            "metadata": {"actwright-skill": "plain", "actwright-version": "1"},
        })
    );
    entry("skill://csv-summary/SKILL.md");
    // Every file of every skill is what its digest says.
    for entry in &entries {
        assert_eq!(&client.request("skills/get", json!({"uri": entry["uri"]})).unwrap()["skill"], entry);
        for file in entry["resources"].as_array().unwrap() {
            let read = client.request("resources/read", json!({"uri": file["uri"]})).unwrap();
            let text = read["contents"][0]["text"].as_str().unwrap();
            let digest: String =
                sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(text))
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
            assert_eq!(file["digest"], format!("sha256:{digest}"), "{file}");
            assert_eq!(file["size"], text.len(), "{file}");
        }
    }
    let listed = client.request("resources/directory/read", json!({"uri": "skill://plain"})).unwrap();
    assert_eq!(listed["resources"][0]["uri"], "skill://plain/SKILL.md");
    assert_eq!(
        (&listed["resources"][1]["uri"], &listed["resources"][1]["mimeType"]),
        (&json!("skill://plain/scripts"), &json!("inode/directory"))
    );
    let listed = client.request("resources/directory/read", json!({"uri": "skill://plain/scripts"})).unwrap();
    assert_eq!(listed["resources"].as_array().unwrap().len(), 2);
    for (method, uri) in [
        ("skills/get", "skill://nothing/SKILL.md"),
        ("skills/get", "skill://plain"),
        ("skills/get", "skill://../SKILL.md"),
        ("resources/directory/read", "skill://plain/nothing"),
        ("resources/directory/read", "file:///etc"),
    ] {
        assert_eq!(client.request(method, json!({"uri": uri})).unwrap_err().code, -32602, "{method} {uri}");
    }
    for uri in ["skill://plain/../plain/SKILL.md", "skill://plain/scripts/other.py"] {
        assert_eq!(client.request("resources/read", json!({"uri": uri})).unwrap_err().code, -32002, "{uri}");
    }
    // The source by itself, as before.
    let read = client.request("resources/read", json!({"uri": "skill://plain"})).unwrap();
    assert_eq!(read["contents"][0]["text"], source);
}

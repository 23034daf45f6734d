//! `actwright skills`: the library from a shell, and back and forth with a directory.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

pub fn skills(base: &Path, arguments: &[&str]) -> (i32, String, String) {
    skills_with_editor(base, "sed -i s/1/2/", arguments)
}

fn skills_with_editor(base: &Path, editor: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    let output = command
        .arg("skills")
        .args(arguments)
        .arg("--base")
        .arg(base)
        .env("ACTWRIGHT_MODEL", "none")
        .env("VISUAL", editor)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_skill_is_made_shown_changed_and_deleted() {
    let room = tempfile::tempdir().unwrap();
    let (base, file) = (room.path().join("base"), room.path().join("x.py"));
    std::fs::write(&file, "\"\"\"Gives a number.\"\"\"\ndef run():\n    return 1\n").unwrap();
    let run = |arguments: &[&str]| skills(&base, arguments);
    let made = run(&["create", "number", file.to_str().unwrap(), "--tag", "math", "--reason", "a test"]);
    assert_eq!(
        (made.0, made.1.as_str()),
        (0, "saved version 1: skills.number()  Gives a number.\n"),
        "{}",
        made.2
    );
    assert_eq!(run(&["show", "number"]).1, std::fs::read_to_string(&file).unwrap());
    assert!(run(&["list"]).1.contains("skills.number()  Gives a number.\n"));
    assert_eq!(run(&["edit", "number"]).1, "saved version 2: skills.number()  Gives a number.\n");
    assert!(run(&["show", "number"]).1.contains("return 2"));
    assert!(run(&["show", "number", "--version", "1"]).1.contains("return 1"));
    let found: Value = serde_json::from_str(&run(&["search", "gives", "number", "--json"]).1).unwrap();
    assert_eq!((&found["hits"][0]["name"], &found["semantic"]), (&"number".into(), &"off".into()));
    let nothing = run(&["search", "quantum"]);
    assert_eq!((nothing.0, nothing.1.as_str()), (1, ""));
    // What somebody wrote is not thrown away for a missing bracket.
    let broken = skills_with_editor(&base, "sed -i s/():/(/", &["edit", "number"]);
    assert!(broken.0 == 1 && broken.2.contains("syntax error"), "{}", broken.2);
    let (_, kept) = broken.2.split_once("what you wrote is kept in ").unwrap();
    let kept = Path::new(kept.split(';').next().unwrap());
    assert!(std::fs::read_to_string(kept).unwrap().contains("def run("), "{}", kept.display());
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    let history: Value = serde_json::from_str(&run(&["history", "number", "--json"]).1).unwrap();
    assert_eq!((&history[0]["reason"], &history[1]["author"]), (&"a test".into(), &"cli".into()));
    assert_eq!(run(&["delete", "number"]).0, 0);
    let gone = run(&["show", "number"]);
    assert!(gone.0 == 1 && gone.2.contains("error: skill 'number' was deleted (version 3)"), "{}", gone.2);
    let missing = run(&["show", "nubmer"]);
    assert!(missing.2.ends_with("hint: `actwright skills list` shows what there is\n"), "{}", missing.2);
    let refused = run(&["create", "print", file.to_str().unwrap()]);
    assert!(refused.2.contains("would shadow Python's builtin `print`"), "{}", refused.2);
}

#[test]
fn examples_are_run_before_a_skill_is_saved() {
    let room = tempfile::tempdir().unwrap();
    let (base, file) = (room.path().join("base"), room.path().join("x.py"));
    std::fs::write(&file, "def run(x: int) -> int:\n    return x + 1\n").unwrap();
    let file = file.to_str().unwrap();
    let examples = room.path().join("examples.json");
    let create = |text: &str| {
        std::fs::write(&examples, text).unwrap();
        skills(&base, &["create", "add_one", file, "--examples", examples.to_str().unwrap()])
    };
    let wrong = create(r#"[{"args": {"x": 1}, "expect": 3}]"#);
    assert!(wrong.0 == 1 && wrong.2.contains("skill 'add_one' was not saved: "), "{}", wrong.2);
    assert!(!skills(&base, &["list"]).1.contains("add_one"));
    let none = create(r#"{"args": {"x": 1}, "expect": 2}"#);
    assert!(
        none.2.contains("examples.json is no list of examples: ") && none.2.contains("hint: write JSON"),
        "{}",
        none.2
    );
    let unknown = create(r#"[{"args": {"y": 1}}]"#);
    assert!(unknown.2.contains("example 1: `run` has no parameter `y`"), "{}", unknown.2);
    let both = skills(&base, &["create", "add_one", "-", "--examples", "-"]);
    assert!(both.0 == 1 && both.2.contains("cannot both come from stdin"), "{}", both.2);
    let made = create(r#"[{"args": {"x": 1}, "expect": 2}, {"args": {"x": -1}, "expect": 0}]"#);
    assert_eq!((made.0, made.2.as_str()), (0, ""), "{}", made.1);
    let shown: Value = serde_json::from_str(&skills(&base, &["show", "add_one", "--json"]).1).unwrap();
    assert_eq!(
        (shown["examples"].as_array().unwrap().len(), &shown["proof"]["state"]),
        (2, &"verified".into()),
        "{shown}"
    );
    assert_eq!(skills(&base, &["test", "add_one"]).0, 0);
    // From stdin, as a program gives them.
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["skills", "create", "add_two", file, "--examples", "-", "--base"]).arg(&base);
    command.env("ACTWRIGHT_MODEL", "none").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"[{"args": {"x": 5}, "expect": 6}]"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("saved version 1: skills.add_two("),
        "{output:?}"
    );
}

#[test]
fn a_directory_and_the_store_come_to_say_the_same() {
    let room = tempfile::tempdir().unwrap();
    let (base, other, directory) =
        (room.path().join("base"), room.path().join("other"), room.path().join("git"));
    std::fs::create_dir(&directory).unwrap();
    let place = directory.to_str().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    write("one.py", "\"\"\"First.\"\"\"\ndef run(): return 1\n");
    write("two.py", "def run(x): return x\n");
    write(
        "two.json",
        r#"{"description": "Word\nfor word.", "tags": ["t"], "examples": [{"args": {"x": 1}, "expect": null}]}"#,
    );
    let run = |base: &Path, arguments: &[&str]| skills(base, arguments);
    let said = |answer: (i32, String, String)| (answer.0, answer.1);
    assert_eq!(said(run(&base, &["diff", place])), (1, "+ one\n+ two\n".into()));
    assert_eq!(said(run(&base, &["import", place, "--dry-run"])), (0, "+ one\n+ two\n".into()));
    assert_eq!(said(run(&base, &["import", place])), (0, "+ one\n+ two\n".into()));
    assert_eq!(said(run(&base, &["import", place])), (0, "= one\n= two\n".into()));
    assert_eq!(said(run(&base, &["diff", place])), (0, "= one\n= two\n".into()));
    // The same again by way of another directory and another store.
    let copy = room.path().join("copy");
    assert_eq!(said(run(&base, &["export", copy.to_str().unwrap()])), (0, "+ one\n+ two\n".into()));
    assert!(!copy.join("one.json").exists() && copy.join("two.json").exists());
    assert_eq!(said(run(&other, &["import", copy.to_str().unwrap()])), (0, "+ one\n+ two\n".into()));
    assert_eq!(said(run(&other, &["diff", place])), (0, "= one\n= two\n".into()));
    // Changes of each kind.
    write("one.py", "def run(): return 11\n");
    std::fs::remove_file(directory.join("two.py")).unwrap();
    write("three.py", "def run(): pass\n");
    write("broken.py", "def run(:\n");
    let (code, out, err) = run(&base, &["diff", place]);
    assert_eq!((code, out.as_str()), (1, "~ one\n+ three\n- two\n"));
    assert_eq!(
        err,
        "broken: git/broken.py: syntax error in line 1, column 9: Expected a parameter or the end of the parameter list\n"
    );
    std::fs::remove_file(directory.join("broken.py")).unwrap();
    assert_eq!(said(run(&base, &["export", place, "--prune"])), (0, "~ one\n- three\n+ two\n".into()));
    assert_eq!(said(run(&base, &["diff", place])), (0, "= one\n= two\n".into()));
    write("one.py", "def run(): return 12\n");
    assert_eq!(said(run(&base, &["import", place, "--prune"])), (0, "~ one\n= two\n".into()));
    let missing = run(&base, &["diff", "nothing-here"]);
    assert!(missing.2.contains("is no directory\nhint: name a directory of skills"), "{}", missing.2);
}

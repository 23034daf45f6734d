//! Packages as an agent meets them: added while a session lives, importable at once, gone when they are removed.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Client, Wire, raised, report, said, text, value};

mod installers;
mod native;
mod needed;
mod rules;

#[test]
fn what_is_added_can_be_imported_at_once_and_what_is_removed_cannot() {
    let mut client = Client::start();
    value(&mut client, "x = [1, 2]");
    let added = value(&mut client, "deps.add('humanize==4.12.2', 'attrs>=23')['added']");
    assert!(added.contains("'humanize': '4.12.2'") && added.contains("'attrs'"), "{added}");
    assert_eq!(value(&mut client, "import humanize; humanize.naturalsize(10**6), x"), "('1.0 MB', [1, 2])");
    let code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import humanize, attr'], check=True).returncode";
    assert_eq!(value(&mut client, code), "0");
    let (kind, _) = raised(&mut client, "open(humanize.__file__, 'a')");
    assert!(kind == "PermissionError" || kind == "OSError", "{kind}");
    let (kind, _) = raised(&mut client, "import os; os.mkdir(os.path.dirname(humanize.__file__) + '/x')");
    assert!(kind == "PermissionError" || kind == "OSError", "{kind}");
    // Another session begins with them.
    let other = client
        .call("run_code", json!({"code": "import humanize, attr; humanize.__version__", "session": "new"}));
    assert_eq!(report(&other)["result"], "'4.12.2'", "{}", text(&other));
    // A change leaves what is imported as it is, and says so.
    let notes = value(&mut client, "deps.add('humanize==4.12.3')['notes'], humanize.__version__");
    assert!(
        notes.contains("humanize 4.12.2 stays loaded; humanize 4.12.3 is there once the session is reset"),
        "{notes}"
    );
    client.call("reset_session", json!({}));
    assert_eq!(value(&mut client, "import humanize; humanize.__version__"), "'4.12.3'");
    let removed = said(&mut client, "remove_dep", json!({"package": "Humanize"}));
    assert_eq!(removed, "removed humanize 4.12.3; from its next cell on no session can import it anew");
    let result = client.run("humanize.naturalsize(5)");
    assert!(
        text(&result).contains("humanize 4.12.3 was imported: what came from it still works"),
        "{}",
        text(&result)
    );
    assert_eq!(report(&result)["result"], "'5 Bytes'");
    assert_eq!(raised(&mut client, "import humanize").0, "ModuleNotFoundError");
    assert_eq!(
        value(&mut client, "[each['name'] for each in deps.list()], deps.why('attrs')['path']"),
        "(['attrs'], ['attrs'])"
    );
    let again = said(&mut client, "add_dep", json!({"package": "humanize == 4.12.2"}));
    assert_eq!(again, "added humanize 4.12.2; every session can import it from its next cell on");
    assert_eq!(value(&mut client, "import humanize as h; h.__version__"), "'4.12.2'");
    let listed = said(&mut client, "list_deps", json!({}));
    assert!(
        listed.starts_with("attrs ") && listed.ends_with("humanize 4.12.2 (asked for as humanize==4.12.2)"),
        "{listed}"
    );
}

#[test]
fn copies_and_twins_of_a_session_keep_to_what_there_is() {
    let mut client = Client::start();
    value(&mut client, "x = 1");
    value(&mut client, "deps.add('humanize==4.12.2'); import humanize");
    client.call("undo_run", json!({}));
    // The copy is of the time before, and follows.
    assert_eq!(
        value(&mut client, "x, 'humanize' in dir(), __import__('humanize').__version__"),
        "(1, False, '4.12.2')"
    );
    let twins = said(&mut client, "fork_session", json!({"n": 1}));
    let twin = twins.split_whitespace().rfind(|word| word.starts_with("s_")).unwrap_or_default();
    let twin = twins.lines().find(|line| line.starts_with("s_")).unwrap_or(twin).to_owned();
    let found =
        client.call("run_code", json!({"code": "import humanize; humanize.__version__", "session": twin}));
    assert_eq!(report(&found)["result"], "'4.12.2'", "{}", text(&found));
    said(&mut client, "remove_dep", json!({"package": "humanize"}));
    let gone = client.call("run_code", json!({"code": "import humanize", "session": twin}));
    assert_eq!(report(&gone)["error"]["type"], "ModuleNotFoundError", "{}", text(&gone));
    let killed = client.call("run_code", json!({"code": "import os; os._exit(3)"}));
    assert_eq!(report(&killed)["status"], "lost", "{}", text(&killed));
    assert_eq!(raised(&mut client, "import humanize").0, "ModuleNotFoundError");
}

#[test]
fn what_fails_changes_nothing_and_says_why() {
    let mut client = Client::start();
    value(&mut client, "deps.add('attrs')");
    let before = std::fs::read(client.base().join("packages.lock")).unwrap();
    let mut check = |spec: &str, kind: &str, words: &str| {
        let (found, message) = raised(&mut client, &format!("deps.add({spec})"));
        assert!(found == kind && message.contains(words), "{spec}: {found}: {message}");
    };
    check("'humanize>99'", "DepsResolverError", "humanize");
    check("'attrs<20', 'attrs>=99'", "DepsResolverError", "attrs");
    check(
        "'nothing-of-this-name-is-there-81723'",
        "DepsResolverError",
        "nothing-of-this-name-is-there-81723",
    );
    check("'humanize @ https://example.org/humanize.whl'", "DepsSpecError", "addresses");
    check("'humanize; id'", "DepsSpecError", "conditions");
    check("'-r/etc/passwd'", "DepsSpecError", "options");
    check("''", "DepsSpecError", "empty");
    check("", "DepsSpecError", "1 to 50");
    check("7", "DepsSpecError", "named by texts");
    assert_eq!(
        raised(&mut client, "deps.remove('atrs')").1,
        "no package 'atrs' is among those that were added; nearest: 'attrs'"
    );
    assert_eq!(std::fs::read(client.base().join("packages.lock")).unwrap(), before);
    assert_eq!(value(&mut client, "import attr; [each['name'] for each in deps.list()]"), "['attrs']");
    let left = std::fs::read_dir(client.base().join("packages/work")).unwrap().count();
    assert_eq!(left, 0, "working directories go");
}

#[test]
fn the_lock_file_brings_packages_back() {
    let mut client = Client::start();
    value(&mut client, "deps.add('humanize==4.12.2')");
    client.kill();
    let base = client.part();
    let lock: Value =
        serde_json::from_slice(&std::fs::read(base.path().join("packages.lock")).unwrap()).unwrap();
    let resolved = lock["resolved"].as_object().unwrap().values().next().unwrap();
    assert_eq!(resolved["packages"][0]["version"], "4.12.2");
    assert!(resolved["packages"][0]["hashes"][0].as_str().unwrap().starts_with("sha256:"));
    std::fs::remove_dir_all(base.path().join("packages")).unwrap();
    let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "deps.sync(); import humanize; humanize.__version__"), "'4.12.2'");
    client.kill();
    // A hash that does not fit is not installed.
    let base = client.part();
    let path = base.path().join("packages.lock");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lock: Value = serde_json::from_str(&text).unwrap();
    let resolved = lock["resolved"].as_object_mut().unwrap().values_mut().next().unwrap();
    resolved["packages"][0]["hashes"] = json!([format!("sha256:{}", "0".repeat(64))]);
    std::fs::write(&path, lock.to_string()).unwrap();
    let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    let (kind, words) = raised(&mut client, "deps.sync()");
    assert!(kind == "DepsResolverError" && words.to_lowercase().contains("hash"), "{kind}: {words}");
}

#[test]
fn two_servers_take_turns() {
    let mut client = Client::start();
    let base = client.base().to_owned();
    let second = std::thread::spawn(move || deps(&base, &["add", "attrs"]));
    value(&mut client, "deps.add('humanize==4.12.2')");
    let (_, words) = second.join().unwrap();
    assert!(words.starts_with("added attrs"), "{words}");
    assert_eq!(
        value(&mut client, "import humanize, attr; [each['name'] for each in deps.list()]"),
        "['attrs', 'humanize']"
    );
}

#[test]
fn the_command_line_is_for_people() {
    let base = tempfile::tempdir().unwrap();
    let base = base.path();
    assert_eq!(deps(base, &["list"]).1, "no packages were added\n");
    assert_eq!(deps(base, &["add", "humanize==4.12.2"]).1, "added humanize 4.12.2\n");
    let listed: Value = serde_json::from_str(&deps(base, &["list", "--json"]).1).unwrap();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["requested"]),
        (&json!("humanize"), &json!("humanize==4.12.2"))
    );
    let lock: Value = serde_json::from_str(&deps(base, &["lock"]).1).unwrap();
    assert_eq!(lock["requested"]["humanize"], "humanize==4.12.2");
    assert_eq!(deps(base, &["why", "humanize"]).1, "humanize 4.12.2 (asked for as humanize==4.12.2)\n");
    assert_eq!(deps(base, &["sync"]).1, "nothing had to be changed\n");
    assert_eq!(deps(base, &["remove", "humanize"]).1, "removed humanize 4.12.2\n");
    let (succeeded, words) = deps(base, &["remove", "humanize"]);
    assert!(!succeeded && words.contains("hint: `actwright deps list` shows all"), "{words}");
}

/// Runs `actwright deps`; gives whether it succeeded, and what it said.
fn deps(base: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    let output = command.arg("deps").args(arguments).arg("--base").arg(base).output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

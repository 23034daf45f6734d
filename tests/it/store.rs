//! The store through the command line: backup, restore, damage.

use std::path::Path;
use std::process::Command;

fn store(base: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    let output = command.arg("store").args(arguments).arg("--base").arg(base).output().unwrap();
    let text =
        |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(base.to_str().unwrap(), "BASE");
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_backup_is_made_once_and_comes_back() {
    let room = tempfile::tempdir().unwrap();
    let (base, copy) = (room.path().join("base"), room.path().join("copy.db"));
    let copy = copy.to_str().unwrap();
    let (code, out, _) = store(&base, &["check"]);
    assert_eq!((code, out.as_str()), (0, "the store is sound\n"));
    assert_eq!(store(&base, &["backup", copy]).0, 0);
    let (code, _, err) = store(&base, &["backup", copy]);
    assert_eq!(code, 1);
    assert!(err.contains("is already there\nhint: name a file that does not exist"), "{err}");
    let (code, out, err) = store(&base, &["restore", copy]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("the store as it was is kept in BASE/store-before-restore-1.db\n"), "{out}");
}

#[test]
fn a_damaged_store_is_named_and_a_backup_mends_it() {
    let room = tempfile::tempdir().unwrap();
    let (base, copy) = (room.path().join("base"), room.path().join("copy.db"));
    let copy = copy.to_str().unwrap();
    store(&base, &["backup", copy]);
    // What was written last stands in the log beside the file.
    for log in ["store.db-wal", "store.db-shm"] {
        drop(std::fs::remove_file(base.join(log)));
    }
    std::fs::write(base.join("store.db"), "no database, but a text of some length".repeat(200)).unwrap();
    let (code, _, err) = store(&base, &["check"]);
    assert_eq!(code, 1);
    assert!(err.contains("no database of actwright; move it away, or restore a backup"), "{err}");
    let (code, out, err) = store(&base, &["restore", copy]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("the damaged store was moved to BASE/store-before-restore-1.db"), "{out}");
    assert_eq!(store(&base, &["check"]).0, 0);
    let (code, _, err) = store(&base, &["restore", "nothing-here"]);
    assert_eq!(code, 1);
    assert!(err.contains("hint: name a file that `actwright store backup` made"), "{err}");
}

fn artifacts(base: &Path, arguments: &[&str]) -> (bool, Vec<u8>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    let output = command.arg("artifacts").args(arguments).arg("--base").arg(base).output().unwrap();
    (output.status.success(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

fn files(path: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_backup_has_what_artifacts_hold() {
    let room = tempfile::tempdir().unwrap();
    let (base, other) = (room.path().join("base"), room.path().join("other"));
    let (file, copy) = (room.path().join("file"), room.path().join("copy.db"));
    let put = |name: &str, content: &[u8]| {
        std::fs::write(&file, content).unwrap();
        assert!(artifacts(&base, &["put", name, file.to_str().unwrap()]).0);
    };
    let big = vec![7; 3_000_000];
    put("a/one", b"first");
    put("a/one", &big);
    put("two", b"first");
    put("gone", b"gone");
    assert!(artifacts(&base, &["rm", "gone"]).0 && artifacts(&base, &["gc"]).0);
    let copy = copy.to_str().unwrap();
    let (code, _, err) = store(&base, &["backup", copy]);
    assert_eq!(code, 0, "{err}");
    let beside = std::path::PathBuf::from(format!("{copy}.artifacts"));
    assert_eq!(files(&beside).len(), 2, "equal content is there once, and what was given up is not");
    // On another machine.
    let (code, _, err) = store(&other, &["restore", copy]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(artifacts(&other, &["get", "a/one"]).1, big);
    assert_eq!(artifacts(&other, &["get", "a/one", "--at", "1"]).1, b"first");
    assert_eq!(artifacts(&other, &["get", "two"]).1, b"first");
    assert_eq!(store(&other, &["check"]).1, "the store is sound\n");
    // What a restore has put aside holds its content too, whatever is collected afterwards.
    put("two", b"second");
    let (code, out, err) = store(&base, &["restore", copy]);
    assert!(code == 0 && out.contains("is kept in BASE/store-before-restore-1.db"), "{out}{err}");
    assert_eq!(artifacts(&base, &["get", "two"]).1, b"first");
    assert!(artifacts(&base, &["gc"]).0);
    let aside = base.join("store-before-restore-1.db");
    let (code, _, err) = store(&base, &["restore", aside.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(artifacts(&base, &["get", "two"]).1, b"second");
    // What is damaged in the backup is named, and what is still sound in its place stays.
    let damaged =
        files(&beside).into_iter().find(|path| std::fs::metadata(path).unwrap().len() == 5).unwrap();
    std::fs::write(&damaged, "other").unwrap();
    let third = room.path().join("third");
    let (code, out, err) = store(&third, &["restore", copy]);
    assert_eq!(code, 1);
    assert!(out.contains("the store was restored from"), "{out}");
    assert!(err.contains("the content of artifact '") && err.contains("is another"), "{err}");
    assert_eq!(artifacts(&third, &["get", "a/one"]).1, big);
    let (succeeded, _, err) = artifacts(&third, &["get", "two"]);
    assert!(!succeeded && err.contains("is damaged: its file is missing"), "{err}");
    let (code, out, _) = store(&third, &["check"]);
    assert!(code == 1 && out.contains("version 1, is missing"), "{out}");
    assert_eq!(store(&base, &["restore", copy]).0, 0);
    // What is damaged here is not taken along in silence.
    let blob = files(&base.join("artifacts/blobs"))
        .into_iter()
        .find(|path| std::fs::metadata(path).unwrap().len() > 9)
        .unwrap();
    std::fs::write(blob, vec![8; 3_000_000]).unwrap();
    let second = room.path().join("second.db");
    let (code, _, err) = store(&base, &["backup", second.to_str().unwrap()]);
    assert!(code == 1 && err.contains("artifact 'a/one', version 2, is another"), "{err}");
}

#[test]
fn a_backup_is_whole_while_artifacts_are_saved_and_collected() {
    let room = tempfile::tempdir().unwrap();
    let mut client = crate::support::Client::start();
    let base = client.base().to_owned();
    let code = "import threading\ndef work():\n    n = 0\n    while n < 400:\n        artifacts.save(f'k/{n % 7}', str(n) * 5000)\n        if n % 3 == 0:\n            artifacts.delete(f'k/{n % 7}')\n        n += 1\nwork()";
    let id = client.send("tools/call", serde_json::json!({"name": "run_code", "arguments": {"code": code}}));
    for round in 0..4 {
        let copy = room.path().join(format!("{round}.db"));
        let (status, _, err) = store(&base, &["backup", copy.to_str().unwrap()]);
        assert_eq!(status, 0, "{err}");
        assert!(artifacts(&base, &["gc"]).0);
        let other = room.path().join(format!("base-{round}"));
        let (status, _, err) = store(&other, &["restore", copy.to_str().unwrap()]);
        assert_eq!(status, 0, "{err}");
        assert_eq!(store(&other, &["check"]).1, "the store is sound\n");
    }
    assert_eq!(crate::support::report(&client.answer(&id).unwrap())["status"], "ok");
}

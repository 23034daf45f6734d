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

//! The store by itself: what is kept stays, what is wrong is named, two owners of one file take turns.

use std::path::Path;

use super::{
    Changes, Db, Hash, Mark, NewVersion, Part, StorageError, Store, UseRow, Vectors, VersionKind, Worded,
    Words,
};

fn new(name: &str, source: &str) -> NewVersion {
    NewVersion {
        name: name.into(),
        source: source.into(),
        shape: "{}".into(),
        examples: "[]".into(),
        tags: "[]".into(),
        words: words(name, source, 1),
        ..NewVersion::default()
    }
}

fn words(name: &str, source: &str, edition: i64) -> Words {
    let texts = [name.replace('_', " "), String::new(), String::new(), source.into()];
    Words { edition, content: [name.len() as u8; 32], bag: source.into(), texts }
}

fn place() -> (tempfile::TempDir, std::path::PathBuf) {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("store.db");
    (room, path)
}

#[test]
fn versions_are_added_and_never_changed() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    assert_eq!(db.save_skill(&new("a", "one")).unwrap(), 1);
    assert_eq!(db.save_skill(&new("a", "two")).unwrap(), 2);
    assert_eq!(db.delete_skill("a", "me", "done", 5).unwrap(), Some(3));
    assert_eq!(db.delete_skill("a", "me", "done", 5).unwrap(), None);
    assert_eq!(db.skill("a", None).unwrap(), None);
    assert_eq!(db.skill("a", Some(1)).unwrap().unwrap().version.source, "one");
    assert_eq!(db.save_skill(&new("a", "three")).unwrap(), 4);
    let history = db.skill_history("a").unwrap();
    let kinds: Vec<_> = history.iter().map(|row| (row.version, row.parent, row.kind)).collect();
    assert_eq!(
        kinds,
        [
            (1, None, VersionKind::Saved),
            (2, Some(1), VersionKind::Saved),
            (3, Some(2), VersionKind::Deleted),
            (4, Some(3), VersionKind::Saved)
        ]
    );
    let raw = rusqlite::Connection::open(&path).unwrap();
    for (change, words) in [
        ("UPDATE skill_versions SET source = 'x'", "a version is never changed"),
        ("DELETE FROM skill_versions", "a version is never taken away"),
    ] {
        assert_eq!(raw.execute(change, []).unwrap_err().to_string(), words);
    }
}

#[test]
fn words_find_what_lives() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    db.save_skill(&new("parse_logs", "open read")).unwrap();
    db.save_skill(&new("send_mail", "smtp open")).unwrap();
    let find = |db: &mut Db, words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let hits = db.skills_with(&words, 10).unwrap();
        (hits.skills.into_iter().map(|skill| skill.name).collect::<Vec<_>>(), hits.counts, hits.all)
    };
    assert_eq!(find(&mut db, &["logs"]), (vec!["parse_logs".to_owned()], vec![1], 2));
    assert_eq!(find(&mut db, &["open", "mail"]).0, ["send_mail", "parse_logs"]);
    assert_eq!(find(&mut db, &["a\" OR name:\"b", "NEAR("]).0, [""; 0]);
    db.delete_skill("parse_logs", "", "", 0).unwrap();
    assert_eq!(find(&mut db, &["logs"]), (vec![], vec![0], 1));
}

#[test]
fn others_writes_are_noticed() {
    let (_room, path) = place();
    let mut one = Db::open(&path).unwrap();
    let mut other = Db::open(&path).unwrap();
    let before = one.generation().unwrap();
    assert_eq!(one.generation().unwrap(), before);
    other.save_skill(&new("a", "x")).unwrap();
    let after = one.generation().unwrap();
    assert_ne!(after, before);
    one.save_skill(&new("b", "x")).unwrap();
    assert_ne!(one.generation().unwrap(), after);
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let check = |make: &dyn Fn(&Path), expected: &str| {
        let (_room, path) = place();
        make(&path);
        let before = std::fs::read(&path).unwrap();
        let error = Db::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{expected}");
    };
    check(
        &|path| std::fs::write(path, "a text that is long enough to be no database".repeat(9)).unwrap(),
        "no database of actwright",
    );
    check(
        &|path| rusqlite::Connection::open(path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap(),
        "no database of actwright",
    );
    check(
        &|path| {
            drop(Db::open(path).unwrap());
            let db = rusqlite::Connection::open(path).unwrap();
            db.execute_batch("PRAGMA user_version = 99").unwrap();
        },
        "newer actwright (schema 99, this one knows 5); update actwright",
    );
}

#[test]
fn a_backup_comes_back_and_a_damaged_one_does_not() {
    let (room, path) = place();
    let copy = room.path().join("copy.db");
    let mut db = Db::open(&path).unwrap();
    db.save_skill(&new("kept", "x")).unwrap();
    db.back_up(&copy).unwrap();
    assert!(matches!(db.back_up(&copy), Err(StorageError::Exists)));
    db.save_skill(&new("later", "x")).unwrap();
    let mut other = Db::open(&path).unwrap();
    let before = other.generation().unwrap();
    db.restore(&copy).unwrap();
    assert_eq!(db.skill_names().unwrap(), ["kept"]);
    assert_eq!(other.skill_names().unwrap(), ["kept"]);
    assert_ne!(other.generation().unwrap(), before);
    assert_eq!(db.check().unwrap(), [""; 0]);

    let mut bytes = std::fs::read(&copy).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0xa5);
    std::fs::write(&copy, bytes).unwrap();
    let error = db.restore(&copy).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert!(matches!(db.restore(&room.path().join("nothing")), Err(StorageError::Failed { .. })));
    assert_eq!(db.skill_names().unwrap(), ["kept"]);
}

#[test]
fn many_hands_write_at_once() {
    let (room, _path) = place();
    let stores: Vec<Store> = (0..4).map(|_| Store::at(room.path())).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let writes = stores.iter().enumerate().flat_map(|(hand, store)| {
        (0..25).map(move |n| (store.clone(), new(&format!("skill_{hand}_{n}"), "x")))
    });
    let tasks: Vec<_> = writes
        .map(|(store, version)| {
            runtime.spawn(async move { store.ask(move |db| db.save_skill(&version)).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(runtime.block_on(task).unwrap().unwrap(), 1);
    }
    let names = runtime.block_on(stores[0].ask(Db::skill_names)).unwrap();
    assert_eq!(names.len(), 100);
    let refused = runtime.block_on(Store::none().ask(Db::skill_names));
    assert!(matches!(refused, Err(StorageError::Absent)));
}

#[test]
fn uses_are_counted() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    let since = |uses, failures, last_used, last_error: Option<&str>| UseRow {
        name: "a".into(),
        uses,
        failures,
        last_used,
        last_error: last_error.map(str::to_owned),
    };
    db.count_uses(&[since(1, 0, 1, None), since(1, 1, 3, Some("it broke"))]).unwrap();
    db.count_uses(&[since(1, 0, 2, None)]).unwrap();
    let uses = db.uses(&["a".to_owned(), "b".to_owned()]).unwrap();
    assert_eq!(uses.len(), 1);
    assert_eq!((uses[0].uses, uses[0].failures, uses[0].last_used), (3, 1, 3));
    assert_eq!(uses[0].last_error.as_deref(), Some("it broke"));
}

#[test]
fn a_store_that_has_reached_its_bound_keeps_what_it_has() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    db.save_skill(&new("first", "x")).unwrap();
    db.bound(60).unwrap();
    let source = "y".repeat(20_000);
    let refused = (0..60).find_map(|_| db.save_skill(&new("again", &source)).err()).unwrap();
    assert!(matches!(refused, StorageError::Full), "{refused}");
    assert!(db.skill("first", None).unwrap().is_some());
    assert!(std::fs::metadata(&path).unwrap().len() <= 60 * 4096);
    drop(db);
    // The bound is that of the program, not of the file.
    Db::open(&path).unwrap().save_skill(&new("later", "z")).unwrap();
}

#[test]
fn changes_are_found_by_a_mark() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    let bags = |changes: &Changes| -> Vec<Vec<u8>> {
        changes.living.iter().map(|head| head.words.clone().unwrap().1).collect()
    };
    assert_eq!(db.newest_version().unwrap(), None);
    db.save_skills(&[new("a", "one"), new("b", "two")]).unwrap();
    let all = db.skill_changes(None, 1).unwrap();
    assert_eq!((all.is_all, all.mark), (true, db.newest_version().unwrap()));
    let none = db.skill_changes(all.mark, 1).unwrap();
    assert_eq!((none.is_all, none.living.len(), none.mark), (false, 0, all.mark));
    db.save_skill(&new("a", "three")).unwrap();
    db.delete_skill("b", "", "", 0).unwrap();
    let some = db.skill_changes(all.mark, 1).unwrap();
    assert_eq!((some.is_all, bags(&some), some.gone.len()), (false, vec![b"three".to_vec()], 1));
    // A mark of another database is none.
    let strange = some.mark.map(|mark| Mark { skill: mark.skill + 9, ..mark });
    assert!(db.skill_changes(strange, 1).unwrap().is_all);
}

#[test]
fn words_of_another_way_or_version_are_none() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    db.save_skills(&[new("a", "one"), new("b", "two"), new("c", "three")]).unwrap();
    let heads = db.heads_after(0, 2, 1).unwrap();
    assert_eq!(heads.iter().map(|head| head.words.is_some()).collect::<Vec<_>>(), [true, true]);
    assert_eq!(db.heads_after(heads[1].id, 2, 1).unwrap().len(), 1);
    let other = |version| Worded { skill: heads[0].id, version, words: words("a", "uno", 2) };
    // One that has a newer version by now is left as it is.
    db.keep_words(&[other(7)]).unwrap();
    assert!(db.heads_after(0, 9, 2).unwrap().iter().all(|head| head.words.is_none()));
    db.keep_words(&[other(1)]).unwrap();
    let known = db.heads_after(0, 9, 2).unwrap();
    assert_eq!(known[0].words.as_ref().unwrap().1, b"uno");
    assert!(known[1].words.is_none());
    assert_eq!(db.skills_with(&["uno".to_owned()], 9).unwrap().skills.len(), 1);
    assert_eq!(db.skills_with(&["one".to_owned()], 9).unwrap().skills.len(), 0);
}

#[test]
fn words_of_any_script_are_counted() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    db.save_skill(&new("a", "日志 हिन्दी größe x_y")).unwrap();
    for word in ["日志", "हिन्दी", "größe", "x_y"] {
        let hits = db.skills_with(&[word.to_owned()], 9).unwrap();
        assert_eq!((hits.skills.len(), hits.counts), (1, vec![1]), "{word}");
    }
}

fn hash(at: u16) -> Hash {
    std::array::from_fn(|place| at.to_le_bytes()[place % 2])
}

#[test]
fn vectors_are_found_by_their_content_and_in_parts() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    let made: Vec<(Hash, Vec<f32>)> = (0..600).map(|at| (hash(at), vec![f32::from(at), -0.5])).collect();
    db.keep_vectors("m", &made).unwrap();
    let one = db.vectors("m", &[hash(7), hash(700)], 2).unwrap();
    assert_eq!(one, Vectors { hashes: vec![hash(7)], numbers: vec![7.0, -0.5] });
    let part = db.vectors_after("m", 0, 500, 2).unwrap();
    assert_eq!((part.vectors.hashes.len(), part.vectors.numbers.len(), part.last), (500, 1000, Some(500)));
    assert_eq!(db.vectors_after("m", 500, 500, 2).unwrap().vectors.hashes.len(), 100);
    assert_eq!(db.vectors_after("m", 600, 500, 2).unwrap(), Part::default());
    // Another model's vectors, and those of another length, are never mixed in.
    assert_eq!(db.vectors("n", &[hash(7)], 2).unwrap(), Vectors::default());
    assert_eq!(db.vectors("m", &[hash(7)], 3).unwrap(), Vectors::default());
    assert_eq!(db.vectors_after("n", 0, 500, 2).unwrap().vectors, Vectors::default());
}

#[test]
fn the_oldest_vectors_that_nobody_needs_are_taken_away() {
    let (_room, path) = place();
    let mut db = Db::open(&path).unwrap();
    let made: Vec<(Hash, Vec<f32>)> = (0..50).map(|at| (hash(at), vec![1.0, 0.0])).collect();
    db.keep_vectors("old", &made[..10]).unwrap();
    db.keep_vectors("m", &made).unwrap();
    let needed = |found: &Hash| found[0] >= 40;
    assert_eq!(db.drop_vectors("m", 0, 20, 15, needed).unwrap(), (15, Some(20)));
    assert_eq!(
        (db.count_vectors().unwrap(), db.vectors("old", &[hash(3)], 2).unwrap().hashes.len()),
        (45, 0)
    );
    assert_eq!(db.drop_vectors("m", 20, 100, 99, needed).unwrap(), (30, Some(60)));
    assert_eq!(db.drop_vectors("m", 60, 100, 99, needed).unwrap(), (0, None));
    assert_eq!(db.vectors_after("m", 0, 99, 2).unwrap().vectors.hashes.len(), 15);
}

//! Artifacts by themselves: what is kept stays and comes back equal, what is not finished leaves nothing.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{About, ArtifactError, Artifacts, Rules};
use crate::storage::Store;

fn open(base: &Path, all: u64) -> Artifacts {
    Artifacts::below(base, Store::at(base), Rules { largest: 1 << 20, all })
}

fn about(name: &str) -> About {
    About { name: name.into(), form: "bytes".into(), ..About::default() }
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn versions_and_equal_content() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 1 << 30);
    assert_eq!(artifacts.save(about("a/b"), b"one".to_vec()).await.unwrap().version, 1);
    assert_eq!(artifacts.save(about("a/b"), b"two".to_vec()).await.unwrap().version, 2);
    assert_eq!(artifacts.save(about("c"), b"one".to_vec()).await.unwrap().version, 1);
    assert_eq!(files(&base.path().join("artifacts/blobs")).len(), 2);
    assert_eq!(artifacts.read("a/b", None, 0, 99).await.unwrap().bytes, b"two");
    assert_eq!(artifacts.read("a/b", Some(1), 1, 1).await.unwrap().bytes, b"n");
    assert_eq!(artifacts.read("c", None, 9, 1).await.unwrap().bytes, b"");
    assert!(matches!(artifacts.get("a/b", Some(9)).await, Err(ArtifactError::NoVersion { .. })));
    let words = artifacts.get("a/d", None).await.unwrap_err().to_string();
    assert!(words.contains("nearest: 'a/b'"), "{words}");
    let same = artifacts.save(about("A/b"), vec![]).await.unwrap_err();
    assert!(matches!(same, ArtifactError::Collides { ref other, .. } if other == "a/b"), "{same}");
    let tagged = About { metadata: Some(json!({"tags": ["x"]})), ..about("a/t") };
    artifacts.save(tagged, vec![]).await.unwrap();
    let names = |page: super::Page| page.artifacts.into_iter().map(|row| row.name).collect::<Vec<_>>();
    assert_eq!(names(artifacts.list("", "a/", None, 9).await.unwrap()), ["a/b", "a/t"]);
    assert_eq!(names(artifacts.list("", "", Some("x"), 9).await.unwrap()), ["a/t"]);
    let page = artifacts.list("", "", None, 1).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("a/b"));
    assert_eq!(names(artifacts.list("a/b", "", None, 9).await.unwrap()), ["a/t", "c"]);
}

#[tokio::test]
async fn lists_begin_and_end_where_they_should() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 1 << 30);
    for name in ["a", "a/b", "a/c", "ab", "a\u{10400}", "b", "b/a", "é", "éa", "数据"] {
        artifacts.save(about(name), vec![]).await.unwrap();
    }
    for (after, prefix, expected) in [
        ("", "", vec!["a", "a/b", "a/c", "ab", "a\u{10400}", "b", "b/a", "é", "éa", "数据"]),
        ("", "a", vec!["a", "a/b", "a/c", "ab", "a\u{10400}"]),
        ("", "a/", vec!["a/b", "a/c"]),
        ("a/b", "a/", vec!["a/c"]),
        ("a/c", "a/", vec![]),
        ("b", "a", vec![]),
        ("a", "b", vec!["b", "b/a"]),
        ("b", "b", vec!["b/a"]),
        ("", "é", vec!["é", "éa"]),
        ("é", "", vec!["éa", "数据"]),
        ("", "x", vec![]),
    ] {
        let page = artifacts.list(after, prefix, None, 99).await.unwrap();
        let names: Vec<&str> = page.artifacts.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, expected, "{after:?} {prefix:?}");
    }
}

#[tokio::test]
async fn a_change_is_another_state() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 1 << 30);
    let other = open(base.path(), 1 << 30);
    let mut seen = vec![artifacts.state().await.unwrap()];
    artifacts.save(About { ttl: Some(0.3), ..about("short") }, vec![]).await.unwrap();
    seen.push(artifacts.state().await.unwrap());
    assert_eq!(artifacts.state().await.unwrap(), seen[1], "nothing has changed since");
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    seen.push(artifacts.state().await.unwrap());
    other.save(about("x"), vec![]).await.unwrap();
    seen.push(artifacts.state().await.unwrap());
    other.save(about("x"), vec![]).await.unwrap();
    seen.push(artifacts.state().await.unwrap());
    other.delete("x", "me").await.unwrap();
    seen.push(artifacts.state().await.unwrap());
    for (at, state) in seen.iter().enumerate() {
        assert!(!seen[..at].contains(state), "{at}: {seen:?}");
    }
}

#[tokio::test]
async fn what_is_deleted_or_over_is_collected() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 1 << 30);
    artifacts.save(about("gone"), b"gone".to_vec()).await.unwrap();
    artifacts.save(about("kept"), b"kept".to_vec()).await.unwrap();
    artifacts.save(About { ttl: Some(0.001), ..about("short") }, b"short".to_vec()).await.unwrap();
    assert_eq!(artifacts.delete("gone", "me").await.unwrap(), 2);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert!(matches!(artifacts.get("gone", None).await, Err(ArtifactError::Deleted { .. })));
    assert!(matches!(artifacts.get("short", None).await, Err(ArtifactError::Expired { .. })));
    assert_eq!(artifacts.read("gone", Some(1), 0, 9).await.unwrap().bytes, b"gone");
    let done = artifacts.collect().await.unwrap();
    assert_eq!((done.collected.versions, done.collected.bytes, done.files), (2, 9, 2));
    assert!(matches!(artifacts.read("gone", Some(1), 0, 9).await, Err(ArtifactError::Collected { .. })));
    assert_eq!(artifacts.read("kept", None, 0, 9).await.unwrap().bytes, b"kept");
    assert_eq!(artifacts.history("gone").await.unwrap().len(), 2);
    assert_eq!(artifacts.save(about("gone"), b"back".to_vec()).await.unwrap().version, 3);
}

#[tokio::test]
async fn an_unfinished_save_leaves_nothing() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 1 << 30);
    let incoming = base.path().join("artifacts/incoming");
    let id = artifacts.begin("s").await.unwrap();
    artifacts.append("s", id, vec![1; 10]).await.unwrap();
    assert!(matches!(artifacts.append("other", id, vec![]).await, Err(ArtifactError::NoUpload)));
    assert_eq!(files(&incoming).len(), 1);
    // What another server is writing is not garbage.
    assert_eq!(open(base.path(), 1 << 30).collect().await.unwrap().files, 0);
    artifacts.end_uploads("s");
    assert_eq!(files(&incoming).len(), 0);
    assert!(matches!(artifacts.finish("s", id, about("x")).await, Err(ArtifactError::NoUpload)));
    let id = artifacts.begin("s").await.unwrap();
    artifacts.append("s", id, b"half ".to_vec()).await.unwrap();
    artifacts.append("s", id, b"done".to_vec()).await.unwrap();
    artifacts.finish("s", id, about("x")).await.unwrap();
    assert_eq!(artifacts.read("x", None, 0, 99).await.unwrap().bytes, b"half done");
    std::fs::write(incoming.join("new-left"), b"left by a killed server").unwrap();
    open(base.path(), 1 << 30).save(about("y"), vec![]).await.unwrap();
    assert_eq!(files(&incoming).len(), 0);
}

#[tokio::test]
async fn limits_hold_and_damage_is_named() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 100);
    artifacts.save(about("a"), vec![1; 60]).await.unwrap();
    artifacts.save(about("b"), vec![1; 60]).await.unwrap();
    assert!(matches!(
        artifacts.save(about("c"), vec![2; 60]).await,
        Err(ArtifactError::NoRoom { used: 60, .. })
    ));
    assert!(matches!(
        artifacts.save(about("c"), vec![2; 2 << 20]).await,
        Err(ArtifactError::TooLarge { .. })
    ));
    artifacts.delete("a", "me").await.unwrap();
    artifacts.delete("b", "me").await.unwrap();
    let row = artifacts.save(about("c"), vec![2; 60]).await.unwrap();
    let file = base.path().join("artifacts/blobs").join(&row.hash[..2]).join(&row.hash);
    std::fs::write(&file, vec![3; 60]).unwrap();
    let words = artifacts.read("c", None, 0, 9).await.unwrap_err().to_string();
    assert!(words.contains("artifact 'c', version 1, is damaged") && words.contains(&row.hash), "{words}");
    // Whoever begins in the middle is told too, by a server that has never read it and by one that has.
    let other = open(base.path(), 100);
    assert!(matches!(other.read("c", None, 9, 9).await, Err(ArtifactError::Damaged { .. })));
    artifacts.save(about("c"), vec![2; 60]).await.unwrap();
    assert_eq!(other.read("c", None, 9, 1).await.unwrap().bytes, [2]);
    std::fs::write(&file, vec![4; 60]).unwrap();
    assert!(matches!(other.read("c", None, 9, 9).await, Err(ArtifactError::Damaged { .. })));
    artifacts.save(about("c"), vec![2; 60]).await.unwrap();
    assert_eq!(artifacts.read("c", None, 0, 1).await.unwrap().bytes, [2]);
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(artifacts.read("c", None, 0, 9).await, Err(ArtifactError::Damaged { .. })));
}

#[tokio::test]
async fn what_is_being_written_counts_before_it_is_saved() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 100);
    artifacts.save(about("kept"), vec![0; 40]).await.unwrap();
    let (one, other) = (artifacts.begin("s").await.unwrap(), artifacts.begin("t").await.unwrap());
    assert_eq!(artifacts.append("s", one, vec![1; 50]).await.unwrap(), 50);
    for _ in 0..3 {
        let refused = artifacts.append("t", other, vec![2; 20]).await.unwrap_err();
        assert!(matches!(refused, ArtifactError::NoRoomNow { room: 60 }), "{refused}");
    }
    assert_eq!(artifacts.append("t", other, vec![2; 10]).await.unwrap(), 10);
    artifacts.abandon("s", one).unwrap();
    assert_eq!(artifacts.append("t", other, vec![2; 50]).await.unwrap(), 60);
    assert_eq!(artifacts.finish("t", other, about("whole")).await.unwrap().size, 60);
    assert!(artifacts.begin("t").await.is_ok(), "what is over takes no room of others");
}

#[tokio::test]
async fn what_was_deleted_gives_way_to_what_is_written_in_pieces() {
    let base = tempfile::tempdir().unwrap();
    let artifacts = open(base.path(), 100);
    artifacts.save(about("old"), vec![1; 90]).await.unwrap();
    let id = artifacts.begin("s").await.unwrap();
    assert_eq!(artifacts.append("s", id, vec![2; 10]).await.unwrap(), 10);
    let refused = artifacts.append("s", id, vec![2; 40]).await.unwrap_err();
    assert!(matches!(refused, ArtifactError::NoRoomNow { room: 10 }), "{refused}");
    artifacts.delete("old", "me").await.unwrap();
    assert_eq!(artifacts.append("s", id, vec![2; 40]).await.unwrap(), 50);
    assert_eq!(artifacts.append("s", id, vec![2; 50]).await.unwrap(), 100);
    assert_eq!(artifacts.finish("s", id, about("new")).await.unwrap().size, 100);
}

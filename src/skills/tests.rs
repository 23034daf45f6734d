//! The library by itself: what is saved is found, what is wrong is named, files win and say so.

use std::path::Path;

use super::{Creation, SkillError, Skills};
use crate::embedding::Embedder;
use crate::storage::Store;

fn library(base: &Path) -> Skills {
    Skills::over(Store::at(base), vec![base.join("skills")], Embedder::none())
}

fn creation(name: &str, source: &str) -> Creation {
    Creation { name: name.into(), source: source.into(), author: "test".into(), ..Creation::default() }
}

fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What was found of the test's own; the program brings some too.
fn found(answer: &super::Answer) -> Vec<&str> {
    let own = answer.hits.iter().filter(|hit| hit.skill.origin.word() != "bundled");
    own.map(|hit| hit.skill.name.as_str()).collect()
}

#[test]
fn what_is_saved_is_found_and_read_back() {
    let base = tempfile::tempdir().unwrap();
    let skills = library(base.path());
    within(async {
        let words = "Counts *exactly* what I say.\n\nWord for word.";
        let source = "\"\"\"Another text.\"\"\"\ndef run(path: str) -> int:\n    return 1\n";
        let saved = skills
            .create(Creation {
                description: Some(words.into()),
                tags: vec!["logs".into()],
                ..creation("count_lines", source)
            })
            .await
            .unwrap();
        assert_eq!(saved.skill.version, Some(1));
        let skill = skills.get("count_lines", None).await.unwrap();
        assert_eq!((skill.description.as_str(), skill.source.as_str()), (words, source));
        assert_eq!(found(&skills.search("counting lines", 5).await.unwrap()), ["count_lines"]);
        assert_eq!(found(&skills.search("logs", 5).await.unwrap()), ["count_lines"]);
        assert_eq!(found(&skills.search("weather forecast", 5).await.unwrap()), [""; 0]);
        skills.create(creation("count_lines", "def run(): return 2")).await.unwrap();
        assert_eq!(skills.get("count_lines", None).await.unwrap().version, Some(2));
        assert_eq!(skills.get("count_lines", Some(1)).await.unwrap().source, source);
        assert_eq!(skills.delete("count_lines", "test", "done").await.unwrap(), 3);
        let error = |result: Result<super::Skill, SkillError>| result.unwrap_err().to_string();
        assert!(error(skills.get("count_lines", None).await).contains("was deleted (version 3)"));
        assert!(
            error(skills.get("count_lines", Some(9)).await)
                .contains("has no version 9; it has versions 1 to 3")
        );
        assert_eq!(skills.history("count_lines").await.unwrap().len(), 3);
        skills.create(creation("parse_logs", "def run(): pass")).await.unwrap();
        assert_eq!(
            error(skills.get("parse_lgos", None).await),
            "no skill named 'parse_lgos'; nearest: 'parse_logs'. Search with skills.search(\"...\")"
        );
    });
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_stored() {
    let base = tempfile::tempdir().unwrap();
    let skills = library(base.path());
    within(async {
        let before = skills.names().await.unwrap();
        let check = async |given: Creation, expected: &str| {
            let words = skills.create(given).await.unwrap_err().to_string();
            assert!(words.contains(expected), "{words}");
        };
        let good = "def run(a, b=1): pass";
        check(creation("no run", good), "is no name for a skill").await;
        check(creation("search", good), "reserved").await;
        check(creation("a", "x = 1"), "skill 'a' was not saved: the source defines no function `run`").await;
        check(creation("a", "def run(:"), "syntax error in line 1, column 9").await;
        check(Creation { tags: vec!["a b".into()], ..creation("a", good) }, "\"a b\" is no tag").await;
        let example = |text: &str| Creation {
            examples: vec![serde_json::from_str(text).unwrap()],
            ..creation("a", good)
        };
        check(example(r#"{"args": {"c": 1}}"#), "example 1: `run` has no parameter `c`").await;
        check(example(r#"{"args": {"b": 1}}"#), "example 1: the argument `a` is missing").await;
        check(example(r#"{"arg": {}}"#), "not `arg`").await;
        check(example("[]"), "an object with").await;
        assert_eq!(skills.names().await.unwrap(), before);
    });
}

#[test]
fn files_win_say_so_and_broken_ones_hide_nothing() {
    let base = tempfile::tempdir().unwrap();
    let directory = base.path().join("skills");
    std::fs::create_dir(&directory).unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    write("both.py", "'''From the file.'''\ndef run(): return 'file'");
    write("broken.py", "def run(:");
    write("class.py", "def run(): pass");
    write("told.py", "def run(): pass");
    write("told.json", r#"{"description": "From beside.", "tags": ["x"]}"#);
    write("_private.py", "nothing");
    write("notes.txt", "nothing");
    let skills = library(base.path());
    within(async {
        let saved = skills.create(creation("both", "def run(): return 'stored'")).await.unwrap();
        assert!(
            saved.notes[0].contains("the file skills/both.py has the same name and wins"),
            "{:?}",
            saved.notes
        );
        let skill = skills.get("both", None).await.unwrap();
        assert_eq!((skill.origin.word(), skill.description.as_str()), ("file", "From the file."));
        assert_eq!(skill.hides, ["version 1 in the store"]);
        assert!(skills.get("both", Some(1)).await.unwrap().source.contains("stored"));
        assert_eq!(skills.get("told", None).await.unwrap().description, "From beside.");
        let troubles: Vec<String> =
            skills.troubles().iter().map(|each| format!("{}: {}", each.place, each.words)).collect();
        assert_eq!(troubles.len(), 2, "{troubles:?}");
        assert!(
            troubles[0].starts_with("skills/broken.py: syntax error in line 1, column 9"),
            "{troubles:?}"
        );
        assert!(troubles[1].starts_with("skills/class.py: `class` is a keyword"), "{troubles:?}");

        std::fs::remove_file(directory.join("both.py")).unwrap();
        write("broken.py", "'''Now it works.'''\ndef run(): pass");
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        assert_eq!(skills.get("both", None).await.unwrap().origin.word(), "stored");
        assert_eq!(found(&skills.search("now works", 5).await.unwrap()), ["broken"]);
        assert_eq!(skills.troubles().len(), 1);
    });
}

#[test]
fn a_list_has_pages_and_no_name_twice() {
    let base = tempfile::tempdir().unwrap();
    std::fs::create_dir(base.path().join("skills")).unwrap();
    std::fs::write(base.path().join("skills/c1.py"), "def run(): pass").unwrap();
    let skills = library(base.path());
    within(async {
        for name in ["a1", "b1", "c1", "d1"] {
            skills.create(creation(name, "def run(): pass")).await.unwrap();
        }
        let all = skills.names().await.unwrap();
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = skills.list(&after, 3).await.unwrap();
            seen.extend(page.skills.iter().map(|(skill, _)| skill.name.to_string()));
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(seen, all);
    });
}

//! The library by itself: what is saved is found, what is wrong is named, files win and say so.

use std::path::Path;

use super::{Creation, SkillError, Skills};
use crate::embedding::{Embedder, pretend};
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

/// A library with a model that knows a few words by heart.
fn with_model(base: &Path) -> Skills {
    let models = base.join("models");
    std::fs::create_dir_all(&models).unwrap();
    Skills::over(Store::at(base), vec![base.join("skills")], pretend::words(&pretend::files(&models)))
}

#[test]
fn one_skill_that_cannot_be_read_stalls_no_other_and_is_named() {
    let base = tempfile::tempdir().unwrap();
    let skills = with_model(base.path());
    within(async {
        for (name, about) in [("odd", "Something unreadable."), ("total", "Count it."), ("paint", "Draw it.")]
        {
            let source = format!("\"\"\"{about}\"\"\"\ndef run(): pass\n");
            skills.create(creation(name, &source)).await.unwrap();
        }
        skills.fill(|_, _| ()).await.unwrap();
        let answer = skills.search("counting", 5).await.unwrap();
        assert_eq!(found(&answer)[0], "total");
        let (semantic, reason) = answer.semantic.words();
        assert_eq!(
            (semantic, reason),
            (
                "on",
                "skill 'odd' cannot be read by the model (it is too strange), so it is found by words only"
            )
        );
        // Words still find it, and another source makes it a skill like others.
        assert_eq!(found(&skills.search("something odd", 5).await.unwrap())[0], "odd");
        skills.create(creation("odd", "\"\"\"Send it.\"\"\"\ndef run(): pass\n")).await.unwrap();
        skills.fill(|_, _| ()).await.unwrap();
        let answer = skills.search("sending", 5).await.unwrap();
        assert_eq!((found(&answer)[0], answer.semantic.words()), ("odd", ("on", "")));
    });
}

#[test]
fn a_library_in_memory_finds_what_the_store_finds() {
    let base = tempfile::tempdir().unwrap();
    let (skills, other) = (library(base.path()), library(base.path()));
    within(async {
        let texts = [
            "Count the lines of a log.",
            "解析日志文件并统计行数。",
            "Größte Dateien finden.",
            "Draw a line.",
        ];
        for (at, text) in texts.iter().enumerate() {
            let source = format!("\"\"\"{text}\"\"\"\ndef run(path: str): pass\n");
            skills.create(creation(&format!("skill_{at}"), &source)).await.unwrap();
        }
        other.refresh(&other.in_memory()).await.unwrap();
        assert!(other.meanings().is_loaded() && !skills.meanings().is_loaded());
        for query in [
            "lines",
            "line of a log",
            "日志",
            "统计行",
            "größte dateien",
            "grosste",
            "path",
            "skill_3",
            "nothing here",
        ] {
            let (one, two) = (skills.search(query, 9).await.unwrap(), other.search(query, 9).await.unwrap());
            let shown = |answer: &super::Answer| -> Vec<(String, f64, Vec<&str>)> {
                let hit = |hit: &super::Hit| {
                    let matched = hit.matched.iter().map(|matched| matched.word()).collect();
                    (hit.skill.name.to_string(), hit.score, matched)
                };
                answer.hits.iter().map(hit).collect()
            };
            assert_eq!(shown(&one), shown(&two), "{query}");
        }
        // Changes of others are followed.
        skills.create(creation("later", "\"\"\"Weigh parcels.\"\"\"\ndef run(): pass\n")).await.unwrap();
        assert_eq!(found(&other.search("weigh a parcel", 5).await.unwrap()), ["later"]);
        skills.delete("later", "test", "").await.unwrap();
        assert_eq!(found(&other.search("weigh a parcel", 5).await.unwrap()), [""; 0]);
    });
}

#[test]
fn texts_without_spaces_are_found_by_any_part_of_them() {
    let base = tempfile::tempdir().unwrap();
    let skills = library(base.path());
    within(async {
        for (name, about) in [
            ("parse_it", "解析日志文件，按级别统计行数。"),
            ("read_it", "CSVファイルを読み込んで集計する"),
            ("find_it", "큰 파일을 찾는다"),
            ("sort_it", "Сортирует строки файла"),
        ] {
            let given = Creation { description: Some(about.into()), ..creation(name, "def run(): pass") };
            skills.create(given).await.unwrap();
        }
        for (query, expected) in [
            ("日志文件", "parse_it"),
            ("统计", "parse_it"),
            ("级", "parse_it"),
            ("ファイル", "read_it"),
            ("集計", "read_it"),
            ("파일", "find_it"),
            ("строки", "sort_it"),
        ] {
            assert_eq!(found(&skills.search(query, 5).await.unwrap()).first(), Some(&expected), "{query}");
        }
        for query in ["天气预报", "天気", "погода", "Wettervorhersage für morgen", "prévisions météo"]
        {
            assert_eq!(found(&skills.search(query, 5).await.unwrap()), [""; 0], "{query}");
        }
    });
}

#[test]
fn skills_whose_words_were_made_in_another_way_are_found_all_the_same() {
    let base = tempfile::tempdir().unwrap();
    within(async {
        let skills = library(base.path());
        skills.create(creation("weigh", "\"\"\"Weigh parcels.\"\"\"\ndef run(): pass\n")).await.unwrap();
        // As a program of before leaves it.
        let store = Store::at(base.path());
        store
            .ask(|db| {
                let heads = db.heads_after(0, 9, super::finding::EDITION)?;
                let (content, bag) = heads[0].words.clone().unwrap();
                let texts = std::array::from_fn(|_| String::new());
                let words = crate::storage::Words { edition: 1, content, bag, texts };
                db.keep_words(&[crate::storage::Worded { skill: heads[0].id, version: 1, words }])
            })
            .await
            .unwrap();
        let skills = library(base.path());
        assert_eq!(found(&skills.search("weigh parcels", 5).await.unwrap()), ["weigh"]);
        let heads = store.ask(|db| db.heads_after(0, 9, super::finding::EDITION)).await.unwrap();
        assert!(!heads.is_empty() && heads.iter().all(|head| head.words.is_some()));
    });
}

#[test]
fn vectors_that_no_skill_needs_are_bounded() {
    let base = tempfile::tempdir().unwrap();
    let skills = with_model(base.path());
    within(async {
        let store = Store::at(base.path());
        let old: Vec<_> = (0..2_500_u32)
            .map(|at| {
                let hash: crate::storage::Hash = std::array::from_fn(|place| at.to_le_bytes()[place % 4]);
                (hash, vec![0.5; 3])
            })
            .collect();
        store.ask(move |db| db.keep_vectors("a model of before", &old)).await.unwrap();
        skills.create(creation("total", "\"\"\"Count it.\"\"\"\ndef run(): pass\n")).await.unwrap();
        skills.fill(|_, _| ()).await.unwrap();
        skills.drop_spare_vectors().await.unwrap();
        let (all, missing) = skills.meanings().read().count();
        assert_eq!(missing, 0);
        assert_eq!(store.ask(|db| db.count_vectors()).await.unwrap(), 1_000 + all);
        // What is needed is still there.
        let again = with_model(base.path());
        again.refresh(&again.in_memory()).await.unwrap();
        assert_eq!(again.meanings().read().count(), (all, 0));
    });
}

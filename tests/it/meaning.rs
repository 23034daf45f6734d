//! Skills found by what they mean, with the real model: fetched once through the program itself, into the target directory.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use actwright::config::ModelRules;
use actwright::embedding::{Embedder, Turn};

use crate::support::{Client, Era, Wire, said, text, value};

const MODEL: &str = "all-MiniLM-L6-v2";

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_actwright")).args(arguments).output().unwrap()
}

/// Where the model is.
fn models() -> &'static str {
    static PLACE: OnceLock<String> = OnceLock::new();
    PLACE.get_or_init(|| {
        let target = Path::new(env!("CARGO_BIN_EXE_actwright")).ancestors().nth(2).unwrap();
        let place = target.join("models");
        let place = place.to_str().unwrap().to_owned();
        let fetched = program(&["model", "fetch", "--model", MODEL, "--model-dir", &place]);
        assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
        place
    })
}

fn flags() -> [&'static str; 5] {
    ["--model", MODEL, "--model-dir", models(), "--offline"]
}

fn server(base: tempfile::TempDir) -> Client {
    let mut client = Client::spawn_in(base, Wire::Pipes, &flags());
    client.initialize("2025-11-25");
    client
}

/// Searches until the answer compares meanings, and gives it with what was said before.
fn searched(client: &mut Client, query: &str) -> (Value, Vec<String>) {
    let (begun, mut before) = (Instant::now(), Vec::new());
    loop {
        let found = client.call("search_skills", json!({"query": query}));
        let about = &found["_meta"]["actwright/skills"];
        if about["semantic"] == "on" {
            return (found, before);
        }
        before.push(about["reason"].as_str().unwrap().to_owned());
        assert!(begun.elapsed() < Duration::from_secs(120), "{before:?}");
    }
}

#[test]
fn vectors_are_those_that_another_implementation_computes() {
    let rules = ModelRules { name: None, directory: models().into(), ..ModelRules::none() };
    let embedder = Embedder::over(&rules);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // The first numbers of each, from the weights and the formulas of BERT in plain numpy.
    for (text, expected) in [
        ("parse a log file", [0.04361, 0.03818, 0.00293, -0.0367, 0.02177, -0.06131, 0.0515, 0.04635]),
        (
            "How many lines of each level are in the log?",
            [-0.00975, 0.0117, -0.03537, -0.02809, -0.00932, -0.05475, 0.00907, 0.06447],
        ),
        (
            "gr\u{f6}\u{df}te Dateien",
            [-0.02704, 0.08471, 0.07254, -0.02511, -0.01827, 0.09003, 0.089, 0.03101],
        ),
    ] {
        let vector = runtime.block_on(embedder.read(text, Turn::Query)).unwrap();
        assert_eq!(vector.len(), 384);
        assert!((vector.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-4);
        for (number, expected) in vector.iter().zip(expected) {
            assert!((number - expected).abs() < 2e-4, "{text}: {number} {expected}");
        }
    }
    embedder.end();
}

#[test]
fn a_paraphrase_is_found_in_a_session_and_by_a_tool() {
    let mut client = Client::open(Wire::Pipes, Era::Initialize("2025-11-25"), &flags());
    let source = "\"\"\"Reverse the order of the items.\"\"\"\ndef run(items: list) -> list:\n    return items[::-1]\n";
    client.call("create_skill", json!({"name": "flip", "source": source}));
    let query = "from last to first";
    let (found, _) = searched(&mut client, query);
    assert!(text(&found).starts_with("skills.flip("), "{}", text(&found));
    assert!(
        text(&found).contains(": meaning]") && text(&found).ends_with("[semantic: on]"),
        "{}",
        text(&found)
    );
    let code = format!("found = skills.search({query:?}); (found[0]['name'], found.semantic)");
    assert_eq!(value(&mut client, &code), "('flip', 'on')");
    assert!(
        said(&mut client, "search_skills", json!({"query": "symptoms of the flu"}))
            .starts_with("nothing fits")
    );
    client.call("delete_skill", json!({"name": "flip"}));
    let (found, _) = searched(&mut client, query);
    assert!(!text(&found).contains("skills.flip("), "{}", text(&found));
    // A file is found as soon as it is seen.
    let directory = client.base().join("skills");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("backwards.py"), source).unwrap();
    let begun = Instant::now();
    while !text(&searched(&mut client, query).0).starts_with("skills.backwards(") {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn reading_goes_on_where_a_killed_server_left_it() {
    let base = tempfile::tempdir().unwrap();
    let directory = base.path().join("skills");
    std::fs::create_dir(&directory).unwrap();
    let many = 120;
    for at in 0..many {
        let source = format!("\"\"\"Gives the number {at}.\"\"\"\ndef run():\n    return {at}\n");
        std::fs::write(directory.join(format!("number_{at}.py")), source).unwrap();
    }
    let read = |reason: &str| reason.split(' ').next().unwrap().parse::<usize>().unwrap_or(0);
    let mut client = server(base);
    let begun = Instant::now();
    let before = loop {
        let found = client.call("search_skills", json!({"query": "number 7"}));
        let about = &found["_meta"]["actwright/skills"];
        let reason = about["reason"].as_str().unwrap();
        assert!(text(&found).contains("skills.number_7"), "words are compared meanwhile: {}", text(&found));
        assert!(about["semantic"] == "off", "all was read before the server could be killed");
        if read(reason) > 0 {
            assert!(reason.ends_with("skills have been read, so only words were compared"), "{reason}");
            break read(reason);
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{reason}");
    };
    client.kill();
    let mut client = server(client.part());
    let (_, reasons) = searched(&mut client, "number 7");
    assert!(reasons.iter().all(|reason| read(reason) >= before), "{before} were read: {reasons:?}");
}

#[test]
fn without_a_model_every_command_says_what_to_do() {
    let room = tempfile::tempdir().unwrap();
    let place = room.path().join("models");
    let place = place.to_str().unwrap();
    let status = program(&["model", "status", "--model", MODEL, "--model-dir", place, "--offline", "--json"]);
    let about: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((status.status.code(), &about["state"]), (Some(1), &"off".into()));
    assert!(about["reason"].as_str().unwrap().ends_with("nothing may be fetched (offline)"), "{about}");
    let fetch = program(&["model", "fetch", "--model", MODEL, "--model-dir", place, "--offline"]);
    assert!(
        !fetch.status.success()
            && String::from_utf8_lossy(&fetch.stderr).contains("hint: leave out `--offline`")
    );
    let list = program(&["model", "list", "--model-dir", place, "--json"]);
    let all: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert!(all.as_array().unwrap().iter().all(|model| model["fetched"] == false), "{all}");
}

#[test]
fn a_server_that_cannot_fetch_says_why_and_works_on() {
    let base = tempfile::tempdir().unwrap();
    let models = base.path().join("models");
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["serve", "--model", MODEL, "--model-dir"]).arg(&models).arg("--base").arg(base.path());
    command.env("PIP_INDEX_URL", "http://127.0.0.1:1/simple").env("PIP_CONFIG_FILE", "/dev/null");
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    let begun = Instant::now();
    loop {
        let found = client.call("search_skills", json!({"query": "tables of a page"}));
        assert!(text(&found).starts_with("skills.html_tables("), "{}", text(&found));
        let reason = found["_meta"]["actwright/skills"]["reason"].as_str().unwrap().to_owned();
        if reason.starts_with("the model could not be fetched: 127.0.0.1:1 cannot be reached: ") {
            break;
        }
        assert!(reason.contains("is not here") || reason.contains("is being fetched"), "{reason}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{reason}");
    }
}

/// Functions of the test's own, and queries that share hardly a word with them.
const TRIAL: [(&str, &str, &str); 12] = [
    (
        "moving_average",
        "Smooth a series by the mean of a sliding window.",
        "take the jitter out of a noisy signal",
    ),
    ("dedupe", "Remove repeated elements and keep the first of each.", "throw out doubles from a list"),
    (
        "slugify",
        "Turn a title into lower case words joined by hyphens for a URL.",
        "make a headline fit for a web address",
    ),
    ("flatten", "Make one flat list of nested lists.", "get rid of inner brackets"),
    (
        "retry",
        "Call a function again after it raised, waiting longer each time.",
        "try once more when it fails",
    ),
    ("checksum", "The SHA-256 digest of a file.", "has this download been tampered with"),
    (
        "haversine",
        "Distance between two points on earth by latitude and longitude.",
        "how far apart are two cities",
    ),
    ("word_count", "Count how often every word occurs in a text.", "vocabulary statistics of an essay"),
    ("leap_year", "Whether a year has 366 days.", "does February get an extra day"),
    ("compress_folder", "Pack a directory into a zip archive.", "shrink all my documents into a single file"),
    ("transpose", "Swap rows and columns of a table.", "turn a matrix on its side"),
    (
        "mask_email",
        "Hide the local part of mail addresses in a text.",
        "make personal data unreadable before sharing",
    ),
];

#[test]
fn meaning_finds_what_words_do_not() {
    let room = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: Vec<Value>| {
        let path = room.path().join(name);
        std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let entry =
        |(name, about, _): &(&str, &str, &str)| json!({"id": name, "name": name, "description": about});
    let corpus = write("corpus.jsonl", TRIAL.iter().map(entry).collect());
    let asked = |(name, _, query): &(&str, &str, &str)| json!({"query": query, "relevant": [name], "split": "other words"});
    let exact = TRIAL.iter().map(|(name, ..)| json!({"query": name, "relevant": [name], "split": "names"}));
    let queries = write("queries.jsonl", TRIAL.iter().map(asked).chain(exact).collect());
    let base = room.path().join("base");
    let mut arguments = vec!["skills", "bench", "--corpus", &corpus, "--queries", &queries, "--json"];
    arguments.extend(["--base", base.to_str().unwrap()]);
    arguments.extend(flags());
    let output = program(&arguments);
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figure = |how: &str, split: &str| figures[how][split]["mrr_at_10"].as_f64().unwrap();
    assert_eq!((figure("words", "names"), figure("meaning", "names")), (1.0, 1.0), "{figures:#}");
    let (words, meaning) = (figure("words", "other words"), figure("meaning", "other words"));
    assert!(words < 0.4 && meaning > 0.75, "{figures:#}");
}

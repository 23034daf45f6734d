//! Reads the sources and fails on what the house rules forbid: an import that points up the layers, a file
//! without `//!`, `unsafe` outside its files, an environment variable read elsewhere than in `config/env.rs`.
//!
//! It reads text, not syntax: comments and strings are blanked first, so a rule can be named in prose.

// Clippy takes only test functions for tests, not what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt;
use std::path::{Path, PathBuf};

mod blank;
mod rules;

use rules::RULES;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A source file as a rule sees it.
struct Source<'a> {
    /// From the repository's root, with `/`.
    path: &'a str,
    /// As it is.
    text: &'a str,
    /// The same lines with comments and the inside of strings blanked, test modules in the file included.
    code: String,
}

impl<'a> Source<'a> {
    fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text, code: blank::blanked(text) }
    }

    fn breach(&self, line: usize, what: impl Into<String>) -> Breach {
        Breach { file: self.path.to_owned(), line, what: what.into() }
    }

    /// Lines of code with their numbers, up to the tests at the end of the file.
    fn program_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.ends_with("/tests.rs") || self.path.starts_with("tests/");
        let end =
            if is_test { Some(0) } else { self.code.lines().position(|line| line.trim() == "#[cfg(test)]") };
        self.code.lines().enumerate().take(end.unwrap_or(usize::MAX)).map(|(at, line)| (at + 1, line))
    }
}

#[test]
fn the_sources_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut breaches = Vec::new();
    let files = rust_files(root);
    assert!(files.len() > 20, "only {} sources were found", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        breaches.extend(look(&path, &text));
    }
    let listed: Vec<String> = breaches.iter().map(Breach::to_string).collect();
    assert!(breaches.is_empty(), "the house rules are broken:\n{}", listed.join("\n"));
}

fn look(path: &str, text: &str) -> Vec<Breach> {
    let source = Source::new(path, text);
    RULES.iter().flat_map(|rule| rule(&source)).collect()
}

/// Every `.rs` file that is ours: in the rooms of the workspace, not in any `target`.
fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("build.rs")];
    let mut open: Vec<PathBuf> =
        ["src", "crates", "tests", "bench"].iter().map(|room| root.join(room)).collect();
    while let Some(directory) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The rules on samples: each bad one is found, each good one is not.
#[cfg(test)]
mod samples {
    use super::look;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = look(path, text).into_iter().map(|breach| breach.to_string()).collect();
        assert_eq!(found.len(), expected.len(), "{path}: {found:?}");
        for words in expected {
            assert!(found.iter().any(|breach| breach.contains(words)), "{words:?} is not in {found:?}");
        }
    }

    #[test]
    fn a_file_says_what_it_owns() {
        check("src/names.rs", "//! Names.\n", &[]);
        check("src/names.rs", "// Names.\n", &["src/names.rs:1: does not open with `//!`"]);
        check("src/names.rs", "", &["does not open with `//!`"]);
    }

    #[test]
    fn arrows_point_down() {
        check("src/mcp/server.rs", "//! A.\nuse crate::session::Sessions;\n", &[]);
        check("src/session/actor.rs", "//! A.\nuse crate::mcp::render;\n", &["`session` may not use `mcp`"]);
        check(
            "src/worker/process.rs",
            "//! A.\nfn f() { crate::session::g() }\n",
            &["`worker` may not use `session`"],
        );
        check(
            "src/session/a.rs",
            "//! A.\nuse crate::{names, cli::run};\n",
            &["`session` may not use `cli`"],
        );
        check(
            "src/config/a.rs",
            "//! A.\nuse crate::{\n    names,\n    outputs,\n};\n",
            &["`config` may not use `outputs`"],
        );
        check("src/session/a.rs", "//! See crate::mcp.\n// crate::mcp\nlet a = \"crate::mcp::\";\n", &[]);
        check(
            "crates/protocol/src/lib.rs",
            "//! A.\nuse actwright_sandbox::x;\n",
            &["`protocol` may not use `actwright_sandbox`"],
        );
    }

    #[test]
    fn each_library_has_its_door() {
        check("src/mcp/server.rs", "//! A.\nuse rmcp::model::Tool;\n", &[]);
        check("src/session/a.rs", "//! A.\nuse rmcp::model::Tool;\n", &["`rmcp` is used outside its door"]);
        check("src/config/a.rs", "//! A.\nuse clap::Args;\n", &["`clap` is used outside its door"]);
        check("src/worker/a.rs", "//! A.\nlet a = libc::fork();\n", &["`libc` is used outside its door"]);
        check("src/worker/a.rs", "//! A.\nuse pyo3::prelude::*;\n", &["`pyo3` is used outside its door"]);
        check("src/mcp/a.rs", "//! A.\nuse anyhow::Result;\n", &["`anyhow` is used outside its door"]);
        check("src/mcp/a.rs", "//! A.\nlet my_rmcp = 1; // clap::\n", &[]);
    }

    #[test]
    fn unsafe_stays_in_its_rooms() {
        check("crates/sandbox/src/sys.rs", "//! A.\nunsafe { f() }\n", &[]);
        check("src/worker/a.rs", "//! A.\nunsafe { f() }\n", &["`unsafe` is allowed in"]);
        check("src/worker/a.rs", "//! A.\n#![allow(unsafe_code)]\n", &["`unsafe` is allowed in"]);
        check("src/worker/a.rs", "//! Nothing unsafe.\nlet a = \"unsafe\";\n", &[]);
    }

    #[test]
    fn the_environment_is_read_in_one_file() {
        check("src/config/env.rs", "//! A.\nstd::env::vars_os();\n", &[]);
        check("src/cli/a.rs", "//! A.\nstd::env::var(\"HOME\");\n", &["reads the environment"]);
        check("src/cli/a.rs", "//! A.\nuse std::env;\nenv::var_os(\"HOME\");\n", &["reads the environment"]);
        check("src/cli/a.rs", "//! A.\n#[cfg(test)]\nmod tests { fn f() { std::env::var(\"A\"); } }\n", &[]);
        check("tests/it/a.rs", "//! A.\nstd::env::var(\"HOME\");\n", &[]);
        check("build.rs", "//! A.\nstd::env::var(\"HOME\");\n", &[]);
    }

    #[test]
    fn no_notes_no_places_of_one_machine_no_giants() {
        let word = ["TO", "DO"].concat();
        check(
            "src/cli/a.rs",
            &format!("//! A.\n// {word}: later\n"),
            &["src/cli/a.rs:2: has a note to do later"],
        );
        let place = ["/ro", "ot/"].concat();
        check("src/cli/a.rs", &format!("//! A.\nlet a = \"{place}x\";\n"), &["a path of one machine"]);
        check("src/cli/a.rs", &format!("//! A.\n{}", "\n".repeat(500)), &["501 lines"]);
    }

    #[test]
    fn nothing_panics_on_purpose_outside_tests() {
        check("src/cli/a.rs", "//! A.\nlet a = b.unwrap();\n", &["`.unwrap()`"]);
        check("src/cli/a.rs", "//! A.\nlet a = b.unwrap_or(1);\n", &[]);
        check("src/cli/a/tests.rs", "//! A.\nlet a = b.unwrap();\n", &[]);
    }
}

//! The rules themselves, each a function from a source to its breaches.
//!
//! The lists at the head are the map of the house: who may use whom, and where each library has its door.

use super::{Breach, Source};

type Rule = fn(&Source<'_>) -> Vec<Breach>;

/// All rules.
pub const RULES: [Rule; 8] =
    [says_what_it_owns, arrows, doors, unsafe_rooms, environment, notes, places, size_and_panics];

/// What each room of `src/` may use of the others; itself always.
const ROOMS: [(&str, &[&str]); 23] = [
    ("names", &[]),
    ("nearest", &[]),
    ("watch", &[]),
    ("masks", &[]),
    ("storage", &[]),
    ("search", &[]),
    ("embedding", &["config"]),
    ("skills", &["nearest", "storage", "search", "embedding"]),
    ("artifacts", &["nearest", "storage"]),
    ("hosts", &[]),
    ("requirements", &[]),
    ("config", &["names", "nearest", "hosts", "requirements"]),
    ("programs", &[]),
    ("packages", &["nearest", "requirements", "config", "programs"]),
    ("outputs", &["names", "config", "masks"]),
    ("network", &["hosts", "config"]),
    ("worker", &["names", "config", "outputs", "watch", "network", "packages"]),
    // Its answers carry events for whoever watches a run, and those are the session's.
    ("tools", &["config", "nearest", "network", "masks", "search", "programs"]),
    ("host_calls", &["session", "tools", "skills", "artifacts", "packages", "masks"]),
    (
        "session",
        &[
            "masks",
            "names",
            "config",
            "outputs",
            "worker",
            "host_calls",
            "tools",
            "skills",
            "artifacts",
            "packages",
        ],
    ),
    (
        "mcp",
        &[
            "names",
            "nearest",
            "watch",
            "config",
            "outputs",
            "session",
            "tools",
            "skills",
            "artifacts",
            "packages",
        ],
    ),
    ("attack", &["names", "hosts", "config", "session", "host_calls"]),
    (
        "cli",
        &[
            "names",
            "nearest",
            "config",
            "outputs",
            "worker",
            "session",
            "mcp",
            "attack",
            "host_calls",
            "tools",
            "storage",
            "skills",
            "artifacts",
            "embedding",
            "packages",
            "programs",
        ],
    ),
];

/// What each crate and room may use of the workspace's other crates.
const CRATES: [(&str, &[&str]); 17] = [
    ("crates/protocol/", &[]),
    ("crates/sandbox/", &[]),
    ("crates/worker/", &["actwright_protocol", "actwright_sandbox"]),
    ("src/names.rs", &["actwright_sandbox"]),
    ("src/embedding/", &["actwright_sandbox"]),
    ("src/host_calls/", &["actwright_protocol"]),
    ("src/programs/", &["actwright_sandbox"]),
    ("src/tools/", &["actwright_sandbox"]),
    ("src/config/", &[]),
    ("src/outputs/", &["actwright_sandbox"]),
    ("src/worker/", &["actwright_protocol", "actwright_sandbox"]),
    ("src/session/", &["actwright_protocol", "actwright_sandbox"]),
    ("src/mcp/", &["actwright_sandbox"]),
    ("src/attack/", &["actwright_sandbox"]),
    ("src/cli/", &["actwright_sandbox"]),
    ("src/", &[]),
    ("build.rs", &[]),
];

/// Where each library may be named. Tests and benchmarks may name any.
const DOORS: [(&str, &[&str]); 21] = [
    ("pep440_rs", &["src/requirements.rs"]),
    (
        "unicode_normalization",
        &["src/artifacts/name.rs", "src/search/words.rs", "src/search/glossary/pieces.rs"],
    ),
    ("ruff_python_parser", &["src/skills/source/"]),
    ("ruff_python_ast", &["src/skills/source/"]),
    ("ruff_text_size", &["src/skills/source/"]),
    ("rusqlite", &["src/storage/sqlite"]),
    ("reqwest", &["src/tools/", "src/embedding/download.rs", "src/embedding/provision.rs"]),
    ("rustls", &["src/tools/web.rs", "src/embedding/download.rs"]),
    ("aho_corasick", &["src/masks/"]),
    ("shlex", &["src/tools/secrets/"]),
    ("jsonschema", &["src/tools/arguments.rs"]),
    ("serde_saphyr", &["src/tools/files.rs", "src/skills/agent/"]),
    ("rmcp", &["src/mcp/", "src/tools/mcp/", "src/cli/demo"]),
    ("clap", &["src/cli/"]),
    ("anyhow", &["src/cli/"]),
    ("fastembed", &["src/embedding/engine.rs"]),
    ("ort", &["src/embedding/engine.rs"]),
    ("zip", &["src/embedding/wheel.rs", "src/embedding/tests.rs"]),
    ("libc", &["crates/sandbox/", "crates/worker/"]),
    ("pyo3", &["crates/worker/"]),
    ("rustyline", &["src/cli/repl.rs"]),
];

/// The files in which `unsafe` may stand; a new one is a reviewed change of this list.
const UNSAFE: [&str; 16] = [
    "crates/sandbox/src/sys.rs",
    "crates/sandbox/src/sys/descriptors.rs",
    "crates/sandbox/src/sys/directories.rs",
    "crates/sandbox/src/sys/inspection.rs",
    "crates/sandbox/src/sys/limits.rs",
    "crates/sandbox/src/sys/mounts.rs",
    "crates/sandbox/src/sys/processes.rs",
    "crates/sandbox/src/sys/ptrace.rs",
    "crates/sandbox/src/sys/signals.rs",
    "crates/sandbox/src/puppet/tests.rs",
    "crates/sandbox/src/guard.rs",
    "crates/sandbox/src/outer.rs",
    "crates/worker/src/birth.rs",
    "crates/worker/src/midwife.rs",
    "crates/worker/src/park.rs",
    "crates/worker/src/zygote.rs",
];

/// The most lines of a file.
const LONGEST: usize = 500;

fn says_what_it_owns(source: &Source<'_>) -> Vec<Breach> {
    let opens = source.text.starts_with("//! ");
    if opens { Vec::new() } else { vec![source.breach(1, "does not open with `//!`")] }
}

fn arrows(source: &Source<'_>) -> Vec<Breach> {
    let mut breaches = room_arrows(source);
    let Some((from, allowed)) = CRATES.iter().find(|(prefix, _)| source.path.starts_with(prefix)) else {
        return breaches;
    };
    let from = from.trim_start_matches("crates/").trim_start_matches("src/").trim_end_matches('/');
    for (line, code) in source.program_lines() {
        for other in ["actwright_protocol", "actwright_sandbox", "actwright_worker"] {
            if names(code, other) && !allowed.contains(&other) {
                breaches.push(source.breach(line, format!("`{from}` may not use `{other}`")));
            }
        }
    }
    breaches
}

fn room_arrows(source: &Source<'_>) -> Vec<Breach> {
    let Some(rest) = source.path.strip_prefix("src/") else { return Vec::new() };
    let room = rest.split(['/', '.']).next().unwrap_or_default();
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else { return Vec::new() };
    let mut breaches = Vec::new();
    for (offset, used) in rooms_used(&source.code) {
        if used != room && !allowed.contains(&used.as_str()) && ROOMS.iter().any(|(name, _)| *name == used) {
            let line = 1 + source.code[..offset].matches('\n').count();
            breaches.push(source.breach(line, format!("`{room}` may not use `{used}`")));
        }
    }
    breaches
}

/// Every `crate::room` and every room in `crate::{room, other::thing}`, with its place.
fn rooms_used(code: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for (offset, _) in code.match_indices("crate::") {
        let rest = &code[offset + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let end = group.find(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth < 0
            });
            let group = &group[..end.unwrap_or(group.len())];
            used.extend(top_level(group).map(|name| (offset, name)));
        } else {
            used.push((offset, word(rest)));
        }
    }
    used
}

/// The first word of each item of a `use` group, nested groups aside.
fn top_level(group: &str) -> impl Iterator<Item = String> + '_ {
    let mut depth = 0;
    let items = group.split(move |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    items.map(|item| word(item.trim_start()))
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether a crate is named here: `name::…`, or `use name;`.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '.');
        whole
            && (after.starts_with("::")
                || (after.starts_with([';', ' ']) && code.trim_start().starts_with("use ")))
    })
}

fn doors(source: &Source<'_>) -> Vec<Breach> {
    if !source.path.starts_with("src/") && !source.path.starts_with("crates/") {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for (line, code) in source.program_lines() {
        for (library, allowed) in DOORS {
            if names(code, library) && !allowed.iter().any(|door| source.path.starts_with(door)) {
                let what = format!("`{library}` is used outside its door ({})", allowed.join(", "));
                breaches.push(source.breach(line, what));
            }
        }
    }
    breaches
}

fn unsafe_rooms(source: &Source<'_>) -> Vec<Breach> {
    if UNSAFE.contains(&source.path) {
        return Vec::new();
    }
    let words =
        |code: &str| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
    let found =
        source.code.lines().enumerate().filter(|(_, code)| words(code) || code.contains("allow(unsafe_code"));
    found
        .map(|(at, _)| source.breach(at + 1, format!("`unsafe` is allowed in {} only", UNSAFE.join(", "))))
        .collect()
}

fn environment(source: &Source<'_>) -> Vec<Breach> {
    let exempt = ["src/config/env.rs", "build.rs", "tests/", "bench/"];
    if exempt.iter().any(|path| source.path.starts_with(path)) {
        return Vec::new();
    }
    let reads = |code: &str| {
        code.match_indices("env::var").any(|(at, _)| {
            let rest = &code[at + "env::var".len()..];
            rest.starts_with(['(', '_', 's', ';'])
        })
    };
    let found = source.program_lines().filter(|(_, code)| reads(code));
    found
        .map(|(line, _)| source.breach(line, "reads the environment; that is done in `config/env.rs`"))
        .collect()
}

fn notes(source: &Source<'_>) -> Vec<Breach> {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["X", "XX"].concat() + ":"];
    let found =
        source.text.lines().enumerate().filter(|(_, text)| marks.iter().any(|mark| text.contains(mark)));
    found.map(|(at, _)| source.breach(at + 1, "has a note to do later; do it, or open an issue")).collect()
}

fn places(source: &Source<'_>) -> Vec<Breach> {
    let places = [["/ro", "ot/"].concat(), ["/wo", "rk/"].concat(), [".pye", "nv/versions"].concat()];
    let found =
        source.text.lines().enumerate().filter(|(_, text)| places.iter().any(|place| text.contains(place)));
    found.map(|(at, _)| source.breach(at + 1, "names a path of one machine")).collect()
}

fn size_and_panics(source: &Source<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let lines = source.text.lines().count();
    if lines > LONGEST {
        breaches.push(source.breach(lines, format!("has {lines} lines; split it by what changes together")));
    }
    if source.path.starts_with("src/") {
        for (line, code) in source.program_lines() {
            let unfinished = ["unimplement", "ed!("].concat();
            for call in [".unwrap()", ".expect(", "panic!(", &unfinished] {
                if code.contains(call) {
                    breaches.push(source.breach(line, format!("`{call}` outside tests")));
                }
            }
        }
    }
    breaches
}

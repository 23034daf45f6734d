//! Tools as an agent meets them: commands, upstream servers and the catalog, driven through the real program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Client, Wire, raised, said, value};

mod code;
mod commands;
mod containment;
mod endings;
mod overlap;
mod policy;
mod programs;
mod remote;
mod secrets;
mod story;
mod surface;
mod upstreams;
mod world;

/// A base directory with these files, each a path below it and its text.
fn base(files: &[(&str, &str)]) -> tempfile::TempDir {
    let base = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = base.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    base
}

/// A client of a server over a base directory with these files.
fn over(files: &[(&str, &str)]) -> Client {
    over_with(files, &[])
}

/// The same, with more variables in the server's environment.
fn over_with(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Client {
    let base = base(files);
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(base.path()).envs(environment.iter().copied());
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    client
}

/// A file of `tests/upstreams`.
fn upstream_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstreams").join(name)
}

/// An `mcp.json` with one scripted server under this name, which writes what it hears into `heard` in the base directory.
fn scripted(name: &str, mode: &str) -> String {
    let script = upstream_file("scripted.py");
    json!({"mcpServers": {name: {
        "command": "python3",
        "args": ["-I", script, mode],
        "env": {"HEARD": format!("heard-{name}")},
        "timeout": 20_000,
    }}})
    .to_string()
}

/// The lines that a scripted server has heard so far.
fn heard(client: &Client, name: &str) -> Vec<String> {
    let path = client.base().join(format!("heard-{name}"));
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

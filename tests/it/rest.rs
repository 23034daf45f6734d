//! REST APIs as tools, from code in a session to a server on the loopback and back.

mod answers;
mod keys;
mod parameters;
mod reach;

use std::process::Command;

use serde_json::Value;

use crate::support::{Client, Wire, text};

/// Notes what a call gives, or how it failed.
const ATTEMPT: &str = r"
def attempt(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as error:
        facts = {name: getattr(error, name, None) for name in ('kind', 'status', 'body')}
        return {'failed': str(error), **facts}
";

/// A client whose server has these files below `tools/`, and these variables in its environment.
fn client(files: &[(&str, String)], variables: &[(&str, &str)]) -> Client {
    let base = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = base.path().join("tools").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(base.path()).envs(variables.iter().copied());
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    client.run(ATTEMPT);
    client
}

/// The value of this expression, by way of JSON.
fn value(client: &mut Client, expression: &str) -> Value {
    let result = client.run(&format!("import json, asyncio\nprint(json.dumps({expression}))"));
    let shown = text(&result);
    let json = shown.strip_prefix("[stdout]\n").unwrap_or_else(|| panic!("{expression}: {shown}"));
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{expression}: {error}: {json}"))
}

/// How this call fails: its kind and words.
fn failure(client: &mut Client, call: &str) -> (String, String) {
    let result = value(client, &format!("attempt({call})"));
    let field = |name: &str| result[name].as_str().unwrap_or_else(|| panic!("{call}: {result}")).to_owned();
    (field("kind"), field("failed"))
}

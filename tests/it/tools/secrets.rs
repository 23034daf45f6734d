//! Secrets of tools: where they come from, when, and that they go nowhere else.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{over_with, raised, value};
use crate::support::{Client, report};

/// Prints a variable, so that a test sees what the tool got by its length and digest alone.
const TOOL: &str = "command: python3\nargs: [\"-I\", \"-c\", \"import hashlib, os; t = os.environ['T']; print(len(t), hashlib.md5(t.encode()).hexdigest()[:6])\"]\nenv: {T: \"VALUE\"}\n";

fn tool(name: &str, value: &str) -> String {
    format!("name: {name}\n{}", TOOL.replace("VALUE", value))
}

/// What `TOOL` prints for a text.
fn seen(client: &mut Client, text: &str) -> String {
    let code = format!(
        "import hashlib\nf'{{len({text:?})}} ' + hashlib.md5({text:?}.encode()).hexdigest()[:6] + '\\n'"
    );
    value(client, &code)
}

#[test]
fn each_source_is_asked_when_a_call_needs_it() {
    let programs = tempfile::tempdir().unwrap();
    let program = |name: &str, script: &str| {
        let path = programs.path().join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("vault", "#!/bin/sh\necho x >> asked\necho \"from-vault-$1\"\n");
    program(
        "secret-tool",
        "#!/bin/sh\n[ \"$*\" = \"lookup service github username me\" ] && echo from-keyring\n",
    );
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let files = [
        ("tools/a.yaml", tool("from_file", "${file:token}")),
        ("tools/b.yaml", tool("from_cmd", "${cmd:vault 'two words'}")),
        ("tools/c.yaml", tool("from_keyring", "${keyring:github/me}")),
        ("tools/d.yaml", tool("from_env", "${env:KEY}")),
        ("tools/e.yaml", tool("from_nowhere", "${keyring:github/you}")),
        ("token", "first-token\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut client = over_with(&files, &[("PATH", &path), ("KEY", "from-environment")]);
    for (name, text) in [
        ("from_file", "first-token"),
        ("from_cmd", "from-vault-two words"),
        ("from_cmd", "from-vault-two words"),
        ("from_keyring", "from-keyring"),
        ("from_env", "from-environment"),
    ] {
        let expected = seen(&mut client, text);
        assert_eq!(value(&mut client, &format!("tools.{name}()")), expected, "{name}");
    }
    // A program is not asked for each call, a file is.
    assert_eq!(std::fs::read_to_string(client.base().join("asked")).unwrap(), "x\n");
    std::fs::write(client.base().join("token"), "second-token").unwrap();
    let expected = seen(&mut client, "second-token");
    assert_eq!(value(&mut client, "tools.from_file()"), expected);
    let (kind, message) = raised(&mut client, "tools.from_nowhere()");
    assert_eq!(kind, "ToolUnavailableError");
    insta::assert_snapshot!(message, @"tools.from_nowhere: `env`, `T`: `${keyring:github/you}` gave nothing: exit code 1");
}

#[test]
fn a_secret_that_code_has_got_hold_of_is_masked_in_all_that_it_says() {
    let files = [("tools/a.yaml", tool("key", "${file:token}")), ("token", "s3cret-t0ken".to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut client = over_with(&files, &[]);
    value(&mut client, "tools.key()");
    // In two halves nothing is masked on its way in; whole it must not come out, however it is written.
    let begin = "import base64, os, sys\nt = 's3cret-' + 't0ken'\n";
    let code = format!(
        "{begin}print('a', t)\nsys.stderr.write(t)\nos.write(1, b's3cret-')\nos.write(1, b't0ken')\n\
         progress(1, 2, message=t)\nimport time\ntime.sleep(1)\nprint(base64.b64encode(b'x' + t.encode()).decode())\n{{'t': t}}"
    );
    let id = client.begin("run_code", json!({"code": code}), "p");
    let result = client.answer(&id).unwrap();
    let notes = json!(client.notifications).to_string();
    assert!(notes.contains("***") && !notes.contains("s3cret"), "{notes}");
    let run = report(&result);
    assert_eq!(run["result"], "{'t': '***'}", "{result}");
    assert_eq!(run["result_json"], json!({"t": "***"}));
    assert!(run["stdout"].as_str().unwrap().starts_with("a ***\n***"), "{result}");
    assert_eq!(run["stderr"], "***");
    assert!(!result.to_string().contains("s3cret"), "{result}");
    assert!(!result.to_string().contains("zM2NyZXQtdDBrZW"), "{result}");
    let result = client.run(&format!("{begin}raise ValueError(t)"));
    let error = &report(&result)["error"];
    assert_eq!(error["message"], "***", "{result}");
    assert!(!result.to_string().contains("s3cret-t0ken"), "{result}");
    // What is kept for reading later is masked too.
    let id = report(&result)["output_id"].as_str().unwrap();
    let kept = client.call("read_output", json!({"id": format!("{id}/error")}));
    assert!(kept.to_string().contains("ValueError: ***"), "{kept}");
}

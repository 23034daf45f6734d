//! `actwright tools import` against homes as the clients leave them.

use super::*;

/// A home with the files of every client.
fn lived_in() -> Room {
    let room = Room::new();
    let project = room.path("project").display().to_string();
    let claude = json!({
        "numStartups": 12,
        "mcpServers": {
            "memory": {"type": "stdio", "command": "npx", "args": ["-y", "memory"], "env": {}},
            "actwright": {"command": "actwright", "args": ["serve"]},
        },
        "projects": {(project): {"mcpServers": {"local": {"command": "./run"}}, "history": []}},
    });
    room.write("home/.claude.json", &claude.to_string());
    room.write(
        "project/.mcp.json",
        r#"{"mcpServers": {"team": {"type": "http", "url": "https://x/${TEAM:-a}"}}}"#,
    );
    room.write(
        "home/.config/Claude/claude_desktop_config.json",
        r#"{"mcpServers": {"memory": {"command": "npx", "args": ["-y", "memory"]}}}"#,
    );
    room.write(
        "home/.cursor/mcp.json",
        r#"{"mcpServers": {"figma": {"url": "https://figma/mcp", "headers": {"X-Key": "${env:FIGMA}"}},
            "memory": {"command": "other"}}}"#,
    );
    room.write(
        "project/.vscode/mcp.json",
        "{\n  // asks for a token\n  \"inputs\": [{\"id\": \"gh-token\", \"type\": \"promptString\"}],\n  \"servers\": {\n    \
         \"github\": {\"type\": \"stdio\", \"command\": \"docker\", \"args\": [\"run\", \"${workspaceFolder}\"],\n      \
         \"env\": {\"TOKEN\": \"${input:gh-token}\"}},\n  },\n}\n",
    );
    room.write(
        "home/.codex/config.toml",
        "model = \"m\"\n[mcp_servers.docs]\nurl = \"https://docs/mcp\"\nbearer_token_env_var = \"DOCS\"\n\
         [mcp_servers.off]\ncommand = \"x\"\nenabled = false\n",
    );
    room.write(
        "home/.gemini/settings.json",
        r#"{"theme": "x", "mcpServers": {"db": {"command": "db", "env": {"DB_PASSWORD": "hunter2hunter2"}, "trust": true},
            "old": {"url": "http://old/sse"}}}"#,
    );
    room
}

fn servers(room: &Room) -> Value {
    let text = std::fs::read_to_string(room.path("base/mcp.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["mcpServers"].take()
}

#[test]
fn every_client_is_read_and_every_server_has_a_verdict() {
    let room = lived_in();
    let ended = room.run(&["import"]);
    let at = |below: &str| room.path(below).display().to_string();
    let text = format!(
        "claude-code ({})\n  added     team\n\
         claude-code ({})\n  added     local\n  added     memory\n  skipped   actwright  it is this program\n\
         claude-desktop ({})\n  there     memory     as `memory`\n\
         cursor ({})\n  added     figma\n  \
         differs   memory     the entry of claude-code was taken; --from names the client to prefer\n\
         vscode ({})\n  added     github\n            \
         note: vscode asks for `gh-token` when it starts the server; set the environment variable `GH_TOKEN` where \
         actwright is started\n\
         codex ({})\n  added     docs\n  skipped   off        it is switched off\n\
         gemini ({})\n  added     db\n            \
         note: `trust` is left out; which tools may be called is said in `[tools.policy]` of actwright.toml\n            \
         note: `env`, `DB_PASSWORD` is a secret in plain text, which nothing masks; put it into the environment and write \
         `${{DB_PASSWORD}}`\n  added     old\n\
         8 servers written to {}\n",
        at("project/.mcp.json"),
        at("home/.claude.json"),
        at("home/.config/Claude/claude_desktop_config.json"),
        at("home/.cursor/mcp.json"),
        at("project/.vscode/mcp.json"),
        at("home/.codex/config.toml"),
        at("home/.gemini/settings.json"),
        at("base/mcp.json"),
    );
    ended.must(0, &text, "");
    let project = at("project");
    let expected = json!({
        "team": {"type": "http", "url": "https://x/${TEAM:-a}"},
        "local": {"command": "./run", "cwd": project},
        "memory": {"command": "npx", "args": ["-y", "memory"]},
        "figma": {"type": "http", "url": "https://figma/mcp", "headers": {"X-Key": "${FIGMA}"}},
        "github": {"command": "docker", "args": ["run", project], "env": {"TOKEN": "${GH_TOKEN}"}, "cwd": project},
        "docs": {"type": "http", "url": "https://docs/mcp", "headers": {"Authorization": "Bearer ${DOCS}"}},
        "db": {"command": "db", "env": {"DB_PASSWORD": "hunter2hunter2"}},
        "old": {"type": "sse", "url": "http://old/sse"},
    });
    assert_eq!(servers(&room), expected);
    let mode = room.path("base/mcp.json").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The loader agrees with what was written; the variables are not set here.
    let check = room.json(&["check", "--no-start", "--json"]);
    let broken: Vec<&str> =
        check["broken"].as_array().unwrap().iter().map(|it| it["place"].as_str().unwrap()).collect();
    assert_eq!(broken, ["mcp.json, `figma`", "mcp.json, `github`", "mcp.json, `docs`"]);
    // A second time there is nothing to do.
    let again = room.run(&["import"]);
    assert!(
        again.code == 0 && again.stdout.ends_with(&format!("nothing to write to {}\n", at("base/mcp.json")))
    );
}

#[test]
fn an_entry_that_differs_stays_unless_it_is_forced() {
    let room = lived_in();
    room.write("base/mcp.json", r#"{"note": 1, "mcpServers": {"figma": {"command": "mine"}}}"#);
    room.write("base/tools/memory.yaml", "name: memory\ncommand: echo\n");
    let arguments = ["import", "--from", "cursor", "--json"];
    let found = room.json(&arguments);
    assert_eq!((&found["servers"][0]["verdict"], &found["written"]), (&json!("differs"), &json!(false)));
    assert_eq!(found["servers"][1]["why"], "its namespace is that of `memory`");
    assert_eq!(servers(&room), json!({"figma": {"command": "mine"}}));
    let dry = room.json(&[&arguments[..], &["--force", "--dry-run"]].concat());
    assert_eq!((&dry["servers"][0]["verdict"], &dry["written"]), (&json!("replaced"), &json!(false)));
    assert_eq!(servers(&room), json!({"figma": {"command": "mine"}}));
    assert_eq!(room.json(&[&arguments[..], &["--force"]].concat())["written"], true);
    assert_eq!(servers(&room)["figma"]["url"], "https://figma/mcp");
    assert!(std::fs::read_to_string(room.path("base/mcp.json")).unwrap().contains("\"note\": 1"));
}

#[test]
fn a_file_can_be_named_and_one_that_is_broken_stops_no_other() {
    let room = Room::new();
    let file = room.write("x/settings.json", r#"{"mcpServers": {"a": {"httpUrl": "http://a"}}}"#);
    let ended = room.run(&["import", "--from", "gemini", "--file", file.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(servers(&room), json!({"a": {"type": "http", "url": "http://a"}}));
    room.write("home/.claude.json", "{\"mcpServers\": ");
    room.write("home/.cursor/mcp.json", r#"{"mcpServers": {"b": {"command": "b"}}}"#);
    let ended = room.run(&["import"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("  added     b\n") && ended.stdout.contains("cannot read `"), "{ended:?}");
    assert_eq!(servers(&room)["b"], json!({"command": "b"}));
}

#[test]
fn what_cannot_be_done_is_said() {
    let room = Room::new();
    let hint = "hint: name the file with --file PATH\n";
    let words = format!("error: there is no configuration of codex\n{hint}");
    room.run(&["import", "--from", "codex"]).must(1, "", &words);
    let ended = room.run(&["import", "--from", "emacs"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("it is claude-code, claude-desktop, cursor, vscode, codex, gemini or all"));
    room.write("home/.cursor/mcp.json", r#"{"mcpServers": {"b": {"command": "b"}}}"#);
    let mine = "# by hand\nmcpServers: {}\n";
    room.write("base/mcp.json", mine);
    let ended = room.run(&["import"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("is not plain JSON, and writing it would lose what is not"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(room.path("base/mcp.json")).unwrap(), mine);
}

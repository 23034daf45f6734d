//! The examples of the README, run through the loader: what stands there is what a reader will copy.

use super::*;

/// The fenced blocks of one kind in the section about tools' sources.
fn blocks(kind: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("Bring your tools\n")).unwrap();
    let blocks = section.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(&format!("{kind}\n"))).map(str::to_owned).collect()
}

#[test]
fn every_example_of_a_tool_loads() {
    let room = Room::new();
    let files = blocks("yaml");
    assert!(files.len() >= 4, "only {} examples", files.len());
    for (number, text) in files.iter().enumerate() {
        room.write(&format!("base/tools/{number}.yaml"), text);
    }
    let servers = blocks("json");
    assert_eq!(servers.len(), 1);
    room.write("base/mcp.json", &servers[0]);
    let rules = blocks("toml");
    assert_eq!(rules.len(), 1);
    room.write("base/actwright.toml", &rules[0]);
    let mut command = room.command(&["check", "--no-start", "--json"]);
    for secret in ["GITHUB_TOKEN", "WEATHER_KEY", "PETS_SECRET"] {
        command.env(secret, "a-secret-of-a-test");
    }
    let output = command.output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["broken"], &found["notes"]), (&json!([]), &json!([])));
    let failed = |space: &&Value| space["state"] == "failed";
    let spaces = found["namespaces"].as_array().unwrap();
    // What is left to fail is a program that this machine does not have.
    for space in spaces.iter().filter(failed) {
        assert!(space["reason"].as_str().unwrap().starts_with("there is no program"), "{space}");
    }
    let kinds: Vec<&str> = spaces.iter().map(|space| space["kind"].as_str().unwrap()).collect();
    for kind in ["command", "rest", "mcp"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    // The recipe does what its description says.
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(room.path("base/repo")).args(["-c", "user.name=Ada", "-c", "user.email=ada@x"]);
        assert!(git.args(arguments).stdout(Stdio::null()).status().unwrap().success(), "{arguments:?}");
    };
    std::fs::create_dir_all(room.path("base/repo")).unwrap();
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
    let history = room.run(&["call", "commits.recent", "--arg", "author=Ada"]);
    assert!(history.code == 0 && history.stdout.contains(" first\""), "{history:?}");
    assert_eq!(room.run(&["call", "commits.recent", "--arg", "author=Bob"]).stdout, "[]\n");
    // Endpoints need nobody's document, so their signatures are known at once.
    let listed =
        room.command(&["list", "weather"]).env("WEATHER_KEY", "a-secret-of-a-test").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("tools.weather.forecast(city: str, days: int = 3"), "{listed}");
}

#[test]
fn the_example_of_a_client_is_what_clients_read() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp.json.example")).unwrap();
    let room = Room::new();
    let file = room.write("x/.mcp.json", &text);
    let found = room.json(&["import", "--file", file.to_str().unwrap(), "--json"]);
    assert_eq!(found["servers"][0]["why"], "it is this program");
}

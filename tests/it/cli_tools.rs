//! Drives `actwright tools` as a person at a terminal and as a script do: words, documents, exit codes.
//!
//! Each test has a home and a base directory of its own, so that no client of this machine takes part.

// Clippy takes only test functions for tests, not what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

mod import;
mod readme;

/// A directory with a base, a home and a project, which goes away with the test.
struct Room(tempfile::TempDir);

/// What a command left behind.
#[derive(Debug)]
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        for directory in ["base/tools", "home", "project"] {
            std::fs::create_dir_all(room.path(directory)).unwrap();
        }
        room
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, content: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A base directory with a command, a server, and a file that is broken.
    fn furnished() -> Self {
        let room = Self::new();
        room.write(
            "base/tools/echo.yaml",
            "name: echo\ncommand: echo\ndescription: Says it again.\ntags: [parrot]\n\
             schema:\n  options:\n    n: {type: boolean, short: n}\n    e: {type: boolean}\n  \
             positional:\n    - {name: words, type: array, required: true}\n\
             recipes:\n  hello: {description: Greets., preset: {words: [hello]}}\n",
        );
        room.serve("0");
        room
    }

    /// Puts the test's server into `mcp.json`; it takes so many seconds to greet.
    fn serve(&self, seconds: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli_tools/upstream.py");
        let entry = json!({"command": "python3", "args": [script, seconds]});
        self.write("base/mcp.json", &json!({"mcpServers": {"up-stream": entry}}).to_string());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
        command.arg("tools").args(arguments).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("ACTWRIGHT_BASE", self.path("base"));
        command.current_dir(self.path("project"));
        // pyenv's `python3` is a script that looks for its versions here.
        let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
        command.env("PYENV_ROOT", pyenv.or(home).unwrap_or_default());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(arguments);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }
}

impl Ended {
    fn must(&self, code: i32, stdout: &str, stderr: &str) {
        // On a busy machine a server takes long enough to be worth a word.
        let said = self.stderr.replace("starting up_stream\n", "");
        assert_eq!((self.code, self.stdout.as_str(), said.as_str()), (code, stdout, stderr));
    }
}

/// The server's line, whose interpreter may be a launcher that needs a home.
const SAY_IT: &str =
    "tools.up_stream.say_it(word: str, times: int = 1) -> dict (`say-it` there)  Says a word.";

#[test]
fn list_shows_every_namespace_and_what_is_broken() {
    let room = Room::furnished();
    room.write("base/tools/bad.yaml", "name: bad\ncomand: x\n");
    let note = "note: tools/echo.yaml, `echo`: option `e` is passed as `--e`, which few programs understand; write `short: e` \
                for `-e`\n";
    let text = format!(
        "tools.echo (command): Says it again.\n  \
         tools.echo(words: list[str | int | float], n: bool = None, e: bool = None) -> str  Says it again.\n  \
         tools.echo.hello(words: list[str | int | float] = ['hello'], n: bool = None, e: bool = None) -> str  Greets.\n\
         tools.up_stream (mcp, `up-stream`)\n  {SAY_IT}\n  tools.up_stream.photo()  Two images.\n  \
         tools.up_stream.fail()  Fails.\n\
         broken: tools/bad.yaml, `bad`: the file has the key `comand`, which means nothing; did you mean `command`?\n{note}"
    );
    room.run(&["list"]).must(0, &text, "");
    let list = room.json(&["list", "--json"]);
    assert_eq!(list["namespaces"][1]["tools"][0]["name"], "up_stream.say_it");
    assert_eq!(list["namespaces"][1]["original"], "up-stream");
    assert_eq!(list["broken"][0]["place"], "tools/bad.yaml, `bad`");
    let one = room.run(&["list", "up-stream"]);
    assert!(one.code == 0 && one.stdout.starts_with("tools.up_stream (mcp") && !one.stdout.contains("echo"));
    let unstarted = room.run(&["list", "--no-start", "up_stream"]);
    unstarted.must(0, "tools.up_stream (mcp, `up-stream`, not started)\n", "");
    let hint = "hint: `actwright tools list` shows what there is\n";
    let words = format!("error: there is no `tools.ecko`; did you mean `tools.echo`?\n{hint}");
    room.run(&["list", "ecko"]).must(1, "", &words);
}

#[test]
fn without_tools_there_is_advice() {
    let room = Room::new();
    let text = "no tools are configured; put YAML files into tools/ or servers into mcp.json\n";
    room.run(&["list"]).must(0, text, "");
    room.run(&["check"]).must(0, "0 namespaces are well\n", "");
}

#[test]
fn a_server_that_takes_its_time_is_named_on_stderr() {
    let room = Room::new();
    room.serve("1.6");
    let ended = room.run(&["list"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, "starting up_stream\n"), "{ended:?}");
    assert!(ended.stdout.contains(SAY_IT), "{ended:?}");
}

#[test]
fn search_finds_by_words_and_says_when_there_is_nothing() {
    let room = Room::furnished();
    let found = room.run(&["search", "two", "images"]);
    found.must(0, "tools.up_stream.photo()  Two images.\n", "");
    let found = room.json(&["search", "parrot", "--limit", "1", "--json"]);
    assert_eq!((found.as_array().unwrap().len(), &found[0]["name"]), (1, &json!("echo")));
    room.run(&["search", "zebra"]).must(1, "", "no tool fits these words\n");
}

#[test]
fn show_says_everything_of_a_tool() {
    let room = Room::furnished();
    let shown = room.run(&["show", "tools.up_stream.say-it"]);
    let head = "tools.up_stream.say_it(word: str, times: int = 1) -> dict\nin its own words: `say-it`\n\n\
                Says a word. Slowly.\n\nArgs:\n    word: Which.\n    times: How often.\n\nReturns:\n    {said?: str}\n\nsays of itself: read only\n\ninput\n{\n";
    assert!(shown.code == 0 && shown.stdout.starts_with(head), "{shown:?}");
    assert!(shown.stdout.contains("\noutput (declared)\n{\n"), "{shown:?}");
    let shown = room.json(&["show", "up_stream.photo", "--json"]);
    assert_eq!((&shown["output"], &shown["output_is"]), (&Value::Null, &json!("unknown")));
    let refused = room.run(&["show", "up_stream.phto"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("tools.up_stream has no `phto`; did you mean `photo`?"), "{refused:?}");
}

#[test]
fn call_obeys_the_schema_and_prints_the_result() {
    let room = Room::furnished();
    let check = |arguments: &[&str], stdout: &str| {
        room.run(&[&["call"], arguments].concat()).must(0, stdout, "");
    };
    check(&["echo.hello"], "hello\n");
    check(&["echo", "--arg", "words=a b", "--arg", "words=c"], "a b c\n");
    check(&["echo", "--arg", "words=[\"x\", 1]", "--arg", "n=true"], "x 1\n");
    check(&["up_stream.say_it", "--arg", "word=5", "--arg", "times=2"], "{\n  \"said\": \"55\"\n}\n");
    check(&["up_stream.say_it", "--json", "{\"word\": \"no\"}"], "{\n  \"said\": \"no\"\n}\n");
    let check = |arguments: &[&str], code: i32, words: &str| {
        let ended = room.run(&[&["call"], arguments].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{ended:?}");
        let said = ended.stderr.replace("starting up_stream\n", "");
        assert!(said.starts_with("error: ") && said.contains(words), "{ended:?}");
    };
    check(&["up_stream.say_it", "--arg", "word=a", "--arg", "times=x"], 2, "argument `times`");
    check(&["up_stream.say_it"], 2, "argument `word` is missing; it is called as tools.up_stream.say_it(");
    check(&["echo", "--arg", "wrods=a"], 2, "did you mean `words`?");
    check(&["echo", "--arg", "words"], 2, "`--arg words` has no `=`\nhint: ");
    check(&["up_stream.say_it", "--arg", "word=a", "--arg", "word=b"], 2, "`word` is given twice");
    check(&["up_stream.say_it", "--json", "[]"], 2, "`--json` is no JSON object");
    check(&["echo", "--json", "{\"words\": [\"-x\"]}"], 2, "begins with `-`");
    check(&["nothing.there"], 2, "there is no `tools.nothing`");
    check(&["up_stream.fail"], 1, "tools.up_stream.fail: it did not work");
}

#[test]
fn bytes_go_to_a_file_or_into_a_pipe() {
    let room = Room::furnished();
    let ended = room.run(&["call", "up_stream.photo", "--out", "shot.png"]);
    ended.must(0, "", "[image/png, 5 bytes: shot.png]\n[image/png, 6 bytes: shot-2.png]\n");
    let read = |name: &str| std::fs::read_to_string(room.path(&format!("project/{name}"))).unwrap();
    assert_eq!((read("shot.png").as_str(), read("shot-2.png").as_str()), ("first", "second"));
    room.run(&["call", "up_stream.photo"]).must(0, "firstsecond", "");
}

#[test]
fn the_operator_is_bound_by_deny_and_not_by_what_binds_others() {
    let room = Room::furnished();
    room.write(
        "base/actwright.toml",
        "[tools.policy.\"echo.*\"]\npermission = \"ask\"\ncallers = \"code\"\n\
         [tools.policy.\"up_stream.*\"]\npermission = \"deny\"\n",
    );
    room.run(&["call", "echo.hello"]).must(0, "hello\n", "");
    let denied = room.run(&["call", "up_stream.photo"]);
    assert_eq!((denied.code, denied.stdout.as_str()), (1, ""));
    assert!(denied.stderr.contains("the policy denies it"), "{denied:?}");
}

#[test]
fn secrets_do_not_come_back() {
    let room = Room::new();
    room.write(
        "base/tools/show.yaml",
        "name: show\ncommand: printenv\nargs: [KEY]\nenv: {KEY: '${SECRET}'}\n",
    );
    let output = room.command(&["call", "show"]).env("SECRET", "s3cret-value").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "***\n");
    let broken = room.run(&["check"]);
    assert_eq!(broken.code, 1);
    assert!(broken.stdout.contains("`SECRET` is not set"), "{broken:?}");
}

#[test]
fn check_tells_what_works_and_fails_when_something_does_not() {
    let room = Room::furnished();
    let note = "option `e` is passed as `--e`, which few programs understand; write `short: e` for `-e`";
    let text = format!(
        "ok      tools.echo               command, 2 tools\nok      tools.up_stream          mcp, 3 tools\n\
         note    tools/echo.yaml, `echo`  {note}\n2 namespaces are well\n"
    );
    room.run(&["check"]).must(0, &text, "");
    room.write("base/tools/gone.yaml", "name: gone\ncommand: no-such-program\n");
    room.write("base/tools/bad.yaml", "name: [\n");
    room.write("base/tools/dead.json", "{\"mcpServers\": {\"dead\": {\"command\": \"false\"}}}");
    let ended = room.run(&["check"]);
    assert_eq!(ended.code, 1);
    for line in [
        "FAILED tools.gone command: there is no program `no-such-program` on this machine",
        "FAILED tools.dead mcp: ",
        "broken tools/bad.yaml ",
        "2 namespaces are well, 2 cannot be used, 1 entry is broken",
    ] {
        // How wide the columns are is no matter here.
        let plain = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(line), "{line:?} is not in {}", ended.stdout);
    }
    let found = room.json(&["check", "--json"]);
    assert_eq!(found["ok"], false);
    let states: Vec<&str> = found["namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|space| space["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["failed", "ready", "failed", "ready"]);
    assert_eq!(found["broken"].as_array().unwrap().len(), 1);
}

#[test]
fn servers_that_were_started_are_gone_when_the_command_ends() {
    let room = Room::furnished();
    let script = room.path("base/stay.py");
    std::fs::write(
        &script,
        "import os, pathlib, runpy, sys\npathlib.Path('pid').write_text(str(os.getpid()))\n\
         sys.argv = [sys.argv[1]]\nrunpy.run_path(sys.argv[0])\n",
    )
    .unwrap();
    let upstream = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli_tools/upstream.py");
    let entry = json!({"mcpServers": {"stay": {"command": "python3", "args": [script, upstream]}}});
    room.write("base/mcp.json", &entry.to_string());
    assert!(room.run(&["list", "stay"]).stdout.contains("tools.stay.photo"));
    let pid = std::fs::read_to_string(room.path("base/pid")).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while process.exists() {
        assert!(std::time::Instant::now() < deadline, "the server {pid} is still there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

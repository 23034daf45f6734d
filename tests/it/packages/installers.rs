//! Which program installs, what it may do, and how much of what it made is kept.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::support::{Client, Wire, raised, report, said, text, value};

/// An environment of its own, made once by venv and pip, in which this can be imported.
fn environment(name: &str, package: &str) -> PathBuf {
    let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = room.join("bin/python3");
    let ran = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    // Tests run side by side, and two may want the same one.
    static MAKING: Mutex<()> = Mutex::new(());
    let _turn = MAKING.lock();
    if !room.join("ready").exists() {
        assert!(ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&room)), "venv");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
        assert!(ran(Command::new(&python).args(pip)), "{package} could not be installed");
        std::fs::write(room.join("ready"), "").unwrap();
    }
    python
}

/// A server for this interpreter that finds no uv on its way.
fn serve(python: &Path, configuration: &str) -> Client {
    let base = tempfile::tempdir().unwrap();
    std::fs::write(base.path().join("actwright.toml"), configuration).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command
        .arg("serve")
        .arg("--base")
        .arg(base.path())
        .arg("--python")
        .arg(python)
        .env("PATH", "/usr/bin:/bin");
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    client
}

#[test]
fn uv_as_a_module_of_the_sessions_python_installs() {
    let mut client = serve(&environment("uv", "uv"), "");
    value(&mut client, "x = 1; deps.add('humanize==4.12.2')");
    assert_eq!(value(&mut client, "import humanize; humanize.__version__, x"), "('4.12.2', 1)");
    // Only uv says it so.
    let (kind, words) = raised(&mut client, "deps.add('humanize>99')");
    assert!(kind == "DepsResolverError" && words.contains("No solution found"), "{kind}: {words}");
}

/// Makes wheels of a few kilobytes without any tool.
const WHEELS: &str = include_str!("../../../bench/src/cells/wheels.py");

#[test]
fn the_users_own_configuration_says_where_packages_come_from() {
    let room = tempfile::tempdir().unwrap();
    let wheels = room.path().join("wheels");
    std::fs::create_dir(&wheels).unwrap();
    let python = found(Path::new("python3"));
    let made = Command::new(&python).args(["-c", WHEELS]).arg(&wheels).arg("2").status().unwrap();
    assert!(made.success());
    let shown = wheels.display();
    for (file, text) in [
        (".config/pip/pip.conf", format!("[global]\nno-index = true\nfind-links = {shown}\n")),
        (".config/uv/uv.toml", format!("no-index = true\nfind-links = [\"{shown}\"]\n")),
    ] {
        let path = room.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for python in [environment("uv", "uv"), python] {
        let base = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
        command.arg("serve").arg("--base").arg(base.path()).arg("--python").arg(python);
        command.env("PATH", "/usr/bin:/bin").env("HOME", room.path());
        // Variables stand above files.
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PIP_") || name.starts_with("UV_"))
        {
            command.env_remove(name);
        }
        command.env_remove("XDG_CONFIG_HOME");
        let mut client = Client::spawn_command(base, Wire::Pipes, command);
        client.initialize("2025-11-25");
        value(&mut client, "deps.add('actwright-bench-1')");
        assert_eq!(value(&mut client, "import actwright_bench_1; actwright_bench_1.part.function_7(1)"), "8");
        // Nothing else is asked.
        let (kind, words) = raised(&mut client, "deps.add('humanize')");
        assert!(kind == "DepsResolverError" && words.contains("humanize"), "{kind}: {words}");
    }
}

#[test]
fn a_pip_that_is_too_old_is_named() {
    let mut client = serve(&environment("old-pip", "pip==21.3.1"), "");
    let (kind, words) = raised(&mut client, "deps.add('humanize')");
    assert!(
        kind == "DepsError" && words.contains("pip 21.3.1 is too old (22.2 or newer is needed)"),
        "{kind}: {words}"
    );
}

#[test]
fn packages_are_built_only_if_it_is_configured() {
    let uv = environment("uv", "uv");
    for python in [uv.as_path(), Path::new("python3")] {
        let python = if python.is_absolute() { python.to_owned() } else { found(python) };
        // There is no wheel of it.
        let mut client = serve(&python, "");
        let (kind, words) = raised(&mut client, "deps.add('docopt==0.6.2')");
        assert!(kind == "DepsResolverError" && words.contains("docopt"), "{kind}: {words}");
        assert_eq!(value(&mut client, "deps.list()"), "[]");
        let mut client = serve(&python, "[packages]\nbuild = true\n");
        value(&mut client, "deps.add('docopt==0.6.2')");
        assert_eq!(value(&mut client, "import docopt; docopt.__version__"), "'0.6.2'");
    }
}

/// Where a program on `PATH` is.
fn found(name: &Path) -> PathBuf {
    let output = Command::new(name).args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

#[test]
fn packages_take_no_more_room_than_they_may() {
    let mut client = Client::configured("[packages]\nmax_size = \"1MB\"\n", &[]);
    value(&mut client, "deps.add('six')");
    let before = std::fs::read(client.base().join("packages.lock")).unwrap();
    let (kind, words) = raised(&mut client, "deps.add('pytz')");
    assert!(
        kind == "DepsQuotaError" && words.contains("more than 1000000 bytes together (`packages.max_size`)"),
        "{kind}: {words}"
    );
    assert_eq!(std::fs::read(client.base().join("packages.lock")).unwrap(), before);
    assert_eq!(value(&mut client, "import six; [each['name'] for each in deps.list()]"), "['six']");
    let until = Instant::now() + Duration::from_secs(10);
    while std::fs::read_dir(client.base().join("packages/work")).unwrap().count() > 0 {
        assert!(Instant::now() < until, "what was installed goes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The sets that are there, without links.
fn sets(base: &Path) -> usize {
    let entries = std::fs::read_dir(base.join("packages/sets")).unwrap().flatten();
    entries.filter(|entry| !entry.path().is_symlink()).count()
}

#[test]
fn sets_that_no_session_can_use_any_more_go() {
    let mut client = Client::start();
    value(&mut client, "import sys");
    for version in ["4.10.0", "4.11.0", "4.12.0", "4.12.1"] {
        said(&mut client, "add_dep", json!({"package": format!("humanize=={version}")}));
        if version == "4.10.0" {
            value(&mut client, "import humanize");
        }
    }
    let base = client.base().to_owned();
    let old = || {
        for entry in std::fs::read_dir(base.join("packages/replaced")).unwrap().flatten() {
            let file = std::fs::File::options().write(true).open(entry.path()).unwrap();
            let age = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(3_600);
            file.set_modified(age).unwrap();
        }
    };
    // What the session has imported was there when it began.
    said(&mut client, "add_dep", json!({"package": "humanize==4.12.2"}));
    assert_eq!(sets(&base), 5);
    assert_eq!(value(&mut client, "import humanize.time; humanize.__version__"), "'4.10.0'");
    // A session that begins now cannot have seen them.
    client.call("close_session", json!({}));
    value(&mut client, "1");
    old();
    said(&mut client, "add_dep", json!({"package": "humanize==4.12.3"}));
    let until = Instant::now() + Duration::from_secs(20);
    while sets(&base) > 3 {
        assert!(Instant::now() < until, "{} sets are there", sets(&base));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(value(&mut client, "import humanize; humanize.__version__"), "'4.12.3'");
    // The last ones are there at once.
    let since = SystemTime::now();
    said(&mut client, "add_dep", json!({"package": "humanize==4.12.2"}));
    client.call("reset_session", json!({}));
    assert_eq!(value(&mut client, "import humanize; humanize.__version__"), "'4.12.2'");
    let set = std::fs::canonicalize(value(&mut client, "humanize.__path__[0]").trim_matches('\'')).unwrap();
    assert!(
        std::fs::metadata(set.parent().unwrap()).unwrap().modified().unwrap() < since,
        "it was made before"
    );
}

#[test]
fn packages_are_there_after_a_restart_without_a_call() {
    let mut client = Client::start();
    value(&mut client, "deps.add('humanize==4.12.2')");
    client.kill();
    let again = |base| {
        let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
        client.initialize("2025-11-25");
        client
    };
    let mut client = again(client.part());
    assert_eq!(value(&mut client, "import humanize; humanize.__version__"), "'4.12.2'");
    client.kill();
    // Only the lock file is left, as on another machine: the server installs in the background, and the first cell waits.
    let base = client.part();
    std::fs::remove_dir_all(base.path().join("packages")).unwrap();
    let mut client = again(base);
    assert_eq!(value(&mut client, "import humanize; humanize.__version__"), "'4.12.2'");
    client.kill();
    // The server that is not allowed to add anything restores what its user has locked.
    let base = client.part();
    std::fs::remove_dir_all(base.path().join("packages")).unwrap();
    let mut client = Client::spawn_in(base, Wire::Pipes, &["--no-runtime-deps"]);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "import humanize; humanize.__version__"), "'4.12.2'");
}

#[test]
fn a_session_that_cannot_reach_the_packages_is_told() {
    let uv = environment("uv", "uv").with_file_name("");
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(base.path()).args(["--sandbox", "restricted"]);
    // Root hands sessions to a user who may not reach an interpreter in root's home.
    command.args(["--python", "/usr/bin/python3"]).env("PATH", format!("{}:/usr/bin:/bin", uv.display()));
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    let words = value(&mut client, "deps.add('humanize==4.12.2')");
    let look = "import importlib.util; importlib.util.find_spec('humanize') is not None";
    if words.contains("the way to them is closed to its user") {
        // Root's sessions run as nobody there, and this base directory is its owner's alone.
        assert_eq!(value(&mut client, look), "False");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(client.base(), std::fs::Permissions::from_mode(0o711)).unwrap();
        client.call("reset_session", json!({}));
    }
    assert_eq!(value(&mut client, look), "True", "{words}");
}

#[test]
fn what_python_itself_imports_when_it_starts_is_no_news() {
    // A file `.pth` of setuptools has Python import a part of it before anything else.
    let python = environment("setuptools", "setuptools");
    let mut client = Client::spawn(Wire::Pipes, &["--python", python.to_str().unwrap()]);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "import sys; '_distutils_hack' in sys.modules"), "True");
    let added = "added = deps.add('setuptools==69.0.3'); added['added'], added.get('notes')";
    assert_eq!(value(&mut client, added), "({'setuptools': '69.0.3'}, None)");
    let other = client.new_session();
    let result = client.run_in(&other, "import setuptools; setuptools.__version__");
    assert_eq!(
        (report(&result)["result"].as_str(), report(&result)["stderr"].as_str()),
        (Some("'69.0.3'"), Some(""))
    );
    let removed = client.run_in(&other, "deps.remove('setuptools')['notes']");
    assert!(
        text(&removed).contains("a new import finds the one of this session's Python"),
        "{}",
        text(&removed)
    );
}

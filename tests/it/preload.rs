//! Packages that sessions begin with, because others have imported them: what is there, what is not, and that nothing else changes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::processes::{Process, await_end, await_that, below};
use crate::support::{Client, Era, Wire, pandas, raised, report, said, text, value};

/// Trials take their time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The value of an expression in a session, which must not fail.
fn value_in(client: &mut Client, session: &str, code: &str) -> String {
    let result = client.run_in(session, code);
    assert_eq!(report(&result)["status"], "ok", "{code}: {result}");
    report(&result)["result"].as_str().unwrap_or_default().to_owned()
}

/// Waits for a new process of a new session in which this module is there before anybody has imported it; gives the session's
/// handle. It is one session all the time: many that do without would make the module unpopular.
fn await_session_with(client: &mut Client, module: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let session = client.new_session();
    while !has(client, &session, module) {
        assert!(Instant::now() < deadline, "no session begins with {module}");
        std::thread::sleep(Duration::from_millis(50));
        client.call("reset_session", json!({"session": session}));
    }
    session
}

fn has(client: &mut Client, session: &str, module: &str) -> bool {
    // In two pieces, so that the module is not named.
    let (first, rest) = module.split_at(1);
    let code = format!("import sys; '{first}' + '{rest}' in sys.modules");
    value_in(client, session, &code) == "True"
}

/// Launchers below the server: one for each zygote.
fn launchers(client: &Client) -> Vec<Process> {
    let all = below(client.pid()).into_iter().filter(|process| process.depth == 1);
    all.filter(|process| process.command.contains("__launch")).collect()
}

/// A virtual environment with these modules in it, each a name and a source.
fn environment(room: &Path, modules: &[(&str, &str)]) -> PathBuf {
    let python = if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    let made = Command::new(python).args(["-m", "venv", "--without-pip"]).arg(room.join("venv")).status();
    assert!(made.unwrap().success(), "venv");
    let python = room.join("venv/bin/python3");
    let asked =
        Command::new(&python).args(["-I", "-c", "import site; print(site.getsitepackages()[0])"]).output();
    let place = PathBuf::from(String::from_utf8(asked.unwrap().stdout).unwrap().trim());
    for (name, source) in modules {
        std::fs::write(place.join(format!("{name}.py")), source).unwrap();
    }
    python
}

/// A directory that other users may enter too.
fn open_room() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let room = tempfile::tempdir().unwrap();
    std::fs::set_permissions(room.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    room
}

fn with_pandas(settings: &str) -> Client {
    let settings = format!("[sessions]\ncheckpoints = \"always\"\n{settings}");
    Client::configured(&settings, &["--python", pandas::python().to_str().unwrap()])
}

/// Everything that can be done with a session, in one that holds a table: going back, over a crash too, and becoming several.
fn put_through_its_paces(client: &mut Client, session: &str) {
    value_in(client, session, "import numpy as np, pandas as pd; f = pd.DataFrame({'a': [1, 2]}); len(f)");
    value_in(client, session, "f['b'] = f['a'] @ np.array([[1.0], [2.0]]).T.repeat(2, 0); len(f)");
    value_in(client, session, "f = None");
    let undone = client.call("undo_run", json!({"session": session}));
    assert_eq!(undone["isError"], false, "{undone}");
    assert_eq!(value_in(client, session, "list(f.columns)"), "['a', 'b']");
    let lost = client.run_in(session, "f = 7; import os; os._exit(3)");
    assert_eq!((&report(&lost)["status"], &report(&lost)["state"]), (&json!("lost"), &json!("rolled_back")));
    assert_eq!(value_in(client, session, "int(f['a'].sum())"), "3");
    let forked = client.call("fork_session", json!({"session": session, "n": 1}));
    assert_eq!(forked["isError"], false, "{forked}");
    let handles = text(&forked).split_whitespace().filter(|word| word.starts_with("s_") && word.len() == 34);
    let handles: Vec<String> = handles.map(str::to_owned).collect();
    assert_eq!(handles.len(), 2, "{forked}");
    let drawn =
        handles.iter().map(|each| value_in(client, each, "f['a'].sum(), np.random.rand(), pd.__name__"));
    let drawn: Vec<String> = drawn.collect();
    assert_ne!(drawn[0], drawn[1]);
    client.call("close_session", json!({"session": handles[1]}));
}

#[test]
fn what_a_session_imports_the_next_begin_with() {
    let mut client = with_pandas("");
    let old = client.new_session();
    assert_eq!(value_in(&mut client, &old, "import pandas, numpy; x = pandas.Series([1, 2]); len(x)"), "2");
    let new = await_session_with(&mut client, "pandas");
    // The first of all is none the worse for it.
    assert_eq!(value_in(&mut client, &old, "x.tolist()"), "[1, 2]");
    // There is nothing to see of it but the modules.
    let names =
        "sorted(set(globals()) - {'sys'}), 'pd' in dir(), len(__import__('os').listdir('/proc/self/task'))";
    let seen = value_in(&mut client, &new, names);
    let plain = "(['__annotations__', '__builtins__', '__doc__', '__loader__', '__name__', '__package__', '__spec__'], False, 1)";
    assert_eq!(seen, plain);
    let undefined = client.run_in(&new, "pd.DataFrame()");
    assert_eq!(report(&undefined)["error"]["type"], "NameError", "{undefined}");
    // What is drawn at random is not what another one draws.
    let draw = "import random, numpy as np; (random.random(), float(np.random.rand()), int(np.random.default_rng().integers(2**60)))";
    let other = await_session_with(&mut client, "pandas");
    let (one, two) = (value_in(&mut client, &new, draw), value_in(&mut client, &other, draw));
    let numbers =
        |drawn: &str| drawn.trim_matches(['(', ')']).split(", ").map(str::to_owned).collect::<Vec<_>>();
    assert!(numbers(&one).iter().zip(numbers(&two)).all(|(one, two)| *one != two), "{one} {two}");
    // Each can do what any session can.
    put_through_its_paces(&mut client, &old);
    put_through_its_paces(&mut client, &new);
    // Linear algebra has its threads again.
    let product = "import numpy as np; a = np.ones((600, 600)); float((a @ a).sum())";
    assert_eq!(value_in(&mut client, &new, product), "216000000.0");
    // What is remembered serves the next server.
    client.kill();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    let base = client.part();
    command.arg("serve").arg("--base").arg(base.path()).arg("--python").arg(pandas::python());
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    await_session_with(&mut client, "pandas");
}

#[test]
fn what_does_not_only_define_things_is_not_imported_in_advance() {
    let modules = [
        ("fine", "VALUE = 7\n"),
        (
            "starts_thread",
            "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n",
        ),
        ("starts_process", "import subprocess\nsubprocess.Popen(['sleep', '7100'])\n"),
        (
            "detaches",
            "import os\nif os.fork() == 0:\n    os.setsid()\n    os.execvp('sleep', ['sleep', '7101'])\n",
        ),
        ("prints", "print('hello')\n"),
        ("opens", "FILE = open('/dev/null')\n"),
        (
            "fails",
            "import sys\nif sys.flags.isolated and 'actwright.preload' in sys.modules: raise RuntimeError('no')\n",
        ),
        ("ends", "import os, sys\nif 'actwright.preload' in sys.modules: os._exit(0)\n"),
        ("handles", "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"),
        ("sets", "import os\nos.environ['ACTWRIGHT_TEST'] = '1'\n"),
        ("grows", "import sys\nBULK = b'x' * (200 << 20) if 'actwright.preload' in sys.modules else b''\n"),
        ("polars", "VALUE = 7\n"),
        ("needs_polars", "import polars\n"),
    ];
    let room = open_room();
    let python = environment(room.path(), &modules);
    for level in ["full", "restricted"] {
        // By their list, so that none is left out for being one of many.
        let names: Vec<&str> =
            modules.iter().map(|(name, _)| *name).filter(|name| *name != "polars").collect();
        let settings = format!("[packages]\npreload = {names:?}\n");
        let mut client =
            Client::configured(&settings, &["--sandbox", level, "--python", python.to_str().unwrap()]);
        value(&mut client, "1");
        let session = await_session_with(&mut client, "fine");
        for (name, _) in &modules {
            assert_eq!(has(&mut client, &session, name), *name == "fine", "{level} {name}");
        }
        // Nothing of the trials is left, neither there nor in the session.
        let left = below(client.pid()).into_iter().filter(|process| process.command.starts_with("sleep "));
        assert_eq!(left.collect::<Vec<_>>(), [], "{level}");
        let state =
            "__import__('signal').getsignal(10).value, __import__('os').environ.get('ACTWRIGHT_TEST')";
        assert_eq!(value_in(&mut client, &session, state), "(0, None)");
        // Each can be imported all the same.
        for name in ["starts_thread", "prints", "opens", "handles", "sets", "needs_polars", "fine"] {
            value_in(&mut client, &session, &format!("import {name}"));
        }
    }
}

#[test]
fn sessions_cannot_have_their_own_code_imported_in_advance() {
    let room = open_room();
    let python = environment(room.path(), &[("fine", "VALUE = 7\n")]);
    let place = room.path().join("venv/written");
    std::fs::create_dir(&place).unwrap();
    // A place of the interpreter's, as such a file makes it, in which sessions can write.
    let site = std::fs::read_dir(room.path().join("venv/lib")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(site.join("site-packages/written.pth"), place.to_str().unwrap()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&place, mode).unwrap();
    let shared = format!("open('{}/shared.py', 'w').write('x = 1')\nimport shared\n", place.display());
    let own = "open('made_here.py', 'w').write('x = 1'); import sys, types; sys.modules['made_up'] = types.ModuleType('made_up')\n\
               import made_here, made_up, fine";
    let mut client = Client::open(
        Wire::Pipes,
        Era::Initialize("2025-11-25"),
        &["--python", python.to_str().unwrap(), "--write", place.to_str().unwrap()],
    );
    value(&mut client, &shared);
    value(&mut client, own);
    let session = await_session_with(&mut client, "fine");
    for module in ["made_here", "made_up", "shared"] {
        assert!(!has(&mut client, &session, module), "{module}");
    }
    value_in(&mut client, &session, "import shared");
}

#[test]
fn of_what_can_be_added_only_the_well_known_and_what_the_operator_names_is_imported_in_advance() {
    for (settings, expected) in [("", false), ("[packages]\npreload = [\"attr\", \"humanize\"]\n", true)] {
        let mut client = Client::configured(settings, &[]);
        value(&mut client, "deps.add('humanize==4.12.2', 'attrs>=23')['count']");
        value(&mut client, "import attr, humanize");
        let session = await_session_with(&mut client, "attr");
        assert_eq!(has(&mut client, &session, "humanize"), expected, "{settings}");
    }
}

#[test]
fn a_change_of_packages_leaves_sessions_as_they_are_and_new_ones_follow() {
    let mut client = Client::start();
    value(&mut client, "deps.add('tabulate==0.8.10')['count']");
    value(&mut client, "import tabulate; tabulate.__version__");
    let first = await_session_with(&mut client, "tabulate");
    assert_eq!(launchers(&client).len(), 2);
    value_in(&mut client, &first, "x = 5");
    // Another version: who has named it is told that it stays, and the next sessions have the new one.
    value(&mut client, "deps.add('tabulate==0.9.0')['count']");
    assert_eq!(value_in(&mut client, &first, "x"), "5");
    let told = client.run_in(&first, "import tabulate; tabulate.__version__, x");
    assert_eq!(report(&told)["result"], "('0.8.10', 5)");
    let words = "tabulate 0.8.10 stays loaded; tabulate 0.9.0 is there once the session is reset";
    assert!(text(&told).contains(words), "{}", text(&told));
    let next = client.new_session();
    assert_eq!(value_in(&mut client, &next, "import tabulate; tabulate.__version__"), "'0.9.0'");
    let second = await_session_with(&mut client, "tabulate");
    assert_eq!(value_in(&mut client, &second, "import tabulate; tabulate.__version__"), "'0.9.0'");
    let third = await_session_with(&mut client, "tabulate");
    // The zygote of the first one lives as long as its sessions.
    assert_eq!(launchers(&client).len(), 3);
    assert_eq!(value_in(&mut client, &first, "x"), "5");
    client.call("close_session", json!({"session": first}));
    await_that("the former zygote ends with its last session", || launchers(&client).len() == 2);
    // Removed: new sessions are without, and one that never named it is told nothing.
    assert!(said(&mut client, "remove_dep", json!({"package": "tabulate"})).starts_with("removed tabulate"));
    let quiet = client.run_in(&third, "1 + 1");
    assert_eq!(
        (&report(&quiet)["result"], text(&quiet).contains("tabulate")),
        (&json!("2"), false),
        "{quiet}"
    );
    let gone = client.run_in(&third, "import tabulate");
    assert_eq!(report(&gone)["error"]["type"], "ModuleNotFoundError", "{gone}");
    let told = client.run_in(&second, "tabulate.__name__");
    assert!(text(&told).contains("tabulate 0.9.0 was imported"), "{}", text(&told));
    assert_eq!(raised(&mut client, "import tabulate").0, "ModuleNotFoundError");
    let bare = client.new_session();
    assert!(!has(&mut client, &bare, "tabulate"));
    // Nothing is left of it all.
    let all = below(client.pid());
    client.kill();
    await_end(&all, Duration::from_secs(20));
}

#[test]
fn killed_zygotes_cost_their_own_sessions_and_no_run() {
    let room = open_room();
    let python = environment(room.path(), &[("fine", "VALUE = 7\n")]);
    for level in ["full", "restricted"] {
        let settings = "[packages]\npreload = [\"fine\"]\n";
        let arguments = ["--sandbox", level, "--python", python.to_str().unwrap()];
        let mut client = Client::configured(settings, &arguments);
        let plain = client.new_session();
        value_in(&mut client, &plain, "x = 1");
        let plain_launcher = launchers(&client).remove(0);
        let stocked = await_session_with(&mut client, "fine");
        value_in(&mut client, &stocked, "x = 2");
        let launcher = launchers(&client).into_iter().find(|each| *each != plain_launcher).unwrap();
        // The one with packages: its sessions begin anew, and whatever comes meanwhile runs.
        let zygote = below(launcher.pid).into_iter().find(|process| process.depth == 1).unwrap();
        let doomed = below(zygote.pid);
        zygote.signal("KILL");
        await_end(&doomed, Duration::from_secs(20));
        assert_eq!(value(&mut client, "20 + 22"), "42");
        let result = client.run_in(&stocked, "'x' in globals()");
        assert_eq!(report(&result)["result"], "False", "{result}");
        assert_eq!(value_in(&mut client, &plain, "x"), "1");
        // It comes again; and without the plain one its sessions go on.
        let stocked = await_session_with(&mut client, "fine");
        value_in(&mut client, &stocked, "x = 3");
        let doomed = below(plain_launcher.pid);
        plain_launcher.signal("KILL");
        await_end(&doomed, Duration::from_secs(20));
        assert_eq!(value_in(&mut client, &stocked, "x"), "3");
        assert_eq!(value_in(&mut client, "new", "20 + 22"), "42");
        let all = below(client.pid());
        client.kill();
        await_end(&all, Duration::from_secs(20));
    }
}

//! What a server's rules allow of packages, and that there is no way around them from inside.

use serde_json::json;

use super::deps;
use crate::support::{Client, Wire, raised, said, text, value};

#[test]
fn a_server_that_says_no_means_it() {
    let base = tempfile::tempdir().unwrap();
    assert!(deps(base.path(), &["add", "attrs"]).0);
    let mut client = Client::spawn_in(base, Wire::Pipes, &["--no-runtime-deps"]);
    client.initialize("2025-11-25");
    // What its user has added is there all the same.
    assert_eq!(value(&mut client, "import attr; attr.__name__"), "'attr'");
    for call in ["deps.add('humanize')", "deps.remove('attrs')"] {
        let (kind, words) = raised(&mut client, call);
        assert!(
            kind == "DepsDeniedError" && words.contains("adds and removes no packages"),
            "{kind}: {words}"
        );
    }
    let refused = said(&mut client, "add_dep", json!({"package": "humanize"}));
    assert!(refused.contains("adds and removes no packages"), "{refused}");
    let hint = client.run("import humanize");
    assert!(text(&hint).contains("adds none while it runs"), "{}", text(&hint));
    let ways = [
        "import subprocess, sys; subprocess.run([sys.executable, '-m', 'pip', 'install', '--user', 'humanize'], capture_output=True, timeout=50).returncode",
        "subprocess.run([sys.executable, '-m', 'pip', 'install', '--target', '/session/p', 'humanize'], capture_output=True, timeout=50).returncode",
        "import os; subprocess.run('uv pip install --target /session/p humanize', shell=True, capture_output=True, timeout=50).returncode",
        "subprocess.run([sys.executable, '-m', 'ensurepip', '--user'], capture_output=True) and subprocess.run([sys.executable, '-m', 'pip', 'download', 'humanize'], capture_output=True, timeout=50).returncode",
    ];
    for way in ways {
        let code = value(&mut client, way);
        assert_ne!(code, "0", "{way}");
    }
    assert_eq!(
        value(
            &mut client,
            "sys.path.insert(0, '/session/p'); import importlib; importlib.util.find_spec('humanize')"
        ),
        ""
    );
    let (kind, _) = raised(&mut client, "%pip install humanize");
    assert_eq!(kind, "SyntaxError");
    // The way of the host's own calls has the same rules.
    let (kind, _) = raised(&mut client, "type(deps)(deps._channel).add('humanize')");
    assert_eq!(kind, "DepsDeniedError");
    let (kind, _) = raised(
        &mut client,
        "next(os.scandir(os.path.dirname(os.path.dirname(attr.__file__)))) and open(os.path.dirname(attr.__file__) + '/../now', 'w')",
    );
    assert!(kind == "PermissionError" || kind == "OSError", "{kind}");
}

#[test]
fn who_has_to_be_asked_is_said() {
    let mut client = Client::configured("[packages]\npolicy = \"ask\"\n", &[]);
    let (kind, words) = raised(&mut client, "deps.add('humanize')");
    assert!(kind == "DepsDeniedError" && words.contains("nobody can be asked yet"), "{kind}: {words}");
}

#[test]
fn a_list_of_packages_holds_with_its_versions() {
    let mut client = Client::configured("[packages]\nallow = [\"humanize<4.12\", \"attrs\"]\n", &[]);
    let (kind, words) = raised(&mut client, "deps.add('six')");
    assert!(
        kind == "DepsDeniedError" && words.contains("'six' is not on this server's list"),
        "{kind}: {words}"
    );
    let (kind, _) = raised(&mut client, "deps.add('humanize>=4.12')");
    assert_eq!(kind, "DepsResolverError");
    assert_eq!(
        value(&mut client, "deps.add('Humanize', 'attrs'); import humanize; humanize.__version__ < '4.12'"),
        "True"
    );
}

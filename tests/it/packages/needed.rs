//! Blocks of PEP 723 in skills and in files that are run.

use std::process::{Command, Output};

use serde_json::json;

use crate::support::{Client, raised, value};

const SKILL: &str = "# /// script\n# dependencies = [\"humanize==4.12.2\"]\n# ///\n\ndef run(bytes: int) -> str:\n    \"\"\"A size in words.\"\"\"\n    import humanize\n    return humanize.naturalsize(bytes)\n";

#[test]
fn a_skill_gets_what_it_needs() {
    let mut client = Client::start();
    client.call("create_skill", json!({"name": "size_in_words", "source": SKILL}));
    assert_eq!(value(&mut client, "skills.size_in_words(bytes=2_000_000)"), "'2.0 MB'");
    assert_eq!(value(&mut client, "[each['requested'] for each in deps.list()]"), "['humanize==4.12.2']");
    let mut client = Client::configured("[packages]\npolicy = \"deny\"\n", &[]);
    client.call("create_skill", json!({"name": "size_in_words", "source": SKILL}));
    let (kind, words) = raised(&mut client, "skills.size_in_words(bytes=1)");
    assert!(
        kind == "DepsDeniedError" && words.contains("it needs humanize==4.12.2, and this server"),
        "{kind}: {words}"
    );
}

#[test]
fn a_file_that_is_run_gets_what_it_needs() {
    let base = tempfile::tempdir().unwrap();
    let run = |name: &str, text: &str, more: &[&str]| -> Output {
        let file = base.path().join(name);
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
        command.arg("run").arg(&file).arg("--base").arg(base.path().join("base")).args(more).output().unwrap()
    };
    let text = "# /// script\n# requires-python = \">=3.8\"\n# dependencies = [\"humanize==4.12.2\"]\n# ///\nimport humanize\nhumanize.naturalsize(3)";
    let refused = run("a.py", text, &["--no-runtime-deps"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && words.contains("it needs humanize==4.12.2"), "{words}");
    let done = run("a.py", text, &[]);
    let words = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&done.stdout), "'3 Bytes'\n", "{words}");
    // What is there is not asked for again.
    assert_eq!(String::from_utf8_lossy(&run("a.py", text, &["--no-runtime-deps"]).stdout), "'3 Bytes'\n");
    let conditions = "# /// script\n# dependencies = [\"humanize==4.12.2; python_version >= '3.8' and sys_platform != 'win32'\", \"nothing-of-this-name-is-there-81723; python_version < '3'\"]\n# ///\nimport humanize\nhumanize.naturalsize(4)";
    assert_eq!(String::from_utf8_lossy(&run("d.py", conditions, &[]).stdout), "'4 Bytes'\n");
    let unknown = "# /// script\n# dependencies = [\"humanize; moon == 'full'\"]\n# ///\n1";
    let words = String::from_utf8_lossy(&run("e.py", unknown, &[]).stderr).into_owned();
    assert!(words.contains("cannot be read: there is no variable `moon`"), "{words}");
    let newer = run("b.py", "# /// script\n# requires-python = \">=4\"\n# ///\n1", &[]);
    let words = String::from_utf8_lossy(&newer.stderr).into_owned();
    assert!(words.contains("it needs Python >=4, and sessions run Python 3."), "{words}");
    let wrong = run("c.py", "# /// script\n# dependencies = 1\n# ///\n1", &[]);
    let words = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && words.contains("line 2"), "{words}");
}

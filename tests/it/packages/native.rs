//! Packages with native code, added by uv: imported beside what a session holds, kept as artifacts and brought back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{Client, Wire, value};

/// A directory with `uv` in it, made once by venv and pip.
fn uv() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uv");
        let ran = |command: &mut Command| command.status().is_ok_and(|status| status.success());
        if !ran(Command::new(room.join("bin/uv")).arg("--version")) {
            assert!(ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&room)), "venv");
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"];
            assert!(ran(Command::new(room.join("bin/python3")).args(pip)), "uv could not be installed");
        }
        // Alone: the rest of that environment is not for the server.
        let only = room.join("only");
        std::fs::create_dir_all(&only).unwrap();
        let _ = std::os::unix::fs::symlink(room.join("bin/uv"), only.join("uv"));
        only
    })
}

#[test]
fn tables_pictures_and_arrays_come_back_equal() {
    let path = format!("{}:{}", uv().display(), std::env::var("PATH").unwrap());
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(base.path()).env("PATH", path);
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check(
        "x = 1; deps.add('numpy', 'pandas>=2', 'pillow', 'matplotlib', 'pyarrow', 'polars')['count'] > 6",
        "True",
    );
    check("deps.why('numpy')['needed_by'] != [], deps.why('numpy')['path'][-1]", "(True, 'numpy')");
    check(
        "import numpy as np, pandas as pd, datetime, decimal\nf = pd.DataFrame({'i': [1, 2, 3], 'f': [0.1, float('nan'), 3], 's': ['a', '', 'x,\\n\"'], 'b': [True, False, True], 't': pd.date_range('2026', periods=3, tz='Europe/Berlin'), 'd': pd.to_timedelta([1, 2, None], unit='s'), 'c': pd.Categorical(['x', 'y', None]), 'I': pd.array([1, None, 3], dtype='Int64')})\ndef same(v):\n    artifacts.save('t', v)\n    (pd.testing.assert_frame_equal if isinstance(v, pd.DataFrame) else pd.testing.assert_series_equal)(artifacts.load('t'), v)\n    return artifacts.get('t')['form']\nsame(f), x",
        "('DataFrame', 1)",
    );
    check(
        "same(f.set_index('s')), same(f.set_index(['i', 's'])), same(f[['i']].rename(columns={'i': 7})), same(f.iloc[:0])",
        "('DataFrame', 'DataFrame', 'DataFrame', 'DataFrame.csv')",
    );
    check(
        "same(f['t']), same(pd.Series([1, 2])), same(pd.Series([1.5], index=['k'], name='n'))",
        "('Series', 'Series', 'Series')",
    );
    check(
        "from PIL import Image\ni = Image.new('RGBA', (3, 2), (1, 2, 3, 4)); artifacts.save('i', i); j = artifacts.load('i'); type(j).__mro__[-2].__name__, j.mode, j.size, j.tobytes() == i.tobytes(), artifacts.get('i')['media_type']",
        "('Image', 'RGBA', (3, 2), True, 'image/png')",
    );
    check(
        "import matplotlib.pyplot as plt\ng, a = plt.subplots(); a.plot([1, 3, 2]); s = artifacts.save('g', g); plt.close(g); type(artifacts.load('g')).__module__.partition('.')[0], s['media_type']",
        "('PIL', 'image/png')",
    );
    check(
        "a = np.arange(6, dtype='<f4').reshape(2, 3); artifacts.save('n', a); (artifacts.load('n') == a).all().item()",
        "True",
    );
    assert!(crate::artifacts::check_fidelity(&mut client) > 150);
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("import polars as pl; pl.DataFrame({'a': [1, 2]})['a'].sum(), x", "(3, 1)");
    check(
        "import pyarrow as pa; pa.array([1, 2]).to_pylist(), (np.ones((300, 300)) @ np.ones((300, 300)))[0, 0].item()",
        "([1, 2], 300.0)",
    );
    check(
        "deps.remove('polars')['removed'] != {}, __import__('importlib.util').util.find_spec('polars'), pd.DataFrame({'a': [1]}).shape",
        "(True, None, (1, 1))",
    );
}

#[test]
fn the_oldest_and_newest_pythons_that_are_there_get_their_own() {
    let home = std::env::var("HOME").unwrap_or_default();
    let versions =
        std::fs::read_dir(Path::new(&home).join(".pyenv").join("versions")).into_iter().flatten().flatten();
    let mut pythons: Vec<PathBuf> = versions
        .map(|entry| entry.path().join("bin/python3"))
        .filter(|python| ["3.9.", "3.13."].iter().any(|each| python.to_string_lossy().contains(each)))
        .collect();
    pythons.push(PathBuf::from("python3"));
    let base = tempfile::tempdir().unwrap();
    for python in pythons {
        let python = python.to_str().unwrap();
        let add = ["add", "attrs", "numpy", "--python", python];
        assert!(super::deps(base.path(), &add).0, "{:?}", super::deps(base.path(), &add));
        let listed = super::deps(base.path(), &["list", "--python", python]).1;
        assert!(listed.contains("attrs ") && listed.contains("numpy "), "{listed}");
        let file = base.path().join("a.py");
        std::fs::write(&file, "import attr, numpy\nnumpy.arange(4).sum().item()").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
        let output = command
            .arg("run")
            .arg(&file)
            .args(["--python", python, "--base"])
            .arg(base.path())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "6\n", "{python}: {words}");
    }
}

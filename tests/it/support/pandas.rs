//! A virtual environment with pandas, made once by the program's own means: venv and pip.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The interpreter of an environment in which pandas and numpy can be imported.
pub fn python() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pandas");
        let python = room.join("bin/python3");
        let works = || ran(Command::new(&python).args(["-I", "-c", "import pandas"]));
        if !works() {
            assert!(ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&room)), "venv");
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pandas"];
            assert!(ran(Command::new(&python).args(pip)), "pandas could not be installed");
            assert!(works(), "pandas was installed and cannot be imported");
        }
        python
    })
}

fn ran(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

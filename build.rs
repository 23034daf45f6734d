//! Builds the worker extension with a cargo of its own and hands its path to the crate that embeds it.
//!
//! A separate build keeps pyo3 out of the host's dependency graph: cargo would otherwise unify features and link the
//! host against one libpython. `ACTWRIGHT_WORKER_SO` names a worker built elsewhere and skips all of this.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=ACTWRIGHT_WORKER_SO");
    let library = match env::var_os("ACTWRIGHT_WORKER_SO") {
        Some(path) => PathBuf::from(path),
        None => build()?,
    };
    if !library.is_file() {
        return Err(format!("the worker library {} does not exist", library.display()).into());
    }
    println!("cargo::rerun-if-changed={}", library.display());
    println!("cargo::rustc-env=ACTWRIGHT_WORKER_SO={}", library.display());
    Ok(())
}

fn build() -> Result<PathBuf, Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    for part in ["crates/worker", "crates/protocol", "crates/sandbox", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    let target = target_directory()?;
    let triple = env::var("TARGET")?;
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo
        .current_dir(&root)
        .args(["build", "--quiet", "--package", "actwright-worker", "--lib", "--profile", "worker"])
        .arg("--target")
        .arg(&triple)
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        // The extension must not bind to whatever Python happens to be on this machine.
        .env("PYO3_NO_PYTHON", "1");
    if env::var_os("CARGO_NET_OFFLINE").is_some_and(|value| value == "true") {
        cargo.arg("--offline");
    }
    if !cargo.status()?.success() {
        return Err("the worker extension does not build; its errors are above".into());
    }
    Ok(target.join(triple).join("worker").join("libactwright_worker.so"))
}

/// One directory for all profiles of the host, so that the worker is built once: `target/worker`.
fn target_directory() -> Result<PathBuf, Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // OUT_DIR is TARGET_DIR/[TRIPLE/]PROFILE/build/PACKAGE-HASH/out.
    let profile = out.ancestors().nth(3).unwrap_or(Path::new("target"));
    Ok(profile.with_file_name("worker"))
}

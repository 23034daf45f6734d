//! Builds the worker extension with a cargo of its own and hands its path to the crate that embeds it.
//!
//! A separate build keeps pyo3 out of the host's dependency graph: cargo would otherwise unify features and link the
//! host against one libpython. `ACTWRIGHT_WORKER_SO` names a worker built elsewhere and skips all of this.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=ACTWRIGHT_WORKER_SO");
    let library = match env::var_os("ACTWRIGHT_WORKER_SO") {
        Some(path) => PathBuf::from(path),
        None => build(),
    };
    assert!(library.is_file(), "the worker library {} does not exist", library.display());
    println!("cargo::rerun-if-changed={}", library.display());
    println!("cargo::rustc-env=ACTWRIGHT_WORKER_SO={}", library.display());
}

fn build() -> PathBuf {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    for part in ["crates/worker", "crates/protocol", "crates/sandbox", "python_stubs", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    let target = target_directory();
    let triple = variable("TARGET");
    let mut cargo = Command::new(variable("CARGO"));
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
    let status = cargo.status().unwrap_or_else(|error| panic!("cargo for the worker does not start: {error}"));
    assert!(status.success(), "the worker extension does not build; its errors are above");
    target.join(triple).join("worker").join("libactwright_worker.so")
}

/// One directory for all profiles of the host, so that the worker is built once: `target/worker`.
fn target_directory() -> PathBuf {
    let out = PathBuf::from(variable("OUT_DIR"));
    // OUT_DIR is TARGET_DIR/[TRIPLE/]PROFILE/build/PACKAGE-HASH/out.
    let profile = out.ancestors().nth(3).unwrap_or(Path::new("target"));
    profile.with_file_name("worker")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
}

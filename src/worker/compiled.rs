//! The Python side compiled once for all starts, because compiling it takes longer than all the rest of a start.
//!
//! Code is good for one build of Python alone. So it is kept with what it was made from, the interpreter compares its own
//! number with that of the code, and compiles the sources itself when there is no code, or none for it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use actwright_sandbox::sys;
use sha2::{Digest, Sha256};

use super::cache;
use super::interpreter::Interpreter;
use super::python_side::{COMPILE, sources};

/// Bytes of a SHA-256.
const SUM: usize = 32;

/// A pipe from which the interpreter reads the Python side: the length of the sources in four bytes, the sources, then
/// the compiled code, which may be missing. It is written by a thread that ends when nobody reads any more.
pub fn supply(interpreter: &Interpreter, directory: PathBuf) -> io::Result<OwnedFd> {
    let (reader, writer) = sys::pipe()?;
    let interpreter = interpreter.clone();
    let write = move || {
        if let Err(error) = fill(File::from(writer), &interpreter, &directory) {
            tracing::debug!(%error, "the interpreter got no compiled code");
        }
    };
    std::thread::Builder::new().name("python-side".to_owned()).spawn(write)?;
    Ok(reader)
}

fn fill(mut pipe: File, interpreter: &Interpreter, directory: &Path) -> io::Result<()> {
    let sources = sources();
    let length = u32::try_from(sources.len()).map_err(io::Error::other)?;
    let mut start = length.to_le_bytes().to_vec();
    start.extend_from_slice(&sources);
    pipe.write_all(&start)?;
    let question = question(interpreter, &sources)?;
    let place = directory.join(format!("{}.code", interpreter.key()));
    if let Some(code) = recall(&place, &question) {
        return pipe.write_all(&code);
    }
    let code = compile(interpreter, &sources)?;
    // Kept even if the interpreter is gone already: the next one wants it too.
    let written = pipe.write_all(&code);
    drop(pipe);
    cache::write(&place, &[question.as_slice(), &Sha256::digest(&code), &code].concat())?;
    written
}

/// What the code is for.
fn question(interpreter: &Interpreter, sources: &[u8]) -> io::Result<[u8; SUM]> {
    let mut sum = Sha256::new();
    sum.update(interpreter.identity()?);
    sum.update([0]);
    sum.update(COMPILE);
    sum.update([0]);
    sum.update(sources);
    Ok(sum.finalize().into())
}

/// Kept code is the sum of what it is for, its own sum, and itself.
fn recall(place: &Path, question: &[u8; SUM]) -> Option<Vec<u8>> {
    let bytes = cache::read(place)?;
    let (asked, rest) = bytes.split_at_checked(SUM)?;
    let (sum, code) = rest.split_at_checked(SUM)?;
    let sound = asked == question && Sha256::digest(code).as_slice() == sum;
    sound.then(|| code.to_vec())
}

fn compile(interpreter: &Interpreter, sources: &[u8]) -> io::Result<Vec<u8>> {
    let mut child = Command::new(&interpreter.executable)
        .args(["-I", "-S", "-B", "-c", COMPILE])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // It reads everything before it writes anything, so neither waits for the other.
    let given = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(sources));
    let output = child.wait_with_output()?;
    given?;
    if !output.status.success() || output.stdout.is_empty() {
        return Err(io::Error::other(format!("compiling the Python side ended with {}", output.status)));
    }
    Ok(output.stdout)
}

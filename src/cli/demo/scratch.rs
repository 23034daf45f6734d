//! What the tour needs of the host: a base directory, a file and a listening socket to be refused.
//!
//! Both are tried from out here first; a refusal proves something only where the same attempt works outside.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// A directory that goes away with the tour.
#[derive(Debug)]
pub struct Scratch {
    directory: PathBuf,
    listener: TcpListener,
}

impl Scratch {
    /// The text in the host's file.
    pub const SECRET: &str = "a secret of the host";

    /// Makes the directory, the file and the socket.
    pub fn make() -> anyhow::Result<Self> {
        let name = format!("actwright-demo-{:032x}", actwright_sandbox::sys::random_u128()?);
        let directory = std::env::temp_dir().join(name);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&directory);
        made.with_context(|| format!("cannot make {}", directory.display()))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on the loopback")?;
        listener.set_nonblocking(true)?;
        let scratch = Self { directory, listener };
        std::fs::write(scratch.host_file(), Self::SECRET)?;
        Ok(scratch)
    }

    /// The server's base directory.
    pub fn base(&self) -> &Path {
        &self.directory
    }

    /// A file of the host that no session may read.
    pub fn host_file(&self) -> PathBuf {
        self.directory.join("secret.txt")
    }

    /// A port of the host that no session may reach; connects to it once to show that it answers.
    pub fn proven_port(&self) -> anyhow::Result<u16> {
        let address = self.listener.local_addr()?;
        drop(TcpStream::connect(address).context("the socket of the tour does not answer")?);
        if self.listener.accept().is_err() {
            bail!("the socket of the tour got no connection");
        }
        Ok(address.port())
    }

    /// Whether anyone has connected since.
    pub fn was_reached(&self) -> bool {
        self.listener.accept().is_ok()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is left to the system's cleaning of temporary files.
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

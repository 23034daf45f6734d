//! Bytes in order: the first 64 KiB in memory, the rest in a temporary file that has no name.
//!
//! The file is unlinked from the start, so nothing is left behind even when the server is killed. When the
//! disk refuses a write the spool keeps what it has and goes on counting; it never fails the cell.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::account::Cost;

/// Bytes of a text that stay in memory, and the size of a write to its file.
const IN_MEMORY: usize = 64 << 10;

/// An append-only run of bytes.
#[derive(Debug, Default)]
pub(super) struct Spool {
    /// Bytes `0..IN_MEMORY`.
    head: Vec<u8>,
    /// Bytes from `head.len()` on, as far as they were written out.
    file: Option<File>,
    /// How many bytes `file` holds.
    written: u64,
    /// The bytes after those in `file`.
    pending: Vec<u8>,
    /// Bytes that were appended, stored or not.
    len: u64,
    /// Bytes that the disk did not take.
    lost: u64,
}

impl Spool {
    /// Bytes appended so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes that can still be read: all of them unless the disk was full.
    pub(super) fn stored(&self) -> u64 {
        self.len - self.lost
    }

    /// Open files that this spool holds.
    pub(super) fn files(&self) -> usize {
        usize::from(self.file.is_some())
    }

    /// What this spool uses.
    pub(super) fn cost(&self) -> Cost {
        Cost {
            bytes: self.len(),
            files: self.files(),
            memory: self.head.capacity() + self.pending.capacity(),
        }
    }

    /// Appends bytes; what does not fit in memory goes to a file in `dir`.
    pub(super) fn append(&mut self, dir: &Path, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if self.lost > 0 {
            // A gap in the middle would make every later offset wrong, so nothing is stored after one.
            self.lost += bytes.len() as u64;
            return;
        }
        let room = IN_MEMORY - self.head.len();
        let (now, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(now);
        if rest.is_empty() {
            return;
        }
        self.pending.extend_from_slice(rest);
        if self.pending.len() >= IN_MEMORY
            && let Err(error) = self.write_out(dir)
        {
            tracing::warn!(%error, "cannot write kept output to disk; the rest of it is dropped");
            self.lost = self.pending.len() as u64;
            self.pending = Vec::new();
        }
    }

    fn write_out(&mut self, dir: &Path) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(dir)?,
        };
        let result = file.write_all_at(&self.pending, self.written);
        self.file = Some(file);
        result?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Reads bytes `from..to`, as far as they are stored.
    pub(super) fn read(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let to = to.min(self.stored());
        let mut bytes = Vec::with_capacity(to.saturating_sub(from) as usize);
        let head = self.head.len() as u64;
        take(&self.head, 0, from, to, &mut bytes);
        let file_end = head + self.written;
        if let Some(file) = &self.file
            && from < file_end
            && to > head
        {
            let start = from.max(head);
            let end = to.min(file_end);
            let already = bytes.len();
            bytes.resize(already + (end - start) as usize, 0);
            file.read_exact_at(&mut bytes[already..], start - head)?;
        }
        take(&self.pending, file_end, from, to, &mut bytes);
        Ok(bytes)
    }

    /// A second spool with the same bytes.
    pub(super) fn duplicate(&self, dir: &Path) -> io::Result<Self> {
        const STEP: u64 = 1 << 20;
        let mut copy = Self::default();
        let mut at = 0;
        while at < self.stored() {
            let to = (at + STEP).min(self.stored());
            copy.append(dir, &self.read(at, to)?);
            at = to;
        }
        copy.len += self.lost;
        copy.lost += self.lost;
        Ok(copy)
    }
}

/// Copies the part of `piece` (which begins at byte `start` of the spool) that lies in `from..to`.
fn take(piece: &[u8], start: u64, from: u64, to: u64, into: &mut Vec<u8>) {
    let low = from.saturating_sub(start).min(piece.len() as u64) as usize;
    let high = to.saturating_sub(start).min(piece.len() as u64) as usize;
    if low < high {
        into.extend_from_slice(&piece[low..high]);
    }
}

#[cfg(test)]
mod tests;

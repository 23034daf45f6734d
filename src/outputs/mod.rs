//! What cells wrote: recorded while they run, kept for reading afterwards, bounded in memory and on disk.

/// Where a piece of text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// File descriptor 1 and `sys.stdout`.
    Stdout,
    /// File descriptor 2 and `sys.stderr`.
    Stderr,
}

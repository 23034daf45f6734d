//! Messages between the host and a session process, one enum per direction.
//!
//! Field order is part of the wire format: structs are encoded as MessagePack arrays.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Host to session process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Run (or only plan) one cell. Descriptors: stdout, stderr, then those of `code`.
    Run {
        /// The cell's number in its session, from 1.
        cell: u64,
        /// UTF-8 source.
        code: Blob,
        /// Report undefined calls and run nothing.
        plan: bool,
    },
    /// The answer to a call. Descriptors: those of the blob.
    Reply {
        /// The call's id.
        id: u64,
        /// An encoded [`crate::Value`], or why there is none.
        result: Result<Blob, CallError>,
    },
}

/// Session process to host.
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart once; a box would cost more than the move"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// Locked in, and here is the proof; sent once, first.
    Ready(Ready),
    /// The cell's turn is over.
    Done(Done),
    /// Something rich to show. Descriptors: those of the blobs, in order.
    Display {
        /// The cell that shows it.
        cell: u64,
        /// Representations by media type.
        forms: Vec<(String, Blob)>,
    },
    /// Text that belongs to a cell whose turn is over.
    Late {
        /// That cell.
        cell: u64,
        /// Which stream it was written to.
        stream: OutputStream,
        /// The text.
        text: Blob,
    },
    /// Whether a copy was parked after a cell.
    Parked {
        /// That cell.
        cell: u64,
        /// Whether, and what it cost or why not.
        copy: Parking,
    },
    /// This process is a copy and goes on from here.
    Resumed {
        /// The last cell that it has run.
        cell: u64,
    },
    /// A call into the host. Descriptors: those of the blob.
    Call {
        /// Unused before in this session.
        id: u64,
        /// What is called.
        name: String,
        /// An encoded [`crate::Value`]: a list of the positional arguments and a map of the others.
        arguments: Blob,
    },
    /// Nobody waits for this call any more.
    Abandon {
        /// The call's id.
        id: u64,
    },
}

/// What a session process knows about itself when it is ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// [`crate::VERSION`] of the worker.
    pub version: u32,
    /// One entry per protection, in the order they were tried.
    pub proofs: Vec<Proof>,
}

/// One protection, tried from inside after lock-down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Its name (`landlock`, `seccomp`, `no network`).
    pub name: String,
    /// What was tried and what the kernel answered (`open /forbidden: EACCES`).
    pub evidence: String,
}

/// What came of parking a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parking {
    /// It stands.
    Kept {
        /// What the fork took.
        micros: u64,
        /// Threads of the process; the copy has only the first.
        threads: u32,
    },
    /// There is none, for this reason.
    Skipped {
        /// In words for the agent.
        why: String,
    },
}

/// How a cell ended, as its process saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The cell.
    pub cell: u64,
    /// The last expression's value, if it has one.
    pub value: Option<ValueForm>,
    /// The exception that ended it, if one did.
    pub error: Option<Failure>,
    /// Undefined calls, when the cell was only planned.
    pub plan: Option<Vec<Undefined>>,
    /// Top-level modules beside the standard library's that the session has imported since it last said so.
    pub imports: Vec<String>,
}

/// The value of a cell's last expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueForm {
    /// `repr(value)`.
    pub repr: Blob,
    /// Qualified type name.
    pub type_name: String,
    /// JSON text, only where JSON says exactly the same.
    pub json: Option<Blob>,
}

/// An exception with everything that the reader of a result needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failure {
    /// Class name as a traceback prints it.
    pub type_name: String,
    /// `str(exception)`, at most a few kilobytes.
    pub message: String,
    /// Line in the cell.
    pub line: Option<u32>,
    /// Text of that line.
    pub source: Option<String>,
    /// The user's frames, bounded.
    pub traceback: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// For `SystemExit`.
    pub exit_code: Option<i32>,
}

/// A call of a function that exists nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undefined {
    /// As written.
    pub name: String,
    /// Line in the cell.
    pub line: u32,
    /// Argument expressions as written.
    pub arguments: Vec<String>,
    /// Their types where known without running anything, else `?`.
    pub types: Vec<String>,
}

/// Why a host call gave no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// A short machine-readable kind (`unknown_call`, `invalid_arguments`).
    pub kind: String,
    /// Words for the agent.
    pub message: String,
}

/// Content of any size: inside the frame, or in the next descriptor beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blob {
    /// The bytes themselves.
    Inline(ByteBuf),
    /// The next descriptor of the frame is a sealed memfd with this many bytes.
    Memfd(u64),
}

impl Blob {
    /// How many descriptors this blob takes from the frame.
    pub fn descriptors(&self) -> usize {
        match self {
            Self::Inline(_) => 0,
            Self::Memfd(_) => 1,
        }
    }

    /// Bytes that fit into a frame.
    pub fn inline(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Inline(ByteBuf::from(bytes.into()))
    }
}

/// The two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputStream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl ToWorker {
    /// How many descriptors belong to this message.
    pub fn descriptors(&self) -> usize {
        match self {
            Self::Run { code, .. } => 2 + code.descriptors(),
            Self::Reply { result, .. } => result.as_ref().map_or(0, Blob::descriptors),
        }
    }
}

impl FromWorker {
    /// How many descriptors belong to this message.
    pub fn descriptors(&self) -> usize {
        match self {
            Self::Ready(_) | Self::Abandon { .. } | Self::Parked { .. } | Self::Resumed { .. } => 0,
            Self::Done(done) => done.value.as_ref().map_or(0, |value| {
                value.repr.descriptors() + value.json.as_ref().map_or(0, Blob::descriptors)
            }),
            Self::Display { forms, .. } => forms.iter().map(|(_, blob)| blob.descriptors()).sum(),
            Self::Late { text, .. } => text.descriptors(),
            Self::Call { arguments, .. } => arguments.descriptors(),
        }
    }
}

#[cfg(test)]
mod tests;

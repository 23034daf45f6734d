//! The wire contract between the host and its sandboxed workers; pure data, no sockets.
//!
//! # Who talks to whom
//!
//! Three conversations, all over Unix socket pairs that the host made:
//!
//! 1. **Host and zygote** (`SEQPACKET`): one datagram per message. The zygote says [`FromZygote::Ready`] once
//!    and [`FromZygote::Warmed`] at most once; each [`ToZygote::Spawn`] carries two descriptors (data, control) and
//!    makes one session.
//! 2. **Host and supervisor** (`SEQPACKET`, one per session): the supervisor says what became of the session's
//!    process, and takes [`ToSupervisor`] orders. It is our own code, but it shares a kernel with agent code, so
//!    the host treats its words as hostile too.
//! 3. **Host and session process** (`STREAM`, one per session): frames of a little-endian `u32` length and that
//!    many bytes of MessagePack. The process says [`FromWorker::Ready`] once, with the proof that it is locked
//!    in. Then turns: the host sends [`ToWorker::Run`], the process answers with any number of other messages
//!    and exactly one [`FromWorker::Done`] for that cell. One cell at a time.
//!
//! # Network
//!
//! Where the session's plan asks for a listener, the supervisor opens it on the loopback of the session's own network
//! namespace and hands it over with [`FromSupervisor::Listening`], before the session's process is forked. Nothing
//! inside keeps it: the host alone accepts what connects there, also after a rollback, and closing it closes the port.
//!
//! # Copies
//!
//! Between its turns the process may park a frozen copy of itself with its supervisor ([`FromLive::Parked`]) and says
//! so ([`FromWorker::Parked`]). On [`ToSupervisor::RollBack`] the supervisor ends the live process and wakes a copy,
//! which gets the fresh data socket that came with the order and says [`FromWorker::Resumed`] on it. Ids of calls
//! begin anew there.
//!
//! # Twins
//!
//! A frozen copy can get twins, each in namespaces of its own. On [`ToSupervisor::Conceive`] the supervisor stops all
//! but that copy and hands out its namespaces; on [`ToZygote::Twins`] the zygote forks a midwife, which enters them,
//! makes new ones below with a new supervisor in each, forks the copy into them without letting it run, proves each, and
//! says [`FromMidwife::Done`]; each new supervisor says [`FromSupervisor::Twin`]. Only when the old supervisor has killed
//! what it had ([`ToSupervisor::Yield`]) are the twins woken, each by a `RollBack` to its own supervisor.
//!
//! # Limits
//!
//! The supervisor watches what the session's processes use together. Over the plan's memory it gives up copies
//! ([`FromSupervisor::Dropped`]), and if that does not do it kills all but the copies
//! ([`FromSupervisor::OverMemory`], then [`FromSupervisor::Exited`]). Processor time is watched from an order of the
//! host on ([`ToSupervisor::Allow`]), who alone decides what follows on [`FromSupervisor::OverCpuTime`].
//!
//! # Host calls
//!
//! While a cell runs (and also between cells: threads live on) the process may send [`FromWorker::Call`] with an
//! id it has not used before; the host answers each id once with [`ToWorker::Reply`], in any order.
//!
//! # Descriptors
//!
//! A `Run` frame carries the cell's own stdout and stderr pipes. Content over [`INLINE_LIMIT`] travels as a
//! sealed memfd beside the frame ([`Blob::Memfd`]); descriptors arrive in the order in which the message names
//! them. The receiver checks the seals and never maps the memory.
//!
//! # Trust
//!
//! The worker trusts the host. The host trusts nothing: every length is checked before memory is taken
//! ([`MAX_FRAME`], [`MAX_BLOB`], [`MAX_DEPTH`]), a message that does not decode or comes out of turn ends the
//! session, and no field of a message is a path, a handle or a permission.
//!
//! # Version
//!
//! Host and worker are built together; [`VERSION`] catches a worker `.so` from another build. A snapshot of
//! encoded messages fails when the bytes change, so that raising it is a decision.

mod control;
mod frame;
mod message;
mod value;

pub use control::{
    CheckpointRules, ExitStatus, FromLive, FromMidwife, FromSupervisor, FromZygote, PythonFacts, SessionSpec,
    ToSupervisor, ToZygote, TwinsSpec,
};
pub use frame::{Buffer, FrameError, decode, encode, encode_datagram};
pub use message::{
    Blob, CallError, Done, Failure, FromWorker, OutputStream, Parking, Proof, Ready, ToWorker, Undefined,
    ValueForm,
};
pub use value::{DateTimeKind, Value};

/// Raised whenever the bytes of any message change.
pub const VERSION: u32 = 6;

/// The exit code of a session process that can no longer reach the host.
pub const LOST_CONNECTION: i32 = 120;

/// The longest frame, in bytes, that either side accepts.
pub const MAX_FRAME: usize = 4 << 20;

/// Content up to this many bytes travels inside its frame, anything longer as a memfd beside it.
pub const INLINE_LIMIT: usize = 256 << 10;

/// The largest memfd, in bytes, that the host reads from a worker.
pub const MAX_BLOB: u64 = 256 << 20;

/// The deepest nesting that a message may have.
pub const MAX_DEPTH: usize = 200;

/// The largest control datagram in bytes.
pub const MAX_DATAGRAM: usize = 64 << 10;

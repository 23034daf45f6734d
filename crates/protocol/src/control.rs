//! Messages that make, steer and mourn sessions: to and from the zygote and the supervisors.
//!
//! The sandbox plan inside [`SessionSpec`] is opaque here: it is encoded by `actwright-sandbox`, so that this
//! crate stays free of policy.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::message::Proof;

/// Host to zygote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToZygote {
    /// Fork a session. Descriptors: data (stream), control (seqpacket), then what leads into its control groups.
    Spawn(SessionSpec),
    /// Give a session twins; answered by [`FromMidwife`]. Descriptors: where to answer, what wakes the mother, the
    /// namespaces of its supervisor in the order of the sandbox crate, then for each twin a control socket and what leads
    /// into its control groups.
    Twins(TwinsSpec),
}

/// What one session is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// The encoded `SessionPlan` of the sandbox crate.
    pub plan: ByteBuf,
    /// When to keep copies of the session.
    pub checkpoints: CheckpointRules,
}

/// What twins are made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwinsSpec {
    /// What each of them is.
    pub session: SessionSpec,
    /// The pid of the frozen copy that they are forked from, in its own namespace.
    pub mother: i32,
    /// The last cell that it has run.
    pub cell: u64,
    /// How many twins.
    pub count: u32,
}

/// From the process that the zygote forked to bring twins into the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromMidwife {
    /// All of them stand, each as a frozen copy with its own supervisor.
    Done {
        /// Open descriptors of the mother that they do not have, each in a few words.
        lost: Vec<String>,
    },
    /// None of them may live.
    Failed {
        /// The step (`copy the workspace`).
        step: String,
        /// Why it failed.
        reason: String,
    },
}

/// When the live process parks a frozen copy of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRules {
    /// How many copies there are at most; 0 for none.
    pub keep: u32,
    /// Bytes of its own memory beyond which a copy would cost too much; `None` for no such bound.
    pub memory: Option<u64>,
    /// Microseconds of work that a fork may be before the next ones are skipped; `None` for no such bound.
    pub micros: Option<u64>,
}

/// Live process to supervisor. Descriptor: the socket on which the copy waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromLive {
    /// A frozen copy stands.
    Parked {
        /// Its pid; the supervisor checks that it is a child of its own.
        pid: i32,
        /// The last cell that it has run.
        cell: u64,
    },
}

/// Zygote to host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromZygote {
    /// Imports are done; sessions can be forked.
    Ready {
        /// [`crate::VERSION`] of the worker.
        version: u32,
        /// The interpreter it runs.
        python: PythonFacts,
    },
    /// It has used an idle moment to import what many cells need; sessions forked before are poorer.
    Warmed {
        /// The packages that it was told to import and that are there now.
        imported: Vec<String>,
        /// Those that are not, each with the reason in words for an operator.
        refused: Vec<(String, String)>,
    },
    /// It cannot serve; it exits after saying so.
    Failed {
        /// The reason in words for an operator.
        reason: String,
    },
}

/// The interpreter that a zygote runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonFacts {
    /// `3.11.7`.
    pub version: String,
    /// `cpython`.
    pub implementation: String,
    /// Threads in the zygote; more than one cannot be forked safely.
    pub threads: u32,
}

/// Host to supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToSupervisor {
    /// Send SIGINT to the live process, and to its descendants that were started at or after this many clock ticks
    /// since boot; answered by `Interrupted`.
    Interrupt {
        /// In clock ticks, as in field 22 of `/proc/PID/stat`.
        since_ticks: u64,
    },
    /// Kill every descendant of the live process, orphans included, that was started at or after this many clock
    /// ticks since boot; answered by `Swept`.
    Sweep {
        /// In clock ticks, as in field 22 of `/proc/PID/stat`.
        since_ticks: u64,
    },
    /// Kill the live process and everything it started, and go on from the newest copy that has run no cell after
    /// this one; answered by `RolledBack` or `NoCopy`. Descriptor: a fresh data socket for the copy.
    RollBack {
        /// The last cell whose effects may stand.
        cell: u64,
    },
    /// From now on the session's processes may use so much processor time together; `OverCpuTime` says when it is used
    /// up. Not answered otherwise.
    Allow {
        /// In milliseconds.
        cpu_ms: u64,
    },
    /// Get ready to have twins: stop everything but the copy made after this cell; answered by `Expecting` or
    /// `NotAlone`.
    Conceive {
        /// The last cell that the session has run.
        cell: u64,
    },
    /// There are no twins: let everything go on. Not answered.
    Spare,
    /// The twins stand: kill everything in this namespace but them, and from now on do nothing but hold it; answered
    /// by `Yielded`.
    Yield,
    /// End the session: the supervisor exits and its namespace with it.
    Quit,
}

/// Supervisor to host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSupervisor {
    /// A step of building the session failed; it exits after saying so.
    Failed {
        /// The step (`mount /session`).
        step: String,
        /// What the kernel answered.
        reason: String,
    },
    /// The session's network is ready; sent once, before anything else. Descriptor: the listener.
    Listening,
    /// The signal asked for is sent right after this word.
    Interrupted,
    /// The processes asked for are killed; so many there were.
    Swept {
        /// Count.
        killed: u32,
    },
    /// The live process has ended.
    Exited(ExitStatus),
    /// A copy goes on in place of the live process.
    RolledBack {
        /// The last cell that it has run.
        cell: u64,
    },
    /// The session's processes hold more memory together than they may: the live one and what it started are being
    /// killed.
    OverMemory,
    /// The time of the last `Allow` is used up; said once.
    OverCpuTime,
    /// There was no memory left for the copy made after this cell, and it is gone.
    Dropped {
        /// That cell.
        cell: u64,
    },
    /// The copy that twins can be forked from. Descriptors: what wakes it, then the namespaces of this process in the
    /// order of the sandbox crate.
    Expecting {
        /// Its pid in this namespace.
        mother: i32,
    },
    /// The session cannot have twins now.
    NotAlone {
        /// Why, in words for the agent.
        why: String,
    },
    /// Nothing is left in this namespace but twins.
    Yielded,
    /// This supervisor has a twin, frozen, that a `RollBack` wakes; sent once, first but for `Listening`.
    Twin {
        /// How each wall answered when it was tried with the twin's own rights.
        proofs: Vec<Proof>,
    },
    /// There is no copy that old; the live process runs on, if there is one.
    NoCopy,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// `exit(code)`.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

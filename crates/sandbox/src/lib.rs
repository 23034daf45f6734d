//! The sandbox: what a session may do, turned into a plan, turned into kernel state, and proven from inside.
//!
//! In reading order: [`policy`] is pure data that somebody decided; [`plan`] makes of it the exact list of mounts,
//! rules and limits, still pure; [`outer`] builds the room that a zygote lives in; [`session`] builds the smaller
//! room of one session inside it; [`landlock`], [`seccomp`] and [`limits`] are its walls; [`proof`] pushes against each
//! wall from inside; [`usage`] reads what processes use; [`groups`] has the kernel hold a session's processes together, where it lets us; [`ending`] ends all that is below a process and [`guard`] does so for a zygote without
//! namespaces; [`puppet`] leads a frozen process call by call; [`copying`] copies files. [`sys`] has every raw system call. Nothing here falls back: a wall that cannot be built is
//! an error.

pub mod copying;
pub mod ending;
pub mod error;
pub mod groups;
pub mod guard;
pub mod landlock;
pub mod limits;
pub mod outer;
pub mod plan;
pub mod policy;
pub mod proof;
#[cfg_attr(not(target_arch = "x86_64"), path = "puppet/elsewhere.rs")]
pub mod puppet;
pub mod seccomp;
pub mod session;
pub mod sys;
pub mod usage;

pub use error::{Step, StepError};

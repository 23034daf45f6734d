//! Programs of the host's own machine: started without a shell, with an environment made for them, and never left behind.
//!
//! What is started here was written or named by whoever runs the server, never by an agent; who starts it decides on the
//! arguments.

mod process;
pub mod tend;

pub use process::{Finished, PASSED_ON, ProcessError, Program, Running, tail};

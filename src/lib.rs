//! The host: everything outside the sandbox. It holds keys, stores and policy, and never runs or imports agent code.
//!
//! In the order in which a request passes: the command line makes a configuration; MCP takes a call; a session runs
//! it on a worker; what the cell wrote is kept in outputs; what outlives the server is in storage.

pub mod artifacts;
pub mod attack;
pub mod cli;
pub mod config;
pub mod embedding;
pub mod host_calls;
pub mod hosts;
pub mod masks;
pub mod mcp;
pub mod names;
pub mod nearest;
pub mod network;
pub mod outputs;
pub mod packages;
pub mod programs;
pub mod requirements;
pub mod search;
pub mod session;
pub mod skills;
pub mod storage;
pub mod tools;
mod watch;
pub mod worker;

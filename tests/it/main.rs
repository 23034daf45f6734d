//! The one integration test binary: everything here drives the real program.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod artifacts;
mod bombs;
mod cells;
mod checkpoints;
mod cli;
mod cli_tools;
mod forks;
mod growth;
mod leftovers;
mod mcp;
mod mcp_lines;
mod mcp_tools;
mod meaning;
mod network;
mod packages;
mod preload;
mod rest;
mod rollbacks;
mod sandbox;
mod session_ends;
mod sessions;
mod skills;
mod startup;
mod store;
mod support;
mod tidy;
mod tools;

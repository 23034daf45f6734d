//! The one integration test binary: everything here drives the real program.

mod cli;
mod mcp;
mod mcp_lines;
mod mcp_tools;
mod support;
mod tidy;

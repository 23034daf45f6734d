//! Tools: commands, upstream MCP servers and REST APIs as one catalog of functions with schemas.
//!
//! Nothing in here knows of sessions, of Python or of our own MCP server: arguments and results are plain data, and
//! whoever calls decides what they become. In the order in which a call passes: the catalog finds the tool, its policy
//! admits the caller, its arguments are checked, its adapter performs it.

mod adapter;
mod arguments;
mod call;
mod catalog;
mod command;
mod entry;
mod failure;
mod files;
pub mod import;
mod mcp;
mod name;
mod output;
mod overview;
mod policy;
mod process;
mod rest;
mod search;
mod secrets;
mod shape;
mod signature;
pub mod tend;
mod web;

pub use call::{Caller, Watch};
pub use catalog::{Found, NamespaceSummary, Tools};
pub use entry::{Parameter, Presence, Tool};
pub use failure::{Failure, FailureKind};
pub use name::Identifier;
pub use output::{Media, Output, Part};
pub use signature::{doc, type_of};

pub use adapter::{Extra, Kind, Patience, State};
pub use arguments::Given;
pub use files::Trouble;
pub use secrets::Lookup;

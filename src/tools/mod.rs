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
mod namespace;
mod output;
mod overview;
mod policy;
mod record;
mod replay;
mod rest;
mod secrets;
mod shape;
mod signature;
mod tally;
mod tape;
mod web;

pub use call::{Caller, Origin, Watch};
pub use catalog::{Found, NamespaceSummary, Schema, Tools};
pub use entry::{Hints, Parameter, Presence, Raw, Tool};
pub use failure::{Failure, FailureKind};
pub use name::Identifier;

pub use output::{Media, Output, Part};
pub use replay::Player;
pub use signature::{doc, type_of};
pub use tally::{Count, Tally};
pub use tape::{Tape, Written};

pub use adapter::{Adapter, Extra, Kind, Listing, Patience, State, Task};
pub use arguments::{Arguments, Given};
pub use files::Trouble;
pub use secrets::Lookup;

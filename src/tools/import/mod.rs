//! Taking over MCP servers from the configuration of other clients: where it lies, what it says, and what of it goes
//! into `mcp.json`.
//!
//! Nothing is guessed: what a client understands and this program does not is left out and said, and an entry that cannot
//! work without it is skipped with the reason. The files of the clients are only read.

mod client;
mod document;
mod literal;
mod merge;
mod plain;
mod reference;
mod store;
mod translate;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use client::{Client, Place, Surroundings, place_of, places};
pub use merge::{Differing, Merged, Outcome, Verdict, merge};
pub use store::{StoreError, read_servers, write_servers};

/// A server as one client has it, in the form of `mcp.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Whose it is.
    pub client: Client,
    /// The file that it stands in.
    pub file: PathBuf,
    /// Its name there.
    pub name: String,
    /// Its entry for `mcp.json`, or why there is none.
    pub entry: Result<Value, String>,
    /// What is different from what the client does with it, a sentence each.
    pub notes: Vec<String>,
}

/// Everything that one file offers; an error when it is no configuration of its client.
pub fn offers(place: &Place, text: &str, surroundings: &Surroundings) -> Result<Vec<Offer>, String> {
    let servers = document::servers(place, text, &surroundings.current)?;
    let offers = servers.into_iter().map(|server| {
        let context = translate::Context {
            client: place.client,
            project: server.project.as_deref(),
            home: &surroundings.home,
        };
        let translated = match server.state {
            document::State::On => translate::entry(&server.entry, &context),
            document::State::Off => Err("it is switched off".to_owned()),
        };
        let (entry, notes) = match translated {
            Ok(translated) => (Ok(translated.entry), translated.notes),
            Err(why) => (Err(why), Vec::new()),
        };
        Offer { client: place.client, file: place.file.clone(), name: server.name, entry, notes }
    });
    Ok(offers.collect())
}

/// Reads a file of a client.
pub fn read(file: &Path) -> Result<String, String> {
    super::files::read(file)
}

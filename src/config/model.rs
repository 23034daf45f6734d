//! The model that compares meanings: which, where its files lie, and whether they may be fetched.
//!
//! The name is not checked here: which models there are is known by the room that runs them, and says so in every answer.

use std::path::PathBuf;

use serde::Serialize;

use super::checks;
use super::index::Way;
use super::resolve::Merge;
use super::{ConfigError, env};

/// See the module.
#[derive(Debug, Clone, Serialize)]
pub struct ModelRules {
    /// Its name, or nothing for the default; `none` where meanings are not to be compared.
    pub name: Option<String>,
    /// Where models and the library that runs them are kept (default: `actwright/models` in the user's cache).
    pub directory: PathBuf,
    /// Whether nothing may be fetched.
    pub offline: bool,
    /// A library of the user's own that runs models.
    pub runtime: Option<PathBuf>,
    /// How package indexes are reached.
    #[serde(skip)]
    pub way: Way,
}

/// The name that switches meanings off.
const NONE: &str = "none";

impl ModelRules {
    /// No model.
    pub fn none() -> Self {
        let name = Some(NONE.to_owned());
        Self { name, directory: PathBuf::new(), offline: true, runtime: None, way: Way::default() }
    }

    /// Whether meanings are not to be compared.
    pub fn is_none(&self) -> bool {
        self.name.as_deref() == Some(NONE)
    }
}

impl Merge<'_> {
    pub(super) fn model(
        &mut self,
        name: Option<String>,
        directory: Option<String>,
        offline: Option<bool>,
    ) -> Result<ModelRules, ConfigError> {
        let raw = &self.file.raw.model;
        let name = self.pick(env::MODEL, name, &raw.name, String::new())?;
        self.listing.add(&name, name.value.clone());
        let cache = self.environment.cache_home().map(|cache| cache.join("actwright/models"));
        let cache = cache.map(|cache| cache.display().to_string()).unwrap_or_default();
        let directory = self.pick(env::MODEL_DIRECTORY, directory, &raw.directory, cache)?;
        // Without a home there is no cache, and without a cache no model.
        let directory = match directory.value.is_empty() {
            true => directory.map(|_| PathBuf::new()),
            false => checks::path(directory, self.environment)?,
        };
        self.listing.add(&directory, directory.value.display().to_string());
        let offline = self.pick(env::OFFLINE, offline, &raw.offline, false)?;
        self.listing.add(&offline, offline.value);
        let runtime = self.pick(env::MODEL_RUNTIME, None, &raw.runtime, String::new())?;
        let runtime = match runtime.value.is_empty() {
            true => runtime.map(|_| None),
            false => checks::exists(checks::path(runtime, self.environment)?)?.map(Some),
        };
        let shown = runtime.value.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        self.listing.add(&runtime, shown);
        Ok(ModelRules {
            name: Some(name.value).filter(|name| !name.is_empty()),
            directory: directory.value,
            offline: offline.value,
            runtime: runtime.value,
            way: Way::of(self.environment),
        })
    }
}

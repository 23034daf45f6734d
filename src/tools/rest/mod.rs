//! REST APIs: an OpenAPI document or a list of endpoints, each operation a tool.
//!
//! Where requests go is what the tool file says, or what its document says and is public. Keys are filled in here and never
//! leave for another origin than the API's own.

mod auth;
mod document;
mod endpoints;
mod file;
mod operation;
mod request;
mod send;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::adapter::{Adapter, Kind, Listing, Patience, State, Task};
use super::arguments::Arguments;
use super::call::Watch;
use super::failure::Failure;
use super::files;
use super::output::Output;
use super::secrets::Secrets;
use auth::Keys;
use document::Document;
pub use file::ApiFile;
use file::{FileError, Source};
use operation::Operation;
use request::Prepared;
use send::Sender;

/// One API as a namespace.
#[derive(Debug)]
pub struct Api {
    file: ApiFile,
    base: std::path::PathBuf,
    loaded: OnceCell<Result<Loaded, String>>,
}

/// An API whose document is read.
#[derive(Debug)]
struct Loaded {
    operations: HashMap<String, Operation>,
    listing: Listing,
    sender: Sender,
    keys: Keys,
    server: String,
    description: String,
}

impl Api {
    /// From a tool file; its document is read when the namespace is first needed.
    pub fn new(document: &Map<String, Value>, base: &Path, secrets: &Secrets) -> Result<Self, FileError> {
        Ok(Self { file: ApiFile::read(document, secrets)?, base: base.to_owned(), loaded: OnceCell::new() })
    }

    /// The namespace.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    async fn loaded(&self) -> Result<&Loaded, String> {
        self.loaded.get_or_init(|| self.load()).await.as_ref().map_err(Clone::clone)
    }

    async fn load(&self) -> Result<Loaded, String> {
        let file = &self.file;
        let sender = Sender::new(file).map_err(|error| error.to_string())?;
        let (operations, servers, schemes, description) = match &file.source {
            Source::Endpoints(endpoints) => {
                (endpoints::operations(endpoints)?, Vec::new(), HashMap::new(), String::new())
            }
            Source::File(path) => self.from_document(files::read(&self.base.join("tools").join(path))?)?,
            Source::Url(url) => {
                let body =
                    sender.fetch(url).await.map_err(|failure| format!("{url}: {}", failure.message))?;
                self.from_document(body)?
            }
        };
        let server = self.server(&servers)?;
        let keys = Keys::new(&file.auth, &schemes)?;
        let raws = operations.iter().map(|operation| operation.raw(&file.tags, file.timeout)).collect();
        let listing = Listing { tools: Arc::new(raws), root: None, state: State::Ready, generation: 1 };
        let operations =
            operations.into_iter().map(|operation| (operation.name.clone(), operation)).collect();
        Ok(Loaded { operations, listing, sender, keys, server, description })
    }

    #[expect(clippy::type_complexity, reason = "taken apart at once by its one caller")]
    fn from_document(
        &self,
        text: String,
    ) -> Result<(Vec<Operation>, Vec<String>, HashMap<String, Value>, String), String> {
        let document = Document::new(files::parse(&text)?)?;
        let mut operations = document.operations();
        operations.retain(|operation| self.file.takes(&operation.name));
        if operations.is_empty() {
            return Err("its document has no operation that can be used".to_owned());
        }
        Ok((operations, document.servers(&self.file.variables), document.schemes(), document.description()))
    }

    /// Where requests go: the file's own word, else the document's first server that is a whole address.
    fn server(&self, servers: &[String]) -> Result<String, String> {
        if let Some(url) = &self.file.base_url {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let whole = servers.iter().find(|url| url.starts_with("https://") || url.starts_with("http://"));
        match (whole, &self.file.source) {
            (Some(url), _) => Ok(url.trim_end_matches('/').to_owned()),
            (None, Source::Url(place)) => {
                let relative = servers.first().map_or("/", String::as_str);
                let joined = reqwest::Url::parse(place).and_then(|place| place.join(relative));
                Ok(joined.map_err(|error| error.to_string())?.as_str().trim_end_matches('/').to_owned())
            }
            (None, _) => Err("its document names no server; say `base_url` in the tool file".to_owned()),
        }
    }

    async fn perform(&self, name: &str, arguments: Arguments) -> Result<Output, Failure> {
        let loaded = self.loaded().await.map_err(Failure::unavailable)?;
        let operation = loaded.operations.get(name);
        let operation = operation.ok_or_else(|| Failure::unavailable("the operation is gone"))?;
        let mut prepared = Prepared::new(&loaded.server, operation, &arguments)?;
        prepared.headers.extend(self.file.headers.iter().cloned());
        loaded.keys.apply(&mut prepared, operation, &loaded.sender).await?;
        loaded.sender.send(prepared).await
    }
}

impl Adapter for Api {
    fn kind(&self) -> Kind {
        Kind::Rest
    }

    fn description(&self) -> String {
        match (&self.file.description, self.loaded.get()) {
            (Some(description), _) => description.clone(),
            (None, Some(Ok(loaded))) => loaded.description.clone(),
            (None, _) => String::new(),
        }
    }

    fn listing(&self, patience: Patience) -> Task<'_, Listing> {
        Box::pin(async move {
            let nothing = |state| Listing { tools: Arc::default(), root: None, state, generation: 0 };
            if patience == Patience::Known && !self.loaded.initialized() {
                return nothing(State::Idle);
            }
            match self.loaded().await {
                Ok(loaded) => loaded.listing.clone(),
                Err(why) => nothing(State::Failed(why)),
            }
        })
    }

    fn call<'a>(
        &'a self,
        name: Option<&'a str>,
        arguments: Arguments,
        _watch: Watch,
    ) -> Task<'a, Result<Output, Failure>> {
        Box::pin(async move {
            match name {
                Some(name) => self.perform(name, arguments).await,
                None => Err(Failure::unavailable("an API itself cannot be called")),
            }
        })
    }
}

//! REST APIs: an OpenAPI document or a list of endpoints, each operation a tool.
//!
//! Where requests go is what the tool file says, or what its document says and is public. Keys are filled in here and never
//! leave for another origin than the API's own.

mod answer;
mod auth;
mod date;
mod document;
mod endpoints;
mod file;
mod operation;
mod reach;
mod request;
mod schema;
mod send;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::adapter::{Adapter, Kind, Listing, Patience, State, Task};
use super::arguments::Arguments;
use super::call::Watch;
use super::failure::{Failure, FailureKind};
use super::files;
use super::output::Output;
use super::secrets::Secrets;
use crate::config::Order;
use auth::{Freshness, Keys};
use document::Document;
pub use file::ApiFile;
use file::{FileError, Source};
use operation::{Operation, Place};
use reach::{is_same_site, parse};
use request::Prepared;
use send::{LONGEST_PAUSE, Sender};

/// How long a document that could not be had is not asked for again.
const REST: Duration = Duration::from_secs(10);

/// One API as a namespace.
#[derive(Debug)]
pub struct Api {
    file: Arc<ApiFile>,
    base: std::path::PathBuf,
    loaded: OnceCell<Loaded>,
    failed: Mutex<Option<(Instant, String)>>,
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

/// What a document says.
#[derive(Debug, Default)]
struct Described {
    operations: Vec<Operation>,
    servers: Vec<String>,
    schemes: HashMap<String, Value>,
    description: String,
}

impl Api {
    /// From a tool file; its document is read when the namespace is first needed.
    pub fn new(document: &Map<String, Value>, base: &Path, secrets: &Secrets) -> Result<Self, FileError> {
        let file = Arc::new(ApiFile::read(document, secrets)?);
        Ok(Self { file, base: base.to_owned(), loaded: OnceCell::new(), failed: Mutex::default() })
    }

    /// The namespace.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    async fn loaded(&self) -> Result<&Loaded, String> {
        self.loaded.get_or_try_init(|| self.load_if_rested()).await
    }

    /// Loads, unless that failed just now; what failed once may work later.
    async fn load_if_rested(&self) -> Result<Loaded, String> {
        let lock = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, why)) = lock().as_ref().filter(|(when, _)| when.elapsed() < REST) {
            return Err(why.clone());
        }
        let result = self.load().await.map_err(|why| self.file.secrets.mask(&why));
        *lock() = result.as_ref().err().map(|why| (Instant::now(), why.clone()));
        result
    }

    async fn load(&self) -> Result<Loaded, String> {
        let file = &self.file;
        let sender = Sender::new(file).map_err(|error| error.to_string())?;
        let mut described = match &file.source {
            Source::Endpoints(endpoints) => {
                Described { operations: endpoints::operations(endpoints)?, ..Described::default() }
            }
            Source::File(path) => {
                let path = self.base.join("tools").join(path);
                self.describe(move || files::read(&path)).await?
            }
            Source::Url(url) => {
                let fetched = timeout(file.timeout, sender.fetch(url)).await;
                let text = match fetched {
                    Ok(text) => text.map_err(|failure| format!("{url}: {}", failure.message))?,
                    Err(_) => {
                        return Err(format!("{url}: no answer within {} s", file.timeout.as_secs_f64()));
                    }
                };
                self.describe(move || Ok(text)).await?
            }
        };
        let server = self.server(&described.servers)?;
        let place = match &file.source {
            Source::Url(place) => Some(place.as_str()),
            _ => None,
        };
        let keys = Keys::new(&file.auth, &described.schemes, place)?;
        for operation in &mut described.operations {
            self.hide_filled(operation, &keys);
        }
        // A token's request and a second try with a new one are among them.
        let most = (file.timeout + LONGEST_PAUSE) * (2 * file.retries + 3);
        let raws = described.operations.iter().map(|operation| operation.raw(&file.tags, most)).collect();
        let listing = Listing { tools: Arc::new(raws), root: None, state: State::Ready, generation: 1 };
        described.operations.iter_mut().for_each(Operation::forget_schemas);
        let operations = described.operations.into_iter();
        let operations = operations.map(|operation| (operation.name.clone(), operation)).collect();
        Ok(Loaded { operations, listing, sender, keys, server, description: described.description })
    }

    /// Reads and takes apart a document, on a thread that may take its time.
    async fn describe(
        &self,
        text: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Result<Described, String> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let document = Document::new(files::parse(&text()?)?)?;
            let operations = document.operations(|name| file.takes(name), &file.variables)?;
            if operations.is_empty() {
                return Err("its document has no operation that can be used".to_owned());
            }
            Ok(Described {
                operations,
                servers: document.servers(&file.variables),
                schemes: document.schemes(),
                description: document.description(),
            })
        });
        read.await.map_err(|_| "its document could not be read".to_owned())?
    }

    /// What the file fills in is no argument.
    fn hide_filled(&self, operation: &mut Operation, keys: &Keys) {
        operation.parameters.retain(|parameter| match parameter.place {
            Place::Header => {
                let is_in_file =
                    self.file.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(&parameter.name));
                !is_in_file && !keys.fill("header", &parameter.name)
            }
            Place::Query => !keys.fill("query", &parameter.name),
            Place::Cookie => !keys.fill("cookie", &parameter.name),
            Place::Path => true,
        });
    }

    /// Where requests go: the file's own word, else the document's first server that is a whole address.
    fn server(&self, servers: &[String]) -> Result<String, String> {
        if let Some(url) = &self.file.base_url {
            return base(url);
        }
        match &self.file.source {
            Source::Url(place) => {
                let server = servers.first().map_or("/", String::as_str);
                let joined = reqwest::Url::parse(place).and_then(|place| place.join(server));
                let joined = joined.map_err(|error| format!("server `{server}`: {error}"))?;
                self.check_site(place, joined.as_str())?;
                base(joined.as_str())
            }
            _ => {
                let is_whole = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
                let whole = servers.iter().find(is_whole);
                base(whole.ok_or("its document names no server; say `base_url` in the tool file")?)
            }
        }
    }

    /// A document from elsewhere says where requests go, and not where keys go.
    fn check_site(&self, place: &str, server: &str) -> Result<(), String> {
        if !self.file.has_keys() || is_same_site(place, server) {
            return Ok(());
        }
        Err(format!(
            "its document sends requests to `{server}`, another site than its own, and the tool file has keys; if that \
             is right, say `base_url` in the tool file"
        ))
    }

    /// Where this operation's requests go.
    fn server_of(&self, operation: &Operation, loaded: &Loaded) -> Result<String, Failure> {
        let Some(own) = operation.server.as_ref().filter(|_| self.file.base_url.is_none()) else {
            return Ok(loaded.server.clone());
        };
        let place = match &self.file.source {
            Source::Url(place) => place,
            _ => &loaded.server,
        };
        let joined = reqwest::Url::parse(place).and_then(|place| place.join(own));
        let joined = joined.map_err(|error| Failure::failed(format!("server `{own}`: {error}")))?;
        if matches!(self.file.source, Source::Url(_)) {
            self.check_site(&loaded.server, joined.as_str())
                .map_err(|why| Failure::new(FailureKind::Denied, why))?;
        }
        base(joined.as_str()).map_err(Failure::failed)
    }

    async fn perform(&self, name: &str, arguments: Arguments) -> Result<Output, Failure> {
        let loaded = self.loaded().await.map_err(Failure::unavailable)?;
        let operation = loaded.operations.get(name);
        let operation = operation.ok_or_else(|| Failure::unavailable("the operation is gone"))?;
        let mut prepared = Prepared::new(&self.server_of(operation, loaded)?, operation, &arguments)?;
        drop(arguments);
        for (name, value) in &self.file.headers {
            prepared.set_header(name, &loaded.sender.value(value).await?);
        }
        let freshness = loaded.keys.apply(&mut prepared, operation, &loaded.sender).await?;
        let result = loaded.sender.send(&prepared).await;
        let is_refused =
            result.as_ref().is_err_and(|failure| failure.facts.contains(&("status", 401.into())));
        if is_refused {
            // A key from a program may be another one by now.
            self.file.secrets.forget_programs();
        }
        // A token may end before its time; who is refused has done nothing.
        if is_refused && freshness == Freshness::Kept {
            loaded.keys.forget(&prepared).await;
            loaded.keys.apply(&mut prepared, operation, &loaded.sender).await?;
            return loaded.sender.send(&prepared).await;
        }
        result
    }
}

/// A server's address, ready for a path behind it.
fn base(server: &str) -> Result<String, String> {
    let url = parse(server).map_err(|failure| format!("server `{server}`: {}", failure.message))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("server `{server}` has a `?` or `#`"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl Adapter for Api {
    fn kind(&self) -> Kind {
        Kind::Rest
    }

    fn description(&self) -> String {
        match (&self.file.description, self.loaded.get()) {
            (Some(description), _) => description.clone(),
            (None, Some(loaded)) => loaded.description.clone(),
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

    fn order(&self) -> Order {
        self.file.order
    }

    fn generation(&self) -> u64 {
        u64::from(self.loaded.initialized())
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

#[cfg(test)]
mod tests;

//! The handle: requests go to one thread, which opens the database at the first of them and owns it from then on.
//!
//! A request is a function of the open database, so that what a room asks of the store is written where the room's rows
//! are. Requests of one handle are answered in order; a database that could not be opened is tried again by the next.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::FILE_NAME;
use super::error::StorageError;
use super::sqlite::Db;

type Request = Box<dyn FnOnce(Result<&mut Db, StorageError>) + Send>;

/// The store of one base directory. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: Option<PathBuf>,
    requests: Mutex<Option<Sender<Request>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("path", &self.inner.path).finish()
    }
}

impl Store {
    /// The store of this base directory; nothing is opened yet.
    pub fn at(base: &Path) -> Self {
        Self::over(Some(base.join(FILE_NAME)))
    }

    /// No store: every request is refused with its reason.
    pub fn none() -> Self {
        Self::over(None)
    }

    fn over(path: Option<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner { path, requests: Mutex::new(None) }) }
    }

    /// Where the database lies, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.inner.path.as_deref()
    }

    /// Does something with the database. When the answer is there, what was written is on the disk.
    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (sender, answer) = oneshot::channel();
        self.send(Box::new(move |db| {
            // Whoever asked may not wait any more; what was written stays.
            drop(sender.send(db.and_then(work)));
        }))?;
        answer.await.unwrap_or(Err(StorageError::Ended))
    }

    /// The same, or nothing where there is no store.
    pub async fn ask_if_any<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<Option<T>, StorageError> {
        match self.ask(work).await {
            Ok(answer) => Ok(Some(answer)),
            Err(StorageError::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same where nobody waits for the answer, such as counting a use; a failure goes to the log.
    pub fn tell(&self, work: impl FnOnce(&mut Db) -> Result<(), StorageError> + Send + 'static) {
        let sent = self.send(Box::new(move |db| {
            if let Err(error) = db.and_then(work) {
                tracing::warn!(%error, "the store did not keep a note");
            }
        }));
        if let Err(error) = sent {
            tracing::debug!(%error, "a note for the store was dropped");
        }
    }

    fn send(&self, request: Request) -> Result<(), StorageError> {
        let Some(path) = &self.inner.path else { return Err(StorageError::Absent) };
        let mut requests = self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.is_none() {
            let (sender, receiver) = channel();
            let path = path.clone();
            std::thread::Builder::new()
                .name("store".to_owned())
                .spawn(move || serve(&path, &receiver))
                .map_err(|cause| StorageError::failed("starting", cause))?;
            *requests = Some(sender);
        }
        let sent = requests.as_ref().map(|sender| sender.send(request));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(StorageError::Ended),
        }
    }
}

/// Answers requests until every handle is gone.
fn serve(path: &Path, requests: &Receiver<Request>) {
    let mut open: Option<Db> = None;
    while let Ok(request) = requests.recv() {
        if open.is_none() {
            match Db::open(path) {
                Ok(db) => open = Some(db),
                Err(error) => {
                    request(Err(error));
                    continue;
                }
            }
        }
        if let Some(db) = &mut open {
            request(Ok(db));
        }
    }
}

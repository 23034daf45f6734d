//! Saves in several steps: what each session is writing, until it finishes or ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::blobs::Incoming;
use super::error::ArtifactError;

/// Saves of one session at once.
const MOST: usize = 16;

/// One save. It is taken out while a step is done with it.
type Place = Arc<Mutex<Option<Incoming>>>;

/// What is being written.
#[derive(Debug, Default)]
pub struct Uploads {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    last: u64,
    /// By number: whose it is, and the save.
    open: HashMap<u64, (String, Place)>,
}

impl Uploads {
    /// Takes a new save of a session; gives its number.
    pub fn add(&self, session: &str, incoming: Incoming) -> Result<u64, ArtifactError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.open.values().filter(|(owner, _)| owner == session).count() >= MOST {
            return Err(ArtifactError::TooMany(MOST));
        }
        all.last += 1;
        let id = all.last;
        all.open.insert(id, (session.to_owned(), Arc::new(Mutex::new(Some(incoming)))));
        Ok(id)
    }

    /// Does something with a save of this session.
    pub fn with<T>(
        &self,
        session: &str,
        id: u64,
        work: impl FnOnce(&mut Incoming) -> Result<T, ArtifactError>,
    ) -> Result<T, ArtifactError> {
        let place = {
            let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.open.get(&id).filter(|(owner, _)| owner == session).map(|(_, place)| place.clone())
        };
        let place = place.ok_or(ArtifactError::NoUpload)?;
        let mut incoming = place.lock().unwrap_or_else(PoisonError::into_inner);
        work(incoming.as_mut().ok_or(ArtifactError::NoUpload)?)
    }

    /// Takes a save out, to finish it or to drop it.
    pub fn take(&self, session: &str, id: u64) -> Result<Incoming, ArtifactError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match all.open.get(&id) {
            Some((owner, _)) if owner == session => {}
            _ => return Err(ArtifactError::NoUpload),
        }
        let (_, place) = all.open.remove(&id).ok_or(ArtifactError::NoUpload)?;
        drop(all);
        place.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(ArtifactError::NoUpload)
    }

    /// Drops all saves of a session.
    pub fn end(&self, session: &str) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.open.retain(|_, (owner, _)| owner != session);
    }
}

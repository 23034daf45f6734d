//! Saves in several steps: what each session is writing, until it finishes or ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::blobs::Incoming;
use super::error::ArtifactError;

/// Saves of one session at once.
const MOST: usize = 16;

/// One save. It is taken out when it is over.
type Place = Arc<Mutex<Option<Upload>>>;

#[derive(Debug)]
struct Upload {
    incoming: Incoming,
    /// Bytes that fitted beside everything that was kept when it began.
    room: u64,
    in_flight: InFlight,
}

/// The bytes of one save among those of all, until it is over.
#[derive(Debug)]
struct InFlight {
    all: Arc<AtomicU64>,
    own: u64,
}

impl InFlight {
    fn give_back(&mut self, bytes: u64) {
        self.all.fetch_sub(bytes, Ordering::Relaxed);
        self.own -= bytes;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.give_back(self.own);
    }
}

/// What is being written.
#[derive(Debug, Default)]
pub struct Uploads {
    all: Mutex<All>,
    /// Bytes of all saves that are not finished, for they take room on the disk too.
    bytes: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct All {
    last: u64,
    /// By number: whose it is, and the save.
    open: HashMap<u64, (String, Place)>,
}

impl Uploads {
    /// Takes a new save of a session; gives its number.
    pub fn add(&self, session: &str, incoming: Incoming, room: u64) -> Result<u64, ArtifactError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.open.values().filter(|(owner, _)| owner == session).count() >= MOST {
            return Err(ArtifactError::TooMany(MOST));
        }
        all.last += 1;
        let id = all.last;
        let upload = Upload { incoming, room, in_flight: InFlight { all: self.bytes.clone(), own: 0 } };
        all.open.insert(id, (session.to_owned(), Arc::new(Mutex::new(Some(upload)))));
        Ok(id)
    }

    /// Says anew how much fits beside everything that is kept.
    pub fn set_room(&self, session: &str, id: u64, room: u64) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let place = all.open.get(&id).filter(|(owner, _)| owner == session).map(|(_, place)| place.clone());
        drop(all);
        if let Some(upload) =
            place.as_ref().map(|place| place.lock().unwrap_or_else(PoisonError::into_inner)).as_deref_mut()
            && let Some(upload) = upload
        {
            upload.room = room;
        }
    }

    /// Adds so many bytes to a save of this session, unless all that is being saved would not fit any more.
    pub fn grow<T>(
        &self,
        session: &str,
        id: u64,
        bytes: u64,
        work: impl FnOnce(&mut Incoming) -> Result<T, ArtifactError>,
    ) -> Result<T, ArtifactError> {
        let place = {
            let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.open.get(&id).filter(|(owner, _)| owner == session).map(|(_, place)| place.clone())
        };
        let place = place.ok_or(ArtifactError::NoUpload)?;
        let mut upload = place.lock().unwrap_or_else(PoisonError::into_inner);
        let upload = upload.as_mut().ok_or(ArtifactError::NoUpload)?;
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        upload.in_flight.own += bytes;
        if before.saturating_add(bytes) > upload.room {
            upload.in_flight.give_back(bytes);
            return Err(ArtifactError::NoRoomNow { room: upload.room });
        }
        work(&mut upload.incoming)
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
        place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .map(|upload| upload.incoming)
            .ok_or(ArtifactError::NoUpload)
    }

    /// Drops all saves of a session.
    pub fn end(&self, session: &str) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.open.retain(|_, (owner, _)| owner != session);
    }
}

//! What an upstream may say to us: progress of calls, and that its lists have changed. Everything else is refused.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientCapabilities, ClientConfig, Implementation,
    ProgressNotificationParam, ProgressToken, ProtocolVersion, RequestId,
};
use rmcp::service::{NotificationContext, RequestHandle};
use rmcp::{ClientHandler, RoleClient};

use super::link::Peer;
use crate::tools::call::Watch;

/// What the connection's handler and its users share.
#[derive(Clone, Default)]
pub struct Shared {
    watches: Arc<Mutex<HashMap<ProgressToken, Watch>>>,
    changed: Arc<AtomicBool>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Whether the tools have changed since this was asked last.
    pub fn take_change(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// The tools have changed.
    pub fn change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether both belong to the same connection.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.changed, &other.changed)
    }

    fn watches(&self) -> std::sync::MutexGuard<'_, HashMap<ProgressToken, Watch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientHandler for Shared {
    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let watch = self.watches().get(&params.progress_token).cloned();
        if let Some(watch) = watch {
            watch.progress(params.progress, params.total, params.message.unwrap_or_default());
        }
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.change();
    }

    fn get_info(&self) -> ClientConfig {
        let about = Implementation::new("actwright", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), about)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

/// A request on its way. Dropped before its answer, it tells the server to stop.
pub struct Pending {
    peer: Peer,
    id: Option<RequestId>,
    token: ProgressToken,
}

impl Pending {
    /// For this request, whose progress goes to `watch`.
    pub fn new(peer: &Peer, handle: &RequestHandle<RoleClient>, watch: Watch) -> Self {
        peer.shared.watches().insert(handle.progress_token.clone(), watch);
        Self { peer: peer.clone(), id: Some(handle.id.clone()), token: handle.progress_token.clone() }
    }

    /// The answer has come.
    pub fn is_answered(&mut self) {
        self.id = None;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.peer.shared.watches().remove(&self.token);
        let Some(id) = self.id.take() else { return };
        let params = CancelledNotificationParam::new(Some(id), Some("the call was cancelled".to_owned()));
        let service = self.peer.service.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // A server that is gone has stopped anyway.
                let _ = service.send_notification(CancelledNotification::new(params).into()).await;
            });
        }
    }
}

//! The word to a client that a list is another one than it was: skills or artifacts came, went or got a new version.
//!
//! It is found by looking, because other servers of the same base directory and people with files change them too.

use std::time::Duration;

use rmcp::{Peer, RoleServer};
use tokio_util::sync::CancellationToken;

use crate::artifacts::Artifacts;
use crate::config::Exposure;
use crate::skills::Skills;

/// How often it is looked; a change is to be seen within a second.
const LOOK: Duration = Duration::from_millis(700);

/// When it is looked for the first time: soon, and not before the client has its list of tools.
const FIRST: Duration = Duration::from_millis(50);

/// What is looked at.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) skills: Skills,
    pub(super) artifacts: Artifacts,
    pub(super) exposure: Exposure,
}

/// Tells a client whenever its lists are others, until it leaves.
pub(super) async fn tell(watched: Watched, peer: Peer<RoleServer>, ended: CancellationToken) {
    let (mut skills, mut artifacts) = (None, None);
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(pause) => pause = LOOK,
        }
        // A store that cannot be read now may be read later.
        let others = is_other(&mut skills, watched.skills.state().await.ok());
        let has_more = is_other(&mut artifacts, watched.artifacts.state().await.ok());
        if others && tell_of_exposed(&peer, watched.exposure).await.is_err() {
            return;
        }
        if (others || has_more) && peer.notify_resource_list_changed().await.is_err() {
            return;
        }
    }
}

async fn tell_of_exposed(peer: &Peer<RoleServer>, exposure: Exposure) -> Result<(), rmcp::ServiceError> {
    match exposure {
        Exposure::None => Ok(()),
        Exposure::Tools => peer.notify_tool_list_changed().await,
        Exposure::Prompts => peer.notify_prompt_list_changed().await,
    }
}

/// Whether this is another state than the one before, which it takes the place of.
fn is_other<T: PartialEq>(known: &mut Option<T>, now: Option<T>) -> bool {
    let Some(now) = now else { return false };
    let is_other = known.as_ref().is_some_and(|known| *known != now);
    *known = Some(now);
    is_other
}

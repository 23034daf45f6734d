//! Packages that the lock file names and that are not there when a server starts: made again, while new sessions wait a while.

use std::time::Duration;

use tokio::time::timeout;

use super::change::Change;
use super::error::PackageError;
use super::library::Packages;
use super::lock::Lock;

/// How long a new session waits for packages that are being restored.
const PATIENCE: Duration = Duration::from_secs(45);

impl Packages {
    /// From now on sessions wait for what the lock file names, where there is one; `restore` has to follow.
    pub fn hold_sessions(&self) {
        let has_lock = self.inner.base.as_ref().is_some_and(|base| Lock::is_in(base));
        self.inner.restoring.send_replace(has_lock);
    }

    /// Makes what the lock file says again, if sessions do not see it, and lets those go on that wait for it.
    pub async fn restore(&self) -> Result<Option<Change>, PackageError> {
        let done = match self.is_behind().await {
            Ok(true) => self.sync().await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        self.inner.restoring.send_replace(false);
        done
    }

    /// Returns when nothing is being restored, or when that takes too long for somebody who waits.
    pub async fn settled(&self) {
        let mut restoring = self.inner.restoring.subscribe();
        drop(timeout(PATIENCE, restoring.wait_for(|restoring| !restoring)).await);
    }
}

//! What ties a session to the zygote that it came from, so that a zygote that nobody needs any more can end.

use tokio::sync::mpsc::UnboundedSender;

/// A session's hold on its zygote; its end is told to whoever keeps the zygotes.
#[derive(Debug)]
pub struct Lease {
    /// The zygote's number in this process.
    pub zygote: u64,
    ended: UnboundedSender<u64>,
}

impl Lease {
    /// On this zygote.
    pub fn new(zygote: u64, ended: UnboundedSender<u64>) -> Self {
        Self { zygote, ended }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // At shutdown nobody listens.
        let _ = self.ended.send(self.zygote);
    }
}

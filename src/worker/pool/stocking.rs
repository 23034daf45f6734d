//! When the pool starts another zygote with packages, and which one the next session comes from.

use std::time::Duration;

use super::{Phase, Pool, Wake};
use crate::worker::stocked::Decision;
use crate::worker::zygote::{Change, Zygote};

impl Pool {
    /// Sees to it that there is a zygote with what new sessions are likely to import, once it is known that sessions can be had
    /// here at all.
    pub(super) fn restock(&mut self) {
        let Phase::Running(zygote) = &self.zygote else { return };
        if !self.is_warm || !self.fertile {
            return;
        }
        match self.stocked.decide(&zygote.version()) {
            Decision::Stay => {}
            Decision::Start(stock) => {
                let id = self.number();
                self.stocked.starting(id, stock.clone());
                let (config, wakes) = (self.config.clone(), self.wakes.clone());
                let starting = tokio::spawn(async move {
                    // As above.
                    let _ = wakes.send(Wake::Stocked(id, Zygote::start(&config, Some(&stock)).await));
                });
                self.remember(starting.abort_handle());
            }
            Decision::Later(pause) => self.wake_later(pause, Wake::Restock),
        }
        self.renew();
    }

    pub(super) fn wake_later(&self, pause: Duration, wake: Wake) {
        let wakes = self.wakes.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            // As above.
            let _ = wakes.send(wake);
        });
    }

    pub(super) fn stock_changed(&mut self, id: u64, change: Change) {
        match change {
            Change::Warmed { imported, refused } => self.stocked.warmed(id, imported, refused),
            Change::Ended(words) => {
                if !self.stocked.ended(id, &words) {
                    return;
                }
                self.ready.retain(|worker| worker.lease.zygote != id);
                self.unborn.remove(&id);
            }
        }
        self.renew();
        self.restock();
    }

    /// The zygote that the next session comes from, if there is one.
    pub(super) fn source(&mut self) -> Option<u64> {
        let Phase::Running(zygote) = &self.zygote else {
            // Without the plain one nobody knows which Python it is; it is on its way.
            return None;
        };
        match self.stocked.source(&zygote.version()) {
            Some(kept) => Some(kept.id),
            None => Some(self.plain),
        }
    }

    /// Sessions that wait unused come from where new ones would come from.
    pub(super) fn renew(&mut self) {
        if let Some(source) = self.source() {
            self.ready.retain(|worker| worker.lease.zygote == source);
            self.fill();
        }
    }
}

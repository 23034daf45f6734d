//! Sessions and twins on their way: forked from the zygote that they are to come from, and handed to who waits.

use tokio::sync::oneshot;

use super::{BARREN, Phase, Pool, Wake};
use crate::worker::lease::Lease;
use crate::worker::twins::{Litter, TwinOrder};
use crate::worker::{Worker, WorkerError};

impl Pool {
    /// Forks as many sessions as are wanted and not yet on their way.
    pub(super) fn fill(&mut self) {
        let wanted = self.waiting.len() + self.config.sessions.pool;
        while self.ready.len() + self.unborn.values().sum::<usize>() < wanted {
            let Some(source) = self.source() else { return };
            let lease = Lease::new(source, self.leases.clone());
            let network = self.network.clone();
            let kept = self.stocked.with_id(source);
            let is_plain = kept.is_none();
            let forked = match (kept, &self.zygote) {
                (Some(kept), _) => {
                    kept.add(1);
                    kept.zygote.fork(&self.config, network, &self.fences, lease)
                }
                (None, Phase::Running(zygote)) => zygote.fork(&self.config, network, &self.fences, lease),
                (None, _) => return,
            };
            match forked {
                Ok(unborn) => {
                    *self.unborn.entry(source).or_default() += 1;
                    let wakes = self.wakes.clone();
                    tokio::spawn(async move {
                        // At shutdown nobody wants it; dropping it ends it.
                        let _ = wakes.send(Wake::Born(source, unborn.wait().await));
                    });
                }
                Err(error) if !is_plain => self.stocked.give_up(source, &error.to_string()),
                // The next request, or the next zygote, takes up what waits.
                Err(_) if self.is_bereft() || self.unborn.contains_key(&source) => return,
                Err(error) => return self.refuse_one(error),
            }
        }
    }

    pub(super) fn bear(&mut self, order: &TwinOrder, reply: oneshot::Sender<Result<Litter, WorkerError>>) {
        let kept = self.stocked.with_id(order.zygote).map(|kept| {
            kept.add(order.count);
            &kept.zygote
        });
        let zygote = match (kept, &self.zygote) {
            (Some(zygote), _) => zygote,
            (None, Phase::Running(zygote)) if order.zygote == self.plain => zygote,
            _ => {
                let words = "the zygote that its process came from has ended".to_owned();
                return drop(reply.send(Err(WorkerError::Twins(words))));
            }
        };
        let leases = (0..order.count).map(|_| Lease::new(order.zygote, self.leases.clone())).collect();
        match zygote.bear(&self.config, self.network.clone(), &self.fences, order, leases) {
            Ok(expected) => {
                tokio::spawn(async move {
                    // Whoever asked may have gone; dropping them ends them.
                    let _ = reply.send(expected.wait().await);
                });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    pub(super) fn refuse_one(&mut self, error: WorkerError) {
        tracing::error!("{error}");
        if let Some(reply) = self.waiting.pop_front() {
            let _ = reply.send(Err(error));
        }
    }

    pub(super) fn born(&mut self, id: u64, result: Result<Worker, WorkerError>) {
        let Some(unborn) = self.unborn.get_mut(&id) else { return };
        *unborn -= 1;
        if *unborn == 0 {
            self.unborn.remove(&id);
        }
        match result {
            Ok(mut worker) => {
                (self.barren, self.stillborn) = (0, 0);
                if !self.fertile {
                    self.fertile = true;
                    // What was imported before the server was started is known from then.
                    let _ = self.wakes.send(Wake::Restock);
                }
                worker.lowered = self.lowered.clone();
                match self.waiting.pop_front() {
                    Some(reply) => {
                        if let Err(unwanted) = reply.send(Ok(worker)) {
                            self.ready.extend(unwanted.ok());
                        }
                    }
                    None => self.ready.push_back(worker),
                }
                if !self.waiting.is_empty() {
                    self.fill();
                }
            }
            Err(error) if id != self.plain => {
                self.stocked.give_up(id, &error.to_string());
                self.renew();
            }
            Err(_) if self.is_bereft() => {}
            Err(WorkerError::Killed(_)) if self.stillborn < BARREN => {
                self.stillborn += 1;
                self.fill();
            }
            Err(WorkerError::Refused(words)) if self.may_lower() => self.lower(words),
            Err(error) => self.refuse_one(error),
        }
    }

    /// A zygote that was killed leaves those who wait for its sessions to the next one.
    pub(super) fn is_bereft(&self) -> bool {
        matches!(&self.zygote, Phase::Running(zygote) if zygote.is_over())
    }
}

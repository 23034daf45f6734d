//! Turns: calls take their places in the order in which they were read.
//!
//! The SDK handles each request in a task of its own, so two calls on one session could overtake each other
//! on the way to it. A turn is taken while reading and given up once the call stands in its queue; a turn
//! that is dropped on the way, because its request was refused, holds nobody up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Gives out turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    shared: Arc<Shared>,
}

/// A place in the order. Clones are the same place.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    place: Arc<Place>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeSet<u64>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    shared: Arc<Shared>,
}

impl Turns {
    /// The next turn.
    pub(super) fn take(&self) -> Turn {
        let mut state = self.shared.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number);
        Turn { place: Arc::new(Place { number, shared: Arc::clone(&self.shared) }) }
    }
}

impl Turn {
    /// Waits until every earlier turn is given up.
    pub(super) async fn come(&self) {
        let shared = &self.place.shared;
        loop {
            let moved = shared.moved.notified();
            if shared.lock().waiting.first() == Some(&self.place.number) {
                return;
            }
            moved.await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.lock().waiting.remove(&self.number);
        self.shared.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_in_order_and_a_dropped_one_holds_nobody_up() {
        let turns = Turns::default();
        let (first, second, third) = (turns.take(), turns.take(), turns.take());
        let order = Arc::new(Mutex::new(Vec::new()));
        let go = |name: &'static str, turn: Turn| {
            let order = Arc::clone(&order);
            tokio::spawn(async move {
                turn.come().await;
                order.lock().unwrap().push(name);
            })
        };
        let last = go("third", third);
        tokio::task::yield_now().await;
        drop(second);
        tokio::task::yield_now().await;
        assert!(order.lock().unwrap().is_empty());
        go("first", first).await.unwrap();
        last.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["first", "third"]);
    }
}

//! The byte budget of a pipeline.

use std::sync::OnceLock;

use super::waiter::Waiter;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, fence, model_lock as lock};

/// Bytes that all queues of a pipeline may hold together: checked at the entries and sources, charged by every queue
/// that knows the weight of its events, from offer to settle.
#[derive(Default)]
pub(crate) struct Budget {
    /// Set before the start, or the queues do not count; changed while it runs.
    limit: OnceLock<std::sync::atomic::AtomicU64>,
    used: AtomicU64,
    any_waits: AtomicBool,
    waiters: Mutex<Vec<Waiter>>,
}

impl Budget {
    /// At start: from now on bytes are counted.
    pub(crate) fn keep(&self, bytes: u64) {
        let _ = self.limit.set(bytes.into());
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.limit.get().is_some()
    }

    /// While it runs; none for no bound.
    pub(crate) fn change(&self, bytes: Option<u64>) {
        if let Some(limit) = self.limit.get() {
            limit.store(bytes.unwrap_or(u64::MAX), Ordering::SeqCst);
            self.wake_all();
        }
    }

    pub(crate) fn charge(&self, bytes: u64) {
        if self.is_kept() {
            self.used.fetch_add(bytes, Ordering::SeqCst);
        }
    }

    /// Gives bytes back and wakes who waits for them.
    pub(crate) fn release(&self, bytes: u64) {
        if !self.is_kept() || bytes == 0 {
            return;
        }
        // What was asked before the start is not charged.
        let _ = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| Some(used.saturating_sub(bytes)));
        // Pairs with the one in `wait`: a release sees the flag, or who waits sees the bytes.
        fence(Ordering::SeqCst);
        if self.any_waits.load(Ordering::SeqCst) {
            self.wake_all();
        }
    }

    /// Who finds no room waits again.
    pub(crate) fn wake_all(&self) {
        let mut waiters = lock(&self.waiters);
        self.any_waits.store(false, Ordering::SeqCst);
        let woken = std::mem::take(&mut *waiters);
        drop(waiters);
        woken.into_iter().for_each(Waiter::wake);
    }

    /// An offerer gives up.
    pub(crate) fn forget(&self, is: impl Fn(&Waiter) -> bool) {
        if self.any_waits.load(Ordering::SeqCst) {
            lock(&self.waiters).retain(|waiter| !is(waiter));
        }
    }

    /// An entry may go over by one offer where nothing else is held, as a queue may.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.limit.get().is_none_or(|limit| {
            let used = self.used.load(Ordering::SeqCst);
            used == 0 || used.saturating_add(bytes) <= limit.load(Ordering::SeqCst)
        })
    }

    /// Leaves a waiter; false, and no waiter, if there is room after all.
    pub(crate) fn wait(&self, bytes: u64, waiter: Waiter) -> bool {
        let mut waiters = lock(&self.waiters);
        self.any_waits.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.has_room(bytes) {
            return false;
        }
        waiters.push(waiter);
        true
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use std::sync::Arc;

    use super::*;
    use crate::stage::waiter::Blocked;

    #[test]
    fn loom_who_waits_for_bytes_is_woken_by_their_release() {
        loom::model(|| {
            let budget = loom::sync::Arc::new(Budget::default());
            budget.keep(10);
            budget.charge(10);
            let releaser = {
                let budget = budget.clone();
                loom::thread::spawn(move || budget.release(10))
            };
            let blocked = Arc::new(Blocked::new());
            while !budget.has_room(5) {
                blocked.reset();
                if budget.wait(5, Waiter::Thread(blocked.clone())) {
                    while !blocked.is_woken() {
                        loom::thread::park();
                    }
                }
            }
            releaser.join().unwrap();
        });
    }
}

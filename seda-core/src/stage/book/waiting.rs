//! Who waits for room, and who is to be woken.

use super::{Book, sizing::BATCH_NS};
use crate::stage::waiter::Waiter;

/// What a waiter waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) events: usize,
    pub(crate) weight: u64,
}

impl Book {
    pub(crate) fn wait(&mut self, need: Need, waiter: Waiter, again: bool) {
        // Who was woken in vain keeps its turn.
        if again { self.waiters.push_front((need, waiter)) } else { self.waiters.push_back((need, waiter)) }
    }

    /// Who is to be woken now: the first in line once the queue is half empty, as at the first free place each event would
    /// cost a wake-up; all when it is empty, as no take will come by to wake the next.
    ///
    /// Only who would find room is woken, or it would queue up again at once, for ever.
    pub(crate) fn due_waiters(&mut self, len: usize, bytes: u64, has_work: bool) -> Vec<Waiter> {
        let Some(&(need, _)) = self.waiters.front() else { return Vec::new() };
        if self.guard.paused {
            return Vec::new();
        }
        let used = len + self.reserved;
        // Who defers lets in as many as it will: each that is admitted wakes the next.
        if used == 0 && !self.guard.defers {
            return self.all_waiters();
        }
        let fits = self.bound.saturating_sub(used) >= need.events && self.fits_bytes(len, bytes, need.weight);
        let half_empty = used <= self.bound / 2 && self.bytes_bound.is_none_or(|bound| bytes <= bound / 2);
        let large = need.events > self.bound / 2 || self.bytes_bound.is_some_and(|bound| need.weight > bound / 2);
        // Half-empty may be far, where service is slow, or not come at all while what is there waits for its keys.
        let far = self.sizing.service_ns().saturating_mul((used - (self.bound / 2).min(used)) as u64) > BATCH_NS;
        if fits && (half_empty || large || far || used == 0 || !has_work) {
            return self.waiters.pop_front().into_iter().map(|(_, waiter)| waiter).collect();
        }
        Vec::new()
    }

    /// One event more changes nothing for workers or who waits. A stage that could run before still can: its bit is set, and
    /// whoever set it has woken a worker. One whose places are all in use is looked at when the first of them comes free.
    #[inline]
    pub(crate) fn is_as_before(&self) -> bool {
        (self.runnable || self.seats.in_use() >= self.limit) && self.waiters.is_empty()
    }

    pub(crate) fn anyone_waits(&self) -> bool {
        !self.waiters.is_empty()
    }

    pub(crate) fn all_waiters(&mut self) -> Vec<Waiter> {
        self.waiters.drain(..).map(|(_, waiter)| waiter).collect()
    }

    /// Takes a thread's waiter back; false if it was woken already.
    pub(crate) fn forget(&mut self, is: impl Fn(&Waiter) -> bool) -> bool {
        let before = self.waiters.len();
        self.waiters.retain(|(_, waiter)| !is(waiter));
        self.waiters.len() < before
    }
}

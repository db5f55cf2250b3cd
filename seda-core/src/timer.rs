//! Things to do at a time: one map in the order of (time, sequence). The thread driver has a thread that serves it, the virtual
//! driver serves it from its loop.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, PoisonError},
    task::Waker,
    time::Duration,
};

use crate::sync::lock;

/// What to do when the time has come.
enum Call {
    /// Without a box: an ask that is awaited has one of these.
    Wake(Waker),
    Run(Box<dyn FnOnce() + Send>),
}

/// Bounded by what is alive: a tick or a waiting source has one entry, an ask that is awaited one until it ends.
#[derive(Default)]
pub(crate) struct Timers {
    due: Mutex<Due>,
    changed: Condvar,
}

#[derive(Default)]
struct Due {
    calls: BTreeMap<TimerId, Call>,
    sequence: u64,
    closed: bool,
    /// Somebody said to look: kept, as the thread may be between its last look and its wait.
    poked: bool,
    /// When the thread that waits will look again by itself; 0 while it is awake or already told to look.
    armed_ns: u64,
}

/// Time in ns and a sequence number: also the order of what is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TimerId(u64, u64);

impl Timers {
    /// Calls from the driver's thread at `at_ns` or soon after; must not block.
    pub(crate) fn at(&self, at_ns: u64, call: impl FnOnce() + Send + 'static) -> TimerId {
        self.insert(at_ns, Call::Run(Box::new(call)))
    }

    /// Wakes a task at `at_ns` or soon after.
    pub(crate) fn wake_at(&self, at_ns: u64, waker: Waker) -> TimerId {
        self.insert(at_ns, Call::Wake(waker))
    }

    fn insert(&self, at_ns: u64, call: Call) -> TimerId {
        let mut due = lock(&self.due);
        due.sequence += 1;
        let id = TimerId(at_ns, due.sequence);
        // Only for a time before that at which the thread looks anyway: a notification is a system call, and deadlines of
        // seconds, which are nearly always cancelled, must not pay for one each.
        let sooner = at_ns < due.armed_ns;
        if sooner {
            due.armed_ns = 0;
        }
        if !due.closed {
            due.calls.insert(id, call);
        }
        drop(due);
        if sooner {
            self.changed.notify_one();
        }
        id
    }

    pub(crate) fn cancel(&self, id: TimerId) {
        let call = lock(&self.due).calls.remove(&id);
        drop(call);
    }

    /// Makes whoever waits look again.
    pub(crate) fn poke(&self) {
        lock(&self.due).poked = true;
        self.changed.notify_one();
    }

    pub(crate) fn next_ns(&self) -> Option<u64> {
        lock(&self.due).calls.first_key_value().map(|(id, _)| id.0)
    }

    /// Runs what is due; true if anything was.
    pub(crate) fn run_due(&self, now_ns: u64) -> bool {
        let mut any = false;
        loop {
            let mut due = lock(&self.due);
            match due.calls.first_entry() {
                Some(first) if first.key().0 <= now_ns => {
                    let call = first.remove();
                    drop(due);
                    match call {
                        Call::Wake(waker) => waker.wake(),
                        Call::Run(call) => call(),
                    }
                    any = true;
                }
                _ => return any,
            }
        }
    }

    /// Blocks until the first entry is due, something changes, or `most` has passed; false once closed. `stay` is looked at
    /// under the lock, so that a poke after it turned true is not missed.
    pub(crate) fn wait(&self, now_ns: u64, most: Option<Duration>, stay: impl FnOnce() -> bool) -> bool {
        let mut due = lock(&self.due);
        if due.closed {
            return false;
        }
        let first = due.calls.first_key_value().map(|(id, _)| Duration::from_nanos(id.0.saturating_sub(now_ns)));
        let timeout = first.into_iter().chain(most).min();
        if std::mem::take(&mut due.poked) || timeout.is_some_and(|timeout| timeout.is_zero()) || stay() {
            return true;
        }
        due.armed_ns = timeout.map_or(u64::MAX, |timeout| now_ns.saturating_add(timeout.as_nanos() as u64));
        let mut due = match timeout {
            Some(timeout) => self.changed.wait_timeout(due, timeout).unwrap_or_else(PoisonError::into_inner).0,
            None => self.changed.wait(due).unwrap_or_else(PoisonError::into_inner),
        };
        (due.armed_ns, due.poked) = (0, false);
        !due.closed
    }

    pub(crate) fn close(&self) {
        let mut due = lock(&self.due);
        due.closed = true;
        let calls = std::mem::take(&mut due.calls);
        drop(due);
        self.changed.notify_all();
        drop(calls);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_poke_before_the_wait_is_not_missed() {
        let timers = Timers::default();
        timers.poke();
        assert!(timers.wait(0, None, || false), "it would wait for ever");
    }
}

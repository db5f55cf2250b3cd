//! The books of a stage: its bounds, its counters, its places for workers, who waits. Plain numbers under the stage's
//! lock; nothing here knows an event's type.

mod account;
mod deciding;
mod guard;
mod seats;
mod sizing;
mod waiting;

use std::{collections::VecDeque, sync::atomic::Ordering, time::Duration};

pub(crate) use self::{
    account::Account,
    deciding::{Asked, Fate, Queued, Room},
    waiting::Need,
};
use self::{guard::Guard, seats::Seats, sizing::Sizing};
use super::{
    core::StageCore,
    stamping::Stamping,
    waiter::{Waiter, wake_all},
};
use crate::{
    admission::{Admission, Reading, Settle, Take},
    metrics::{Counts, Distribution},
    options::{Placement, StageOptions, WhenFull},
};

pub(crate) struct Book {
    pub(crate) bound: usize,
    pub(crate) bytes_bound: Option<u64>,
    pub(crate) when_full: WhenFull,
    /// The handler is async: events are on their way beside those that workers have in hand, and count against the limit.
    pub(crate) tasks: bool,
    /// Credits given out by `reserve`: room that is spoken for, with no event in it yet.
    pub(crate) reserved: usize,
    /// To code outside.
    pub(crate) closed: bool,
    pub(crate) counts: Counts,
    pub(crate) in_hand: usize,
    /// Events that were queued when the pipeline stopped.
    pub(crate) left: usize,
    pub(crate) limit: usize,
    pub(crate) seats: Seats,
    pub(crate) pull: Pull,
    pub(crate) flush: Flush,
    pub(crate) runnable: bool,
    waiters: VecDeque<(Need, Waiter)>,
    pub(crate) guard: Guard,
    pub(crate) sizing: Sizing,
    pub(crate) wait: Distribution,
    pub(crate) service: Distribution,
    pub(crate) busy_ns: u64,
    /// When events were last taken or settled.
    pub(crate) moved_ns: u64,
    stamping: Stamping,
}

/// Where a source stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pull {
    /// Not a source.
    No,
    Ready,
    /// Until a timer, or the byte budget.
    Waiting,
    Ended,
}

/// Where the flush of a drain stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flush {
    No,
    /// The next place whose state is to be flushed.
    Due(u32),
    Done,
}

/// What a worker may do next.
pub(crate) enum Next {
    Resume(u32),
    Flush(u32),
    Pull(u32),
    Take(u32),
}

/// What is to be done once the lock is given back.
#[must_use]
pub(crate) struct After {
    became_runnable: bool,
    waiters: Vec<Waiter>,
}

impl After {
    /// Wakes who waited for room; true if the stage can run now and could not before.
    pub(crate) fn wake(self) -> bool {
        if !self.waiters.is_empty() {
            wake_all(self.waiters);
        }
        self.became_runnable
    }
}

impl Book {
    /// With what the code says; `set_up` comes before any worker.
    pub(crate) fn new(options: &StageOptions, whole_batches: bool, source: bool) -> Self {
        Book {
            bound: options.queue_events,
            bytes_bound: options.queue_bytes,
            when_full: options.when_full,
            tasks: matches!(options.placement, Placement::Tasks { .. }),
            reserved: 0,
            closed: false,
            counts: Counts::default(),
            in_hand: 0,
            left: 0,
            limit: 0,
            seats: Seats::default(),
            pull: if source { Pull::Ready } else { Pull::No },
            flush: Flush::No,
            runnable: false,
            waiters: VecDeque::new(),
            guard: Guard::default(),
            sizing: Sizing::new(options.batch_max.min, whole_batches),
            wait: Distribution::default(),
            service: Distribution::default(),
            busy_ns: 0,
            moved_ns: 0,
            stamping: Stamping::new(),
        }
    }

    /// The numbers that it starts with.
    pub(crate) fn set_up(&mut self, options: &mut StageOptions, places_max: u32, limit: usize) {
        self.bound = options.queue_events;
        self.bytes_bound = options.queue_bytes;
        self.when_full = options.when_full;
        self.sizing.most = options.batch_max.min;
        self.seats.at_most(places_max);
        self.limit = limit;
        self.change_policy(options.take_admission());
    }

    pub(crate) fn change_policy(&mut self, policy: Option<Box<dyn Admission>>) {
        self.guard.set(policy);
        self.sizing.keep_to(self.guard.objective_ns());
    }

    /// The policy's objective was changed.
    pub(crate) fn aim(&mut self, objective: Duration) {
        self.guard.aim(objective);
        self.sizing.keep_to(self.guard.objective_ns());
    }

    // ---- after a change

    /// After anything that may have made the stage runnable or made room: the domain's bit is set to agree with these
    /// books, and whoever is due is to be woken without the lock.
    pub(crate) fn after(&mut self, core: &StageCore, len: usize, bytes: u64, has_work: bool) -> After {
        if core.is_gauged.load(Ordering::Relaxed) {
            core.gauge.publish(self.reading(len));
        }
        let runnable = self.can_run(has_work);
        let became_runnable = runnable && !self.runnable;
        if runnable != self.runnable {
            self.runnable = runnable;
            core.mark(runnable);
        }
        After { became_runnable, waiters: self.due_waiters(len, bytes, has_work) }
    }

    #[cold]
    fn reading(&self, len: usize) -> Reading {
        let handled = self.counts.done + self.counts.failed;
        let (queued, in_hand) = (len as u64, self.in_hand as u64);
        let places = self.limit as u64;
        // It only ever grows: what expired or was dropped had been taken in like the rest.
        let taken_in = handled + self.counts.expired + self.counts.dropped + queued + in_hand;
        Reading { queued, in_hand, places, busy_ns: self.busy_ns, handled, taken_in }
    }

    // ---- the worker's side

    pub(crate) fn can_run(&self, has_work: bool) -> bool {
        self.seats.any_resumable()
            || (self.slots() > 0 && (has_work || self.pull == Pull::Ready))
            || (self.seats.in_use() == 0 && matches!(self.flush, Flush::Due(_)))
    }

    /// Free under the limit: places for workers; of an async stage, events that may set out.
    fn slots(&self) -> usize {
        let used = if self.tasks { self.in_hand + self.seats.stalled() } else { self.seats.in_use() };
        self.limit.saturating_sub(used)
    }

    /// What a worker that comes should do; takes a place for it.
    pub(crate) fn next(&mut self, has_work: bool) -> Option<Next> {
        if let Some(place) = self.seats.take_resumable() {
            return Some(Next::Resume(place));
        }
        if let (Flush::Due(place), 0) = (self.flush, self.seats.in_use()) {
            let places = self.seats.len() as u32;
            self.flush = if place + 1 < places { Flush::Due(place + 1) } else { Flush::Done };
            if place >= places {
                return None;
            }
            self.seats.take_this(place);
            return Some(Next::Flush(place));
        }
        if self.slots() == 0 || !(has_work || self.pull == Pull::Ready) {
            return None;
        }
        let place = self.seats.take()?;
        Some(if has_work { Next::Take(place) } else { Next::Pull(place) })
    }

    /// A source is to be pulled: how many events it may make, and how long that is expected to take, in ns.
    pub(crate) fn begin_pull(&mut self) -> (usize, u64) {
        // One at a time: the state of a source is one.
        self.pull = Pull::Waiting;
        let most = if self.batch_size(usize::MAX) == 1 { 1 } else { self.sizing.most };
        (most, self.sizing.expected_ns(most))
    }

    /// How many events to take at once, the worker's place being taken.
    pub(crate) fn batch_size(&self, len: usize) -> usize {
        let size = self.sizing.of(len, self.limit);
        // All of them may set out.
        if self.tasks { size.min(self.slots()) } else { size }
    }

    pub(crate) fn took(&mut self, n: usize, len: usize, now_ns: u64) {
        self.in_hand += n;
        self.moved_ns = now_ns;
        let load = self.load(len);
        self.guard.take(&Take { now_ns, events: n, load });
    }

    pub(crate) fn settle(&mut self, account: &Account, place: u32, len: usize, now_ns: u64, measure: bool) {
        self.in_hand -= account.taken;
        self.moved_ns = now_ns;
        self.stamping.look(self.counts.offered, now_ns);
        self.counts.offered += account.pulled;
        self.counts.done += account.done;
        self.counts.failed += account.failed;
        self.counts.expired += account.expired;
        self.worked(account, measure);
        for &(wait_ns, times) in &account.waits {
            self.wait.record(wait_ns, u64::from(times));
        }
        let load = self.load(len);
        let whose = self.seats.take_whose(place);
        self.guard.settle(&Settle {
            now_ns,
            events: account.taken,
            failed: (account.failed + account.expired) as usize,
            expired: account.expired as usize,
            wait_ns: account.wait_ns,
            service_ns: account.service_ns,
            tenants: &whose.tenants,
            classes: &whose.classes,
            load,
        });
        self.seats.keep_whose(place, whose);
    }

    /// Time in the handler. What flew says nothing of what a batch costs a worker.
    fn worked(&mut self, account: &Account, measure: bool) {
        let handled = account.done + account.failed;
        let events = if account.flown { handled } else { handled + account.detached };
        if events == 0 {
            return;
        }
        self.busy_ns += account.service_ns;
        if !account.flown {
            self.sizing.handled(events, account.service_ns);
        }
        if measure {
            self.service.record(account.service_ns / events, handled);
        }
    }

    /// Whether the offer that was counted last is to have a stamp, with `len` events before it.
    #[inline]
    pub(crate) fn wants_stamp(&self, len: usize) -> bool {
        len == 0 || self.stamping.is_due(self.counts.offered)
    }
}

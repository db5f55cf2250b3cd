//! What drivers, drain and snapshot see of a stage's books.

use std::time::Duration;

use super::{
    book::{Book, Flush, Pull, WayOut},
    inbox::{Gate, Inbox},
    marking::lose_all,
    waiter::wake_all,
};
use crate::{
    admission::Admission,
    clock::ns,
    control::BatchSums,
    metrics::{Blocked, Counts, Distribution, StageSnapshot},
    options::{StageOptions, WhenFull},
    sync::lock_brief as lock,
    ticket::Loss,
};

/// A stage's numbers and the tables behind its percentiles, copied under its lock.
pub(crate) struct Look {
    /// Still without percentiles: they are read off the tables, outside of the lock.
    pub(crate) stage: StageSnapshot,
    pub(crate) wait: Distribution,
    pub(crate) service: Distribution,
}

/// What a controller goes by, since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Those after its close not with them, but those that were shed for it at a stage before.
    pub(crate) offered: u64,
    /// Shed here or for it, full, dropped or expired.
    pub(crate) lost: u64,
    pub(crate) settled: u64,
    pub(crate) busy_ns: u64,
    pub(crate) wait: Distribution,
    pub(crate) deviation: f64,
    pub(crate) batches: BatchSums,
    /// Of this moment.
    pub(crate) queue_len: usize,
    pub(crate) queue_bound: usize,
    pub(crate) oldest_ns: u64,
}

/// What a stage's health is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vitals {
    pub(crate) queued: usize,
    pub(crate) full: bool,
    /// Nothing was taken or settled since, with something there to take; 0 for an empty queue.
    pub(crate) unmoved_since_ns: u64,
    pub(crate) limit: usize,
    /// Places that have been given a handler, or were to be.
    pub(crate) places: usize,
}

/// A number of a stage that changes while it runs.
pub(crate) enum Turn {
    Events(usize),
    Bytes(Option<u64>),
    WhenFull(WhenFull),
    BatchMax(usize),
    MaxAge(Option<Duration>),
    /// Places for workers.
    Limit(usize),
    Policy(Option<Box<dyn Admission>>),
    Objective(Duration),
}

/// One look at a stage, for the drain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Probe {
    /// Nothing is queued, in hand, or set aside.
    pub(crate) empty: bool,
    pub(crate) source_running: bool,
    pub(crate) flush: Flush,
    /// Moves with every offer: two equal looks with nothing in between.
    pub(crate) offered: u64,
}

impl Inbox {
    /// The pipeline has stopped: what is queued is left; who asked for it is told.
    pub(crate) fn abandon_queue(&self) {
        let mut gate = lock(&self.gate);
        gate.book.left += gate.store.len();
        // Who holds a reservation still is refused from now on.
        gate.book.flush = Flush::Done;
        let (waiters, mut gone) = (gate.book.all_waiters(), gate.store.clear());
        drop(gate);
        lose_all(&mut gone, &Loss::Cancelled);
        wake_all(waiters);
    }

    /// Its first places have their state.
    pub(crate) fn open(&self, places: u32) {
        change(self, |book| book.seats.open(places));
    }

    /// Its home is known: whoever offered before is seen there.
    pub(crate) fn wake_up(&self) {
        change(self, |book| {
            book.runnable = false;
            book.guard.ask_anew();
        });
    }

    /// Room came for what a place could not hand on.
    pub(crate) fn resume_place(&self, place: u32) {
        change(self, |book| book.seats.resume(place));
    }

    /// No worker is with the place until it is resumed.
    pub(crate) fn set_place_aside(&self, place: u32) {
        change(self, |book| book.seats.set_aside(place));
    }

    /// A source need not wait any more.
    pub(crate) fn pull_again(&self) {
        change(self, |book| {
            if book.pull == Pull::Waiting {
                book.pull = Pull::Ready;
            }
        });
    }

    pub(crate) fn close(&self) {
        let waiters = change(self, |book| {
            book.closed = true;
            book.all_waiters()
        });
        wake_all(waiters);
    }

    /// Second signal: whoever still waits for room looks again.
    pub(crate) fn wake_waiters(&self) {
        let waiters = change(self, Book::all_waiters);
        wake_all(waiters);
    }

    /// Stops a source.
    pub(crate) fn end_source(&self) {
        change(self, |book| {
            if book.pull != Pull::No {
                book.pull = Pull::Ended;
            }
        });
        self.core.shared.progress.notify();
    }

    pub(crate) fn ask_flush(&self) {
        change(self, |book| {
            if book.flush == Flush::No {
                book.flush = Flush::Due(0);
            }
        });
    }

    pub(crate) fn probe(&self) -> Probe {
        let gate = lock(&self.gate);
        let book = &gate.book;
        Probe {
            empty: gate.store.len() == 0 && book.seats.in_use() == 0 && book.reserved == 0,
            source_running: matches!(book.pull, Pull::Ready | Pull::Waiting),
            flush: book.flush,
            offered: book.counts.offered,
        }
    }

    /// The numbers that it starts with, before any worker.
    pub(crate) fn set_up(&self, options: &mut StageOptions, places_max: u32, limit: usize) {
        self.core.live_for(options.max_age.map_or(0, |age| ns(age).max(1)));
        let (patience_ns, objective_ns, has_policy) = change(self, |book| {
            book.set_up(options, places_max, limit);
            (book.guard.patience_ns(), book.guard.objective_ns(), book.guard.decides())
        });
        self.core.be_patient(patience_ns);
        self.core.keep_to(objective_ns);
        self.decide_anew(has_policy);
        // Questions may have come before.
        self.wake_waiters();
    }

    /// Only sources feed it: what its objective has no room for waits with them.
    pub(crate) fn pause_sources(&self, pauses: bool) {
        let patience_ns = change(self, |book| {
            book.guard.pauses = pauses && book.guard.objective_ns().is_some();
            book.guard.patience_ns()
        });
        self.core.be_patient(patience_ns);
    }

    /// The time has come at which a policy said to come back.
    pub(crate) fn ask_again(&self, at_ns: u64) {
        change(self, |book| book.guard.timer_ends(at_ns));
    }

    /// What its policy does not admit waits.
    pub(crate) fn defers(&self) -> bool {
        lock(&self.gate).book.guard.defers
    }

    /// Who is behind it.
    pub(crate) fn lead_to(&self, way_out: WayOut) {
        let decides = change(self, |book| {
            book.guard.lead_to(way_out);
            book.guard.decides()
        });
        self.decide_anew(decides);
    }

    /// Its threads serve other stages too.
    pub(crate) fn share_threads(&self) {
        change(self, |book| book.shared = true);
    }

    /// The least objective of the stages before it.
    pub(crate) fn is_behind(&self, objective_ns: Option<u64>) {
        change(self, |book| book.sizing.is_behind(objective_ns));
    }

    /// Changes one of them while it runs.
    pub(crate) fn turn(&self, turn: Turn) {
        if let Turn::MaxAge(age) = turn {
            self.core.live_for(age.map_or(0, |age| ns(age).max(1)));
        }
        let (waiters, objective_ns, has_policy) = change(self, |book| {
            match turn {
                Turn::Events(events) => book.bound = events,
                Turn::Bytes(bytes) => book.bytes_bound = bytes,
                Turn::WhenFull(when_full) => book.when_full = when_full,
                Turn::BatchMax(events) => book.sizing.most = events,
                Turn::Limit(places) => book.limit = places,
                Turn::Policy(policy) => book.change_policy(policy),
                Turn::Objective(objective) => book.aim(objective),
                Turn::MaxAge(_) => {}
            }
            // Whoever waits may have room now, or is refused; who has neither waits again.
            (book.all_waiters(), book.guard.objective_ns(), book.guard.decides())
        });
        self.core.keep_to(objective_ns);
        self.decide_anew(has_policy);
        wake_all(waiters);
    }

    /// Counts, and what is left.
    pub(crate) fn ledger(&self) -> (Counts, usize) {
        let gate = lock(&self.gate);
        (gate.book.counts.clone(), gate.book.left + gate.store.len() + gate.book.in_hand)
    }

    pub(crate) fn look(&self, now_ns: u64, elapsed: Duration) -> Look {
        let gate = lock(&self.gate);
        let Gate { store, book } = &*gate;
        let oldest = store.oldest_stamp_ns();
        let (wait, service) = (book.wait.clone(), book.service.clone());
        let stage = StageSnapshot {
            name: self.core.name.clone(),
            domain: String::new(),
            threads: 0,
            limit: book.limit,
            busy_places: book.seats.in_use(),
            queue_len: store.len(),
            queue_bound: book.bound,
            queue_bytes: store.bytes(),
            queue_bytes_bound: book.bytes_bound,
            oldest: Duration::from_nanos(if oldest == 0 { 0 } else { now_ns.saturating_sub(oldest) }),
            in_hand: book.in_hand,
            left: book.left + store.len() + book.in_hand,
            concern: book.guard.concern(),
            counts: book.counts.clone(),
            wait: Default::default(),
            service: Default::default(),
            batch: book.sizing.sizes(),
            busy: Duration::from_nanos(book.busy_ns),
            blocked: Duration::ZERO,
            blocked_on: Vec::<Blocked>::new(),
            idle: elapsed,
        };
        drop(gate);
        Look { stage, wait, service }
    }

    pub(crate) fn tally(&self, now_ns: u64) -> Tally {
        let gate = lock(&self.gate);
        let Gate { store, book } = &*gate;
        let (counts, oldest_ns) = (&book.counts, store.oldest_stamp_ns());
        let shed_before = self.core.gauge.shed_before();
        Tally {
            offered: counts.offered - counts.closed + shed_before,
            lost: counts.full + counts.shed + counts.dropped + counts.expired + shed_before,
            settled: counts.done + counts.failed,
            busy_ns: book.busy_ns,
            wait: book.wait.clone(),
            deviation: book.service.deviation(),
            batches: book.sizing.sums(),
            queue_len: store.len(),
            queue_bound: book.bound,
            oldest_ns: if oldest_ns == 0 { 0 } else { now_ns.saturating_sub(oldest_ns) },
        }
    }

    /// What the policy has found that it cannot keep.
    pub(crate) fn concern(&self) -> Option<String> {
        lock(&self.gate).book.guard.concern()
    }

    /// Time in the handler in ns since the start, and events that wait.
    pub(crate) fn work(&self) -> (u64, usize) {
        let gate = lock(&self.gate);
        (gate.book.busy_ns, gate.store.len())
    }

    pub(crate) fn vitals(&self) -> Vitals {
        let gate = lock(&self.gate);
        let Gate { store, book } = &*gate;
        // An event without a stamp came while another was there, so before the last move: that says it.
        let since_ns = store.oldest_stamp_ns().max(book.moved_ns).max(1);
        Vitals {
            queued: store.len(),
            full: book.is_full(store.len(), store.bytes()),
            unmoved_since_ns: if store.len() == 0 { 0 } else { since_ns },
            limit: book.limit,
            places: book.seats.len(),
        }
    }
}

/// Changes the books, and does what follows from it.
fn change<R>(inbox: &Inbox, f: impl FnOnce(&mut Book) -> R) -> R {
    let mut gate = lock(&inbox.gate);
    let result = f(&mut gate.book);
    inbox.after_push(gate, true);
    result
}

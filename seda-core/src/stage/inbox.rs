//! A stage's queue and books under their lock: what the offerer's side and the worker's side share, and the worker's takes
//! and settlings.

use std::{
    any::Any,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use crossbeam_utils::CachePadded;

use super::{
    book::{Account, Book, Next},
    core::StageCore,
    cx::handling,
    waiter::Resume,
};
use crate::{
    clock::ns,
    event::{Envelope, Event},
    options::{BATCH_MAX, Extract},
    queue::{Batch, Read, Store},
    sync::lock_brief as lock,
};

/// A stage's queue and books under their lock.
pub(crate) struct Inbox {
    pub(crate) core: Arc<StageCore>,
    /// An [`Extract`], if anything is read off its events.
    pub(super) reads: Option<Box<dyn Reads>>,
    /// Nothing is read off its events, whatever may be configured.
    plain: bool,
    /// Nothing but the bound decides on an offer: no policy, reading or time to live. Read without the lock: an offer that
    /// comes while it changes goes by the old or the new one.
    bound_only: AtomicBool,
    /// On lines of its own: what stands above is only read, by every offerer.
    pub(super) gate: CachePadded<Mutex<Gate>>,
}

pub(crate) struct Gate {
    pub(crate) book: Book,
    pub(crate) store: Store,
}

/// What a worker got to do.
pub(crate) struct Taken {
    pub(crate) place: u32,
    pub(crate) what: What,
    /// How long it is expected to take, in ns.
    pub(crate) expected_ns: u64,
    /// More is left than one worker should keep.
    pub(crate) plenty: bool,
}

pub(crate) enum What {
    Batch {
        batch: Batch,
        keys: Vec<u64>,
        weight: u64,
        /// What has waited longer has expired; 0 for none.
        patience_ns: u64,
    },
    Resume,
    Flush,
    Pull {
        most: usize,
    },
}

/// What is read off an offer before the lock, for events of a type that the reader does not know.
pub(crate) trait Reads: Any + Send + Sync {
    /// `now_ns` counts only for a deadline.
    fn read(&self, batch: &Batch, at: usize, now_ns: u64) -> Read;

    fn deadlines(&self) -> bool;

    fn kinds(&self) -> bool;
}

impl<T: Event> Reads for Extract<T> {
    fn read(&self, batch: &Batch, at: usize, now_ns: u64) -> Read {
        batch.event(at).map_or_else(Read::default, |event| self.read_event(event, now_ns))
    }

    fn deadlines(&self) -> bool {
        self.deadline.is_some()
    }

    fn kinds(&self) -> bool {
        self.kind.is_some()
    }
}

impl<T> Extract<T> {
    fn read_event(&self, event: &T, now_ns: u64) -> Read {
        let deadline = self.deadline.as_ref().and_then(|deadline| deadline(event));
        Read {
            deadline_ns: deadline.map_or(0, |after| now_ns.saturating_add(ns(after)).max(1)),
            key: self.key.as_ref().map(|key| key(event)),
            weight: self.weight.as_ref().map_or(0, |weigh| weigh(event)),
            class: self.class.as_ref().map_or(0, |class| class(event)),
            tenant: self.tenant.as_ref().map_or(0, |tenant| tenant(event)),
            kind: self.kind.as_ref().map_or(0, |kind| kind(event)),
        }
    }
}

impl Inbox {
    pub(crate) fn new(core: Arc<StageCore>, reads: Option<Box<dyn Reads>>, store: Store, book: Book) -> Self {
        let plain = matches!(store, Store::Plain(_)) && reads.is_none();
        // The slow way serves all, until it is set up.
        let bound_only = AtomicBool::new(false);
        Inbox { core, reads, plain, bound_only, gate: CachePadded::new(Mutex::new(Gate { store, book })) }
    }

    #[inline]
    pub(super) fn bound_only(&self) -> bool {
        self.bound_only.load(Ordering::Relaxed)
    }

    /// After a change of what decides on offers.
    pub(super) fn decide_anew(&self, decides: bool) {
        self.bound_only.store(self.plain && !decides && self.core.max_age_ns() == 0, Ordering::Relaxed);
    }

    /// Whether its events say their kind.
    pub(crate) fn tells_kinds(&self) -> bool {
        self.reads.as_ref().is_some_and(|reads| reads.kinds())
    }

    // ---- the worker's side

    /// Something to do for a worker, if there is.
    pub(crate) fn take(&self, now_ns: u64) -> Option<Taken> {
        let mut gate = lock(&self.gate);
        let taken = self.take_under(&mut gate, now_ns);
        self.after_take(gate);
        taken
    }

    fn take_under(&self, gate: &mut Gate, now_ns: u64) -> Option<Taken> {
        let Gate { store, book } = gate;
        loop {
            return Some(match book.next(store.has_work())? {
                Next::Resume(place) => Taken { place, what: What::Resume, expected_ns: 0, plenty: false },
                Next::Flush(place) => Taken { place, what: What::Flush, expected_ns: u64::MAX, plenty: false },
                Next::Pull(place) => {
                    let (most, expected_ns) = book.begin_pull();
                    Taken { place, what: What::Pull { most }, expected_ns, plenty: false }
                }
                Next::Take(place) => {
                    let mut keys = Vec::new();
                    // What an async handler takes of a marked queue sets out by itself, with its key and weight.
                    let alone = book.tasks && matches!(store, Store::Marked(_));
                    let most = if alone { 1 } else { book.batch_size(store.len()) };
                    let newest_since_ns = book.guard.newest_since_ns(now_ns);
                    let (mut batch, mut weight) = match newest_since_ns {
                        None => store.take(most, &mut keys),
                        Some(since_ns) => store.take_newest(most, since_ns),
                    };
                    // A queue gives what costs it nothing; who pays for each batch gets all that is there.
                    while book.sizing.whole && newest_since_ns.is_none() && batch.len() < most {
                        let (mut more, weighs) = store.take(most - batch.len(), &mut keys);
                        if more.is_empty() {
                            break;
                        }
                        batch.append(&mut more);
                        weight += weighs;
                        store.recycle(more);
                    }
                    if batch.is_empty() {
                        // All that was there waits for its key.
                        book.seats.free(place);
                        continue;
                    }
                    store.whose(book.seats.whose(place));
                    if book.guard.has_policy() {
                        self.core.be_patient(book.guard.patience_ns());
                    }
                    // As it was when they were taken: what was stale then is, whatever the next take says.
                    let patience_ns = self.core.patience_ns();
                    book.took(batch.len(), store.len(), now_ns);
                    let expected_ns = book.sizing.expected_ns(batch.len());
                    let plenty = book.sizing.is_plenty(store.len());
                    Taken { place, what: What::Batch { batch, keys, weight, patience_ns }, expected_ns, plenty }
                }
            });
        }
    }

    /// Records what a worker did; frees its place, with the keys that it held, if its outbox is clear, and takes the next
    /// batch if `again`.
    pub(crate) fn settle(
        &self,
        account: &Account,
        empty: Batch,
        place: u32,
        cleared: Option<Vec<u64>>,
        now_ns: u64,
        again: bool,
    ) -> Option<Taken> {
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        store.recycle(empty);
        // Before the policy is told, which looks at the places that are in use.
        match cleared {
            Some(mut keys) => {
                store.release(&mut keys);
                book.seats.free(place);
            }
            None => book.seats.stall(place),
        }
        book.settle(account, place, store.len(), now_ns, self.core.shared.measures());
        let taken = if again { self.take_under(&mut gate, now_ns) } else { None };
        let idle = gate.book.seats.in_use() == 0 && !gate.store.has_work();
        self.after_take(gate);
        self.core.shared.budget.release(account.weight);
        if idle && self.core.shared.is_closing() {
            self.core.shared.progress.notify();
        }
        taken
    }

    /// A place for an event whose handler goes on without a worker.
    pub(crate) fn detach(&self, from: u32) -> u32 {
        lock(&self.gate).book.seats.detach(from)
    }

    /// Settles a batch whose place could not be given a handler; the next batch tries again.
    pub(crate) fn settle_without_handler(&self, account: &Account, place: u32, keys: Option<Vec<u64>>, now_ns: u64) {
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        book.settle(account, place, store.len(), now_ns, false);
        store.release(&mut keys.unwrap_or_default());
        book.seats.free(place);
        self.after_take(gate);
        self.core.shared.budget.release(account.weight);
        self.core.shared.progress.notify();
    }

    // ---- common

    pub(super) fn read<T: Event>(&self, envelope: &Envelope<T>) -> Read {
        let mut read = self.read_event(&envelope.event, self.reading_time());
        read.class = read.class.max(envelope.marks.as_ref().map_or(0, |marks| marks.class));
        read
    }

    /// `now_ns` counts only for a deadline.
    pub(super) fn read_event<T: Event>(&self, event: &T, now_ns: u64) -> Read {
        let Some(reads) = &self.reads else { return Read::default() };
        let reads: &dyn Any = &**reads;
        reads.downcast_ref::<Extract<T>>().map_or_else(Read::default, |extract| extract.read_event(event, now_ns))
    }

    /// The same of one of a batch.
    pub(super) fn read_at(&self, batch: &Batch, at: usize, now_ns: u64) -> Read {
        self.reads.as_ref().map_or_else(Read::default, |reads| reads.read(batch, at, now_ns))
    }

    /// The clock is asked only where events say their deadline.
    pub(super) fn reading_time(&self) -> u64 {
        if self.reads.as_ref().is_some_and(|reads| reads.deadlines()) { self.core.shared.clock.now_ns() } else { 0 }
    }

    pub(super) fn push<T: Event>(&self, store: &mut Store, envelope: Envelope<T>, read: Read) {
        match store {
            Store::Plain(queue) => queue.push(envelope),
            Store::Marked(queue) => {
                self.core.shared.budget.charge(read.weight);
                queue.push(envelope, read);
            }
        }
    }

    /// The first of a batch.
    pub(super) fn push_first(&self, store: &mut Store, from: &mut Batch, read: Read) {
        self.core.shared.budget.charge(read.weight);
        store.push_first(from, read);
    }

    /// Events that are offered together share a stamp, one for each batch that a worker may take of them; where they can
    /// expire, each has it.
    pub(crate) fn stamp(&self, batch: &mut Batch, now_ns: u64) {
        batch.stamp(now_ns, self.stamp_every());
    }

    pub(super) fn stamp_every(&self) -> usize {
        if self.core.patience_ns() == 0 { BATCH_MAX } else { 1 }
    }

    /// Whether every event needs a stamp of its own, or its batch one.
    pub(super) fn stamps(&self) -> bool {
        self.core.shared.measures() || self.core.patience_ns() != 0
    }

    pub(super) fn policy_time(&self, book: &Book) -> u64 {
        if book.guard.decides() { self.core.shared.clock.now_ns() } else { 0 }
    }

    /// After anything that may have made the stage runnable: the bit, a worker, the next who waits.
    pub(super) fn after_push(&self, gate: MutexGuard<'_, Gate>, notify: bool) {
        if self.after_change(gate) && notify {
            self.core.notify();
        }
    }

    /// The same after an offer from outside, which may do the worker's work.
    pub(super) fn after_offer(&self, gate: MutexGuard<'_, Gate>) {
        if self.after_change(gate) {
            if handling().is_some() { self.core.notify() } else { self.core.notify_or_run() }
        }
    }

    fn after_take(&self, gate: MutexGuard<'_, Gate>) {
        self.after_change(gate);
    }

    /// A policy that panicked keeps no objective, and nobody waits too long by it.
    #[cold]
    fn go_on_without(&self, book: &mut Book) {
        book.change_policy(None);
        self.core.be_patient(None);
        self.core.keep_to(None);
        self.decide_anew(book.guard.decides());
    }

    /// The bit, and the next who waits; true if the stage can run now and could not before.
    fn after_change(&self, mut gate: MutexGuard<'_, Gate>) -> bool {
        let Gate { store, book } = &mut *gate;
        if book.guard.has_given_up() {
            self.go_on_without(book);
        }
        let after = book.after(&self.core, store.len(), store.bytes(), store.has_work());
        drop(gate);
        after.wake()
    }
}

impl Resume for Inbox {
    fn resume(&self, place: u32) {
        self.resume_place(place);
    }

    fn source_ready(&self) {
        self.pull_again();
    }
}

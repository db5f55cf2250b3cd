//! A stage's queue and books under their lock: what the offerer's side and the worker's side share, and the worker's takes
//! and settlings.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use crossbeam_utils::CachePadded;

use super::{
    book::{Account, Book, Next},
    books::Books,
    core::StageCore,
    cx::{handling, note},
    waiter::Resume,
};
use crate::{
    clock::ns,
    event::{Envelope, Event, Marks},
    options::{BATCH_MAX, Extract},
    queue::{Batch, Item, Store},
    sync::lock_brief as lock,
    ticket::Loss,
};

/// A stage's queue and books under their lock.
pub(crate) struct Inbox<T> {
    pub(crate) core: Arc<StageCore>,
    pub(super) extract: Extract<T>,
    /// Nothing is read off its events, whatever may be configured.
    plain: bool,
    /// Nothing but the bound decides on an offer: no policy, reading or time to live. Read without the lock: an offer that
    /// comes while it changes goes by the old or the new one.
    bound_only: AtomicBool,
    /// On lines of its own: what stands above is only read, by every offerer.
    pub(super) gate: CachePadded<Mutex<Gate<Store<T>>>>,
}

pub(crate) struct Gate<S: ?Sized> {
    pub(crate) book: Book,
    /// Last, so that who only counts events can see any store here.
    pub(crate) store: S,
}

/// What a worker got to do.
pub(crate) struct Taken<T> {
    pub(crate) place: u32,
    pub(crate) what: What<T>,
    /// How long it is expected to take, in ns.
    pub(crate) expected_ns: u64,
    /// More is left than one worker should keep.
    pub(crate) plenty: bool,
}

pub(crate) enum What<T> {
    Batch { batch: Batch<T>, keys: Vec<u64>, weight: u64 },
    Resume,
    Flush,
    Pull { most: usize },
}

/// What read off an offer before the lock.
#[derive(Clone, Copy, Default)]
pub(super) struct Read {
    pub(super) key: Option<u64>,
    pub(super) weight: u64,
    pub(super) class: u8,
    /// 0 for none.
    pub(super) deadline_ns: u64,
}

impl<T: Event> Inbox<T> {
    pub(crate) fn new(core: Arc<StageCore>, extract: Extract<T>, store: Store<T>, book: Book) -> Self {
        let plain = matches!(store, Store::Plain(_)) && extract.is_empty();
        // The slow way serves all, until it is set up.
        let bound_only = AtomicBool::new(false);
        Inbox { core, extract, plain, bound_only, gate: CachePadded::new(Mutex::new(Gate { store, book })) }
    }

    #[inline]
    pub(super) fn bound_only(&self) -> bool {
        self.bound_only.load(Ordering::Relaxed)
    }

    /// After a change of what decides on offers.
    pub(super) fn decide_anew(&self, has_policy: bool) {
        self.bound_only.store(self.plain && !has_policy && self.core.max_age_ns() == 0, Ordering::Relaxed);
    }

    // ---- the worker's side

    /// Something to do for a worker, if there is.
    pub(crate) fn take(&self, now_ns: u64) -> Option<Taken<T>> {
        let mut gate = lock(&self.gate);
        let taken = self.take_under(&mut gate, now_ns);
        self.after_take(gate);
        taken
    }

    fn take_under(&self, gate: &mut Gate<Store<T>>, now_ns: u64) -> Option<Taken<T>> {
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
                    let (mut batch, mut weight) = store.take(most, &mut keys);
                    // A queue gives what costs it nothing; who pays for each batch gets all that is there.
                    while book.whole_batches && batch.len() < most {
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
                        book.free(place);
                        continue;
                    }
                    book.took(batch.len(), store.len(), now_ns);
                    if let Some(patience_ns) = book.patience_ns() {
                        self.core.be_patient(Some(patience_ns));
                    }
                    let expected_ns = book.expected_ns(batch.len());
                    let plenty = book.is_plenty(store.len());
                    Taken { place, what: What::Batch { batch, keys, weight }, expected_ns, plenty }
                }
            });
        }
    }

    /// Records what a worker did; frees its place, with the keys that it held, if its outbox is clear, and takes the next
    /// batch if `again`.
    pub(crate) fn settle(
        &self,
        account: &Account,
        empty: Batch<T>,
        place: u32,
        cleared: Option<Vec<u64>>,
        now_ns: u64,
        again: bool,
    ) -> Option<Taken<T>> {
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        store.recycle(empty);
        // Before the policy is told, which looks at the places that are in use.
        match cleared {
            Some(mut keys) => {
                store.release(&mut keys);
                book.free(place);
            }
            None => book.stall(place),
        }
        book.settle(account, store.len(), now_ns, self.core.shared.measures());
        let taken = if again { self.take_under(&mut gate, now_ns) } else { None };
        let idle = gate.book.in_use == 0 && !gate.store.has_work();
        self.after_take(gate);
        self.core.shared.budget.release(account.weight);
        if idle && self.core.shared.is_closing() {
            self.core.shared.progress.notify();
        }
        taken
    }

    /// A place for an event whose handler goes on without a worker.
    pub(crate) fn detach(&self) -> u32 {
        lock(&self.gate).book.detach()
    }

    /// No worker is with the place until it is resumed.
    pub(crate) fn set_aside(&self, place: u32) {
        let books: &dyn Books = self;
        books.set_place_aside(place);
    }

    /// Settles a batch whose place could not be given a handler; the next batch tries again.
    pub(crate) fn settle_without_handler(&self, account: &Account, place: u32, keys: Option<Vec<u64>>, now_ns: u64) {
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        book.settle(account, store.len(), now_ns, false);
        store.release(&mut keys.unwrap_or_default());
        book.free(place);
        self.after_take(gate);
        self.core.shared.budget.release(account.weight);
        self.core.shared.progress.notify();
    }

    // ---- common

    pub(super) fn read(&self, envelope: &Envelope<T>) -> Read {
        if self.extract.is_empty() {
            return Read { class: class_of(envelope), ..Read::default() };
        }
        let mut read = self.read_event(&envelope.event, self.reading_time());
        read.class = read.class.max(class_of(envelope));
        read
    }

    /// `now_ns` counts only for a deadline.
    pub(super) fn read_event(&self, event: &T, now_ns: u64) -> Read {
        let deadline = self.extract.deadline.as_ref().and_then(|deadline| deadline(event));
        Read {
            deadline_ns: deadline.map_or(0, |after| now_ns.saturating_add(ns(after)).max(1)),
            key: self.extract.key.as_ref().map(|key| key(event)),
            weight: self.weigh(event),
            class: self.extract.class.as_ref().map_or(0, |class| class(event)),
        }
    }

    /// The clock is asked only where events say their deadline.
    pub(super) fn reading_time(&self) -> u64 {
        if self.extract.deadline.is_some() { self.core.shared.clock.now_ns() } else { 0 }
    }

    pub(super) fn push(&self, store: &mut Store<T>, envelope: Envelope<T>, read: Read) {
        match store {
            Store::Plain(queue) => queue.push(envelope),
            Store::Marked(queue) => {
                self.core.shared.budget.charge(read.weight);
                queue.push(Item { envelope, key: read.key, weight: read.weight, class: read.class });
            }
        }
    }

    /// Events that are offered together share a stamp, one for each batch that a worker may take of them; where they can
    /// expire, each has it.
    pub(crate) fn stamp(&self, batch: &mut Batch<T>, now_ns: u64) {
        let (every, mut at) = (self.stamp_every(), 0);
        while let Some(envelope) = batch.get_mut(at) {
            envelope.stamp_ns = now_ns;
            at += every;
        }
    }

    pub(super) fn stamp_every(&self) -> usize {
        if self.core.patience_ns() == 0 { BATCH_MAX } else { 1 }
    }

    /// Whether every event needs a stamp of its own, or its batch one.
    pub(super) fn stamps(&self) -> bool {
        self.core.shared.measures() || self.core.patience_ns() != 0
    }

    pub(super) fn policy_time(&self, book: &Book) -> u64 {
        if book.has_policy() { self.core.shared.clock.now_ns() } else { 0 }
    }

    /// After anything that may have made the stage runnable: the bit, a worker, the next who waits.
    pub(super) fn after_push(&self, gate: MutexGuard<'_, Gate<Store<T>>>, notify: bool) {
        if self.after_change(gate) && notify {
            self.core.notify();
        }
    }

    /// The same after an offer from outside, which may do the worker's work.
    pub(super) fn after_offer(&self, gate: MutexGuard<'_, Gate<Store<T>>>) {
        if self.after_change(gate) {
            if handling().is_some() { self.core.notify() } else { self.core.notify_or_run() }
        }
    }

    fn after_take(&self, gate: MutexGuard<'_, Gate<Store<T>>>) {
        self.after_change(gate);
    }

    /// The bit, and the next who waits; true if the stage can run now and could not before.
    fn after_change(&self, mut gate: MutexGuard<'_, Gate<Store<T>>>) -> bool {
        let Gate { store, book } = &mut *gate;
        let after = book.after(&self.core, store.len(), store.bytes(), store.has_work());
        drop(gate);
        after.wake()
    }
}

pub(super) fn class_of<T>(envelope: &Envelope<T>) -> u8 {
    match &envelope.marks {
        Some(marks) => marks.class,
        None => 0,
    }
}

/// The deadline that was read off an event becomes its own, unless it has an earlier one.
pub(super) fn keep_deadline<T>(envelope: &mut Envelope<T>, read: Read) {
    if read.deadline_ns == 0 {
        return;
    }
    let marks = envelope.marks.get_or_insert_default();
    if marks.deadline_ns == 0 || read.deadline_ns < marks.deadline_ns {
        marks.deadline_ns = read.deadline_ns;
    }
}

pub(super) fn lose<T>(envelope: &Envelope<T>, loss: &Loss) {
    lose_marked(&envelope.marks, loss);
}

fn lose_marked(marks: &Option<Box<Marks>>, loss: &Loss) {
    if let Some(marks) = marks {
        note(marks, loss);
    }
}

impl<T: Event> Resume for Inbox<T> {
    fn resume(&self, place: u32) {
        let books: &dyn Books = self;
        books.resume_place(place);
    }

    fn source_ready(&self) {
        let books: &dyn Books = self;
        books.pull_again();
    }
}

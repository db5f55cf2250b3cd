//! The places of a stage, and what a worker has in hand at one.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use super::{
    activation::Run,
    book::Account,
    core::StageCore,
    cx::Cx,
    emit::Emit,
    flight::{Aloft, Stop},
    inbox::Inbox,
    work::{AnyWork, Pulling},
};
use crate::{
    queue::Batch,
    ready::{LONG, ReadySet},
    sync::lock,
    ticket::Loss,
};

/// The places of a stage; also for what is out on the data-parallel pool, and for async handlers on their way.
pub(crate) struct Places {
    pub(super) inbox: Arc<Inbox>,
    /// As many as the numbers of the start allow.
    pub(super) all: OnceLock<Vec<Place>>,
}

pub(super) struct Place {
    pub(super) watch: Watch,
    /// Made when the place is first used: an async stage has many.
    pub(super) hand: Mutex<Option<Box<Hand>>>,
}

/// Between a handler's return and its settling stands one word, so that a fence and a late return have one order.
pub(super) struct Watch {
    phase: AtomicU8,
    held: AtomicU64,
    /// What keeps the place, where it is an async handler that has not ended.
    pub(super) flight: Mutex<Option<Arc<dyn Aloft>>>,
}

const IDLE: u8 = 0;
const HANDLING: u8 = 1;
const FENCED: u8 = 2;

/// What a worker has in hand at one place.
pub(crate) struct Hand {
    pub(super) work: Option<Box<dyn AnyWork>>,
    /// What is to be handled, and after that its empty memory.
    pub(super) batch: Batch,
    pub(super) outs: Batch,
    /// Made when it is first needed: ports are wired by then.
    pub(super) out: Option<Box<dyn Emit>>,
    pub(super) sheet: Sheet,
}

/// What a worker notes of it.
pub(super) struct Sheet {
    pub(super) cx: Cx,
    pub(super) keys: Vec<u64>,
    pub(super) account: Account,
    pub(super) began_ns: u64,
    pulling: Option<Pulling>,
    /// The last try to build its handler failed.
    unbuilt: bool,
}

/// A locked hand.
pub(super) struct Held<'a>(MutexGuard<'a, Option<Box<Hand>>>);

impl Deref for Held<'_> {
    type Target = Hand;

    fn deref(&self) -> &Hand {
        self.0.as_deref().expect(MADE)
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Hand {
        self.0.as_deref_mut().expect(MADE)
    }
}

const MADE: &str = "made when it was locked";

impl Places {
    /// None before the start.
    pub(super) fn all(&self) -> &[Place] {
        match self.all.get() {
            Some(all) => all,
            None => &[],
        }
    }

    pub(super) fn place(&self, place: u32) -> &Place {
        &self.all()[place as usize]
    }

    pub(super) fn hand(&self, place: u32) -> Held<'_> {
        let mut hand = lock(&self.place(place).hand);
        if hand.is_none() {
            let sheet = Sheet::new(&self.inbox.core);
            *hand =
                Some(Box::new(Hand { work: None, batch: Batch::default(), outs: Batch::default(), out: None, sheet }));
        }
        Held(hand)
    }
}

impl Sheet {
    fn new(core: &Arc<StageCore>) -> Self {
        let cx = Cx::new(core.clone());
        Sheet { cx, keys: Vec::new(), account: Account::default(), began_ns: 0, pulling: None, unbuilt: false }
    }

    pub(super) fn begins(&mut self, events: usize, weight: u64, keys: Vec<u64>) {
        self.keys = keys;
        self.account = Account { taken: events, weight, ..Account::default() };
    }

    /// What the handler left unanswered has failed.
    pub(super) fn close(&mut self, unanswered: usize) {
        let Sheet { cx, account, .. } = self;
        account.done = cx.answered;
        account.failed += cx.failed + unanswered as u64;
        account.expired += cx.expired;
        (cx.answered, cx.failed, cx.expired) = (0, 0, 0);
    }

    /// After a panic, of which `begun` events had been begun since `answered_before` were answered.
    pub(super) fn fails(&mut self, begun: u64, answered_before: u64, loss: &Loss) {
        let cx = &mut self.cx;
        cx.failed += begun - (cx.answered + cx.expired - answered_before);
        cx.lose(loss);
    }

    /// Whether there is a handler now, for the stage's health.
    pub(super) fn built(&mut self, is: bool, core: &StageCore) {
        let without = &core.ails.without_handler;
        match (std::mem::replace(&mut self.unbuilt, !is), is) {
            (true, true) => without.fetch_sub(1, Ordering::Relaxed),
            (false, false) => without.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    pub(super) fn answered(&self) -> u64 {
        self.cx.answered + self.cx.expired
    }

    /// What a source made; after a panic the state, which is one, is gone and cannot be built again.
    pub(super) fn pulled(&mut self, made: usize, pulling: Pulling, panicked: bool) {
        let failed = u64::from(panicked);
        self.account.failed = failed;
        self.account.done = made as u64;
        self.account.pulled = made as u64 + failed;
        self.pulling = Some(if panicked { Pulling::End } else { pulling });
    }

    /// What there is to settle once the outbox is `clear`; with the keys, which stay held until then.
    pub(super) fn ends(&mut self, clear: bool) -> (Account, Option<Vec<u64>>, Option<Pulling>) {
        let account = std::mem::take(&mut self.account);
        if clear { (account, Some(std::mem::take(&mut self.keys)), self.pulling.take()) } else { (account, None, None) }
    }
}

impl Watch {
    pub(super) fn new() -> Self {
        Watch { phase: AtomicU8::new(IDLE), held: AtomicU64::new(0), flight: Mutex::new(None) }
    }

    /// An event sets out and keeps the place.
    pub(super) fn departs(&self) {
        self.holds(1);
        self.begins_outside();
    }

    pub(super) fn carries(&self, flight: Arc<dyn Aloft>) {
        *lock(&self.flight) = Some(flight);
    }

    /// So many of what it held went on their way.
    pub(super) fn let_go(&self, events: usize) {
        self.held.fetch_sub(events as u64, Ordering::Relaxed);
    }

    /// Second signal: what is in the air comes down where it is.
    pub(super) fn stop_flight(&self) {
        let flight = lock(&self.flight).clone();
        if let Some(flight) = flight {
            flight.stop(Stop::Cancelled);
        }
    }

    /// Its event is left, as one that a handler on a thread did not give back.
    pub(super) fn leaves(&self) {
        *lock(&self.flight) = None;
        self.phase.store(FENCED, Ordering::SeqCst);
    }

    /// The flight is over.
    pub(super) fn lands(&self) {
        *lock(&self.flight) = None;
    }

    pub(super) fn holds(&self, events: usize) {
        self.held.store(events as u64, Ordering::Relaxed);
    }

    /// Around a handler: the word that a fence looks at, and the domain's workers, who are told of a long one.
    pub(super) fn begins<'a>(&self, expected_ns: u64, run: &Run<'a>) -> Option<Long<'a>> {
        self.begins_outside();
        let ready = run.ready.filter(|_| u128::from(expected_ns) > LONG.as_nanos())?;
        ready.begin_long();
        Some(Long(ready))
    }

    /// The same for what no worker is with.
    pub(super) fn begins_outside(&self) {
        self.phase.store(HANDLING, Ordering::SeqCst);
    }

    /// False if the fence was quicker: then what the handler gave is nobody's.
    pub(super) fn returned(&self) -> bool {
        self.held.store(0, Ordering::Relaxed);
        self.phase.compare_exchange(HANDLING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Events that were in a handler which is now fenced off.
    pub(super) fn fence(&self) -> u64 {
        let fenced = self.phase.compare_exchange(HANDLING, FENCED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if fenced { self.held.load(Ordering::Relaxed).max(1) } else { 0 }
    }

    pub(super) fn is_handling(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == HANDLING
    }

    pub(super) fn is_idle(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == IDLE
    }
}

/// A worker in a long handler; back when it is dropped, whatever happened.
pub(super) struct Long<'a>(&'a ReadySet);

impl Drop for Long<'_> {
    fn drop(&mut self) {
        self.0.end_long();
    }
}

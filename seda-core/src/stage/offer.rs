//! Offers from outside: by threads that may block, one or many at once, or with room reserved first.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    cx,
    inbox::Inbox,
    inlet::{Attempt, Offerer},
    waiter::{Blocked, Waiter},
};
use crate::{
    clock::ns,
    event::{Envelope, Event, Marks},
    options::OfferOptions,
    outcome::{Refusal, Refused},
};

/// An inlet in the hands of code outside the pipeline: cheap to clone, usable from any thread.
///
/// ```
/// use seda_core::{Pipeline, Refusal};
/// let mut p = Pipeline::named("orders");
/// let (orders, out) = p.stage("orders", |id: u32| id);
/// p.end("end", out, drop);
/// let running = p.start().unwrap();
/// let entry = running.entry(orders);
/// entry.offer(7).unwrap();
/// entry.offer_many(vec![8, 9]).unwrap();
/// running.drain(Default::default());
/// let refused = entry.offer(10).unwrap_err();
/// assert_eq!((refused.event, refused.why), (10, Refusal::Closed));
/// ```
pub struct Entry<T> {
    pub(super) inbox: Arc<Inbox>,
    pub(super) event: PhantomData<fn(T)>,
    /// In the hands of a handler that declared it.
    pub(super) inside: bool,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Entry { inbox: self.inbox.clone(), event: PhantomData, inside: self.inside }
    }
}

impl<T> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.inbox.core.name)
    }
}

impl<T: Event> Entry<T> {
    pub(crate) fn new(inbox: Arc<Inbox>) -> Self {
        Entry { inbox, event: PhantomData, inside: false }
    }

    pub(crate) fn inside(inbox: Arc<Inbox>) -> Self {
        Entry { inbox, event: PhantomData, inside: true }
    }

    fn by(&self, waited: bool) -> Offerer {
        // Virtual time stands still while its only thread is here: nobody would ever make room.
        Offerer { waited, inside: self.inside, at_once: self.inbox.core.shared.clock.is_virtual() }
    }

    fn at_once(&self) -> Offerer {
        Offerer { waited: false, inside: self.inside, at_once: true }
    }

    /// Offers one event. Blocks while the queue is full and its policy is to block.
    ///
    /// # Errors
    /// The event comes back with the reason: full (policy `reject`), shed, closed, or
    /// [`WouldDeadlock`](Refusal::WouldDeadlock) where a handler would wait for itself.
    pub fn offer(&self, event: T) -> Result<(), Refused<T>> {
        if let Some(why) = self.deadlock() {
            return Err(Refused { event, why });
        }
        match self.to_room(event) {
            Ok(()) => Ok(()),
            Err(envelope) => self.blocking(envelope, None),
        }
    }

    /// Offers one event with a deadline or a class. Blocks as [`offer`](Entry::offer) does.
    ///
    /// # Errors
    /// As [`offer`](Entry::offer).
    pub fn offer_with(&self, event: T, options: OfferOptions) -> Result<(), Refused<T>> {
        self.blocking(self.marked(event, options), None)
    }

    /// Offers one event and never blocks: a queue that is full refuses, whatever its policy but dropping.
    ///
    /// # Errors
    /// The event comes back with the reason.
    pub fn try_offer(&self, event: T) -> Result<(), Refused<T>> {
        match self.to_room(event) {
            Ok(()) => Ok(()),
            Err(envelope) => self.once(envelope),
        }
    }

    /// Offers one event with a deadline or a class, and never blocks.
    ///
    /// # Errors
    /// The event comes back with the reason.
    pub fn try_offer_with(&self, event: T, options: OfferOptions) -> Result<(), Refused<T>> {
        self.once(self.marked(event, options))
    }

    /// Offers one event; waits for room at most `timeout`.
    ///
    /// # Errors
    /// As [`offer`](Entry::offer); full when the time has passed.
    pub fn offer_timeout(&self, event: T, timeout: Duration) -> Result<(), Refused<T>> {
        self.blocking(self.enveloped(event), Instant::now().checked_add(timeout))
    }

    /// Offers many events: all or none, in their order, without others between. Blocks until there is room for all.
    ///
    /// # Errors
    /// All events come back; at once with [`TooMany`](Refusal::TooMany) when they are more than the queue can hold.
    pub fn offer_many(&self, events: Vec<T>) -> Result<(), Refused<Vec<T>>> {
        let weigh = |events: &Vec<T>| events.iter().map(|event| self.inbox.weigh(event)).sum();
        let need = events.len();
        self.wait_for(events, need, weigh, None, |events, by| self.inbox.try_many(events, by))
            .map_err(|(event, why)| Refused { event, why })
    }

    /// Offers many events, all or none, and never blocks.
    ///
    /// # Errors
    /// All events come back with the reason.
    pub fn try_offer_many(&self, events: Vec<T>) -> Result<(), Refused<Vec<T>>> {
        let n = events.len();
        match self.inbox.try_many(events, self.at_once()) {
            Attempt::Taken => Ok(()),
            Attempt::Full(event) => Err(self.count_full(n, event)),
            Attempt::Refused(event, why) => Err(Refused { event, why }),
        }
    }

    /// Reserves room for `n` events, to be committed one by one: what is not yet made cannot be lost. Blocks until
    /// there is room. A queue that drops when full gives no credit on room it does not have. Credits are for events: bytes
    /// are charged as each is committed, so bounds in bytes may be exceeded by what is reserved.
    ///
    /// # Errors
    /// The reason; nothing comes back, as nothing was given.
    pub fn reserve(&self, n: usize) -> Result<Permit<T>, Refused<()>> {
        self.wait_for((), n, |()| 0, None, |(), by| self.inbox.try_reserve(n, by))
            .map(|()| Permit::new(self.inbox.clone(), n))
            .map_err(|(event, why)| Refused { event, why })
    }

    /// Reserves room without waiting.
    ///
    /// # Errors
    /// The reason.
    pub fn try_reserve(&self, n: usize) -> Result<Permit<T>, Refused<()>> {
        match self.inbox.try_reserve(n, self.by(false)) {
            Attempt::Taken => Ok(Permit::new(self.inbox.clone(), n)),
            Attempt::Full(event) => Err(Refused { event, why: Refusal::Full }),
            Attempt::Refused(event, why) => Err(Refused { event, why }),
        }
    }

    /// The way of most offers; what it cannot take, or is followed, comes back for the longer one.
    #[inline]
    fn to_room(&self, event: T) -> Result<(), Envelope<T>> {
        let envelope = self.enveloped(event);
        if envelope.marks.is_some() {
            return Err(envelope);
        }
        self.inbox.offer_to_room(envelope.event).map_err(Envelope::new)
    }

    /// An event in its envelope, with spans if it is followed.
    pub(crate) fn enveloped(&self, event: T) -> Envelope<T> {
        let trace = self.inbox.core.sample();
        let marks = trace.map(|trace| Box::new(Marks { trace: Some(trace), ..Marks::default() }));
        Envelope { event, stamp_ns: 0, marks }
    }

    pub(crate) fn marked(&self, event: T, options: OfferOptions) -> Envelope<T> {
        let now_ns = self.inbox.core.shared.clock.now_ns();
        let deadline_ns = options.deadline.map_or(0, |after| now_ns.saturating_add(ns(after)));
        let marks =
            Marks { deadline_ns, class: options.class, ticket: None, trace: self.inbox.core.sample(), lineage: None };
        let marks = (!marks.is_default()).then(|| Box::new(marks));
        Envelope { event, stamp_ns: 0, marks }
    }

    pub(crate) fn once(&self, envelope: Envelope<T>) -> Result<(), Refused<T>> {
        match self.inbox.try_one(envelope, self.at_once()) {
            Attempt::Taken => Ok(()),
            Attempt::Full(envelope) => Err(self.count_full(1, envelope.event)),
            Attempt::Refused(envelope, why) => Err(Refused { event: envelope.event, why }),
        }
    }

    pub(crate) fn blocking(&self, envelope: Envelope<T>, until: Option<Instant>) -> Result<(), Refused<T>> {
        let weigh = |envelope: &Envelope<T>| self.inbox.weigh(&envelope.event);
        self.wait_for(envelope, 1, weigh, until, |envelope, by| self.inbox.try_one(envelope, by))
            .map_err(|(envelope, why)| Refused { event: envelope.event, why })
    }

    /// Tries until it is taken or refused, parked in between.
    fn wait_for<E>(
        &self,
        event: E,
        need: usize,
        weigh: impl Fn(&E) -> u64,
        until: Option<Instant>,
        attempt: impl Fn(E, Offerer) -> Attempt<E>,
    ) -> Result<(), (E, Refusal)> {
        if let Some(why) = self.deadlock() {
            return Err((event, why));
        }
        let mut event = match attempt(event, self.by(false)) {
            Attempt::Taken => return Ok(()),
            Attempt::Refused(event, why) => return Err((event, why)),
            Attempt::Full(event) => event,
        };
        if self.inbox.core.shared.clock.is_virtual() {
            self.inbox.count_full(need);
            return Err((event, Refusal::Full));
        }
        // A full queue means that its workers have much to do: let them, once, before a park and a wake-up are paid for.
        std::thread::yield_now();
        event = match attempt(event, self.by(false)) {
            Attempt::Taken => return Ok(()),
            Attempt::Refused(event, why) => return Err((event, why)),
            Attempt::Full(event) => event,
        };
        let blocked = Arc::new(Blocked::new());
        let mut again = false;
        loop {
            blocked.reset();
            self.inbox.wait(need, weigh(&event), Waiter::Thread(blocked.clone()), self.by(again));
            while !blocked.is_woken() {
                if !park_until(until) {
                    self.inbox.forget(|w| matches!(w, Waiter::Thread(b) if Arc::ptr_eq(b, &blocked)));
                    // Room that came without a wake-up is taken all the same.
                    return match attempt(event, Offerer { at_once: true, ..self.by(true) }) {
                        Attempt::Taken => Ok(()),
                        Attempt::Refused(event, why) => Err((event, why)),
                        Attempt::Full(event) => {
                            self.inbox.count_full(need);
                            Err((event, Refusal::Full))
                        }
                    };
                }
            }
            again = true;
            event = match attempt(event, self.by(true)) {
                Attempt::Taken => return Ok(()),
                Attempt::Refused(event, why) => return Err((event, why)),
                Attempt::Full(event) => event,
            };
        }
    }

    /// A handler must not wait for room that only its own return can make.
    pub(crate) fn deadlock(&self) -> Option<Refusal> {
        let (pipeline, from) = cx::handling()?;
        let core = &self.inbox.core;
        let wiring = core.shared.wiring.get()?;
        (pipeline == core.shared.id && wiring.would_deadlock(from, core.id))
            .then(|| Refusal::WouldDeadlock { from: wiring.names[from as usize].clone(), to: core.name.clone() })
    }

    fn count_full<E>(&self, n: usize, event: E) -> Refused<E> {
        self.inbox.count_full(n);
        Refused { event, why: Refusal::Full }
    }
}

/// Parks; false once `until` has passed.
fn park_until(until: Option<Instant>) -> bool {
    let Some(until) = until else {
        std::thread::park();
        return true;
    };
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    std::thread::park_timeout(left);
    true
}

/// Room for events, held for its owner until they are committed or it is dropped.
///
/// ```
/// # use seda_core::Pipeline;
/// # let mut p = Pipeline::named("orders");
/// # let (orders, out) = p.stage("orders", |id: u32| id);
/// # p.end("end", out, drop);
/// # let running = p.start().unwrap();
/// let mut permit = running.entry(orders).reserve(2).unwrap();
/// permit.commit(1).unwrap();
/// drop(permit); // the second place is free again
/// # assert_eq!(running.drain(Default::default()).ledger().stage("orders").unwrap().done, 1);
/// ```
#[must_use]
pub struct Permit<T: Event> {
    inbox: Arc<Inbox>,
    event: PhantomData<fn(T)>,
    credits: usize,
}

impl<T: Event> fmt::Debug for Permit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({} for {})", self.credits, self.inbox.core.name)
    }
}

impl<T: Event> Permit<T> {
    pub(crate) fn new(inbox: Arc<Inbox>, credits: usize) -> Self {
        Permit { inbox, event: PhantomData, credits }
    }

    /// Events that can still be committed.
    #[must_use]
    pub fn left(&self) -> usize {
        self.credits
    }

    /// Enqueues one event; never blocks.
    ///
    /// # Errors
    /// The event comes back if the policy sheds it, or the pipeline has ended meanwhile; full if nothing is left to commit.
    pub fn commit(&mut self, event: T) -> Result<(), Refused<T>> {
        if self.credits == 0 {
            return Err(Refused { event, why: Refusal::Full });
        }
        // Given back if what reads the event's key or weight panics.
        let committed = self.inbox.commit(event);
        self.credits -= 1;
        committed.map_err(|(event, why)| Refused { event, why })
    }
}

impl<T: Event> Drop for Permit<T> {
    fn drop(&mut self) {
        if self.credits > 0 {
            self.inbox.give_back(self.credits);
        }
    }
}

//! Offers from tasks: futures that wait for room by a waker, with no runtime behind them. Dropped, they have offered
//! nothing and keep no place.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker},
};

use super::{
    inbox::Inbox,
    inlet::{Attempt, Offerer},
    offer::{Entry, Permit},
    waiter::Waiter,
};
use crate::{
    event::{Envelope, Event},
    options::OfferOptions,
    outcome::{Refusal, Refused},
};

/// A task's place in the line of those who wait for room. Only a task that has waited is in it.
#[derive(Default)]
pub(crate) struct InLine {
    id: Option<usize>,
    inside: bool,
}

impl InLine {
    fn id(&mut self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        *self.id.get_or_insert_with(|| NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// One poll: tried at once, and again when a waiter stands, so that room which comes in between is not missed.
    pub(crate) fn poll<E>(
        &mut self,
        inbox: &Inbox,
        waker: &Waker,
        mut event: E,
        need: impl Fn(&E) -> (usize, u64),
        attempt: impl Fn(E, Offerer) -> Attempt<E>,
    ) -> Attempt<E> {
        // Woken, it keeps its turn; polled for another reason, its waiter still stands and is made anew.
        let waited = self.id.is_some();
        self.id.into_iter().for_each(|id| inbox.take_back_task(id));
        for waits in [false, true] {
            if waits {
                let (events, weight) = need(&event);
                let by = Offerer { waited, inside: self.inside, at_once: false };
                inbox.wait(events, weight, Waiter::Task(self.id(), waker.clone()), by);
            }
            match attempt(event, Offerer { waited: waited || waits, inside: self.inside, at_once: false }) {
                Attempt::Full(back) => event = back,
                end => {
                    if waits {
                        self.leave(inbox);
                    }
                    self.id = None;
                    return end;
                }
            }
        }
        Attempt::Full(event)
    }

    /// Gives up: if it was woken for room that it will not use, the next one is.
    pub(crate) fn leave(&mut self, inbox: &Inbox) {
        if let Some(id) = self.id.take() {
            inbox.forget(|waiter| matches!(waiter, Waiter::Task(other, _) if *other == id));
        }
    }
}

/// An offer on its way, made by [`Entry::offer_async`]. Dropped before its end, it has offered nothing and nothing is
/// counted; [`into_event`](Offering::into_event) gives the event back.
#[must_use = "nothing is offered before it is awaited"]
pub struct Offering<T: Event> {
    entry: Entry<T>,
    envelope: Option<Envelope<T>>,
    line: InLine,
}

impl<T: Event> fmt::Debug for Offering<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offering({})", self.entry.inbox.core.name)
    }
}

// The event is moved, never pinned.
impl<T: Event> Unpin for Offering<T> {}

impl<T: Event> Offering<T> {
    /// The event, if it has not been offered yet: what a `select!` that took another branch can offer again.
    #[must_use]
    pub fn into_event(mut self) -> Option<T> {
        self.envelope.take().map(|envelope| envelope.event)
    }
}

impl<T: Event> Future for Offering<T> {
    type Output = Result<(), Refused<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Offering { entry, envelope, line } = &mut *self;
        let inbox = &entry.inbox;
        let offered = envelope.take().expect("an offer that has ended is not polled again");
        if let Some(why) = entry.deadlock() {
            return Poll::Ready(Err(Refused { event: offered.event, why }));
        }
        let need = |envelope: &Envelope<T>| (1, inbox.weigh(&envelope.event));
        match line.poll(inbox, cx.waker(), offered, need, |envelope, by| inbox.try_one(envelope, by)) {
            Attempt::Taken => Poll::Ready(Ok(())),
            Attempt::Refused(envelope, why) => Poll::Ready(Err(Refused { event: envelope.event, why })),
            Attempt::Full(waiting) => {
                *envelope = Some(waiting);
                Poll::Pending
            }
        }
    }
}

impl<T: Event> Drop for Offering<T> {
    fn drop(&mut self) {
        self.line.leave(&self.entry.inbox);
    }
}

/// A reservation on its way, made by [`Entry::reserve_async`]. Dropped before its end, it keeps no room.
#[must_use = "nothing is reserved before it is awaited"]
pub struct Reserving<T: Event> {
    entry: Entry<T>,
    events: usize,
    line: InLine,
}

impl<T: Event> fmt::Debug for Reserving<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reserving({} for {})", self.events, self.entry.inbox.core.name)
    }
}

impl<T: Event> Future for Reserving<T> {
    type Output = Result<Permit<T>, Refused<()>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Reserving { entry, events, line } = &mut *self;
        let (inbox, n) = (&entry.inbox, *events);
        if let Some(why) = entry.deadlock() {
            return Poll::Ready(Err(Refused { event: (), why }));
        }
        match line.poll(inbox, cx.waker(), (), |()| (n, 0), |(), by| inbox.try_reserve(n, by)) {
            Attempt::Taken => Poll::Ready(Ok(Permit::new(inbox.clone(), n))),
            Attempt::Refused((), why) => Poll::Ready(Err(Refused { event: (), why })),
            Attempt::Full(()) => Poll::Pending,
        }
    }
}

impl<T: Event> Drop for Reserving<T> {
    fn drop(&mut self) {
        self.line.leave(&self.entry.inbox);
    }
}

impl<T: Event> Entry<T> {
    /// Offers one event from a task: waits for room as [`offer`](Entry::offer) does, without a thread. Works in any async
    /// runtime; woken when there is room, never by looking again and again.
    ///
    /// Safe to cancel: a future that is dropped has offered nothing. The event is in the future, so in a `select!` poll it
    /// by `&mut` and take it back by [`Offering::into_event`], or reserve first.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # use seda_core::prelude::*;
    /// # let mut p = Pipeline::named("orders");
    /// # let (orders, out) = p.stage("orders", |id: u32| id);
    /// # p.end("end", out, drop);
    /// # let running = p.start().unwrap();
    /// let entry = running.entry(orders);
    /// entry.offer_async(7).await.unwrap();
    ///
    /// let mut permit = entry.reserve_async(1).await.unwrap(); // waits; what is not yet made cannot be lost
    /// permit.commit(8).unwrap(); // never waits
    /// # });
    /// ```
    pub fn offer_async(&self, event: T) -> Offering<T> {
        self.offering(self.enveloped(event))
    }

    /// The same with a deadline or a class.
    pub fn offer_async_with(&self, event: T, options: OfferOptions) -> Offering<T> {
        self.offering(self.marked(event, options))
    }

    fn offering(&self, envelope: Envelope<T>) -> Offering<T> {
        Offering { entry: self.clone(), envelope: Some(envelope), line: self.line() }
    }

    /// Reserves room for `n` events from a task: as [`reserve`](Entry::reserve), without a thread.
    pub fn reserve_async(&self, n: usize) -> Reserving<T> {
        Reserving { entry: self.clone(), events: n, line: self.line() }
    }

    fn line(&self) -> InLine {
        InLine { id: None, inside: self.inside }
    }
}

/// The refusal of an offer that a task gave up on because its time had passed.
pub(crate) fn timed_out<E>(inbox: &Inbox, event: E) -> Refused<E> {
    inbox.count_full(1);
    Refused { event, why: Refusal::Full }
}

//! An event whose async handler has not ended yet. Its future is polled by the host's runtime; its place in the stage is
//! kept until it lands, and its end is settled by the same steps as every other.
//!
//! Who may end a flight: its own poll, its deadline, the second stop signal, the runtime that goes away. The future is
//! behind a lock, and whoever takes it out has ended the flight. The race of a stop that comes while it is polled:
//! 1. the stop says why, then tries the lock: busy, so it leaves the rest to the poller;
//! 2. the poller gives the lock back, then looks whether a stop was said.
//!
//! With both in that order at least one of the two sees the other.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    sync::{Mutex, TryLockError, Weak, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use super::{
    activation::{Activation, FENCED, HANDLING, Hand, Place, Run, message, told},
    book::Account,
    cx::{as_handler, note},
    waiter::Resume,
};
use crate::{
    event::{Envelope, Event, Marks},
    sync::{self, lock, model_lock},
    ticket::Loss,
    timer::TimerId,
    trace::{WorkSpan, within},
};

/// What a first poll left unfinished.
pub(crate) struct Pending<O> {
    pub(crate) future: Pin<Box<dyn Future<Output = O> + Send>>,
    pub(crate) marks: Option<Box<Marks>>,
    /// Its span, entered at each poll.
    pub(crate) work: Option<WorkSpan>,
}

/// A future that a runtime of the host's polls.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The host's runtime, as far as it is needed.
pub(crate) trait Spawn: Send + Sync {
    fn spawn(&self, task: Task);

    /// How many tasks it runs at once.
    fn workers(&self) -> usize;
}

/// A flight as others see it.
pub(crate) trait Aloft: Send + Sync {
    /// Polls it; true when it has landed.
    fn poll(&self, waker: &Waker) -> bool;

    /// Ends it from outside. Does nothing to one that has landed.
    fn stop(&self, why: Stop);
}

/// Why a flight is ended from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Stop {
    /// Its deadline has passed.
    Expired = 1,
    /// The second stop signal, or the runtime that went away: its event is left.
    Cancelled,
}

const NONE: u8 = 0;

struct Flight<I, O> {
    activation: Weak<Activation<I, O>>,
    place: u32,
    hold: Hold<Pending<O>>,
    timer: Mutex<Option<TimerId>>,
}

/// Where the future is held: whoever takes it out has ended the flight.
struct Hold<P> {
    aboard: sync::Mutex<Option<P>>,
    /// A [`Stop`], the first that came.
    stop: sync::AtomicU8,
}

impl<P> Hold<P> {
    fn new(aboard: P) -> Self {
        Hold { aboard: sync::Mutex::new(Some(aboard)), stop: sync::AtomicU8::new(NONE) }
    }

    /// Lets `f` look at what is held; takes it out with what `f` gives.
    fn take_if<E>(&self, f: impl FnOnce(&mut P) -> Option<E>) -> Option<(P, E)> {
        let mut aboard = model_lock(&self.aboard);
        let end = f(aboard.as_mut()?)?;
        aboard.take().map(|aboard| (aboard, end))
    }

    fn say_stop(&self, why: Stop) {
        let _ = self.stop.compare_exchange(NONE, why as u8, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Takes out what is held if a stop was said, unless it is in another's hands: who then looks again.
    fn take_stopped(&self) -> Option<(P, Stop)> {
        let why = match self.stop.load(Ordering::SeqCst) {
            NONE => return None,
            expired if expired == Stop::Expired as u8 => Stop::Expired,
            _ => Stop::Cancelled,
        };
        let aboard = match self.aboard.try_lock() {
            Ok(mut aboard) => aboard.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        aboard.map(|aboard| (aboard, why))
    }

    fn is_empty(&self) -> bool {
        model_lock(&self.aboard).is_none()
    }
}

enum End<O> {
    Done(O),
    Failed(String),
    Expired,
}

impl<I: Event, O: Event> Activation<I, O> {
    /// Gives each of them a place of its own, and to the runtime.
    pub(super) fn launch(&self, hand: &mut Hand<I, O>, place: &Place<I, O>, pending: Vec<Pending<O>>, run: &Run<'_>) {
        let Some(spawner) = self.inbox.core.shared.tasks.get() else {
            // Refused at start; on virtual time its driver is the runtime.
            hand.cx.failed += pending.len() as u64;
            return;
        };
        place.held.fetch_sub(pending.len() as u64, Ordering::Relaxed);
        hand.account.taken -= pending.len();
        hand.account.detached += pending.len() as u64;
        for aboard in pending {
            let index = self.inbox.detach();
            let seat = self.place(index);
            let mut seated = lock(&seat.hand);
            // An event with a key or a weight was taken alone: what was read of its batch is its own.
            seated.keys = std::mem::take(&mut hand.keys);
            seated.account =
                Account { taken: 1, weight: std::mem::take(&mut hand.account.weight), ..Account::default() };
            seated.account.flown = true;
            seated.began_ns = run.now_ns;
            drop(seated);
            seat.held.store(1, Ordering::Relaxed);
            seat.phase.store(HANDLING, Ordering::SeqCst);
            let flight = self.flight(index, aboard);
            *lock(&seat.flight) = Some(flight.clone());
            spawner.spawn(Box::pin(Boarded(flight)));
        }
    }

    fn flight(&self, place: u32, aboard: Pending<O>) -> Arc<dyn Aloft> {
        let deadline_ns = aboard.marks.as_ref().map_or(0, |marks| marks.deadline_ns);
        let flight =
            Arc::new(Flight { activation: self.me.clone(), place, hold: Hold::new(aboard), timer: Mutex::new(None) });
        if deadline_ns != 0 {
            let weak = Arc::downgrade(&flight);
            let expire = move || {
                if let Some(flight) = weak.upgrade() {
                    flight.stop(Stop::Expired);
                }
            };
            *lock(&flight.timer) = Some(self.inbox.core.shared.timers.at(deadline_ns, expire));
        }
        flight
    }

    /// Second signal: what is in the air comes down where it is.
    pub(super) fn stop_flights(&self) {
        for place in self.places().iter().filter_map(|place| place.get()) {
            let flight = lock(&place.flight).clone();
            flight.into_iter().for_each(|flight| flight.stop(Stop::Cancelled));
        }
    }

    /// Settles a flight's end, as far as that needs no worker; the rest is done by the next one that comes.
    fn land(&self, index: u32, marks: Option<Box<Marks>>, end: End<O>) {
        let seat = self.place(index);
        *lock(&seat.flight) = None;
        let mut hand = lock(&seat.hand);
        if !self.returned(seat) {
            return;
        }
        match end {
            End::Done(event) => {
                hand.account.done = 1;
                hand.outs.push_back(Envelope { event, stamp_ns: 0, marks });
            }
            End::Failed(message) => {
                hand.account.failed = 1;
                let loss = Loss::Failed(message);
                told(&self.inbox.core, &loss);
                marks.iter().for_each(|marks| note(marks, &loss));
            }
            End::Expired => {
                hand.account.expired = 1;
                marks.iter().for_each(|marks| note(marks, &Loss::Expired));
            }
        }
        hand.account.service_ns = self.inbox.core.shared.clock.now_ns().saturating_sub(hand.began_ns).max(1);
        drop(hand);
        self.inbox.resume(index);
    }

    /// It was cancelled: its event is left, as one that a handler on a thread did not give back.
    fn leave(&self, index: u32, marks: Option<Box<Marks>>) {
        let seat = self.place(index);
        *lock(&seat.flight) = None;
        seat.phase.store(FENCED, Ordering::SeqCst);
        marks.iter().for_each(|marks| note(marks, &Loss::Cancelled));
    }
}

impl<I: Event, O: Event> Flight<I, O> {
    fn end(&self, aboard: Pending<O>, end: Option<End<O>>) {
        let Pending { future, marks, work } = aboard;
        let timer = lock(&self.timer).take();
        let Some(activation) = self.activation.upgrade() else { return };
        if let Some(timer) = timer {
            activation.inbox.core.shared.timers.cancel(timer);
        }
        // What it holds is the user's, and may panic as it goes.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop((future, work)))) {
            told(&activation.inbox.core, &Loss::Failed(message(&*panic)));
        }
        match end {
            Some(end) => activation.land(self.place, marks, end),
            None => activation.leave(self.place, marks),
        }
    }

    fn look_for_stop(&self) {
        match self.hold.take_stopped() {
            Some((aboard, Stop::Expired)) => self.end(aboard, Some(End::Expired)),
            Some((aboard, Stop::Cancelled)) => self.end(aboard, None),
            None => {}
        }
    }

    fn poll_aboard(&self, activation: &Activation<I, O>, waker: &Waker) {
        let core = &activation.inbox.core;
        let cx = &mut Context::from_waker(waker);
        let ended = self.hold.take_if(|Pending { future, work, .. }| {
            let polled = catch_unwind(AssertUnwindSafe(|| {
                as_handler(core, || within(work.as_ref(), || future.as_mut().poll(cx)))
            }));
            match polled {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(event)) => Some(End::Done(event)),
                Err(panic) => Some(End::Failed(message(&*panic))),
            }
        });
        if let Some((aboard, end)) = ended {
            self.end(aboard, Some(end));
        }
    }
}

impl<I: Event, O: Event> Aloft for Flight<I, O> {
    fn poll(&self, waker: &Waker) -> bool {
        let Some(activation) = self.activation.upgrade() else { return true };
        let polled = &activation.inbox.core.shared.spread;
        // A stop waits for who is in the user's code.
        polled.fetch_add(1, Ordering::SeqCst);
        self.poll_aboard(&activation, waker);
        self.look_for_stop();
        polled.fetch_sub(1, Ordering::SeqCst);
        self.hold.is_empty()
    }

    fn stop(&self, why: Stop) {
        self.hold.say_stop(why);
        self.look_for_stop();
    }
}

/// A flight as a task of the runtime. Dropped by it, the flight ends.
struct Boarded(Arc<dyn Aloft>);

impl Future for Boarded {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.poll(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Boarded {
    fn drop(&mut self) {
        self.0.stop(Stop::Cancelled);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;

    use super::*;

    #[test]
    fn loom_a_flight_that_is_stopped_while_it_is_polled_is_ended_by_one_of_the_two() {
        loom::model(|| {
            let (hold, ends) = (Arc::new(Hold::new(())), Arc::new(sync::AtomicUsize::new(0)));
            let end = |hold: &Hold<()>, ends: &sync::AtomicUsize| {
                if hold.take_stopped().is_some() {
                    ends.fetch_add(1, Ordering::SeqCst);
                }
            };
            let poller = {
                let (hold, ends) = (hold.clone(), ends.clone());
                loom::thread::spawn(move || {
                    assert!(hold.take_if(|()| None::<()>).is_none(), "it is not ready");
                    end(&hold, &ends);
                })
            };
            hold.say_stop(Stop::Cancelled);
            end(&hold, &ends);
            poller.join().unwrap();
            assert_eq!(ends.load(Ordering::SeqCst), 1);
        });
    }
}

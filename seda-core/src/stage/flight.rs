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
    activation::Run,
    book::Account,
    cx::{as_handler, note},
    panics::{message, told},
    places::{Hand, Places, Sheet},
    waiter::Resume,
};
use crate::{
    event::Marks,
    queue::Batch,
    sync::{self, lock, model_lock},
    ticket::Loss,
    timer::TimerId,
    trace::{WorkSpan, within},
};

/// What a first poll left unfinished.
pub(crate) struct Pending {
    /// Gives what it made as a batch of one, so that a flight has no type of event.
    pub(crate) future: Pin<Box<dyn Future<Output = Batch> + Send>>,
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

struct Flight {
    places: Weak<Places>,
    place: u32,
    hold: Hold<Pending>,
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

enum End {
    Done(Batch),
    Failed(String),
    Expired,
}

/// Gives each of them a place of its own, and to the runtime.
pub(super) fn launch(places: &Arc<Places>, (hand, place): (&mut Hand, u32), pending: Vec<Pending>, run: &Run<'_>) {
    let Sheet { cx, keys, account, .. } = &mut hand.sheet;
    let Some(spawner) = places.inbox.core.shared.tasks.get() else {
        // Refused at start; on virtual time its driver is the runtime.
        cx.failed += pending.len() as u64;
        return;
    };
    places.place(place).watch.let_go(pending.len());
    account.taken -= pending.len();
    account.detached += pending.len() as u64;
    for aboard in pending {
        let index = places.inbox.detach(place);
        let mut seated = places.hand(index);
        // An event with a key or a weight was taken alone: what was read of its batch is its own.
        seated.sheet.keys = std::mem::take(keys);
        let weight = std::mem::take(&mut account.weight);
        seated.sheet.account = Account { taken: 1, weight, flown: true, ..Account::default() };
        seated.sheet.began_ns = run.now_ns;
        drop(seated);
        let watch = &places.place(index).watch;
        // Before its timer may end it.
        watch.departs();
        let flight = Flight::board(places, index, aboard);
        watch.carries(flight.clone());
        spawner.spawn(Box::pin(Boarded(flight)));
    }
}

impl Places {
    /// Settles a flight's end, as far as that needs no worker; the rest is done by the next one that comes.
    fn land(&self, index: u32, marks: Option<Box<Marks>>, end: End) {
        let watch = &self.place(index).watch;
        watch.lands();
        let mut hand = self.hand(index);
        if !watch.returned() {
            return;
        }
        let Hand { outs, sheet: Sheet { account, began_ns, .. }, .. } = &mut *hand;
        match end {
            End::Done(mut made) => {
                account.done = 1;
                if marks.is_some() {
                    made.apart(0).marks = marks;
                }
                outs.append(&mut made);
            }
            End::Failed(message) => {
                account.failed = 1;
                let loss = Loss::Failed(message);
                told(&self.inbox.core, &loss);
                marks.iter().for_each(|marks| note(marks, &loss));
            }
            End::Expired => {
                account.expired = 1;
                marks.iter().for_each(|marks| note(marks, &Loss::Expired));
            }
        }
        account.service_ns = self.inbox.core.shared.clock.now_ns().saturating_sub(*began_ns).max(1);
        drop(hand);
        self.inbox.resume(index);
    }

    /// It was cancelled.
    fn leave(&self, index: u32, marks: Option<Box<Marks>>) {
        self.place(index).watch.leaves();
        marks.iter().for_each(|marks| note(marks, &Loss::Cancelled));
    }
}

impl Flight {
    fn board(places: &Arc<Places>, place: u32, aboard: Pending) -> Arc<dyn Aloft> {
        let deadline_ns = aboard.marks.as_ref().map_or(0, |marks| marks.deadline_ns);
        let (hold, timer) = (Hold::new(aboard), Mutex::new(None));
        let flight = Arc::new(Flight { places: Arc::downgrade(places), place, hold, timer });
        if deadline_ns != 0 {
            let weak = Arc::downgrade(&flight);
            let expire = move || {
                if let Some(flight) = weak.upgrade() {
                    flight.stop(Stop::Expired);
                }
            };
            *lock(&flight.timer) = Some(places.inbox.core.shared.timers.at(deadline_ns, expire));
        }
        flight
    }

    fn end(&self, aboard: Pending, end: Option<End>) {
        let Pending { future, marks, work } = aboard;
        let timer = lock(&self.timer).take();
        let Some(places) = self.places.upgrade() else { return };
        if let Some(timer) = timer {
            places.inbox.core.shared.timers.cancel(timer);
        }
        // What it holds is the user's, and may panic as it goes.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop((future, work)))) {
            told(&places.inbox.core, &Loss::Failed(message(&*panic)));
        }
        match end {
            Some(end) => places.land(self.place, marks, end),
            None => places.leave(self.place, marks),
        }
    }

    fn look_for_stop(&self) {
        match self.hold.take_stopped() {
            Some((aboard, Stop::Expired)) => self.end(aboard, Some(End::Expired)),
            Some((aboard, Stop::Cancelled)) => self.end(aboard, None),
            None => {}
        }
    }

    fn poll_aboard(&self, places: &Places, waker: &Waker) {
        let core = &places.inbox.core;
        let cx = &mut Context::from_waker(waker);
        let ended = self.hold.take_if(|Pending { future, work, .. }| {
            let polled = catch_unwind(AssertUnwindSafe(|| {
                as_handler(core, || within(work.as_ref(), || future.as_mut().poll(cx)))
            }));
            match polled {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(made)) => Some(End::Done(made)),
                Err(panic) => Some(End::Failed(message(&*panic))),
            }
        });
        if let Some((aboard, end)) = ended {
            self.end(aboard, Some(end));
        }
    }
}

impl Aloft for Flight {
    fn poll(&self, waker: &Waker) -> bool {
        let Some(places) = self.places.upgrade() else { return true };
        let polled = &places.inbox.core.shared.spread;
        // A stop waits for who is in the user's code.
        polled.fetch_add(1, Ordering::SeqCst);
        self.poll_aboard(&places, waker);
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

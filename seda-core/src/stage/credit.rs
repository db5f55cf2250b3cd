//! Room that is promised before the event is there, and the line of those who wait for room.

use super::{
    book::{Asked, Flush, Need, Room},
    inbox::{Gate, Inbox},
    inlet::{Attempt, Offerer, queued},
    marking::{keep_deadline, mark},
    waiter::Waiter,
};
use crate::{
    event::{Envelope, Event},
    outcome::Refusal,
    sync::lock_brief as lock,
};

impl Inbox {
    /// Reserves room for `n` events: credits, invisible to takers until an event is committed.
    pub(crate) fn try_reserve(&self, n: usize, by: Offerer) -> Attempt<()> {
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        if self.is_closed(book, by) {
            return Attempt::Refused((), Refusal::Closed);
        }
        match book.room_for(n, 0, store.len(), store.bytes(), by.waited) {
            Room::Yes => {
                book.reserved += n;
                // Where each who comes in wakes the next, a reservation is one who came in.
                self.after_push(gate, true);
                Attempt::Taken
            }
            Room::No(why) => Attempt::Refused((), why),
            Room::Wait => Attempt::Full(()),
            // Neither policy can make room that stays: what comes is dropped, and a credit would be a promise.
            Room::DropNewest | Room::DropOldest => Attempt::Refused((), Refusal::Full),
        }
    }

    /// Turns one credit into an event. The policy is asked, as for every offer, the bound is not; also after a close,
    /// as the room was promised before.
    pub(crate) fn commit<T: Event>(&self, event: T) -> Result<(), (T, Refusal)> {
        let mut envelope =
            Envelope { event, stamp_ns: if self.stamps() { self.core.shared.clock.now_ns() } else { 0 }, marks: None };
        let read = self.read(&envelope);
        keep_deadline(&mut envelope.marks, read);
        let mut gate = lock(&self.gate);
        gate.book.reserved -= 1;
        if gate.book.flush == Flush::Done {
            let why = gate.book.refuse(1, Refusal::Closed);
            return Err((envelope.event, why));
        }
        let (now_ns, queued) = (self.policy_time(&gate.book), queued(&gate.store, read.class));
        let kind = match gate.book.admit(&self.core, Asked::of(1, read, read.deadline_ns), queued, now_ns) {
            Ok(kind) => kind,
            Err(why) => {
                self.after_push(gate, true);
                // It never waits, so there is one.
                return Err((envelope.event, why.unwrap_or(Refusal::Full)));
            }
        };
        mark(&mut envelope.marks, self.objective(now_ns, Offerer::default()), kind);
        gate.book.counts.offered += 1;
        self.push(&mut gate.store, envelope, read);
        self.after_offer(gate);
        Ok(())
    }

    pub(crate) fn give_back(&self, credits: usize) {
        let mut gate = lock(&self.gate);
        gate.book.reserved -= credits;
        self.after_push(gate, true);
    }

    /// Leaves a waiter for `need` places, unless there is room after all: then the caller tries again at once.
    pub(crate) fn wait(&self, need: usize, weight: u64, waiter: Waiter, by: Offerer) {
        if !self.core.shared.budget.has_room(weight) {
            let waits = self.core.shared.budget.wait(weight, waiter_clone(&waiter));
            // A close that came before the waiter stood there has woken nobody.
            if !waits || lock(&self.gate).book.closed {
                waiter.wake();
            }
            return;
        }
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        // Who waits for the policy has room.
        let for_policy = book.guard.is_paused() || (book.guard.defers && !by.waited && book.anyone_waits());
        let has_room = matches!(book.room_for(need, weight, store.len(), store.bytes(), true), Room::Yes);
        if self.is_closed(book, by) || (has_room && !for_policy) {
            drop(gate);
            waiter.wake();
            return;
        }
        book.wait(Need { events: need, weight }, waiter, by.waited);
    }

    /// An offerer gives up: if it was just woken, the next one is woken in its place.
    pub(crate) fn forget(&self, is: impl Fn(&Waiter) -> bool) {
        self.core.shared.budget.forget(&is);
        let mut gate = lock(&self.gate);
        if !gate.book.forget(is) {
            self.after_push(gate, true);
        }
    }

    /// A future is polled again: it waits once, with its latest waker.
    pub(crate) fn take_back_task(&self, id: usize) {
        let is = |waiter: &Waiter| matches!(waiter, Waiter::Task(other, _) if *other == id);
        self.core.shared.budget.forget(is);
        lock(&self.gate).book.forget(is);
    }

    /// Counts an offer that gave up waiting, or would have had to wait.
    pub(crate) fn count_full(&self, n: usize) {
        lock(&self.gate).book.refuse(n, Refusal::Full);
    }

    pub(crate) fn weigh<T: Event>(&self, event: &T) -> u64 {
        self.read_event(event, 0).weight
    }
}

fn waiter_clone(waiter: &Waiter) -> Waiter {
    match waiter {
        Waiter::Thread(blocked) => Waiter::Thread(blocked.clone()),
        Waiter::Task(id, waker) => Waiter::Task(*id, waker.clone()),
        Waiter::Source(stage) => Waiter::Source(stage.clone()),
        Waiter::Place { stage, place, standing } => {
            Waiter::Place { stage: stage.clone(), place: *place, standing: standing.clone() }
        }
    }
}

//! The first half of an event's life: offered, decided upon, enqueued.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::MutexGuard,
};

use super::{
    book::{Asked, Book, Fate, Flush, Need, Queued, Room},
    inbox::{Gate, Inbox, keep_deadline, lose, lose_all},
    waiter::Waiter,
};
use crate::{
    event::{Envelope, Event, Marks},
    options::WhenFull,
    outcome::Refusal,
    queue::{Apart, Batch, Read, Store},
    sync::lock_brief as lock,
    ticket::Loss,
};

/// The typed way into a stage: small, copied, good for any number of links.
pub struct Inlet<T> {
    pub(crate) pipeline: u32,
    pub(crate) stage: u32,
    pub(crate) event: PhantomData<fn(T)>,
}

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Inlet<T> {}

impl<T> std::fmt::Debug for Inlet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inlet({} of pipeline {})", self.stage, self.pipeline)
    }
}

/// One try of an offer from outside.
pub(crate) enum Attempt<T> {
    Taken,
    /// No room; the offerer may wait and try again.
    Full(T),
    Refused(T, Refusal),
}

/// Who makes a try.
#[derive(Clone, Copy, Default)]
pub(crate) struct Offerer {
    /// It has waited and was woken.
    pub(crate) waited: bool,
    /// A handler that declared the inlet: refused as closed only from the second signal of a drain on.
    pub(crate) inside: bool,
    /// It will not wait, whatever for: what a policy would have come back is shed.
    pub(crate) at_once: bool,
}

impl Inbox {
    // ---- offers from outside

    /// The way of most offers: into a queue that has room, where nothing but the bound decides. Everything else is handed
    /// back for [`try_one`](Self::try_one).
    #[inline]
    pub(crate) fn offer_to_room<T: Event>(&self, event: T) -> Result<(), T> {
        if !self.bound_only() || self.core.shared.budget.is_kept() {
            return Err(event);
        }
        let mut gate = lock(&self.gate);
        let Gate { store: Store::Plain(queue), book } = &mut *gate else { return Err(event) };
        if book.closed || book.anyone_waits() || book.room(queue.len(), false) == 0 {
            return Err(event);
        }
        book.counts.offered += 1;
        let sampled = book.wants_stamp(queue.len());
        let stamp_ns = if sampled && self.core.shared.measures() { self.core.shared.clock.now_ns() } else { 0 };
        queue.push(Envelope { event, stamp_ns, marks: None });
        // A stage that could run before still can: its bit is set, and whoever set it has woken a worker. One whose places
        // are all in use is looked at when the first of them comes free.
        if !book.runnable && book.seats.in_use() < book.limit {
            self.after_offer(gate);
        }
        Ok(())
    }

    /// Offers one event.
    pub(crate) fn try_one<T: Event>(&self, mut envelope: Envelope<T>, by: Offerer) -> Attempt<Envelope<T>> {
        let read = self.read(&envelope);
        keep_deadline(&mut envelope.marks, read);
        let deadline_ns = envelope.marks.as_ref().map_or(0, |marks| marks.deadline_ns);
        if !self.core.shared.budget.has_room(read.weight) {
            return self.full(1, envelope, by);
        }
        let mut evicted = Batch::default();
        let mut gate = lock(&self.gate);
        match self.decide(&mut gate, 1, read, deadline_ns, by, &mut evicted) {
            Ok(Decision::Enqueue { now_ns }) => {
                // Read for the policy; an ask has read it too, for its deadline.
                if envelope.stamp_ns == 0 {
                    envelope.stamp_ns = now_ns;
                }
                let deadline_ns = self.objective_ends_ns(now_ns, by);
                keep_deadline(&mut envelope.marks, Read { deadline_ns, ..read });
            }
            Ok(Decision::Drop) => {
                drop(gate);
                lose(envelope.marks.as_deref(), &Loss::Dropped);
                return Attempt::Taken;
            }
            Err(refusal) => {
                self.let_go(gate);
                return attempt(refusal, envelope);
            }
        }
        gate.book.counts.offered += 1;
        if self.core.shared.measures() || self.core.patience_ns() != 0 {
            let sampled = self.core.patience_ns() != 0 || gate.book.wants_stamp(gate.store.len());
            // An ask has just read the clock for its deadline.
            if sampled && envelope.stamp_ns == 0 {
                envelope.stamp_ns = self.core.shared.clock.now_ns();
            }
        }
        self.push(&mut gate.store, envelope, read);
        self.after_offer(gate);
        drop(evicted);
        Attempt::Taken
    }

    /// Offers many: all or nothing.
    pub(crate) fn try_many<T: Event>(&self, events: Vec<T>, by: Offerer) -> Attempt<Vec<T>> {
        let n = events.len();
        if n == 0 {
            return Attempt::Taken;
        }
        let reads: Vec<Read> = if self.reads.is_none() {
            Vec::new()
        } else {
            let now_ns = self.reading_time();
            events.iter().map(|event| self.read_event(event, now_ns)).collect()
        };
        let together = reads.iter().fold(Read::default(), |sum, read| Read {
            key: None,
            weight: sum.weight + read.weight,
            class: sum.class.max(read.class),
            // The first of them stands for all.
            tenant: if sum.tenant == 0 { read.tenant } else { sum.tenant },
            deadline_ns: earliest(sum.deadline_ns, read.deadline_ns),
        });
        if !self.core.shared.budget.has_room(together.weight) {
            return self.full(n, events, by);
        }
        let stamp_ns = if self.stamps() { self.core.shared.clock.now_ns() } else { 0 };
        // The first stands for its batch, as a stamp does.
        let followed = self.core.sample().map(|trace| Box::new(Marks { trace: Some(trace), ..Marks::default() }));
        let mut evicted = Batch::default();
        let mut gate = lock(&self.gate);
        let until_ns = match self.decide(&mut gate, n, together, together.deadline_ns, by, &mut evicted) {
            Ok(Decision::Enqueue { now_ns }) => self.objective_ends_ns(now_ns, by),
            Ok(Decision::Drop) => {
                drop(gate);
                return Attempt::Taken;
            }
            Err(refusal) => {
                self.let_go(gate);
                return attempt(refusal, events);
            }
        };
        gate.book.counts.offered += n as u64;
        match &mut gate.store {
            Store::Plain(queue) if followed.is_none() && until_ns == 0 => {
                queue.extend(events, (stamp_ns != 0).then_some((stamp_ns, self.stamp_every())));
            }
            store => self.push_many(store, events, (stamp_ns, until_ns, followed), &reads),
        }
        self.after_offer(gate);
        drop(evicted);
        Attempt::Taken
    }

    fn push_many<T: Event>(
        &self,
        store: &mut Store,
        events: Vec<T>,
        (stamp_ns, until_ns, followed): (u64, u64, Option<Box<Marks>>),
        reads: &[Read],
    ) {
        let mut batch = Batch::of(events);
        if stamp_ns != 0 {
            self.stamp(&mut batch, stamp_ns);
        }
        if followed.is_some() {
            batch.apart(0).marks = followed;
        }
        for at in 0..batch.len() {
            let mut read = reads.get(at).copied().unwrap_or_default();
            read.deadline_ns = earliest(read.deadline_ns, until_ns);
            if read.deadline_ns != 0 {
                keep_deadline(&mut batch.apart(0).marks, read);
            }
            self.push_first(store, &mut batch, read);
        }
    }

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
        if let Err(why) = gate.book.admit(Asked::of(1, read, read.deadline_ns), queued, now_ns) {
            self.after_push(gate, true);
            // It never waits, so there is one.
            return Err((envelope.event, why.unwrap_or(Refusal::Full)));
        }
        let deadline_ns = self.objective_ends_ns(now_ns, Offerer::default());
        keep_deadline(&mut envelope.marks, Read { deadline_ns, ..read });
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

    /// Bound, then policy; counts a refusal, and what is dropped. To enqueue means that there is room.
    fn decide(
        &self,
        gate: &mut Gate,
        n: usize,
        read: Read,
        deadline_ns: u64,
        by: Offerer,
        evicted: &mut Batch,
    ) -> Result<Decision, Option<Refusal>> {
        let Gate { store, book } = gate;
        if self.is_closed(book, by) {
            return Err(Some(book.refuse(n, Refusal::Closed)));
        }
        let room = book.room_for(n, read.weight, store.len(), store.bytes(), by.waited);
        match room {
            Room::Wait => return Err(None),
            Room::No(why) => return Err(Some(book.refuse(n, why))),
            Room::DropNewest => {
                book.counts.offered += n as u64;
                book.counts.dropped += n as u64;
                return Ok(Decision::Drop);
            }
            Room::Yes | Room::DropOldest => {}
        }
        let waits = book.guard.defers && !by.at_once;
        if waits && !by.waited && book.anyone_waits() {
            return Err(None);
        }
        let now_ns = self.policy_time(book);
        let asked = Asked::of(n, read, deadline_ns).waiting(waits);
        book.admit(asked, queued(store, read.class), now_ns)?;
        if matches!(room, Room::DropOldest) {
            self.make_room(store, book, n, read.weight, evicted);
        }
        Ok(Decision::Enqueue { now_ns })
    }

    /// Drops the oldest until the offer fits.
    #[cold]
    fn make_room(&self, store: &mut Store, book: &mut Book, n: usize, weight: u64, evicted: &mut Batch) {
        let mut gone = Batch::default();
        while book.room(store.len(), true) < n || !book.fits_bytes(store.len(), store.bytes(), weight) {
            let Some(weight) = store.drop_oldest(&mut gone) else { break };
            book.counts.dropped += 1;
            self.core.shared.budget.release(weight);
        }
        lose_all(&mut gone, &Loss::Dropped);
        evicted.append(&mut gone);
    }

    /// After a refusal, which may be one for now.
    fn let_go(&self, mut gate: MutexGuard<'_, Gate>) {
        let ask_ns = gate.book.guard.timer();
        drop(gate);
        self.ask_at(ask_ns);
    }

    /// Has the policy asked again at that time, for who waits.
    fn ask_at(&self, at_ns: Option<u64>) {
        let wiring = self.core.shared.wiring.get();
        let inbox = wiring.and_then(|wiring| wiring.inboxes.get(self.core.id as usize).cloned());
        if let (Some(at_ns), Some(inbox)) = (at_ns, inbox) {
            self.core.shared.timers.at(at_ns, move || {
                if let Some(inbox) = inbox.upgrade() {
                    inbox.ask_again(at_ns);
                }
            });
        }
    }

    /// The objective of what comes from outside is its deadline, for the stages behind; 0 for none.
    fn objective_ends_ns(&self, now_ns: u64, by: Offerer) -> u64 {
        let lineage_ns = self.core.lineage_ns();
        if lineage_ns != 0 && !by.inside { now_ns + lineage_ns } else { 0 }
    }

    fn is_closed(&self, book: &Book, by: Offerer) -> bool {
        book.closed && (!by.inside || self.core.shared.is_cancelled())
    }

    fn full<E>(&self, n: usize, events: E, by: Offerer) -> Attempt<E> {
        let mut gate = lock(&self.gate);
        let book = &mut gate.book;
        if self.is_closed(book, by) {
            return Attempt::Refused(events, book.refuse(n, Refusal::Closed));
        }
        match book.when_full {
            WhenFull::Block => Attempt::Full(events),
            // The budget is the pipeline's: dropping this queue's oldest need not make room, so the newest gives way.
            _ => Attempt::Refused(events, book.refuse(n, Refusal::Full)),
        }
    }

    // ---- offers from upstream

    /// Hands on what a place of another stage made: all that there is room for; the rest stays in the lane, with a
    /// waiter left behind. What is refused goes to `spill`. Returns how many were offered, and whether it stalled.
    pub(crate) fn hand(
        &self,
        lane: &mut Batch,
        spill: &mut Batch,
        from_domain: u32,
        waiter: &dyn Fn() -> Waiter,
    ) -> (usize, bool) {
        let before = lane.len();
        let reads = self.read_all(lane);
        let mut evicted = Batch::default();
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        if let (Store::Plain(queue), false) = (&mut *store, book.guard.is_set()) {
            let n = book.room(queue.len(), true).min(before);
            if n > 0 {
                book.counts.offered += n as u64;
                queue.append(lane, n);
            }
        }
        let mut stalled = false;
        if !lane.is_empty() {
            let stall = self.hand_rest(&mut gate, lane, spill, &mut evicted, reads);
            if let Some(weight) = stall {
                gate.book.wait(Need { events: 1, weight }, waiter(), false);
                stalled = true;
            }
        }
        let offered = before - lane.len();
        let ask_ns = gate.book.guard.timer();
        // A worker of the same domain looks for work again by itself when it is done here.
        self.after_push(gate, from_domain != self.core.domain());
        self.ask_at(ask_ns);
        drop(evicted);
        (offered, stalled)
    }

    /// What is read off each event of a lane; nothing where nothing is read, `None` for one that could not be.
    fn read_all(&self, lane: &mut Batch) -> Vec<Option<Read>> {
        if self.reads.is_none() {
            return Vec::new();
        }
        let now_ns = self.reading_time();
        let mut reads: Vec<_> = (0..lane.len()).map(|at| guarded(&mut || self.read_at(lane, at, now_ns))).collect();
        for (at, apart) in lane.aparts() {
            if let (Some(read), Some(marks)) = (&mut reads[at], &apart.marks) {
                read.class = read.class.max(marks.class);
            }
        }
        if now_ns != 0 {
            // Before any wait for room: it counts from the first try.
            for (at, read) in reads.iter().enumerate() {
                let read = read.unwrap_or_default();
                if read.deadline_ns != 0 {
                    keep_deadline(&mut lane.apart(at).marks, read);
                }
            }
        }
        reads
    }

    /// One by one, where more than the bound decides; the weight of an event that must wait.
    fn hand_rest(
        &self,
        gate: &mut Gate,
        lane: &mut Batch,
        spill: &mut Batch,
        evicted: &mut Batch,
        reads: Vec<Option<Read>>,
    ) -> Option<u64> {
        let mut next = reads.into_iter();
        while !lane.is_empty() {
            let marks = first_marks(lane);
            let unread = Some(Read { class: marks.map_or(0, |marks| marks.class), ..Read::default() });
            match next.next().unwrap_or(unread) {
                Some(read) => {
                    if self.hand_one(gate, lane, spill, evicted, read) {
                        return Some(read.weight);
                    }
                }
                None => {
                    // What reads its key, weight or class panicked: it fails at this stage's door.
                    gate.book.counts.offered += 1;
                    gate.book.counts.failed += 1;
                    lose(marks, &Loss::Failed("unreadable".into()));
                    evicted.take_first(1, lane);
                }
            }
        }
        None
    }

    /// Offers the first event of the lane, on an inner edge; true if it must wait.
    fn hand_one(&self, gate: &mut Gate, lane: &mut Batch, spill: &mut Batch, evicted: &mut Batch, read: Read) -> bool {
        let Gate { store, book } = gate;
        let marks = first_marks(lane);
        let deadline_ns = marks.map_or(0, |marks| marks.deadline_ns);
        let asked = Asked::of(1, read, deadline_ns);
        match book.inner(&self.core, asked, queued(store, read.class), store.bytes()) {
            Fate::Stall => return true,
            Fate::Spill(why) => {
                lose(marks, &Loss::Refused(why));
                spill.take_first(1, lane);
            }
            Fate::Enqueue { after_drop } => {
                if after_drop {
                    self.make_room(store, book, 1, read.weight, evicted);
                }
                self.push_first(store, lane, read);
            }
            Fate::Drop => {
                lose(marks, &Loss::Dropped);
                evicted.take_first(1, lane);
            }
        }
        false
    }
}

fn first_marks(batch: &Batch) -> Option<&Marks> {
    batch.first_apart().and_then(|Apart { marks, .. }| marks.as_deref())
}

/// `None` if it panicked.
fn guarded(read: &mut dyn FnMut() -> Read) -> Option<Read> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

fn queued(store: &Store, class: u8) -> Queued {
    Queued { len: store.len(), behind: store.below(class), beside: store.beside(class) }
}

/// What becomes of an offer that is not refused.
enum Decision {
    Enqueue {
        /// 0 where no policy wanted to know.
        now_ns: u64,
    },
    Drop,
}

fn attempt<E>(refusal: Option<Refusal>, events: E) -> Attempt<E> {
    match refusal {
        None => Attempt::Full(events),
        Some(why) => Attempt::Refused(events, why),
    }
}

/// Of two deadlines, 0 being none.
fn earliest(a_ns: u64, b_ns: u64) -> u64 {
    if a_ns == 0 || b_ns == 0 { a_ns.max(b_ns) } else { a_ns.min(b_ns) }
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

//! The first half of an event's life: offered, decided upon, enqueued.

use std::{marker::PhantomData, sync::MutexGuard};

use super::{
    book::{Asked, Book, Queued, Room},
    inbox::{Gate, Inbox, keep_deadline, lose, lose_all, mark},
};
use crate::{
    event::{Envelope, Event, Kind, Marks},
    options::WhenFull,
    outcome::Refusal,
    queue::{Batch, Read, Store},
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
        if !book.is_as_before() {
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
            Ok(Decision::Enqueue { now_ns, kind }) => {
                // Read for the policy; an ask has read it too, for its deadline.
                if envelope.stamp_ns == 0 {
                    envelope.stamp_ns = now_ns;
                }
                mark(&mut envelope.marks, self.objective(now_ns, by), kind);
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
        if gate.book.is_as_before() && !self.core.gauge.is_on() {
            drop(gate);
        } else {
            self.after_offer(gate);
        }
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
        let together = reads.iter().fold(reads.first().copied().unwrap_or_default(), |sum, read| Read {
            key: None,
            weight: sum.weight + read.weight,
            class: sum.class.max(read.class),
            // The first of them stands for all.
            tenant: if sum.tenant == 0 { read.tenant } else { sum.tenant },
            // Of several kinds together nothing is known.
            kind: if sum.kind == read.kind { read.kind } else { 0 },
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
        let objective = match self.decide(&mut gate, n, together, together.deadline_ns, by, &mut evicted) {
            Ok(Decision::Enqueue { now_ns, .. }) => self.objective(now_ns, by),
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
            Store::Plain(queue) if followed.is_none() && objective.is_none() => {
                queue.extend(events, (stamp_ns != 0).then_some((stamp_ns, self.stamp_every())));
            }
            _ => self.push_many(&mut gate, events, (stamp_ns, objective, followed), &reads),
        }
        self.after_offer(gate);
        drop(evicted);
        Attempt::Taken
    }

    fn push_many<T: Event>(
        &self,
        gate: &mut Gate,
        events: Vec<T>,
        (stamp_ns, objective, followed): (u64, Option<(u64, u64)>, Option<Box<Marks>>),
        reads: &[Read],
    ) {
        let Gate { store, book } = gate;
        let mut batch = Batch::of(events);
        if stamp_ns != 0 {
            self.stamp(&mut batch, stamp_ns);
        }
        if followed.is_some() {
            batch.apart(0).marks = followed;
        }
        for at in 0..batch.len() {
            let read = reads.get(at).copied().unwrap_or_default();
            let kind = book.guard.kind_of(&self.core, read.kind);
            if read.deadline_ns != 0 || objective.is_some() || kind != Kind::default() {
                let marks = &mut batch.apart(0).marks;
                keep_deadline(marks, read);
                mark(marks, objective, kind);
            }
            self.push_first(store, &mut batch, read);
        }
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
        let kind = book.admit(&self.core, asked, queued(store, read.class), now_ns)?;
        if matches!(room, Room::DropOldest) {
            self.make_room(store, book, n, read.weight, evicted);
        }
        Ok(Decision::Enqueue { now_ns, kind })
    }

    /// Drops the oldest until the offer fits.
    #[cold]
    pub(super) fn make_room(&self, store: &mut Store, book: &mut Book, n: usize, weight: u64, evicted: &mut Batch) {
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
    pub(super) fn ask_at(&self, at_ns: Option<u64>) {
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

    /// When it was offered, and the objective of what comes from outside: its deadline, for the stages behind.
    pub(super) fn objective(&self, now_ns: u64, by: Offerer) -> Option<(u64, u64)> {
        let lineage_ns = self.core.lineage_ns();
        (lineage_ns != 0 && !by.inside).then_some((now_ns, lineage_ns))
    }

    pub(super) fn is_closed(&self, book: &Book, by: Offerer) -> bool {
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
}

/// What stands before an offer of this class.
pub(super) fn queued(store: &Store, class: u8) -> Queued {
    Queued { len: store.len(), behind: store.below(class), beside: store.beside(class) }
}

/// What becomes of an offer that is not refused.
enum Decision {
    Enqueue {
        /// 0 where no policy wanted to know.
        now_ns: u64,
        kind: Kind,
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

//! An inner edge: what a place of another stage made is offered, and never refused as closed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    book::{Asked, Fate, Need},
    inbox::{Gate, Inbox},
    inlet::queued,
    marking::{keep_deadline, lose, mark, take_longer_aim},
    waiter::Waiter,
};
use crate::{
    event::{Aim, Kind, Marks},
    queue::{Apart, Batch, Read, Store},
    sync::lock_brief as lock,
    ticket::Loss,
};

impl Inbox {
    /// Hands on what a place of another stage made: all that there is room for; the rest stays in the lane, with a
    /// waiter left behind. What is refused goes to `spill`. Returns how many were offered, and whether it stalled.
    pub(crate) fn hand(
        &self,
        lane: &mut Batch,
        spill: &mut Spill,
        from_domain: u32,
        waiter: &dyn Fn() -> Waiter,
    ) -> (usize, bool) {
        let before = lane.len();
        let reads = self.read_all(lane);
        let mut evicted = Batch::default();
        let mut gate = lock(&self.gate);
        let Gate { store, book } = &mut *gate;
        if let (Store::Plain(queue), false) = (&mut *store, book.guard.decides()) {
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
        spill: &mut Spill,
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

    /// A longer objective than the one that the first event came with counts from here on.
    fn give_time(&self, lane: &mut Batch) {
        let objective_ns = self.core.objective_ns().unwrap_or(0);
        if objective_ns != 0 && first_marks(lane).is_some_and(|marks| marks.aim != Aim::default()) {
            let now_ns = self.core.shared.clock.now_ns();
            lane.apart(0).marks.iter_mut().for_each(|marks| take_longer_aim(marks, now_ns, objective_ns));
        }
    }

    /// Offers the first event of the lane, on an inner edge; true if it must wait.
    fn hand_one(&self, gate: &mut Gate, lane: &mut Batch, spill: &mut Spill, evicted: &mut Batch, read: Read) -> bool {
        let Gate { store, book } = gate;
        self.give_time(lane);
        let marks = first_marks(lane);
        let deadline_ns = marks.map_or(0, |marks| marks.deadline_ns);
        let asked = Asked::of(1, read, deadline_ns);
        match book.inner(&self.core, asked, queued(store, read.class), store.bytes()) {
            Fate::Stall => return true,
            Fate::Spill(why) => {
                lose(marks, &Loss::Refused(why.clone()));
                if spill.tells {
                    lane.apart(0).marks.get_or_insert_default().refused = Some(Box::new(why));
                }
                spill.events.take_first(1, lane);
            }
            Fate::Enqueue { after_drop, kind } => {
                if after_drop {
                    self.make_room(store, book, 1, read.weight, evicted);
                }
                if kind != Kind::default() {
                    mark(&mut lane.apart(0).marks, None, kind);
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

/// What comes back of a lane.
#[derive(Default)]
pub(crate) struct Spill {
    pub(crate) events: Batch,
    /// Each with the reason.
    pub(crate) tells: bool,
}

fn first_marks(batch: &Batch) -> Option<&Marks> {
    batch.first_apart().and_then(|Apart { marks, .. }| marks.as_deref())
}

/// `None` if it panicked.
fn guarded(read: &mut dyn FnMut() -> Read) -> Option<Read> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

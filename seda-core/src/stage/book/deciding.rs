//! The offerer's side of the books: whether there is room, what the policy says, and what becomes of an event.

use std::time::Duration;

use super::Book;
use crate::{
    admission::{Load, Offer},
    event::Kind,
    options::WhenFull,
    outcome::Refusal,
    queue::Read,
    stage::core::StageCore,
};

/// Whether an offer can be enqueued now.
pub(crate) enum Room {
    Yes,
    /// After that many of the oldest, or until it fits, were dropped.
    DropOldest,
    DropNewest,
    /// Full; the offerer may wait.
    Wait,
    No(Refusal),
}

/// Events that wait, and of them those of lower classes than the offer's.
#[derive(Clone, Copy)]
pub(crate) struct Queued {
    pub(crate) len: usize,
    pub(crate) behind: usize,
    /// And those of its class.
    pub(crate) beside: usize,
}

/// What the books look at in an offer.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    events: usize,
    read: Read,
    /// 0 for none.
    deadline_ns: u64,
    /// If it is not admitted it is offered again, and counted then.
    waits: bool,
}

impl Asked {
    pub(crate) fn of(events: usize, read: Read, deadline_ns: u64) -> Self {
        Asked { events, read, deadline_ns, waits: false }
    }

    pub(crate) fn waiting(self, waits: bool) -> Self {
        Asked { waits, ..self }
    }

    /// Past its deadline, it has nothing to wait for.
    fn is_over(&self, now_ns: u64) -> bool {
        self.deadline_ns != 0 && now_ns >= self.deadline_ns
    }
}

/// What becomes of it.
pub(crate) enum Fate {
    /// Wait for room.
    Stall,
    /// On to the overflow.
    Spill(Refusal),
    Drop,
    Enqueue {
        /// Of the oldest.
        after_drop: bool,
        kind: Kind,
    },
}

impl Book {
    /// Events that may still come, for an offerer that did not wait: not before those who wait for more than one place.
    pub(crate) fn room(&self, len: usize, waited: bool) -> usize {
        if !waited && self.waiters.front().is_some_and(|(need, _)| need.events > 1) {
            return 0;
        }
        self.bound.saturating_sub(len + self.reserved)
    }

    pub(crate) fn fits_bytes(&self, len: usize, bytes: u64, weight: u64) -> bool {
        // An event over the bound enters an empty queue, or it never would.
        self.bytes_bound.is_none_or(|bound| len == 0 || bytes + weight <= bound)
    }

    /// No room for one more, by the bounds; or somebody waits, whatever for.
    pub(crate) fn is_full(&self, len: usize, bytes: u64) -> bool {
        len + self.reserved >= self.bound || !self.fits_bytes(len, bytes, 1) || self.anyone_waits()
    }

    /// What the bound says to an offer from outside of `n` events.
    pub(crate) fn room_for(&self, n: usize, weight: u64, len: usize, bytes: u64, waited: bool) -> Room {
        if n > self.bound {
            return Room::No(Refusal::TooMany { bound: self.bound });
        }
        let fits = self.room(len, waited) >= n && self.fits_bytes(len, bytes, weight);
        match self.when_full {
            _ if fits => Room::Yes,
            WhenFull::Block => Room::Wait,
            WhenFull::Reject => Room::No(Refusal::Full),
            WhenFull::DropNewest => Room::DropNewest,
            // Room that is reserved cannot be dropped for.
            WhenFull::DropOldest if self.bound - self.reserved.min(self.bound) >= n => Room::DropOldest,
            WhenFull::DropOldest => Room::No(Refusal::Full),
        }
    }

    /// Asks the stages behind and the policy; counts what is shed. Gives the kind. Nothing is the answer to who waits instead.
    pub(crate) fn admit(
        &mut self,
        core: &StageCore,
        asked: Asked,
        queued: Queued,
        now_ns: u64,
    ) -> Result<Kind, Option<Refusal>> {
        if !self.guard.decides() {
            return Ok(Kind::default());
        }
        let load = Load { behind: queued.behind, beside: queued.beside, ..self.load(queued.len) };
        let deadline_ns = (asked.deadline_ns != 0).then_some(asked.deadline_ns);
        let Read { class, tenant, kind, .. } = asked.read;
        let offer = Offer { now_ns, events: asked.events, class, tenant, kind, deadline_ns, load };
        let (reason, retry_after) = match self.guard.offer(core, offer, asked.waits) {
            Ok(kind) => return Ok(kind),
            Err(shed) => shed,
        };
        // Many at once that an empty stage cannot say a time for will never be admitted together.
        let never = asked.events > 1 && retry_after.is_none() && load.backlog + load.in_hand == 0;
        if asked.waits && !never && !asked.is_over(now_ns) {
            let is_idle = load.backlog + load.in_hand == 0;
            // At its deadline at the latest: then it waits no more, and those behind it have their turn.
            let left = deadline_ns.map_or(Duration::MAX, |at_ns| Duration::from_nanos(at_ns - now_ns));
            self.guard.pause(now_ns, retry_after.map(|after| after.min(left)), is_idle);
            return Err(None);
        }
        self.counts.sheds(reason.as_str(), asked.events as u64);
        Err(Some(Refusal::Shed { reason, retry_after }))
    }

    pub(crate) fn load(&self, backlog: usize) -> Load {
        Load {
            backlog,
            behind: 0,
            beside: backlog,
            in_hand: self.in_hand,
            busy: self.seats.in_use(),
            limit: self.limit,
            shared: self.shared,
            service_ns: self.sizing.service_ns(),
            ahead: None,
            shed_before: 0,
        }
    }

    /// Counts a refusal and passes it on.
    pub(crate) fn refuse(&mut self, n: usize, why: Refusal) -> Refusal {
        self.counts.offered += n as u64;
        match why {
            Refusal::Closed => self.counts.closed += n as u64,
            _ => self.counts.full += n as u64,
        }
        why
    }

    /// What becomes of an event from upstream: never closed to it, and what is refused is handed on.
    pub(crate) fn inner(&mut self, core: &StageCore, asked: Asked, queued: Queued, bytes: u64) -> Fate {
        let len = queued.len;
        // Inner events have waited their turn: the places for those who need many are not kept from them.
        let room = match self.room_for(1, asked.read.weight, len, bytes, true) {
            Room::Wait => return Fate::Stall,
            // All room is reserved, so there is no older event to drop for it.
            Room::No(_) if self.when_full == WhenFull::DropOldest => Room::DropNewest,
            room => room,
        };
        if let Room::No(why) = room {
            self.refuse(1, why.clone());
            return Fate::Spill(why);
        }
        if matches!(room, Room::DropNewest) {
            self.counts.offered += 1;
            self.counts.dropped += 1;
            return Fate::Drop;
        }
        // A source can wait until the first service time is known.
        if self.guard.pauses && !self.sizing.is_measured() && len >= self.limit {
            self.guard.pause(core.shared.clock.now_ns(), None, false);
            return Fate::Stall;
        }
        let now_ns = if self.guard.decides() { core.shared.clock.now_ns() } else { 0 };
        let asked = asked.waiting(self.guard.holds_back());
        if asked.waits && asked.is_over(now_ns) {
            // Nobody need be there for what it refuses: it ends at the next take, as expired.
            self.counts.offered += 1;
            return Fate::Enqueue { after_drop: matches!(room, Room::DropOldest), kind: Kind::default() };
        }
        let kind = match self.admit(core, asked, queued, now_ns) {
            Ok(kind) => kind,
            Err(None) => return Fate::Stall,
            Err(Some(why)) => return Fate::Spill(why),
        };
        self.counts.offered += 1;
        Fate::Enqueue { after_drop: matches!(room, Room::DropOldest), kind }
    }
}

//! The books of a stage: its bounds, its counters, its places for workers, who waits. Plain numbers under the stage's
//! lock; nothing here knows an event's type.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
    time::Duration,
};

use super::{
    core::StageCore,
    stamping::Stamping,
    waiter::{Waiter, wake_all},
};
use crate::{
    admission::{Admission, Load, Offer, Path, Reading, Settle, Take, Verdict},
    control::{BATCH_PART, BatchSums},
    metrics::{BatchSizes, Counts, Distribution, ShedCount},
    options::{Placement, StageOptions, WhenFull},
    outcome::Refusal,
    queue::Read,
};

/// A batch should not keep a worker longer than this, as its events are handed on together.
const BATCH_NS: u64 = 100_000;
/// From this service time per event on, a queue is shared out between the places instead of going to the first: what it
/// costs to wake another worker. A lower one would feed on itself, as in small batches each event bears more of the
/// batch's own cost.
const SHARE_NS: u64 = 20_000;
/// Weight of a new batch in the mean service time: 1/16, so that one that was preempted does not count for long.
const MEAN_SHIFT: u32 = 4;
/// A faster one counts for more, 1/2, as nothing makes a batch faster than it is.
const MEAN_SHIFT_DOWN: u32 = 1;
/// Batches that the longer mean remembers: one that was preempted for 4 ms weighs 16 us in it, for as many small batches.
const LONG_BATCHES: i64 = 256;
/// A slower one counts as at most so many times the mean, and this.
const CLIP: u64 = 4;
const CLIP_FLOOR_NS: u64 = 100;

pub(crate) struct Book {
    pub(crate) bound: usize,
    pub(crate) bytes_bound: Option<u64>,
    pub(crate) when_full: WhenFull,
    pub(crate) batch_max: usize,
    /// The handler is given its batch in one call.
    pub(crate) whole_batches: bool,
    /// The handler is async: events are on their way beside those that workers have in hand, and count against the limit.
    pub(crate) tasks: bool,
    /// Places that hold nothing but what they could not hand on.
    stalled: Vec<u32>,
    /// Credits given out by `reserve`: room that is spoken for, with no event in it yet.
    pub(crate) reserved: usize,
    /// To code outside.
    pub(crate) closed: bool,
    pub(crate) counts: Counts,
    pub(crate) in_hand: usize,
    /// Events that were queued when the pipeline stopped.
    pub(crate) left: usize,
    pub(crate) limit: usize,
    pub(crate) in_use: usize,
    free: Vec<u32>,
    /// Whom the events in hand are for, by place.
    tenants: Vec<Vec<u64>>,
    seats: Vec<Seat>,
    places_max: u32,
    resumable: VecDeque<u32>,
    pub(crate) pull: Pull,
    pub(crate) flush: Flush,
    pub(crate) runnable: bool,
    waiters: VecDeque<(Need, Waiter)>,
    policy: Option<Box<dyn Admission>>,
    /// The stages behind, where the policy has an objective.
    pub(crate) path: Option<Path>,
    /// What it has no room for waits upstream instead of being shed.
    pub(crate) pauses: bool,
    /// It has said no to one that waits now: nobody is woken before a take or a settle has changed what it goes by.
    paused: bool,
    /// How long a batch may take; and by an objective, where there is one, also that of a handler that is given it whole.
    batch_ns: u64,
    part_ns: Option<u64>,
    pub(crate) service_ns: u64,
    /// The same with nothing clipped and a longer memory: what is rare and long counts in it.
    long_ns: u64,
    measured: bool,
    pub(crate) wait: Distribution,
    pub(crate) service: Distribution,
    pub(crate) busy_ns: u64,
    /// When events were last taken or settled.
    pub(crate) moved_ns: u64,
    /// For a fit of what batches cost.
    pub(crate) batch_sums: BatchSums,
    batch_most: u64,
    stamping: Stamping,
}

/// What a waiter waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) events: usize,
    pub(crate) weight: u64,
}

/// Where a place for a worker stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seat {
    Free,
    Busy,
    /// Room came for it while it was still busy finding that there was none.
    BusyAndResumed,
    /// Holds what it could not hand on, or waits for the data-parallel pool or an async handler; no worker is with it.
    Aside,
    /// The same, and it can go on.
    Resumable,
}

/// Where a source stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pull {
    /// Not a source.
    No,
    Ready,
    /// Until a timer, or the byte budget.
    Waiting,
    Ended,
}

/// Where the flush of a drain stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flush {
    No,
    /// The next place whose state is to be flushed.
    Due(u32),
    Done,
}

/// What a worker may do next.
pub(crate) enum Next {
    Resume(u32),
    Flush(u32),
    Pull(u32),
    Take(u32),
}

/// What a worker did with a batch.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) taken: usize,
    /// Of a batch, the events that went on their way, to be settled by themselves.
    pub(crate) detached: u64,
    /// One of those: its time is no worker's.
    pub(crate) flown: bool,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    pub(crate) weight: u64,
    pub(crate) service_ns: u64,
    /// Events made by a source: offered and done at once.
    pub(crate) pulled: u64,
    /// The longest wait of any.
    pub(crate) wait_ns: u64,
    /// Waits in ns, each with the number of events that it stands for.
    pub(crate) waits: Vec<(u64, u32)>,
}

impl Account {
    /// Events after the last stamp share its wait.
    pub(crate) fn waits_end(&mut self, since_stamp: u32, measures: bool) {
        if let Some(last) = self.waits.last_mut() {
            last.1 += since_stamp;
        }
        if !measures {
            self.waits.clear();
        }
    }

    /// What came of a batch on the data-parallel pool.
    pub(crate) fn spread(&mut self, done: u64, failed: u64, service_ns: u64) {
        (self.done, self.failed, self.service_ns) = (done, failed, service_ns);
    }

    /// So many that the handler had answered have failed in an adapter behind it. What an iterator gave in a run before is
    /// settled already.
    pub(crate) fn fails_behind(&mut self, events: u64) {
        let events = events.min(self.done);
        self.done -= events;
        self.failed += events;
    }
}

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

/// What is to be done once the lock is given back.
#[must_use]
pub(crate) struct After {
    became_runnable: bool,
    waiters: Vec<Waiter>,
}

impl After {
    /// Wakes who waited for room; true if the stage can run now and could not before.
    pub(crate) fn wake(self) -> bool {
        if !self.waiters.is_empty() {
            wake_all(self.waiters);
        }
        self.became_runnable
    }
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
}

impl Asked {
    pub(crate) fn of(events: usize, read: Read, deadline_ns: u64) -> Self {
        Asked { events, read, deadline_ns }
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
    },
}

impl Book {
    /// With what the code says; `set_up` comes before any worker.
    pub(crate) fn new(options: &StageOptions, whole_batches: bool, source: bool) -> Self {
        Book {
            bound: options.queue_events,
            bytes_bound: options.queue_bytes,
            when_full: options.when_full,
            batch_max: options.batch_max.min,
            whole_batches,
            tasks: matches!(options.placement, Placement::Tasks { .. }),
            stalled: Vec::new(),
            reserved: 0,
            closed: false,
            counts: Counts::default(),
            in_hand: 0,
            left: 0,
            limit: 0,
            in_use: 0,
            free: Vec::new(),
            tenants: Vec::new(),
            seats: Vec::new(),
            places_max: 0,
            resumable: VecDeque::new(),
            pull: if source { Pull::Ready } else { Pull::No },
            flush: Flush::No,
            runnable: false,
            waiters: VecDeque::new(),
            policy: None,
            path: None,
            pauses: false,
            paused: false,
            batch_ns: BATCH_NS,
            part_ns: None,
            service_ns: 0,
            long_ns: 0,
            measured: false,
            wait: Distribution::default(),
            service: Distribution::default(),
            busy_ns: 0,
            moved_ns: 0,
            batch_sums: BatchSums::default(),
            batch_most: 0,
            stamping: Stamping::new(),
        }
    }

    /// The numbers that it starts with.
    pub(crate) fn set_up(&mut self, options: &mut StageOptions, places_max: u32, limit: usize) {
        self.bound = options.queue_events;
        self.bytes_bound = options.queue_bytes;
        self.when_full = options.when_full;
        self.batch_max = options.batch_max.min;
        self.places_max = places_max;
        self.limit = limit;
        self.change_policy(options.take_admission());
    }

    pub(crate) fn change_policy(&mut self, policy: Option<Box<dyn Admission>>) {
        self.policy = policy;
        self.bound_batches();
    }

    /// The policy's objective was changed.
    pub(crate) fn aim(&mut self, objective: Duration) {
        self.tell(|policy| policy.aim(objective));
        self.bound_batches();
    }

    fn bound_batches(&mut self) {
        self.part_ns = self.objective_ns().map(|objective_ns| (objective_ns / u64::from(BATCH_PART)).max(1));
        self.batch_ns = self.part_ns.map_or(BATCH_NS, |part_ns| part_ns.min(BATCH_NS));
    }

    /// What the policy says: the longest wait with which an event is started. What a source made is always worth it.
    pub(crate) fn patience_ns(&self) -> Option<u64> {
        if self.pauses {
            return None;
        }
        self.policy.as_ref()?.patience_ns()
    }

    pub(crate) fn concern(&self) -> Option<String> {
        self.policy.as_ref()?.concern()
    }

    pub(crate) fn objective_ns(&self) -> Option<u64> {
        self.policy.as_ref()?.objective_ns()
    }

    // ---- room

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

    /// Asks the policy; counts what it sheds.
    pub(crate) fn admit(&mut self, asked: Asked, queued: Queued, now_ns: u64) -> Result<(), Refusal> {
        let n = asked.events;
        let mut load = self.load(queued.len);
        (load.behind, load.beside) = (queued.behind, queued.beside);
        let Some(policy) = &mut self.policy else { return Ok(()) };
        load.ahead = self.path.as_mut().and_then(|path| path.ahead(now_ns));
        let deadline_ns = (asked.deadline_ns != 0).then_some(asked.deadline_ns);
        let Read { class, tenant, .. } = asked.read;
        let offer = Offer { now_ns, events: n, class, tenant, deadline_ns, load };
        // A policy that panics decides nothing more: from then on all is admitted.
        let Ok(verdict) = catch_unwind(AssertUnwindSafe(|| policy.offer(&offer))) else {
            tracing::error!("an admission policy panicked and is not asked any more");
            self.policy = None;
            return Ok(());
        };
        match verdict {
            Verdict::Admit => Ok(()),
            // It is offered again, and counted then.
            Verdict::Shed { reason, retry_after } if self.pauses => Err(Refusal::Shed { reason, retry_after }),
            Verdict::Shed { reason, retry_after } => {
                self.counts.offered += n as u64;
                self.counts.shed += n as u64;
                let by = &mut self.counts.shed_by;
                let at = by.iter().position(|shed| shed.reason == reason.as_str()).unwrap_or_else(|| {
                    by.push(ShedCount::new(reason.as_str()));
                    by.len() - 1
                });
                by[at].events += n as u64;
                Err(Refusal::Shed { reason, retry_after })
            }
        }
    }

    fn tell(&mut self, f: impl FnOnce(&mut dyn Admission)) {
        let Some(policy) = &mut self.policy else { return };
        if catch_unwind(AssertUnwindSafe(|| f(&mut **policy))).is_err() {
            tracing::error!("an admission policy panicked and is not asked any more");
            self.policy = None;
        }
    }

    pub(crate) fn has_policy(&self) -> bool {
        self.policy.is_some()
    }

    pub(crate) fn load(&self, backlog: usize) -> Load {
        let (in_hand, service_ns) = (self.in_hand, self.service_ns);
        Load {
            backlog,
            behind: 0,
            beside: backlog,
            in_hand,
            busy: self.in_use,
            limit: self.limit,
            service_ns,
            ahead: None,
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
        if self.pauses && !self.measured && len >= self.limit {
            self.paused = true;
            return Fate::Stall;
        }
        let now_ns = if self.has_policy() { core.shared.clock.now_ns() } else { 0 };
        if let Err(why) = self.admit(asked, queued, now_ns) {
            self.paused = self.pauses;
            return if self.pauses { Fate::Stall } else { Fate::Spill(why) };
        }
        self.counts.offered += 1;
        Fate::Enqueue { after_drop: matches!(room, Room::DropOldest) }
    }

    // ---- who waits

    pub(crate) fn wait(&mut self, need: Need, waiter: Waiter, again: bool) {
        // Who was woken in vain keeps its turn.
        if again { self.waiters.push_front((need, waiter)) } else { self.waiters.push_back((need, waiter)) }
    }

    /// Who is to be woken now: the first in line once the queue is half empty, as at the first free place each event would
    /// cost a wake-up; all when it is empty, as no take will come by to wake the next.
    ///
    /// Only who would find room is woken, or it would queue up again at once, for ever.
    pub(crate) fn due_waiters(&mut self, len: usize, bytes: u64, has_work: bool) -> Vec<Waiter> {
        let Some(&(need, _)) = self.waiters.front() else { return Vec::new() };
        if self.paused {
            return Vec::new();
        }
        let used = len + self.reserved;
        if used == 0 {
            return self.all_waiters();
        }
        let fits = self.bound.saturating_sub(used) >= need.events && self.fits_bytes(len, bytes, need.weight);
        let half_empty = used <= self.bound / 2 && self.bytes_bound.is_none_or(|bound| bytes <= bound / 2);
        let large = need.events > self.bound / 2 || self.bytes_bound.is_some_and(|bound| need.weight > bound / 2);
        // Half-empty may be far, where service is slow, or not come at all while what is there waits for its keys.
        let far = self.service_ns.saturating_mul((used - (self.bound / 2).min(used)) as u64) > BATCH_NS;
        if fits && (half_empty || large || far || !has_work) {
            return self.waiters.pop_front().into_iter().map(|(_, waiter)| waiter).collect();
        }
        Vec::new()
    }

    pub(crate) fn anyone_waits(&self) -> bool {
        !self.waiters.is_empty()
    }

    pub(crate) fn all_waiters(&mut self) -> Vec<Waiter> {
        self.waiters.drain(..).map(|(_, waiter)| waiter).collect()
    }

    /// Takes a thread's waiter back; false if it was woken already.
    pub(crate) fn forget(&mut self, is: impl Fn(&Waiter) -> bool) -> bool {
        let before = self.waiters.len();
        self.waiters.retain(|(_, waiter)| !is(waiter));
        self.waiters.len() < before
    }

    // ---- after a change

    /// After anything that may have made the stage runnable or made room: the domain's bit is set to agree with these
    /// books, and whoever is due is to be woken without the lock.
    pub(crate) fn after(&mut self, core: &StageCore, len: usize, bytes: u64, has_work: bool) -> After {
        if core.is_gauged.load(Ordering::Relaxed) {
            core.gauge.publish(self.reading(len));
        }
        let runnable = self.can_run(has_work);
        let became_runnable = runnable && !self.runnable;
        if runnable != self.runnable {
            self.runnable = runnable;
            core.mark(runnable);
        }
        After { became_runnable, waiters: self.due_waiters(len, bytes, has_work) }
    }

    #[cold]
    fn reading(&self, len: usize) -> Reading {
        let handled = self.counts.done + self.counts.failed;
        let (queued, in_hand) = (len as u64, self.in_hand as u64);
        let places = self.limit as u64;
        Reading { queued, in_hand, places, busy_ns: self.busy_ns, handled, taken_in: handled + queued + in_hand }
    }

    // ---- places for workers

    pub(crate) fn can_run(&self, has_work: bool) -> bool {
        !self.resumable.is_empty()
            || (self.slots() > 0 && (has_work || self.pull == Pull::Ready))
            || (self.in_use == 0 && matches!(self.flush, Flush::Due(_)))
    }

    /// Free under the limit: places for workers; of an async stage, events that may set out.
    fn slots(&self) -> usize {
        let used = if self.tasks { self.in_hand + self.stalled.len() } else { self.in_use };
        self.limit.saturating_sub(used)
    }

    /// A place for an event that sets out from another one; no worker is with it.
    pub(crate) fn detach(&mut self, from: u32) -> u32 {
        let place = self.free_place().expect("there are places for as many as may set out, and for the workers");
        self.occupy(place);
        self.set_aside(place);
        let tenants = std::mem::take(self.tenants_at(from));
        *self.tenants_at(place) = tenants;
        place
    }

    /// What a worker that comes should do; takes a place for it.
    pub(crate) fn next(&mut self, has_work: bool) -> Option<Next> {
        if let Some(place) = self.resumable.pop_front() {
            self.seats[place as usize] = Seat::Busy;
            return Some(Next::Resume(place));
        }
        if let (Flush::Due(place), 0) = (self.flush, self.in_use) {
            let places = self.seats.len() as u32;
            self.flush = if place + 1 < places { Flush::Due(place + 1) } else { Flush::Done };
            if place >= places {
                return None;
            }
            self.free.retain(|&free| free != place);
            self.occupy(place);
            return Some(Next::Flush(place));
        }
        if self.slots() == 0 || !(has_work || self.pull == Pull::Ready) {
            return None;
        }
        let place = self.free_place()?;
        self.occupy(place);
        Some(if has_work { Next::Take(place) } else { Next::Pull(place) })
    }

    fn occupy(&mut self, place: u32) {
        self.seats[place as usize] = Seat::Busy;
        self.in_use += 1;
    }

    /// The one used last, whose state is warm.
    fn free_place(&mut self) -> Option<u32> {
        if let Some(place) = self.free.pop() {
            return Some(place);
        }
        if self.seats.len() == self.places_max as usize {
            return None;
        }
        self.seats.push(Seat::Free);
        Some(self.seats.len() as u32 - 1)
    }

    pub(crate) fn free(&mut self, place: u32) {
        self.stalled.retain(|&stalled| stalled != place);
        self.in_use -= 1;
        self.seats[place as usize] = Seat::Free;
        self.free.push(place);
    }

    /// The worker leaves the place with what it could not hand on.
    pub(crate) fn stall(&mut self, place: u32) {
        if !self.stalled.contains(&place) {
            self.stalled.push(place);
        }
        self.set_aside(place);
    }

    /// No worker is with the place until it is resumed.
    pub(crate) fn set_aside(&mut self, place: u32) {
        let seat = &mut self.seats[place as usize];
        if *seat == Seat::BusyAndResumed {
            *seat = Seat::Resumable;
            self.resumable.push_back(place);
        } else {
            *seat = Seat::Aside;
        }
    }

    /// Room came, or a batch came back from the pool. A place that needs neither any more is left alone.
    pub(crate) fn resume(&mut self, place: u32) {
        let seat = &mut self.seats[place as usize];
        match *seat {
            Seat::Aside => {
                *seat = Seat::Resumable;
                self.resumable.push_back(place);
            }
            Seat::Busy => *seat = Seat::BusyAndResumed,
            Seat::Free | Seat::BusyAndResumed | Seat::Resumable => {}
        }
    }

    /// Places whose state exists; set at start for those that were built then.
    pub(crate) fn open_places(&mut self, places: u32) {
        self.seats = vec![Seat::Free; places as usize];
        self.free = (0..places).rev().collect();
    }

    /// Places that were ever used or opened at the start.
    pub(crate) fn places(&self) -> usize {
        self.seats.len()
    }

    // ---- batches

    /// A source is to be pulled: how many events it may make, and how long that is expected to take, in ns.
    pub(crate) fn begin_pull(&mut self) -> (usize, u64) {
        // One at a time: the state of a source is one.
        self.pull = Pull::Waiting;
        let most = if self.batch_size(usize::MAX) == 1 { 1 } else { self.batch_max };
        (most, self.expected_ns(most))
    }

    /// How many events to take at once, the worker's place being taken. Natural batching: what is there, never waiting for
    /// more.
    pub(crate) fn batch_size(&self, len: usize) -> usize {
        let most = self.batch_max.min(len);
        // All of them may set out.
        let most = if self.tasks { most.min(self.slots()) } else { most };
        if self.whole_batches {
            let few = |part_ns: u64| (part_ns / self.service_ns.max(1)).max(1) as usize;
            return self.part_ns.map_or(most, |part_ns| most.min(few(part_ns)));
        }
        if !self.measured {
            return 1;
        }
        // Beside other places, a long event among many brief ones should not keep those of its batch waiting.
        let mean = if self.limit > 1 { self.service_ns.max(self.long_ns) } else { self.service_ns }.max(1);
        let share = if self.limit > 1 && mean >= SHARE_NS { len.div_ceil(self.limit) } else { len };
        most.min(share).min((self.batch_ns / mean).max(1) as usize)
    }

    /// How long a batch of `n` is expected to keep a worker; unknown counts as long.
    pub(crate) fn expected_ns(&self, n: usize) -> u64 {
        if self.measured { self.service_ns.saturating_mul(n as u64) } else { u64::MAX }
    }

    /// Whether so many waiting events are worth the wake-up of another worker.
    pub(crate) fn is_plenty(&self, len: usize) -> bool {
        self.expected_ns(len) > SHARE_NS && len > 0
    }

    /// Whom the events that this place holds are for.
    pub(crate) fn tenants_at(&mut self, place: u32) -> &mut Vec<u64> {
        let place = place as usize;
        if self.tenants.len() <= place {
            self.tenants.resize_with(place + 1, Vec::new);
        }
        &mut self.tenants[place]
    }

    pub(crate) fn took(&mut self, n: usize, len: usize, now_ns: u64) {
        self.in_hand += n;
        self.paused = false;
        self.moved_ns = now_ns;
        let load = self.load(len);
        self.tell(|policy| policy.take(&Take { now_ns, events: n, load }));
    }

    pub(crate) fn settle(&mut self, account: &Account, place: u32, len: usize, now_ns: u64, measure: bool) {
        self.in_hand -= account.taken;
        self.paused = false;
        self.moved_ns = now_ns;
        self.stamping.look(self.counts.offered, now_ns);
        self.counts.offered += account.pulled;
        self.counts.done += account.done;
        self.counts.failed += account.failed;
        self.counts.expired += account.expired;
        let n = account.done + account.failed;
        if let (true, Some(each)) = (account.flown, account.service_ns.checked_div(n)) {
            self.busy_ns += account.service_ns;
            if measure {
                self.service.record(each, n);
            }
        } else if let Some(each) = account.service_ns.checked_div(n + account.detached) {
            self.service_ns = if self.measured {
                // A batch that was preempted, or came cold, must not make the next ones small for long: that would spread.
                let clipped = each.min(self.service_ns.saturating_mul(CLIP).saturating_add(CLIP_FLOOR_NS));
                let shift = if each < self.service_ns { MEAN_SHIFT_DOWN } else { MEAN_SHIFT };
                let step = (clipped as i64 - self.service_ns as i64) >> shift;
                (self.service_ns as i64 + step).max(0) as u64
            } else {
                each
            };
            let step = (each as i64 - self.long_ns as i64) / LONG_BATCHES;
            self.long_ns = (self.long_ns as i64 + step).max(0) as u64;
            self.measured = true;
            self.busy_ns += account.service_ns;
            self.batch_sums.add(n + account.detached, account.service_ns);
            self.batch_most = self.batch_most.max(n + account.detached);
            if measure {
                self.service.record(each, n);
            }
        }
        for &(wait_ns, times) in &account.waits {
            self.wait.record(wait_ns, u64::from(times));
        }
        let load = self.load(len);
        let (failed, expired) = ((account.failed + account.expired) as usize, account.expired as usize);
        let (wait_ns, service_ns) = (account.wait_ns, account.service_ns);
        let mut tenants = self.tenants.get_mut(place as usize).map(std::mem::take).unwrap_or_default();
        let events = account.taken;
        let settle = Settle { now_ns, events, failed, expired, wait_ns, service_ns, tenants: &tenants, load };
        self.tell(|policy| policy.settle(&settle));
        if let Some(kept) = self.tenants.get_mut(place as usize) {
            tenants.clear();
            *kept = tenants;
        }
    }

    /// Whether the offer that was counted last is to have a stamp, with `len` events before it.
    #[inline]
    pub(crate) fn wants_stamp(&self, len: usize) -> bool {
        len == 0 || self.stamping.is_due(self.counts.offered)
    }

    pub(crate) fn batch_sizes(&self) -> BatchSizes {
        let BatchSums { batches, events, .. } = self.batch_sums;
        let mean = if batches == 0.0 { 0.0 } else { events / batches };
        BatchSizes { mean, max: self.batch_most }
    }
}

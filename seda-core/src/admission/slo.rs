mod behind;
mod demand;
mod drain;
mod pace;
mod places;
mod room;

use std::time::Duration;

use self::{
    behind::Ways,
    demand::Demand,
    drain::Drain,
    pace::Pace,
    places::Use,
    room::{Numbers, is_overload},
};
use super::{Admission, Ahead, Load, Offer, Settle, Take, Verdict};
use crate::{outcome::Reason, rng::Rng};

/// Slots of time per objective, for the demand.
const SLOTS_PER_SLO: f64 = 4.0;
/// One in a hundred of the admitted may be late. Up to this share the mean wait decides, so that bursts are let in...
const LATE_FEW: f64 = 0.004;
/// ...and from this one on the wait that 99 in a hundred keep.
const LATE_MANY: f64 = 0.008;
/// A queue that was empty within the last objective took in a burst, and a bad one may have cost more: twice that.
const BURST: f64 = 0.5;
/// What expires is to be a third of that where one service alone may be late.
const TIGHT: f64 = 3.0;
/// Objectives by which one more is waited for, once too many have expired.
const GRACE: f64 = 3.0;
/// Weight of an event in those shares.
const LATE_WEIGHT: f64 = 1.0 / 2048.0;
/// Settled events after which the room is reckoned anew.
const RECKON_EVERY: usize = 16;
/// Settled events after which the quantiles are read anew.
const READ_EVERY: usize = 64;
/// Share of the places' time that may be idle in overload; more means that arrivals come in bursts.
const IDLE: f64 = 0.03;
/// How fast the room follows that, per slot of time, and by which factor at most, as logarithms.
const BURSTS_GAIN: f64 = 2.0;
const BURSTS_MOST: f64 = 5.0;
/// Part of the takes that a class below others has by right, and how many of it may wait for that: one that is due is there.
const FLOOR: f64 = 0.05;
const FLOOR_WAITING: f64 = 3.0;
/// Classes that are told apart; what is above them counts with the last.
const CLASSES: usize = 8;

/// Admits what is predicted to end within the objective, and sheds the rest at the door: the only number to give is the
/// objective itself, a time from the offer to the end.
///
/// The stage's queue and pace are known at each offer, so the wait is predicted and no rate has to be hunted for. With n
/// events waiting, c places, mean service s and objective T:
///
/// | | rule | why |
/// |---|---|---|
/// | offer | admitted if a place is free, or n is at most the room | |
/// | room | n s/c + s <= T | Little's law: the mean wait; lets every burst in that fits |
/// | ... when 0.4 to 0.8 % of the admitted were late, twice that where the queue was empty within T | n s/c + s + sqrt(2.33^2 n (sd/c)^2 + (p99 - s)^2) <= T | one in a hundred may be late; the budget is spent on bursts, and saved when it is gone |
/// | ... when demand is r > 1.05 capacities | n <= 4.6 / ln r | a queue that never empties delays without serving more: this one is empty 1 % of the time. Where p99 > T: 3.0 / ln r, 5 % |
/// | ... where p99 > T, and 0.13 to 0.27 % of the admitted expired | n <= 1 | the wait alone would be too long for some |
/// | take | not started if the wait is over T - q90 of the service | it would most likely be late; when 0.4 to 0.8 % of the admitted ended so, T - q10 and up to 4 T: what was admitted is served late rather than never; where no time is left so, T |
/// | class | n is what waits at the offer's [class](crate::StageOptionsExt::classes) and above, r what is offered there | it is taken before the others |
/// | floor | where another class is above: up to 3 of its own may wait, if 20 events each of them end in time | the queue hands out one in 18 of each class that waits, so none is starved |
/// | downstream | the same at the tightest stage that every event comes to, or every one of its [kind](crate::StageOptionsExt::kind), for all that are on their way to it, and the time in handlers until the end counts | what is shed further downstream was worked on in vain |
/// | shared threads | s/c is at least the time between two takes while something waited | others of the [domain](crate::Pipeline::domain) have the threads in between |
/// | shed | retry after the predicted drain down to the room, times 1 to 2 | spread, so that those who were refused do not come back together |
///
/// | state | window |
/// |---|---|
/// | s, sd | 128 events; where a 16-event mean of log s leaves its noise of 3.5 sigma, that pace holds at once |
/// | quantiles | histogram of 512 to 1024 events, half a doubling wide |
/// | r | offers, shed ones with them, in the last T and the last 4 T: the less of both |
/// | late | 2048 events; those alone that are late because they waited |
/// | stall | place-time from take to slot free, over handler time, where that is above 1.25: s is that much longer |
/// | silence | while all places are in use, s is at least the time since one was freed: a handler that hangs closes the door |
///
/// All constants are shares and counts: the same at service times of 10 us and 100 ms. Sources: Little, Operations Research
/// 1961 (the wait); Maurer, "Fail at Scale", ACM Queue 2015 (a standing queue is another thing than a burst); Kleinrock,
/// Queueing Systems 1975, M/M/1/K (the room in overload). No period of convergence, and no setting but the objective.
///
/// Events of a stage with this policy carry their offer's time, and are handed out in batches that are expected
/// to take at most 1/32 of the objective. A source is paused instead of shed.
///
/// [`.slo(..)`](crate::StageOptionsExt::slo) of a stage sets it, and [`Pipeline::slo`](crate::Pipeline::slo) for all entries; by
/// itself it is for wrappers, as in `Fair::new(Slo::new(ms(50)))`.
///
/// ```
/// use seda_core::{Slo, ms};
/// let policy = Slo::new(ms(50));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct Slo {
    pub(super) slo: Duration,
    slo_ns: f64,
    pace: Pace,
    demand: Demand,
    /// Of each class above the lowest, with what is above it: it does not wait for those below.
    above: Vec<Above>,
    /// Shares of the admitted: late for having waited, and expired among them.
    late: f64,
    expired: f64,
    /// Most events that may wait, and the longest wait with which one is started.
    room: f64,
    patience_ns: f64,
    /// Time between two events that leave the queue.
    each_ns: f64,
    /// What the stages behind leave, for each way that events take.
    ways: Ways,
    reckoned: usize,
    /// Settled events since the quantiles were read, and what they were: the 99th percentile, and that of the patience.
    unread: usize,
    p99_ns: f64,
    short_ns: f64,
    use_of: Use,
    /// Of a stage whose threads serve others too.
    drain: Option<Box<Drain>>,
    slot_ends_ns: u64,
    /// When a place was last freed, and when nothing waited.
    freed_ns: u64,
    emptied_ns: u64,
    bursts: f64,
    jitter: Rng,
}

/// What is offered at a class and above, and the room that follows.
#[derive(Clone, Debug)]
struct Above {
    demand: Demand,
    room: f64,
}

/// What the stages behind leave: by how many there are too many on their way, one of which goes in so much time, and most that
/// may wait here.
#[derive(Clone, Copy)]
struct Left {
    over: f64,
    each_ns: f64,
    room: f64,
}

impl Slo {
    /// An objective from the offer to the end, above zero. What is below the stage's own service time is told while running.
    #[must_use]
    pub fn new(slo: Duration) -> Self {
        Slo {
            slo,
            slo_ns: slo.as_nanos() as f64,
            pace: Pace::default(),
            demand: Demand::default(),
            above: Vec::new(),
            late: 0.0,
            expired: 0.0,
            room: f64::INFINITY,
            patience_ns: f64::INFINITY,
            each_ns: 0.0,
            ways: Ways::default(),
            reckoned: 0,
            unread: READ_EVERY,
            p99_ns: 0.0,
            short_ns: 0.0,
            use_of: Use::default(),
            drain: None,
            slot_ends_ns: 0,
            freed_ns: 0,
            emptied_ns: 0,
            bursts: 0.0,
            // Which refusal gets which jitter means nothing, so every policy may have the same.
            jitter: Rng::new(0),
        }
    }

    fn slot_ns(&self) -> f64 {
        (self.slo_ns / SLOTS_PER_SLO).max(1.0)
    }

    /// Room and patience, from what is known now.
    fn reckon(&mut self) {
        self.reckoned = 0;
        if !self.pace.is_known() {
            return;
        }
        if self.unread >= READ_EVERY || self.pace.is_new() {
            self.read();
        }
        let mean = self.pace.mean_ns().max(1.0);
        self.each_ns = self.use_of.each_ns(mean).max(self.drain.as_ref().map_or(0.0, |drain| drain.each_ns()));
        let numbers = self.numbers();
        self.room = numbers.room();
        let per_slot = self.each_ns / self.slot_ns();
        for above in &mut self.above {
            above.room = Numbers { load: above.demand.per_slot() * per_slot, bursts: 1.0, ..numbers }.room();
        }
        self.ways.forget();
        let left_ns = self.slo_ns * (1.0 + GRACE * spent(self.expired)) - self.short_ns;
        // Where that is nothing, what found a free place is worth a try still: to do nothing is to learn nothing.
        self.patience_ns = if left_ns > 0.0 { left_ns } else { self.slo_ns };
    }

    /// What the room follows from.
    #[inline]
    fn numbers(&self) -> Numbers {
        let mean = self.pace.mean_ns().max(1.0);
        Numbers {
            slo_ns: self.slo_ns,
            service_ns: mean,
            tail_ns: (self.p99_ns - mean).max(0.0),
            each_ns: self.each_ns,
            // While others have the threads, one take is as far from the next as chance has it.
            spread_ns: if self.drain.is_some() && self.each_ns > self.use_of.each_ns(mean) {
                self.each_ns
            } else {
                self.pace.deviation_ns() / self.use_of.places.max(1) as f64
            },
            spent: spent(if self.stands() { self.late } else { BURST * self.late }),
            expired: spent(TIGHT * self.expired),
            load: self.load(),
            bursts: self.bursts.exp(),
        }
    }

    /// Reads the quantiles, which costs more than the rest.
    fn read(&mut self) {
        self.unread = 0;
        self.p99_ns = self.pace.quantile_ns(0.99);
        self.short_ns = self.pace.quantile_ns(0.1 + 0.8 * (1.0 - spent(self.expired)));
    }

    /// The queue has not been empty for longer than the objective.
    fn stands(&self) -> bool {
        self.use_of.since_ns.saturating_sub(self.emptied_ns) as f64 > self.slo_ns
    }

    /// Demand in capacities.
    fn load(&self) -> f64 {
        self.demand.per_slot() * self.each_ns / self.slot_ns()
    }

    /// One slot of time, or more, is over.
    #[cold]
    fn turn(&mut self, now_ns: u64) {
        let slot_ns = self.slot_ns() as u64;
        if self.slot_ends_ns == 0 {
            self.slot_ends_ns = now_ns.saturating_add(slot_ns);
            return;
        }
        let over = (now_ns - self.slot_ends_ns) / slot_ns + 1;
        self.slot_ends_ns = self.slot_ends_ns.saturating_add(over.saturating_mul(slot_ns));
        let idle = self.use_of.turn(over as f64 * self.slot_ns());
        self.drain.iter_mut().for_each(|drain| drain.turn());
        self.demand.turn(over);
        self.above.iter_mut().for_each(|above| above.demand.turn(over));
        let grown = (self.bursts + BURSTS_GAIN * (idle - IDLE)).clamp(0.0, BURSTS_MOST);
        // Where the threads are elsewhere, an idle place says nothing of arrivals.
        self.bursts = if is_overload(self.load()) && self.drain.is_none() { grown } else { 0.0 };
        self.reckon();
    }

    /// Slots are so many times as long as before: what was counted in the old ones is taken for what the new ones would have
    /// held, or a steady demand would look like another one for an objective or more.
    fn count_in_slots_of(&mut self, times: f64) {
        self.demand.scale(times);
        self.above.iter_mut().for_each(|above| above.demand.scale(times));
        if self.slot_ends_ns != 0 {
            self.slot_ends_ns = self.slot_ends_ns.min(self.use_of.since_ns.saturating_add(self.slot_ns() as u64));
        }
    }

    /// Counts an offer, for its class and those below.
    fn demanded(&mut self, offer: &Offer) {
        self.demand.offered(offer.events);
        let class = usize::from(offer.class).min(CLASSES - 1);
        if class > self.above.len() {
            self.above.resize(class, Above { demand: Demand::default(), room: self.room });
        }
        self.above[..class].iter_mut().for_each(|above| above.demand.offered(offer.events));
    }

    /// Most events of its class and above that may wait.
    fn room_of(&self, class: u8) -> f64 {
        let class = usize::from(class).min(self.above.len());
        if class == 0 { self.room } else { self.above[class - 1].room }
    }

    /// The threads serve others too.
    #[cold]
    fn shares(&mut self, offer: &Offer) {
        self.drain.get_or_insert_default().note(offer.now_ns, offer.load.backlog, self.slo_ns);
    }

    /// What the stages behind leave for this offer.
    #[inline(never)]
    fn look_behind(&mut self, offer: &Offer, ahead: &Ahead) -> Left {
        if !self.pace.is_known() {
            return Left { over: 0.0, each_ns: 0.0, room: f64::INFINITY };
        }
        let mut ways = std::mem::take(&mut self.ways);
        let behind = ways.of(ahead, || self.numbers());
        // Where nobody is on the way there, one may set out.
        let over = if ahead.events == 0 { 0.0 } else { (ahead.events + offer.events) as f64 - behind.room_ahead };
        // In overload one may wait, whatever it takes behind.
        let room = if is_overload(self.load()) { behind.room.max(1.0) } else { behind.room };
        self.ways = ways;
        Left { over, each_ns: ahead.each_ns as f64, room }
    }

    /// Whether an offer that brings the queue to so many events is predicted to end in time.
    fn fits(&self, waiting: f64, room: f64, offer: &Offer) -> bool {
        if waiting > room {
            return false;
        }
        let silence_ns = offer.now_ns.saturating_sub(self.freed_ns) as f64;
        let mean_ns = self.pace.mean_ns();
        let left_ns = match offer.deadline_ns {
            Some(deadline_ns) => self.slo_ns.min(deadline_ns.saturating_sub(offer.now_ns) as f64),
            None if silence_ns <= mean_ns => return true,
            None => self.slo_ns,
        };
        let service_ns = mean_ns.max(silence_ns);
        let each_ns = self.each_ns.max(silence_ns / self.use_of.places.max(1) as f64);
        waiting * each_ns + service_ns <= left_ns
    }

    /// A class with another above it gets its part of the takes, whatever the others ask for: a few of it may wait for that.
    fn has_floor(&self, offer: &Offer) -> bool {
        let waiting = (offer.load.beside + offer.events) as f64;
        let left_ns = offer
            .deadline_ns
            .map_or(self.slo_ns, |deadline_ns| self.slo_ns.min(deadline_ns.saturating_sub(offer.now_ns) as f64));
        usize::from(offer.class) < self.above.len()
            && waiting <= FLOOR_WAITING
            && waiting * self.each_ns / FLOOR + self.pace.mean_ns() <= left_ns
    }

    #[inline]
    fn decide(&mut self, offer: &Offer) -> Verdict {
        let Load { backlog, busy, limit, shared, .. } = offer.load;
        self.use_of.note(offer.now_ns, busy, self.slo_ns);
        if shared {
            self.shares(offer);
        }
        if offer.now_ns >= self.slot_ends_ns {
            self.turn(offer.now_ns);
        }
        self.demanded(offer);
        if offer.load.shed_before > 0 {
            self.demand.offered(offer.load.shed_before);
        }
        if limit != self.use_of.places {
            self.use_of.places = limit;
            self.reckon();
        }
        let waiting = backlog + offer.events;
        let mut left = f64::INFINITY;
        if let Some(ahead) = &offer.load.ahead {
            let Left { over, each_ns, room } = self.look_behind(offer, ahead);
            if over > 0.0 {
                return self.shed(over, each_ns);
            }
            left = room;
        }
        // A place that is free has a worker, unless others have the threads.
        if waiting + busy <= limit && (self.drain.is_none() || backlog == 0) {
            (self.freed_ns, self.emptied_ns) = (offer.now_ns, offer.now_ns);
            return Verdict::Admit;
        }
        let waiting = waiting.saturating_sub(offer.load.behind) as f64;
        let room = left.min(self.room_of(offer.class));
        if self.fits(waiting, room, offer) || self.has_floor(offer) {
            return Verdict::Admit;
        }
        self.shed(waiting - room, self.each_ns)
    }

    /// So many events too many, one of which goes in so much time.
    fn shed(&mut self, over: f64, each_ns: f64) -> Verdict {
        // While nothing is known of the pace, the objective is a guess as good as any.
        let drain_ns = if each_ns > 0.0 { over.max(1.0) * each_ns } else { self.slo_ns };
        let after_ns = drain_ns * (1.0 + self.jitter.unit());
        Verdict::Shed { reason: Reason::new("slo"), retry_after: Some(Duration::from_nanos(after_ns as u64)) }
    }
}

/// How much of a budget for such a share is gone, 0 to 1.
fn spent(share: f64) -> f64 {
    ((share - LATE_FEW) / (LATE_MANY - LATE_FEW)).clamp(0.0, 1.0)
}

impl Admission for Slo {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let verdict = self.decide(offer);
        if let Some(drain) = &mut self.drain
            && verdict == Verdict::Admit
        {
            drain.note(offer.now_ns, offer.load.backlog + offer.events, self.slo_ns);
        }
        verdict
    }

    fn take(&mut self, take: &Take) {
        self.use_of.note(take.now_ns, take.load.busy, self.slo_ns);
        if let Some(drain) = &mut self.drain {
            drain.take(take.now_ns, take.events, take.load.backlog, self.slo_ns);
        }
        if take.load.backlog == 0 {
            self.emptied_ns = take.now_ns;
        }
    }

    fn patience_ns(&self) -> Option<u64> {
        Some(self.patience_ns as u64)
    }

    fn objective_ns(&self) -> Option<u64> {
        Some(self.slo_ns as u64)
    }

    fn room(&self, _: &Load) -> Option<usize> {
        self.room.is_finite().then_some(self.room as usize)
    }

    fn aim(&mut self, objective: Duration) {
        let slot_ns = self.slot_ns();
        (self.slo, self.slo_ns) = (objective, objective.as_nanos() as f64);
        self.count_in_slots_of(self.slot_ns() / slot_ns);
        self.unread = READ_EVERY;
        self.reckon();
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        self.use_of.note(settle.now_ns, settle.load.busy, self.slo_ns);
        if let Some(drain) = &mut self.drain {
            drain.note(settle.now_ns, settle.load.backlog, self.slo_ns);
        }
        self.freed_ns = settle.now_ns;
        let handled = settle.events.saturating_sub(settle.expired);
        let service_ns = settle.service_ns as f64;
        let is_late = settle.wait_ns as f64 + service_ns > self.slo_ns && service_ns <= self.slo_ns;
        let late = settle.expired as f64 + if is_late { handled as f64 } else { 0.0 };
        let events = settle.events as f64;
        self.late += LATE_WEIGHT * (late - events * self.late);
        self.expired += LATE_WEIGHT * (settle.expired as f64 - events * self.expired);
        if handled > 0 {
            self.use_of.worked_ns += service_ns;
            self.pace.record(handled, settle.service_ns);
            if self.pace.is_quicker() {
                // What was late at the slower pace says nothing of this one.
                (self.late, self.expired) = (0.0, 0.0);
            }
            self.reckoned += handled;
            self.unread += handled;
        }
        if self.reckoned >= RECKON_EVERY || self.pace.is_new() {
            self.reckon();
        }
    }

    fn concern(&self) -> Option<String> {
        if !self.pace.is_known() || self.pace.is_new() {
            return None;
        }
        let (mean_ns, p99_ns) = (self.pace.mean_ns(), self.pace.quantile_ns(0.99));
        let time = |ns: f64| Duration::from_nanos(ns as u64);
        if mean_ns > self.slo_ns {
            let median_ns = self.pace.quantile_ns(0.5);
            return Some(format!(
                "the objective of {:.1?} is below the service time: {:.1?} on the mean, {:.1?} for half of them; raise it, or make the handler quicker",
                self.slo,
                time(mean_ns),
                time(median_ns)
            ));
        }
        (p99_ns > self.slo_ns).then(|| {
            format!(
                "the objective of {:.1?} is below what one in a hundred takes without any wait: {:.1?}",
                self.slo,
                time(p99_ns)
            )
        })
    }

    fn check(&self) -> Option<String> {
        self.slo.is_zero().then(|| "an objective of no time admits nothing; give a time above 0".to_string())
    }
}

#[cfg(test)]
mod tests;

mod demand;
mod pace;
mod room;

use std::time::Duration;

use self::{
    demand::Demand,
    pace::Pace,
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
/// Places that are held longer than handlers work, by this factor, are stalled; below it is noise.
const STALLED: f64 = 1.25;
/// Part of the takes that a class below others has by right, and how many of it may wait for that: one that is due is there.
const FLOOR: f64 = 0.05;
const FLOOR_WAITING: f64 = 3.0;
/// Classes that are told apart; what is above them counts with the last.
const CLASSES: usize = 8;
/// Weight of the past in that, per slot of time.
const PAST: f64 = 0.9;

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
/// | behind | the same at the tightest stage that every event comes to, for all that are on their way to it, and the time in handlers behind counts | what is shed further down was worked on in vain |
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
    /// The tightest stage behind, if it is tighter than this one, and most events that may be on their way to it.
    ahead: Option<Ahead>,
    ahead_room: f64,
    reckoned: usize,
    /// Settled events since the quantiles were read, and what they were: the 99th percentile, and that of the patience.
    unread: usize,
    p99_ns: f64,
    short_ns: f64,
    use_of: Use,
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

/// How the places are used, over time.
#[derive(Clone, Debug, Default)]
struct Use {
    places: usize,
    busy: usize,
    since_ns: u64,
    /// Place-time in use in this slot, and the handlers' share of it.
    held_ns: f64,
    worked_ns: f64,
    /// The same with what was before.
    held_past_ns: f64,
    worked_past_ns: f64,
}

impl Use {
    /// At most so much time since the last note counts: a clock that jumps has kept no place.
    fn note(&mut self, now_ns: u64, busy: usize, most_ns: f64) {
        self.held_ns += self.busy as f64 * (now_ns.saturating_sub(self.since_ns) as f64).min(most_ns);
        self.since_ns = now_ns.max(self.since_ns);
        self.busy = busy;
    }

    /// Ends a slot of time; the share of it in which places were idle.
    fn turn(&mut self, slot_ns: f64) -> f64 {
        let idle = 1.0 - self.held_ns / (slot_ns * self.places.max(1) as f64);
        self.held_past_ns = PAST * self.held_past_ns + std::mem::take(&mut self.held_ns);
        self.worked_past_ns = PAST * self.worked_past_ns + std::mem::take(&mut self.worked_ns);
        idle
    }

    /// By which factor places are held longer than handlers work.
    fn stall(&self) -> f64 {
        let factor = self.held_past_ns / self.worked_past_ns.max(1.0);
        if self.worked_past_ns > 0.0 && factor > STALLED { factor } else { 1.0 }
    }
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
            ahead: None,
            ahead_room: f64::INFINITY,
            reckoned: 0,
            unread: READ_EVERY,
            p99_ns: 0.0,
            short_ns: 0.0,
            use_of: Use::default(),
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
        let places = self.use_of.places.max(1) as f64;
        let mean = self.pace.mean_ns().max(1.0);
        self.each_ns = mean * self.use_of.stall() / places;
        let behind_ns = self.ahead.map_or(0.0, |ahead| ahead.service_ns as f64);
        let numbers = Numbers {
            slo_ns: self.slo_ns,
            service_ns: mean + behind_ns,
            tail_ns: (self.p99_ns - mean).max(0.0),
            each_ns: self.each_ns,
            spread_ns: self.pace.deviation_ns() / places,
            spent: spent(if self.stands() { self.late } else { BURST * self.late }),
            expired: spent(TIGHT * self.expired),
            load: self.load(),
            bursts: self.bursts.exp(),
        };
        self.room = numbers.room();
        let per_slot = self.each_ns / self.slot_ns();
        for above in &mut self.above {
            above.room = Numbers { load: above.demand.per_slot() * per_slot, bursts: 1.0, ..numbers }.room();
        }
        self.ahead_room = self.ahead.map_or(f64::INFINITY, |ahead| room_ahead(ahead, numbers, mean, self.load()));
        let left_ns = self.slo_ns * (1.0 + GRACE * spent(self.expired)) - self.short_ns;
        // Where that is nothing, what found a free place is worth a try still: to do nothing is to learn nothing.
        self.patience_ns = if left_ns > 0.0 { left_ns } else { self.slo_ns };
    }

    /// Reads the quantiles, which costs more than the rest.
    fn read(&mut self) {
        self.unread = 0;
        self.p99_ns = self.pace.quantile_ns(0.99);
        self.short_ns = self.pace.quantile_ns(0.1 + 0.8 * (1.0 - spent(self.expired)));
    }

    /// An offer sees what stands behind: the room there counts where that is the tighter stage.
    fn look_ahead(&mut self, ahead: Option<Ahead>) {
        let of = |ahead: &Ahead| (ahead.each_ns, ahead.before_ns, ahead.service_ns);
        let changed = ahead.as_ref().map(of) != self.ahead.as_ref().map(of);
        self.ahead = ahead;
        if changed {
            self.reckon();
        }
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
        self.demand.turn(over);
        self.above.iter_mut().for_each(|above| above.demand.turn(over));
        let grown = (self.bursts + BURSTS_GAIN * (idle - IDLE)).clamp(0.0, BURSTS_MOST);
        self.bursts = if is_overload(self.load()) { grown } else { 0.0 };
        self.reckon();
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

    /// Whether an offer that brings the queue to so many events is predicted to end in time.
    fn fits(&self, waiting: f64, offer: &Offer) -> bool {
        if waiting > self.room_of(offer.class) {
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

    /// So many events too many, one of which goes in so much time.
    fn shed(&mut self, over: f64, each_ns: f64) -> Verdict {
        let drain_ns = over.max(1.0) * each_ns;
        let after_ns = drain_ns * (1.0 + self.jitter.unit());
        Verdict::Shed { reason: Reason::new("slo"), retry_after: Some(Duration::from_nanos(after_ns as u64)) }
    }
}

/// Most events that may be on their way to a stage that is tighter than this one: what may wait there, and what is worked on
/// until it comes there.
fn room_ahead(ahead: Ahead, own: Numbers, mean_ns: f64, load: f64) -> f64 {
    let each_ns = ahead.each_ns as f64;
    if each_ns <= own.each_ns {
        return f64::INFINITY;
    }
    let there = Numbers { each_ns, spread_ns: each_ns, load: load * each_ns / own.each_ns, bursts: 1.0, ..own };
    there.room() + (mean_ns + ahead.before_ns as f64) / each_ns
}

/// How much of a budget for such a share is gone, 0 to 1.
fn spent(share: f64) -> f64 {
    ((share - LATE_FEW) / (LATE_MANY - LATE_FEW)).clamp(0.0, 1.0)
}

impl Admission for Slo {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let Load { backlog, busy, limit, .. } = offer.load;
        self.use_of.note(offer.now_ns, busy, self.slo_ns);
        if offer.now_ns >= self.slot_ends_ns {
            self.turn(offer.now_ns);
        }
        self.demanded(offer);
        if limit != self.use_of.places {
            self.use_of.places = limit;
            self.reckon();
        }
        let waiting = backlog + offer.events;
        if offer.load.ahead.is_some() || self.ahead.is_some() {
            self.look_ahead(offer.load.ahead);
            let on_their_way = waiting + offer.load.in_hand + self.ahead.map_or(0, |ahead| ahead.events);
            let over = on_their_way as f64 - self.ahead_room;
            if over > 0.0 {
                return self.shed(over, self.ahead.map_or(self.each_ns, |ahead| ahead.each_ns as f64));
            }
        }
        if waiting + busy <= limit {
            (self.freed_ns, self.emptied_ns) = (offer.now_ns, offer.now_ns);
            return Verdict::Admit;
        }
        let waiting = (waiting - offer.load.behind) as f64;
        if self.fits(waiting, offer) || self.has_floor(offer) {
            return Verdict::Admit;
        }
        self.shed(waiting - self.room_of(offer.class), self.each_ns)
    }

    fn take(&mut self, take: &Take) {
        self.use_of.note(take.now_ns, take.load.busy, self.slo_ns);
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

    fn aim(&mut self, objective: Duration) {
        (self.slo, self.slo_ns) = (objective, objective.as_nanos() as f64);
        self.unread = READ_EVERY;
        self.reckon();
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        self.use_of.note(settle.now_ns, settle.load.busy, self.slo_ns);
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
mod tests {
    use super::*;

    const SERVICE_NS: u64 = 4_000_000;

    /// One that has seen a thousand services of 4 ms by four workers, the last just now.
    fn seasoned(slo_ms: u64) -> (Slo, u64) {
        let (mut policy, mut now_ns) = (Slo::new(Duration::from_millis(slo_ms)), 1);
        for _ in 0..1000 {
            assert_eq!(policy.offer(&offer(now_ns, 0, 0)), Verdict::Admit);
            now_ns += SERVICE_NS;
            policy.settle(&settle(now_ns, 0));
        }
        (policy, now_ns)
    }

    fn offer(now_ns: u64, backlog: usize, busy: usize) -> Offer {
        let load = Load { backlog, busy, limit: 4, ..Load::default() };
        Offer { now_ns, events: 1, load, ..Offer::default() }
    }

    fn settle(now_ns: u64, wait_ns: u64) -> Settle<'static> {
        let load = Load { limit: 4, ..Load::default() };
        Settle {
            now_ns,
            events: 1,
            failed: 0,
            expired: 0,
            wait_ns,
            service_ns: SERVICE_NS,
            tenants: &[],
            classes: &[],
            load,
        }
    }

    #[test]
    fn what_fits_is_admitted_and_what_does_not_is_told_when_to_come_back() {
        let (mut policy, now_ns) = seasoned(50);
        assert_eq!(policy.offer(&offer(now_ns, 45, 4)), Verdict::Admit);
        let Verdict::Shed { reason, retry_after: Some(after) } = policy.offer(&offer(now_ns, 86, 4)) else {
            panic!("86 events before it take 86 ms");
        };
        assert_eq!(reason.as_str(), "slo");
        // 41 too many, at one each millisecond, times 1 to 2.
        assert!((Duration::from_millis(40)..Duration::from_millis(83)).contains(&after), "{after:?}");
    }

    #[test]
    fn those_who_are_refused_together_are_not_told_to_come_back_together() {
        let (mut policy, now_ns) = seasoned(50);
        let mut told: Vec<_> = (0..100).map(|_| policy.offer(&offer(now_ns, 86, 4))).collect();
        told.dedup();
        assert!(told.len() > 90);
    }

    #[test]
    fn a_deadline_that_is_nearer_than_the_objective_counts() {
        let (mut policy, now_ns) = seasoned(50);
        let near = Offer { deadline_ns: Some(now_ns + 10_000_000), ..offer(now_ns, 20, 4) };
        assert!(matches!(policy.offer(&near), Verdict::Shed { .. }));
        let far = Offer { deadline_ns: Some(now_ns + 30_000_000), ..offer(now_ns, 20, 4) };
        assert_eq!(policy.offer(&far), Verdict::Admit);
    }

    #[test]
    fn handlers_that_hang_close_the_door_and_the_first_that_returns_opens_it() {
        let (mut policy, now_ns) = seasoned(50);
        let later_ns = now_ns + 60_000_000;
        assert!(matches!(policy.offer(&offer(later_ns, 0, 4)), Verdict::Shed { .. }));
        policy.settle(&settle(later_ns, 0));
        assert_eq!(policy.offer(&offer(later_ns, 0, 4)), Verdict::Admit);
    }

    #[test]
    fn nothing_measured_yet_admits_all_and_a_free_place_always_does() {
        let mut new = Slo::new(Duration::from_millis(50));
        assert_eq!(new.offer(&offer(1, 500, 4)), Verdict::Admit);
        let (mut tight, now_ns) = seasoned(1);
        assert_eq!(tight.offer(&offer(now_ns, 0, 3)), Verdict::Admit);
    }

    #[test]
    fn an_objective_that_nothing_can_meet_still_lets_a_free_place_work() {
        let (tight, _) = seasoned(1);
        assert_eq!(tight.patience_ns(), Some(1_000_000));
        let (mut lowered, _) = seasoned(50);
        lowered.aim(Duration::from_millis(1));
        assert_eq!(lowered.patience_ns(), Some(1_000_000));
    }

    #[test]
    fn an_objective_below_the_service_time_is_told_with_the_numbers() {
        let told = seasoned(1).0.concern().unwrap_or_default();
        assert!(told.starts_with("the objective of 1.0ms is below the service time: 4.0ms on the mean"), "{told}");
        assert_eq!(seasoned(50).0.concern(), None);
        assert!(Slo::new(Duration::ZERO).check().is_some());
    }

    #[test]
    fn a_clock_that_jumps_changes_nothing_by_itself() {
        let (mut policy, now_ns) = seasoned(50);
        for at_ns in [now_ns + 1_000_000_000_000_000, 5, now_ns] {
            policy.settle(&settle(at_ns, 0));
            assert_eq!(policy.offer(&offer(at_ns, 10, 4)), Verdict::Admit, "at {at_ns}");
        }
    }

    /// The quickest of many stretches, as what else the machine does only adds to it.
    fn each_ns(mut event: impl FnMut(u64)) -> f64 {
        const STRETCH: u64 = 20_000;
        let stretches = (0..300).map(|stretch| {
            let began = std::time::Instant::now();
            (stretch * STRETCH..(stretch + 1) * STRETCH).for_each(&mut event);
            began.elapsed().as_nanos() as f64 / STRETCH as f64
        });
        stretches.fold(f64::INFINITY, f64::min)
    }

    /// `cargo test --release -p seda-core --lib cost_of -- --ignored --nocapture`
    #[test]
    #[ignore = "prints what an event costs; means something in a release build alone"]
    fn cost_of_an_event() {
        let (mut policy, mut now_ns) = seasoned(50);
        let all = each_ns(|n| {
            now_ns += 1_000_000;
            assert!(
                std::hint::black_box(policy.offer(&offer(now_ns, (n % 20) as usize, 4))) == Verdict::Admit || n < 100
            );
            policy.take(&Take { now_ns, events: 1, load: Load { busy: 4, limit: 4, ..Load::default() } });
            let service_ns = SERVICE_NS + n % 1024 * 1024;
            policy.settle(&Settle { service_ns, wait_ns: 1_000_000, ..settle(now_ns, 0) });
        });
        let shed = each_ns(|_| assert!(policy.offer(&offer(now_ns, 400, 4)) != Verdict::Admit));
        println!("{all:.1} ns for offer, take and settle of one event, {shed:.1} ns for one that is shed");
    }
}

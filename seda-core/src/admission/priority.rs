mod levels;

use self::levels::{Cut, LEVELS, Levels};
use super::{Admission, Load, Offer, Settle, Verdict, capacity::Capacity, wrapping::leave_to};
use crate::outcome::Reason;

/// Offers after which the cut is reckoned anew.
const TURN: u32 = 512;
/// Default part of the capacity for what is below the cut, and of the room for what is critical.
const FLOOR: f64 = 0.05;
const RESERVE: f64 = 0.2;
/// What waits counts for so much more to an offer at the cut: if the capacity was taken for too high, that is shed first.
const AT_THE_CUT: f64 = 4.0;
/// Offers below the cut that the floor may let in at once, after a silence.
const FLOOR_MOST: f64 = 16.0;
/// Offers at the cut that give way, one after the other, where the policy shed what was on the floor's account.
const GIVES_WAY: u32 = 4;

/// A policy, for offers of many levels: in overload the highest go in, and the level down to which there is capacity is reckoned
/// from what is offered at each. An offer's level is its [class](crate::OfferOptions::class), 0 to 127.
///
/// [`Slo`](crate::Slo) by itself already keeps up to eight classes apart, by the room that each has in the queue, and needs no
/// wrapper for them. This is for policies that know no classes, for many levels, where nobody cares for the order in the queue (a class of
/// users, and within it their hash, so that the same users are served throughout), and for a reserve. The queue's
/// [lanes](crate::StageOptionsExt::classes) are another matter: `.classes(1, |call| call.level)` has levels, and one lane.
///
/// | | rule | why |
/// |---|---|---|
/// | capacity | events done per time, as measured while the policy sheds | what binds need not be the threads |
/// | cut | the levels from the top that fit it, less the floor of those below, and of the next one the part that does | exact, in one pass over the histogram of what was offered |
/// | floor | 0.05 of what goes in is from below that one, as it comes; where the policy sheds that, the one at the cut gives way | none is starved |
/// | reserve | for what is not critical, 1/0.8 as much waits and is worked on as there is | the last fifth of the room is for what is critical |
/// | at the cut | 4 times as much waits as there is | where the capacity was taken for too high, it is shed first |
/// | rest | the policy decides | until anything is shed, it decides alone |
///
/// | parameter | unit | default |
/// |---|---|---|
/// | turn | offers | 512, after which the cut is reckoned anew; the past counts 3/4 |
/// | levels | - | 128 |
/// | floor | share of the capacity | 0.05, see [`floor`](Priority::floor) |
/// | reserve | share of the room | 0.2, see [`reserve`](Priority::reserve) |
/// | critical | level | the highest that is offered, see [`critical`](Priority::critical) |
///
/// Sources: Zhou and others, "Overload Control for Scaling WeChat Microservices", SoCC 2018 (levels, and a histogram of them;
/// DAGOR goes to the cut by steps of 5 % down and 1 % up, 45 windows from ten times the capacity; here it is reckoned). Stripe,
/// "Scaling your API with rate limiters", 2017 (a fifth kept for what is critical).
///
/// ```
/// use seda_core::{MaxConcurrency, OfferOptions, Priority, prelude::*};
/// let policy = Priority::new(MaxConcurrency::new(64)).critical(100); // pay, sign in
/// let mut p = Pipeline::named("api");
/// let calls = p.sink("answer", (|_: String| ()).threads(8).admission(policy));
/// let running = p.start()?;
/// running.entry(calls).offer_with("GET /likes".into(), OfferOptions::new().class(7))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Priority {
    policy: Box<dyn Admission>,
    floor: f64,
    reserve: f64,
    /// None: the highest that is offered.
    critical: Option<u8>,
    levels: Levels,
    offers: u32,
    capacity: Capacity,
    /// What was offered at the highest level is critical, where nothing else was said.
    highest: usize,
    cut: Cut,
    /// Up to one event of that level, and some from below the cut.
    credit: f64,
    floor_credit: f64,
    /// Those on the floor's account that the policy shed, for whom the level at the cut gives way.
    kept_out: u32,
}

impl std::fmt::Debug for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Priority").field("cut", &self.cut).finish_non_exhaustive()
    }
}

/// Where an offer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Critical,
    Above,
    AtTheCut,
    /// On the floor's account.
    Floor,
    Below,
}

impl Priority {
    /// Around a policy, with a floor of 0.05 and a reserve of 0.2 for the highest level that is offered.
    #[must_use]
    pub fn new(policy: impl Admission + 'static) -> Self {
        Priority {
            policy: Box::new(policy),
            floor: FLOOR,
            reserve: RESERVE,
            critical: None,
            levels: Levels::default(),
            offers: 0,
            capacity: Capacity::default(),
            highest: 0,
            cut: Cut::default(),
            credit: 0.0,
            floor_credit: 0.0,
            kept_out: 0,
        }
    }

    /// The share of the capacity that is for what is below the cut, above 0 and below 1.
    #[must_use]
    pub fn floor(mut self, share: f64) -> Self {
        self.floor = share;
        self
    }

    /// The share of the policy's room that is kept for what is critical, from 0 on and below 1.
    #[must_use]
    pub fn reserve(mut self, share: f64) -> Self {
        self.reserve = share;
        self
    }

    /// What is of this level or higher is critical.
    #[must_use]
    pub fn critical(mut self, level: u8) -> Self {
        self.critical = Some(level);
        self
    }

    #[cold]
    fn turn(&mut self, now_ns: u64) {
        let Some(weight) = self.capacity.turn(now_ns) else { return };
        self.offers = 0;
        self.levels.turn(weight);
        self.highest = self.levels.highest();
        if let Some(rate) = self.capacity.rate() {
            self.cut = self.levels.cut(rate * self.capacity.turn_ns(), self.floor);
        }
    }

    fn standing(&mut self, level: usize, events: f64) -> Standing {
        if level >= self.cut.from {
            let critical = self.critical.map_or(self.highest, usize::from);
            return if level >= critical { Standing::Critical } else { Standing::Above };
        }
        if level + 1 == self.cut.from {
            self.credit = (self.credit + self.cut.part * events).min(1.0 + events);
            if self.credit < events {
                return Standing::Below;
            }
            let gives_way = self.kept_out > 0;
            self.kept_out = self.kept_out.saturating_sub(1);
            return if gives_way { Standing::Below } else { Standing::AtTheCut };
        }
        if self.floor_credit >= events { Standing::Floor } else { Standing::Below }
    }

    fn admitted(&mut self, standing: Standing, events: f64) {
        match standing {
            Standing::AtTheCut => self.credit -= events,
            Standing::Floor => {
                self.floor_credit -= events;
                self.kept_out = 0;
                return;
            }
            Standing::Critical | Standing::Above | Standing::Below => {}
        }
        self.floor_credit = (self.floor_credit + events * self.floor / (1.0 - self.floor)).min(FLOOR_MOST);
    }

    /// What the policy is told of the load.
    fn seen(&self, load: Load, standing: Standing) -> Load {
        let factor = match standing {
            Standing::Above | Standing::Floor => 1.0 / (1.0 - self.reserve),
            Standing::AtTheCut => AT_THE_CUT,
            Standing::Critical | Standing::Below => return load,
        };
        let more = |events: usize| (events as f64 * factor) as usize;
        let in_hand = if standing == Standing::AtTheCut { load.in_hand } else { more(load.in_hand) };
        Load { backlog: more(load.backlog), in_hand, ..load }
    }
}

impl Admission for Priority {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        match self.offers {
            0 => self.capacity.begins(offer.now_ns),
            TURN.. => self.turn(offer.now_ns),
            _ => {}
        }
        self.offers += 1;
        let (level, events) = (usize::from(offer.class).min(LEVELS - 1), offer.events as f64);
        self.levels.offered(level, events);
        let standing = self.standing(level, events);
        if standing == Standing::Below {
            // That says nothing of the capacity: only what the policy sheds does.
            return Verdict::Shed { reason: Reason::new("priority"), retry_after: None };
        }
        let verdict = self.policy.offer(&Offer { load: self.seen(offer.load, standing), ..*offer });
        match verdict {
            Verdict::Admit => self.admitted(standing, events),
            Verdict::Shed { .. } => {
                self.capacity.shed();
                if standing == Standing::Floor {
                    self.kept_out = (self.kept_out + 1).min(GIVES_WAY);
                }
            }
        }
        verdict
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        self.capacity.done(settle.events.saturating_sub(settle.expired) as f64);
        self.policy.settle(settle);
    }

    fn check(&self) -> Option<String> {
        let Priority { floor, reserve, critical, .. } = *self;
        if floor == 0.0 {
            return Some(
                "levels without a floor: with a share of 0 whoever is low is starved; give one above 0, as 0.05".into(),
            );
        }
        if !(0.0 < floor && floor < 1.0) {
            return Some(format!("a floor of {floor}; give a share above 0 and below 1, as 0.05"));
        }
        if !(0.0..1.0).contains(&reserve) {
            return Some(format!("a reserve of {reserve}; give a share from 0 on and below 1, as 0.2"));
        }
        if let Some(level) = critical.filter(|&level| usize::from(level) >= LEVELS) {
            return Some(format!("critical from level {level} on, and the highest is 127; give 0 to 127"));
        }
        self.policy.check()
    }

    leave_to!(policy: take, patience_ns, order, defers, objective_ns, room, aim, concern);
}

#[cfg(test)]
mod tests;

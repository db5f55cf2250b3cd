//! What is let through to a stage that refuses, and does not say how many may wait there: about as much as it takes.
//!
//! Some stages take a fixed rate, and what is more is refused; others take less when less comes, as one that lets nothing
//! wait and is found busy by chance. So the rate falls towards what is taken, but only while that is not less than it was.

/// Events that the stage must have taken before it is judged anew: fewer say little.
const TAKEN: f64 = 32.0;
/// A share of refusals below this is none.
const REFUSED: f64 = 0.01;
/// Weight of the latest judgement in what is taken per reading.
const LATEST: f64 = 0.25;
/// Weight of a better one in the best, so that chance does not make it too good.
const BETTER: f64 = 1.0 / 16.0;
/// What is taken may be so much less than that.
const LESS: f64 = 0.92;
/// What is let through beyond what is taken.
const MORE: f64 = 1.02;
/// How fast a rate falls that is too high, and rises where less is taken for it.
const FALLS: f64 = 0.85;
const RISES: f64 = 1.1;
/// By how much a rate grows when nothing was refused, as a share; twice as much each further time.
const GROWS: f64 = 1.0 / 64.0;
/// Readings without anything held back after which all is let through.
const UNUSED: u32 = 16;

/// How many events may go to one station.
#[derive(Debug, Default)]
pub(super) struct Quota {
    taken_in: u64,
    refused: u64,
    /// Since it was judged: readings, how many came, and how many of them were refused.
    readings: f64,
    came: f64,
    of_them_refused: f64,
    /// Taken per reading, and the most since all was let through.
    takes: f64,
    best: f64,
    /// Events per reading that are let through; none while nothing is refused.
    rate: Option<f64>,
    growth: f64,
    credit: f64,
    /// Readings since something was held back.
    unused: u32,
}

impl Quota {
    /// A reading is over: what the station took in and refused until now.
    pub(super) fn read(&mut self, taken_in: u64, refused: u64) {
        let turned_away = refused.wrapping_sub(std::mem::replace(&mut self.refused, refused)) as f64;
        let took = taken_in.wrapping_sub(std::mem::replace(&mut self.taken_in, taken_in)) as f64;
        self.readings += 1.0;
        self.came += took + turned_away;
        self.of_them_refused += turned_away;
        if self.came - self.of_them_refused >= TAKEN {
            self.judge();
            (self.readings, self.came, self.of_them_refused) = (0.0, 0.0, 0.0);
        }
        let Some(rate) = self.rate else { return };
        self.credit = (self.credit + rate).min(most(rate));
        self.unused += 1;
        if self.unused > UNUSED {
            self.rate = None;
        }
    }

    fn judge(&mut self) {
        let of_late = (self.came - self.of_them_refused) / self.readings;
        self.takes += if self.takes == 0.0 { of_late } else { LATEST * (of_late - self.takes) };
        if self.of_them_refused <= REFUSED * self.came {
            let grown = 1.0 + self.growth;
            self.growth = (2.0 * self.growth).min(1.0);
            self.rate = self.rate.map(|rate| rate * grown);
            return;
        }
        self.growth = GROWS;
        let is_whole = self.rate.is_none() || f64::from(self.unused) >= self.readings;
        if is_whole {
            // All was let through: this is what it takes.
            self.best = self.takes;
        } else {
            self.best += BETTER * (self.takes - self.best).max(0.0);
        }
        let rate = self.rate.unwrap_or_else(|| {
            (self.credit, self.unused) = (0.0, 0);
            self.came / self.readings
        });
        let is_less = self.takes < LESS * self.best;
        self.rate = Some(if is_less { RISES * rate } else { (FALLS * rate).max(MORE * self.takes.max(of_late)) });
    }

    /// Whether so many may go there.
    pub(super) fn has(&mut self, events: f64) -> bool {
        // Many that are offered at once need not wait for more than can be saved up.
        if self.rate.is_none_or(|rate| self.credit >= events.min(most(rate))) {
            return true;
        }
        self.unused = 0;
        false
    }

    /// So many go there.
    pub(super) fn spend(&mut self, events: f64) {
        self.credit -= events;
    }
}

/// What is saved up: two readings, and where few are let through, one event.
fn most(rate: f64) -> f64 {
    (2.0 * rate).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A station that takes so many per reading and refuses the rest, behind an entry that is offered more: what it took and
    /// refused in each reading.
    fn run(quota: &mut Quota, at: &mut [u64; 2], takes: u64, offered: u64, readings: usize) -> Vec<[u64; 2]> {
        (0..readings)
            .map(|_| {
                let came = (0..offered)
                    .filter(|_| {
                        quota.has(1.0) && {
                            quota.spend(1.0);
                            true
                        }
                    })
                    .count() as u64;
                let took = came.min(takes);
                (at[0], at[1]) = (at[0] + took, at[1] + came - took);
                quota.read(at[0], at[1]);
                [took, came - took]
            })
            .collect()
    }

    #[test]
    fn what_a_station_refuses_stays_at_the_entry_and_nothing_flaps() {
        let (mut quota, mut at) = (Quota::default(), [0, 0]);
        run(&mut quota, &mut at, 100, 1000, 20);
        let then = run(&mut quota, &mut at, 100, 1000, 200);
        let (took, refused) = then.iter().fold((0, 0), |(a, b), [c, d]| (a + c, b + d));
        assert!(took >= 19_600, "{took} of 20,000");
        assert!(refused <= took / 20, "{refused} refused of {took}");
        assert!(then.iter().all(|[took, _]| (90..=100).contains(took)), "{then:?}");
    }

    #[test]
    fn a_station_that_takes_more_gets_more_and_one_that_takes_all_is_left_alone() {
        let (mut quota, mut at) = (Quota::default(), [0, 0]);
        run(&mut quota, &mut at, 100, 1000, 20);
        let then = run(&mut quota, &mut at, 800, 1000, 20);
        assert!(then.last().is_some_and(|[took, _]| *took >= 780), "{then:?}");
        let last = run(&mut quota, &mut at, 5000, 1000, 60);
        assert_eq!((last.last(), quota.rate), (Some(&[1000, 0]), None));
    }

    #[test]
    fn a_station_that_takes_less_when_less_comes_is_given_as_much_as_it_needs() {
        let (mut quota, mut at, mut rng) = (Quota::default(), [0, 0], Rng::new(1));
        // One of a hundred places, found by chance: of n that come, 100 (1 - (1 - 1/100)^n) are taken.
        let mut taken = 0;
        for reading in 0..2000 {
            let came = (0..1000)
                .filter(|_| {
                    quota.has(1.0) && {
                        quota.spend(1.0);
                        true
                    }
                })
                .count();
            let mut places = [false; 100];
            (0..came).for_each(|_| places[(rng.unit() * 100.0) as usize] = true);
            let took = places.iter().filter(|&&taken| taken).count() as u64;
            (at[0], at[1]) = (at[0] + took, at[1] + came as u64 - took);
            quota.read(at[0], at[1]);
            taken += if reading >= 1000 { took } else { 0 };
        }
        assert!(taken >= 90_000, "{taken} of 100,000");
        assert!(quota.rate.is_some_and(|rate| rate < 600.0), "{quota:?}");
    }

    #[test]
    fn nothing_refused_is_no_quota() {
        let (mut quota, mut at) = (Quota::default(), [0, 0]);
        assert!(run(&mut quota, &mut at, 100, 90, 50).iter().all(|[took, _]| *took == 90));
        assert_eq!(quota.rate, None);
    }
}

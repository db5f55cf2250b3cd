//! What is let through to a stage that refuses: as much as it took of late, and a little more, to see whether it takes more.

use super::Trend;

/// Events that must have come to the stage before it is judged anew.
const COME: f64 = 32.0;
/// A share of refusals below this is none.
const REFUSED: f64 = 0.01;
/// What is let through beyond what was taken.
const MORE: f64 = 1.02;
/// By how much a quota grows when nothing was refused, as a share; twice as much each further time.
const GROWS: f64 = 1.0 / 64.0;
/// Readings without anything held back after which there is no quota.
const UNUSED: u32 = 16;

/// How many events may go to one station.
#[derive(Debug, Default)]
pub(super) struct Quota {
    taken_in: Trend,
    refused: Trend,
    /// Since it was judged: readings, how many came, and how many of them were refused.
    readings: f64,
    came: f64,
    of_them_refused: f64,
    /// Events per reading; none while nothing is refused.
    rate: Option<f64>,
    growth: f64,
    credit: f64,
    unused: u32,
}

impl Quota {
    /// A reading is over: what the station took in and refused until now.
    pub(super) fn read(&mut self, taken_in: u64, refused: u64) {
        let (took, turned_away) = (self.taken_in.read(taken_in), self.refused.read(refused));
        self.readings += 1.0;
        self.came += took + turned_away;
        self.of_them_refused += turned_away;
        if self.came >= COME {
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
        if self.of_them_refused > REFUSED * self.came {
            // The quicker of the two: a few events say little, and what was taken long ago says little of now.
            let of_late = (self.came - self.of_them_refused) / self.readings;
            if self.rate.is_none() {
                self.credit = 0.0;
            }
            self.rate = Some(MORE * self.taken_in.mean().max(of_late));
            self.growth = GROWS;
            self.unused = 0;
        } else if let Some(rate) = &mut self.rate {
            *rate *= 1.0 + self.growth;
            self.growth = (2.0 * self.growth).min(1.0);
        }
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
    fn nothing_refused_is_no_quota() {
        let (mut quota, mut at) = (Quota::default(), [0, 0]);
        assert!(run(&mut quota, &mut at, 100, 90, 50).iter().all(|[took, _]| *took == 90));
        assert_eq!(quota.rate, None);
    }
}

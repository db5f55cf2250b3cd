use std::time::Duration;

use super::{Advice, BatchSums, Controller, Sight};
use crate::metrics::short;

/// The batch size at which what a batch costs by itself has vanished: the default for stages whose `batch_max` is a range.
///
/// Batches are natural: a worker takes what is there and never waits, so the bound counts only when there is more. The time of
/// a batch of *n* events is fitted as *a + b n* by least squares over the batches of the last seconds. The bound is the least
/// *n* with *(a + h) / (b n)* under 4 %, where *h* is what a hand-over costs beside the handler: larger ones would give at most
/// so much more throughput, and hold their first event up for longer.
///
/// Where the stage has an objective, [`Slo`](crate::Slo), a batch takes at most 1/32 of it, so that it holds its first event for
/// no longer: the bound is at most *(objective / 32 - a) / b*, as the queue hands them out, and the why says so.
///
/// | parameter | value | source |
/// |---|---|---|
/// | share of a batch's own cost | 4 % | within 0.95 of the best fixed batch, with room for the fit |
/// | *h* | 500 ns | `cargo xtask bench chain` |
/// | samples before a fit | 20 batches of two sizes or more | |
/// | part of an objective that a batch may take | 1/32 | small, as what is predicted at the offer knows no batches |
/// | what is left of older samples at each look | 0.9 | a memory of about a second |
///
/// Where all batches are as large as the bound there is nothing to fit, so it is doubled once to see. SEDA's own hunted for the
/// least batch that sustains throughput, by steps of 1.2 on whole numbers, from which a target below 5 never grew again
/// (Sandstorm's `AggThrottle`); this does not hunt.
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("orders");
/// let store = batch(|orders: Batch<u64>| orders.answer(|_| ())); // one write to a database, say
/// p.sink("store", store.batch_max(1..=512));
/// # p.start()?;
/// # Ok::<(), seda_core::StartError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct BatchCost {
    sums: BatchSums,
    /// The last fit.
    known: Option<Cost>,
}

/// What a batch costs by itself, and what each event in it adds, in seconds.
#[derive(Clone, Copy, Debug)]
struct Cost {
    own: f64,
    each: f64,
}

/// A batch takes at most this part of an objective: a small one, as the mean that it is reckoned by follows the quick.
pub(crate) const BATCH_PART: u32 = 32;
const OWN_SHARE: f64 = 0.04;
const HAND_OVER_SECS: f64 = 500e-9;
const BATCHES_LEAST: f64 = 20.0;
const KEEP: f64 = 0.9;
/// Sizes that vary by less than this share of their mean say nothing about a slope.
const SPREAD_LEAST: f64 = 0.05;
/// A bound within so much of the right one is left as it is, and a fit holds for as long as it foretells so well.
const NEAR: f64 = 0.25;

impl Controller for BatchCost {
    fn look(&mut self, sight: &Sight<'_>) -> Advice {
        self.sums.fade(KEEP);
        let Some(stage) = sight.stages.first() else { return Advice::hold("there is no stage") };
        self.sums.join(&stage.batches);
        if self.sums.batches < BATCHES_LEAST {
            return Advice::hold("too few batches to tell");
        }
        let mean = self.sums.events / self.sums.batches;
        let bound_counts = mean >= 0.9 * sight.value as f64 && stage.queue_len > 0;
        self.known = Cost::fit(&self.sums).or(self.known.filter(|known| known.foretells(&self.sums)));
        let part = stage.objective.map(|objective| objective / BATCH_PART);
        let Some(cost) = self.known else { return self.probe(sight, bound_counts, part) };
        let in_time = part.map_or(usize::MAX, |part| cost.within(part));
        let most = stage.queue_bound.max(1).min(sight.range.max).min(in_time.max(1));
        let to = sight.clamp(cost.right().clamp(1, most));
        let near = (to as f64 - sight.value as f64).abs() <= NEAR * sight.value as f64;
        // No slack above what an objective allows.
        if to == sight.value || (near && sight.value <= most) {
            return Advice::hold(cost.words());
        }
        if to > sight.value && !bound_counts {
            return Advice::hold(format!("{}; batches of {mean:.0} are all that there is", cost.words()));
        }
        let bound = match (part, stage.objective) {
            (Some(part), Some(objective)) if cost.right() > in_time => {
                format!("{to} take {}, 1/{BATCH_PART} of the objective of {}", short(part), short(objective))
            }
            _ => format!("at {to} its own is {:.0} % of them", 100.0 * cost.own_share(to)),
        };
        Advice::turn(to, format!("{}: {bound}", cost.words()))
    }
}

impl BatchCost {
    /// A second size, where all are the same.
    fn probe(&self, sight: &Sight<'_>, bound_counts: bool, part: Option<Duration>) -> Advice {
        let to = sight.clamp(sight.value * 2);
        let (mean, secs) = (self.sums.events / self.sums.batches, self.sums.secs / self.sums.batches);
        if part.is_some_and(|part| 2.0 * secs > part.as_secs_f64()) {
            let took = short(Duration::from_secs_f64(secs.min(1e6)));
            return Advice::hold(format!("a batch takes {took}, and a larger one too much of the objective"));
        }
        if bound_counts && to > sight.value {
            return Advice::turn(to, format!("all batches are of {mean:.0}: another size shows what one costs"));
        }
        Advice::hold("batches of one size do not show what one costs")
    }
}

impl Cost {
    /// By least squares; none where the sizes are too alike.
    fn fit(sums: &BatchSums) -> Option<Self> {
        let n = sums.batches;
        let mean = sums.events / n;
        let variance = sums.squares / n - mean * mean;
        if variance <= (SPREAD_LEAST * mean).powi(2) {
            return None;
        }
        let each = (sums.events_secs / n - mean * sums.secs / n) / variance;
        Some(Cost { own: (sums.secs / n - each * mean).max(0.0), each: each.max(0.0) })
    }

    /// Whether it still says what a batch takes.
    fn foretells(self, sums: &BatchSums) -> bool {
        let (secs, said) = (sums.secs / sums.batches, self.own + self.each * sums.events / sums.batches);
        (secs - said).abs() <= NEAR * said
    }

    fn own_share(self, size: usize) -> f64 {
        (self.own + HAND_OVER_SECS) / (self.each * size as f64).max(1e-12)
    }

    /// The least size at which its own cost has vanished.
    fn right(self) -> usize {
        (self.own_share(1) / OWN_SHARE).ceil().min(1e9) as usize
    }

    /// The largest that takes no longer.
    fn within(self, time: Duration) -> usize {
        ((time.as_secs_f64() - self.own) / self.each.max(1e-12)).clamp(0.0, 1e9) as usize
    }

    fn words(self) -> String {
        let show = |secs: f64| short(Duration::from_secs_f64(secs.min(1e6)));
        format!("a batch costs {} and {} for each event", show(self.own), show(self.each))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(of: &[(u64, u64)]) -> BatchSums {
        let mut sums = BatchSums::default();
        of.iter().for_each(|&(events, service_us)| sums.add(events, service_us * 1_000));
        sums
    }

    #[test]
    fn costs_are_fitted_and_the_bound_follows_from_them() {
        let cost = Cost::fit(&sums(&[(1, 250), (10, 700), (64, 3_400)])).unwrap();
        assert_eq!(cost.words(), "a batch costs 200 µs and 50.0 µs for each event");
        assert_eq!(cost.right(), 101);
    }

    #[test]
    fn sizes_that_are_all_alike_say_nothing_and_an_old_fit_holds_while_it_foretells() {
        let alike = sums(&[(64, 3_400), (64, 3_300)]);
        assert!(Cost::fit(&alike).is_none());
        let known = Cost { own: 200e-6, each: 50e-6 };
        assert!(known.foretells(&alike) && !known.foretells(&sums(&[(64, 9_000)])));
    }
}

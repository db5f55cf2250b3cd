use std::time::Duration;

use super::{Admission, Offer, Settle, TokenBucket, Verdict};

/// Samples after which the rate is set anew, and the time after which it is anyway, if there are any.
const SAMPLES: usize = 100;
const TIMEOUT_NS: u64 = 1_000_000_000;
/// Weight of the past in the percentile.
const PAST: f64 = 0.7;
/// Error below which the rate grows, and its weights.
const GROW_BELOW: f64 = -0.5;
const GROW_OFFSET: f64 = -0.1;
const GROW_BY: f64 = 2.0;
/// What the rate is divided by when the percentile is over the target.
const DIVIDE: f64 = 1.2;
/// First, least and most rate, in events per second; and the depth of the bucket.
const FIRST: f64 = 100.0;
const LEAST: f64 = 0.05;
const MOST: f64 = 5_000.0;
const DEPTH: usize = 1;

/// What a class over its target leaves of the rate of each below it.
const DIVIDE_LOWER: f64 = 10.0;
/// Classes that are told apart; those above count as the last.
const CLASSES: u8 = 10;

/// SEDA's own controller of 2003: a token bucket for each class, whose rate follows the 90th percentile of the response time. For
/// comparison, and to show how far things have come.
///
/// After every 100 samples of a class, or a second: cur = 0.7 cur + 0.3 p90, err = (cur - target) / target. Above 0 its rate is
/// divided by 1.2, and that of each lower class by 10; below -0.5 it grows by -(err + 0.1) * 2 events per second, but for the first
/// time after it was cut for a higher one; between, it holds.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | target | time | given, for the 90th percentile; for each class its own, if it is [given](ResponseTime::class) |
/// | window | samples | 100, or those of 1 s |
/// | rate | events/s | first 100, least 0.05, most 5,000, of each class |
/// | depth | events | 1 |
///
/// Source: Welsh and Culler, "Adaptive Overload Control for Busy Internet Servers", USITS 2003, with the constants of Sandstorm
/// and the classes of its `ResponseTimeControllerMulticlass`. Not copied are its defects: the period of the bucket is not floored
/// to 1 ms, so 5,000/s is 5,000/s; a refused batch burns no tokens; an empty window changes nothing. Nor its count of 20
/// tries before a class with nobody to cut pays itself: as shipped it paid at once either way.
///
/// ```
/// use seda_core::{ResponseTime, ms, secs};
/// let one = ResponseTime::new(ms(50));
/// let three = ResponseTime::new(secs(5)).class(1, secs(1)).class(2, ms(200)); // with `.classes(3, ..)` at the stage
/// # let _ = (one, three);
/// ```
#[derive(Clone, Debug)]
pub struct ResponseTime {
    pub(super) target: Duration,
    /// The lowest first; at least one.
    classes: Vec<Class>,
}

/// What is known of one class.
#[derive(Clone, Debug)]
struct Class {
    target_ns: f64,
    current_ns: f64,
    rate: f64,
    bucket: TokenBucket,
    samples: Vec<u64>,
    window_ends_ns: u64,
    /// It was cut for a higher class, and does not grow the next time.
    was_cut: bool,
}

/// What a window said of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Over,
    Other,
}

impl Class {
    fn new(target: Duration) -> Self {
        Class {
            target_ns: target.as_nanos() as f64,
            current_ns: 0.0,
            rate: FIRST,
            bucket: TokenBucket::new(FIRST, DEPTH),
            samples: Vec::with_capacity(SAMPLES),
            window_ends_ns: 0,
            was_cut: false,
        }
    }

    fn be_rate(&mut self, rate: f64, now_ns: u64) {
        self.rate = rate.clamp(LEAST, MOST);
        self.bucket.be_rate(self.rate, now_ns);
    }

    fn is_due(&self, now_ns: u64) -> bool {
        self.samples.len() >= SAMPLES || now_ns >= self.window_ends_ns
    }

    fn window(&mut self, now_ns: u64) -> Found {
        self.window_ends_ns = now_ns.saturating_add(TIMEOUT_NS);
        if self.samples.is_empty() {
            return Found::Other;
        }
        self.samples.sort_unstable();
        let p90_ns = self.samples[self.samples.len() * 9 / 10] as f64;
        self.samples.clear();
        self.current_ns = if self.current_ns == 0.0 { p90_ns } else { PAST * self.current_ns + (1.0 - PAST) * p90_ns };
        let error = (self.current_ns - self.target_ns) / self.target_ns;
        if error > 0.0 {
            self.be_rate(self.rate / DIVIDE, now_ns);
            return Found::Over;
        }
        if error < GROW_BELOW && !std::mem::take(&mut self.was_cut) {
            self.be_rate(self.rate - (error - GROW_OFFSET) * GROW_BY, now_ns);
        }
        Found::Other
    }
}

impl ResponseTime {
    /// With a target for the 90th percentile, from offer to end.
    #[must_use]
    pub fn new(target: Duration) -> Self {
        ResponseTime { target, classes: vec![Class::new(target)] }
    }

    /// The target of a class, 0 to 9, of a stage with [classes](crate::StageOptionsExt::classes); those between that none is given
    /// for have that of the class below.
    #[must_use]
    pub fn class(mut self, class: u8, target: Duration) -> Self {
        let at = usize::from(class.min(CLASSES - 1));
        while self.classes.len() <= at {
            let below = self.classes[self.classes.len() - 1].clone();
            self.classes.push(below);
        }
        self.classes[at] = Class::new(target);
        self
    }

    /// One target says it all.
    pub(super) fn is_of_one_class(&self) -> bool {
        self.classes.len() == 1
    }

    fn class_of(&self, class: u8) -> usize {
        usize::from(class).min(self.classes.len() - 1)
    }
}

impl Admission for ResponseTime {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let class = self.class_of(offer.class);
        self.classes[class].bucket.offer(offer)
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        let took_ns = settle.wait_ns.saturating_add(settle.service_ns);
        let mut seen = [false; CLASSES as usize];
        let of_batch = if settle.classes.is_empty() && settle.events > 0 { &[0] } else { settle.classes };
        of_batch.iter().for_each(|&class| seen[self.class_of(class)] = true);
        for (class, is_seen) in seen.into_iter().enumerate().take(self.classes.len()) {
            if is_seen {
                self.classes[class].samples.push(took_ns);
            }
            let is_due = self.classes[class].is_due(settle.now_ns);
            if is_due && self.classes[class].window(settle.now_ns) == Found::Over {
                for lower in &mut self.classes[..class] {
                    lower.be_rate(lower.rate / DIVIDE_LOWER, settle.now_ns);
                    lower.was_cut = true;
                }
            }
        }
    }

    /// Every class by as much.
    fn aim(&mut self, objective: Duration) {
        let factor = objective.as_secs_f64() / self.target.as_secs_f64();
        self.target = objective;
        self.classes.iter_mut().for_each(|class| class.target_ns *= factor);
    }

    fn check(&self) -> Option<String> {
        let is_none = |class: &Class| class.target_ns == 0.0;
        self.classes.iter().any(is_none).then(|| "a target of no time admits nothing; give a time above 0".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(now_ns: u64, took_ns: u64) -> Settle<'static> {
        Settle { now_ns, events: 1, wait_ns: took_ns, ..Settle::default() }
    }

    #[test]
    fn it_grows_below_half_the_target_holds_up_to_it_and_divides_above() {
        let mut policy = ResponseTime::new(Duration::from_millis(50));
        let mut after = |took_ms: u64| {
            (0..1000).for_each(|_| policy.settle(&settle(1, took_ms * 1_000_000)));
            policy.classes[0].rate
        };
        let grown = after(1);
        assert!(grown > FIRST, "{grown}");
        let held = after(40);
        assert!(held >= grown, "{held}");
        assert!(after(80) < held / 2.0);
    }

    #[test]
    fn an_empty_window_changes_nothing() {
        let mut policy = ResponseTime::new(Duration::from_millis(50));
        for second in 1..100 {
            policy.settle(&Settle { events: 0, ..settle(second * 1_000_000_000, 0) });
        }
        assert_eq!((policy.classes[0].rate, policy.classes[0].current_ns), (FIRST, 0.0));
    }

    #[test]
    fn the_highest_rate_is_reached_and_admits_what_it_says() {
        let mut policy = ResponseTime::new(Duration::from_millis(50));
        (0..400_000).for_each(|_| policy.settle(&settle(1, 1000)));
        assert_eq!(policy.classes[0].rate, MOST);
        let offers = (1..=100_000u64).map(|n| Offer { now_ns: n * 100_000, events: 1, ..Offer::default() });
        let admitted = offers.filter(|offer| policy.offer(offer) == Verdict::Admit).count();
        assert!((49_990..=50_020).contains(&admitted), "{admitted} in 10 s");
    }

    #[test]
    fn a_class_over_its_target_cuts_those_below_it_and_leaves_those_above() {
        let ms = Duration::from_millis;
        let mut policy = ResponseTime::new(ms(5000)).class(1, ms(1000)).class(2, ms(200));
        let mut see = |class: &'static [u8], took_ms: u64| {
            (0..100).for_each(|_| policy.settle(&Settle { classes: class, ..settle(1, took_ms * 1_000_000) }));
            [0, 1, 2].map(|class: usize| policy.classes[class].rate)
        };
        assert_eq!(see(&[1], 1500), [10.0, FIRST / DIVIDE, FIRST]);
        // It was cut, so the first time that it could grow it does not.
        assert_eq!(see(&[0], 10), [10.0, FIRST / DIVIDE, FIRST]);
        assert!(see(&[0], 10)[0] > 10.0);
        let rates = see(&[2], 300);
        assert!(rates[0] < 2.0 && rates[1] < 10.0 && rates[2] == FIRST / DIVIDE, "{rates:?}");
        assert!(ResponseTime::new(ms(50)).class(3, ms(0)).check().is_some());
    }
}

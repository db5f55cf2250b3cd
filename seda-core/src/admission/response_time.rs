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

/// SEDA's own controller of 2003: a token bucket whose rate follows the 90th percentile of the response time. For comparison,
/// and to show how far things have come.
///
/// After every 100 samples, or a second: cur = 0.7 cur + 0.3 p90, err = (cur - target) / target. Above 0 the rate is divided by
/// 1.2; below -0.5 it grows by -(err + 0.1) * 2 events per second; between, it holds.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | target | time | given, for the 90th percentile |
/// | window | samples | 100, or those of 1 s |
/// | rate | events/s | first 100, least 0.05, most 5,000 |
/// | depth | events | 1 |
///
/// Source: Welsh and Culler, "Adaptive Overload Control for Busy Internet Servers", USITS 2003, with the constants of Sandstorm.
/// Not copied are its defects: the period of the bucket is not floored to 1 ms, so 5,000/s is 5,000/s; a refused batch
/// burns no tokens; an empty window changes nothing. One class only: a bucket for each is not built.
///
/// ```
/// use seda_core::{ResponseTime, ms};
/// let policy = ResponseTime::new(ms(50));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct ResponseTime {
    pub(super) target: Duration,
    target_ns: f64,
    current_ns: f64,
    rate: f64,
    bucket: TokenBucket,
    samples: Vec<u64>,
    window_ends_ns: u64,
}

impl ResponseTime {
    /// With a target for the 90th percentile, from offer to end.
    #[must_use]
    pub fn new(target: Duration) -> Self {
        ResponseTime {
            target,
            target_ns: target.as_nanos() as f64,
            current_ns: 0.0,
            rate: FIRST,
            bucket: TokenBucket::new(FIRST, DEPTH),
            samples: Vec::with_capacity(SAMPLES),
            window_ends_ns: 0,
        }
    }

    fn window(&mut self, now_ns: u64) {
        self.window_ends_ns = now_ns.saturating_add(TIMEOUT_NS);
        if self.samples.is_empty() {
            return;
        }
        self.samples.sort_unstable();
        let p90_ns = self.samples[self.samples.len() * 9 / 10] as f64;
        self.samples.clear();
        self.current_ns = if self.current_ns == 0.0 { p90_ns } else { PAST * self.current_ns + (1.0 - PAST) * p90_ns };
        let error = (self.current_ns - self.target_ns) / self.target_ns;
        if error > 0.0 {
            self.rate /= DIVIDE;
        } else if error < GROW_BELOW {
            self.rate += -(error - GROW_OFFSET) * GROW_BY;
        }
        self.rate = self.rate.clamp(LEAST, MOST);
        self.bucket.be_rate(self.rate);
    }
}

impl Admission for ResponseTime {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        self.bucket.offer(offer)
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        if settle.events > 0 {
            self.samples.push(settle.wait_ns.saturating_add(settle.service_ns));
        }
        if self.samples.len() >= SAMPLES || settle.now_ns >= self.window_ends_ns {
            self.window(settle.now_ns);
        }
    }

    fn aim(&mut self, objective: Duration) {
        (self.target, self.target_ns) = (objective, objective.as_nanos() as f64);
    }

    fn check(&self) -> Option<String> {
        (self.target_ns == 0.0).then(|| "a target of no time admits nothing; give a time above 0".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Load;

    fn settle(now_ns: u64, took_ns: u64) -> Settle<'static> {
        let load = Load::default();
        Settle { now_ns, events: 1, failed: 0, expired: 0, wait_ns: took_ns, service_ns: 0, tenants: &[], load }
    }

    #[test]
    fn it_grows_below_half_the_target_holds_up_to_it_and_divides_above() {
        let mut policy = ResponseTime::new(Duration::from_millis(50));
        let mut after = |took_ms: u64| {
            (0..1000).for_each(|_| policy.settle(&settle(1, took_ms * 1_000_000)));
            policy.rate
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
        assert_eq!((policy.rate, policy.current_ns), (FIRST, 0.0));
    }

    #[test]
    fn the_highest_rate_is_reached_and_admits_what_it_says() {
        let mut policy = ResponseTime::new(Duration::from_millis(50));
        (0..400_000).for_each(|_| policy.settle(&settle(1, 1000)));
        assert_eq!(policy.rate, MOST);
        let offers = (1..=100_000u64).map(|n| Offer { now_ns: n * 100_000, events: 1, ..Offer::default() });
        let admitted = offers.filter(|offer| policy.offer(offer) == Verdict::Admit).count();
        assert!((49_990..=50_020).contains(&admitted), "{admitted} in 10 s");
    }
}

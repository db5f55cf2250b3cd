use std::time::Duration;

use super::{Admission, Offer, Verdict};
use crate::outcome::Reason;

/// Admits `rate` events per second on average and `burst` at once.
///
/// | parameter | unit | meaning |
/// |---|---|---|
/// | rate | events/s | tokens that are added per second |
/// | burst | events | most tokens that can be saved up; at the start the bucket is full |
///
/// An offer of n events takes n tokens, all or none: a refused batch burns nothing. The level is kept as a time (the
/// generic cell rate algorithm of ITU-T I.371, Annex A), in nanoseconds, so that a rate of 5,000/s admits 5,000/s where the original
/// SEDA's bucket, with a period floored to 1 ms, admitted 1,005/s.
///
/// ```
/// use seda_core::TokenBucket;
/// let policy = TokenBucket::new(5_000.0, 50);
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct TokenBucket {
    pub(super) rate: f64,
    pub(super) burst: usize,
    /// Time that one token takes to come, in ns.
    period_ns: f64,
    /// When the bucket will be full again, in ns: the later, the emptier it is.
    full_at_ns: f64,
}

impl TokenBucket {
    /// `rate` in events per second, above zero; `burst` at least 1. Anything else is a finding at start.
    #[must_use]
    pub fn new(rate: f64, burst: usize) -> Self {
        TokenBucket { rate, burst, period_ns: 1e9 / rate, full_at_ns: 0.0 }
    }
}

impl TokenBucket {
    /// Another rate; what is in the bucket stays.
    pub(super) fn be_rate(&mut self, rate: f64, now_ns: u64) {
        let (now, period_ns) = (now_ns as f64, 1e9 / rate);
        // The level is kept as a time: the tokens that are missing come at the new rate from now on.
        self.full_at_ns = now + (self.full_at_ns - now).max(0.0) / self.period_ns * period_ns;
        (self.rate, self.period_ns) = (rate, period_ns);
    }
}

impl Admission for TokenBucket {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let now = offer.now_ns as f64;
        let cost = offer.events as f64 * self.period_ns;
        let depth = self.burst as f64 * self.period_ns;
        let full_at = self.full_at_ns.max(now) + cost;
        let short = full_at - now - depth;
        // Half a nanosecond of rounding must not refuse the event that makes the rate even.
        if short > 0.5 {
            let retry_after = (cost <= depth).then(|| Duration::from_nanos(short.ceil() as u64));
            return Verdict::Shed { reason: Reason::new("rate"), retry_after };
        }
        self.full_at_ns = full_at;
        Verdict::Admit
    }

    fn check(&self) -> Option<String> {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Some(format!("a token bucket needs a rate above 0 events/s, not {}", self.rate));
        }
        (self.burst == 0).then(|| "a token bucket with a burst of 0 admits nothing; give at least 1".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(now_ns: u64, events: usize) -> Offer {
        Offer { now_ns, events, ..Offer::default() }
    }

    #[test]
    fn five_thousand_a_second_asked_admits_five_thousand_a_second() {
        let mut bucket = TokenBucket::new(5_000.0, 10);
        let admitted = (0..100_000u64).filter(|n| bucket.offer(&offer(n * 100_000, 1)) == Verdict::Admit).count();
        assert!((49_990..=50_020).contains(&admitted), "{admitted} in 10 s");
    }

    #[test]
    fn at_another_rate_the_tokens_that_are_missing_come_at_that_rate() {
        let mut bucket = TokenBucket::new(0.05, 1);
        assert_eq!(bucket.offer(&offer(1, 1)), Verdict::Admit);
        bucket.be_rate(1_000.0, 1);
        assert!(matches!(bucket.offer(&offer(500_000, 1)), Verdict::Shed { .. }));
        assert_eq!(bucket.offer(&offer(1_100_000, 1)), Verdict::Admit);
    }

    #[test]
    fn a_refused_batch_burns_no_tokens() {
        let mut bucket = TokenBucket::new(1.0, 10);
        assert!(matches!(bucket.offer(&offer(1, 20)), Verdict::Shed { retry_after: None, .. }));
        assert_eq!(bucket.offer(&offer(1, 10)), Verdict::Admit);
    }

    #[test]
    fn the_retry_after_is_when_the_tokens_are_there() {
        let mut bucket = TokenBucket::new(10.0, 1);
        assert_eq!(bucket.offer(&offer(0, 1)), Verdict::Admit);
        let Verdict::Shed { retry_after: Some(after), .. } = bucket.offer(&offer(0, 1)) else { panic!("admitted") };
        assert_eq!(after, Duration::from_millis(100));
        assert_eq!(bucket.offer(&offer(after.as_nanos() as u64, 1)), Verdict::Admit);
    }

    #[test]
    fn numbers_that_make_no_sense_are_found() {
        assert!(TokenBucket::new(0.0, 1).check().is_some());
        assert!(TokenBucket::new(f64::NAN, 1).check().is_some());
        assert!(TokenBucket::new(1.0, 0).check().is_some());
        assert!(TokenBucket::new(1.0, 1).check().is_none());
    }
}

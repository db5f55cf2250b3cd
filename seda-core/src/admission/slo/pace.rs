//! How long the stage takes for an event: mean, spread and quantiles, quick to see that it became another.

/// Buckets of the histogram, two for each doubling of a time in ns.
const BUCKETS: usize = 96;
/// The histogram forgets half at so many samples.
const HALVE_AT: u32 = 1024;
/// Weight of a sample in the long run; at the start each counts as much as the ones before it.
const LONG: f64 = 1.0 / 128.0;
/// Weight of a sample in the short run.
const SHORT: f64 = 1.0 / 16.0;
/// Standard deviations by which the two runs must differ before the pace counts as changed, and to which they must have come
/// together before it counts as the usual one again.
const LEAVE: f64 = 3.5;
const RETURN: f64 = 1.0;
/// Samples before a change is looked for.
const WARM: f64 = 32.0;

/// Service times of one stage, per event.
///
/// The mean is a moving one over about 128 samples. Beside it run two means of the logarithm, of 128 and of 16 samples. A
/// stage that becomes k times slower moves the logarithm by log k whatever its distribution, and one long sample hardly moves
/// it: where the two differ by more than their noise, the pace has changed, and all times are taken times the factor by which
/// they differ, until the long run has caught up.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    samples: f64,
    mean_ns: f64,
    square: f64,
    log: f64,
    log_variance: f64,
    log_short: f64,
    /// By which times now differ from those of the long run.
    factor: f64,
    counts: [u32; BUCKETS],
    count: u32,
    /// Below this bucket there is nothing.
    lowest: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            samples: 0.0,
            mean_ns: 0.0,
            square: 0.0,
            log: 0.0,
            log_variance: 0.0,
            log_short: 0.0,
            factor: 1.0,
            counts: [0; BUCKETS],
            count: 0,
            lowest: BUCKETS,
        }
    }
}

impl Pace {
    /// A batch of so many events took so long.
    pub(super) fn record(&mut self, events: usize, service_ns: u64) {
        let n = events as f64;
        let each = if events == 1 { service_ns as f64 } else { service_ns as f64 / n }.max(1.0);
        let log = log2(each);
        self.samples += n;
        // While the pace is another, the long run hurries after it.
        let usual = if self.factor == 1.0 { LONG } else { SHORT };
        // Of more samples than the long run has, the first count as the others do, and the division is spared.
        let first = if self.samples * LONG < 1.0 { n / self.samples } else { 0.0 };
        let long = (n * usual).max(first).min(1.0);
        let short = (n * SHORT).max(first).min(1.0);
        let off = log - self.log;
        self.mean_ns += long * (each - self.mean_ns);
        self.square += long * (each * each - self.square);
        self.log += long * off;
        self.log_variance += long * (off * off - self.log_variance);
        self.log_short += short * (log - self.log_short);
        self.count_in(log, events as u32);
        self.factor = self.change();
    }

    /// The factor between short and long run, 1 within their noise.
    fn change(&self) -> f64 {
        let apart = self.log_short - self.log;
        // The variance of a moving mean is that of its samples times weight / (2 - weight).
        let noise = self.log_variance * SHORT / (2.0 - SHORT);
        let sigmas = if self.factor == 1.0 { LEAVE } else { RETURN };
        let clear = apart * apart > sigmas * sigmas * noise && self.samples > WARM;
        if clear { exp2(apart) } else { 1.0 }
    }

    fn count_in(&mut self, log: f64, events: u32) {
        let bucket = ((log * 2.0) as usize).min(BUCKETS - 1);
        self.counts[bucket] += events;
        self.lowest = self.lowest.min(bucket);
        self.count += events;
        if self.count >= HALVE_AT {
            self.count = 0;
            for count in &mut self.counts {
                *count /= 2;
                self.count += *count;
            }
            self.lowest = self.counts.iter().position(|&count| count > 0).unwrap_or(BUCKETS);
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.samples > 0.0
    }

    /// Too few samples, or another pace: each one counts.
    pub(super) fn is_new(&self) -> bool {
        self.samples <= WARM || self.factor != 1.0
    }

    /// It has just become quicker than it was.
    pub(super) fn is_quicker(&self) -> bool {
        self.factor < 1.0
    }

    pub(super) fn mean_ns(&self) -> f64 {
        self.mean_ns * self.factor
    }

    pub(super) fn deviation_ns(&self) -> f64 {
        (self.square - self.mean_ns * self.mean_ns).max(0.0).sqrt() * self.factor
    }

    /// To within the width of a bucket, half a doubling.
    pub(super) fn quantile_ns(&self, q: f64) -> f64 {
        let rank = (q * f64::from(self.count)).ceil() as u32;
        let mut below = 0;
        for (bucket, &count) in self.counts.iter().enumerate().skip(self.lowest) {
            if below + count >= rank && count > 0 {
                let part = f64::from(rank - below) / f64::from(count);
                return exp2((bucket as f64 + part) / 2.0) * self.factor;
            }
            below += count;
        }
        self.mean_ns()
    }
}

const MANTISSA: f64 = (1u64 << 52) as f64;
const BIAS: f64 = 1023.0;

/// To within 0.09, in two operations: the exponent, and the mantissa as it stands.
fn log2(x: f64) -> f64 {
    x.to_bits() as f64 / MANTISSA - BIAS
}

/// The inverse of that.
fn exp2(log: f64) -> f64 {
    f64::from_bits(((log + BIAS) * MANTISSA) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn after(pace: &mut Pace, rng: &mut Rng, samples: usize, mean_ns: f64) -> f64 {
        (0..samples).for_each(|_| pace.record(1, rng.exponential(mean_ns) as u64));
        pace.mean_ns()
    }

    #[test]
    fn mean_spread_and_tail_are_those_of_the_samples() {
        let (mut pace, mut rng) = (Pace::default(), Rng::new(1));
        let mean_ns = after(&mut pace, &mut rng, 5000, 4e6);
        assert!((3e6..5e6).contains(&mean_ns), "{mean_ns}");
        assert!((3e6..5e6).contains(&pace.deviation_ns()), "{}", pace.deviation_ns());
        let p99_ns = pace.quantile_ns(0.99);
        assert!((15e6..23e6).contains(&p99_ns), "{p99_ns}");
    }

    #[test]
    fn a_change_of_pace_is_followed_within_a_few_dozen_samples() {
        let (mut pace, mut rng) = (Pace::default(), Rng::new(2));
        after(&mut pace, &mut rng, 1000, 4e6);
        let slow_ns = after(&mut pace, &mut rng, 64, 16e6);
        assert!(slow_ns > 10e6, "{slow_ns}");
        after(&mut pace, &mut rng, 500, 16e6);
        let quick_ns = after(&mut pace, &mut rng, 64, 4e6);
        assert!(quick_ns < 7e6, "{quick_ns}");
    }

    #[test]
    fn one_long_sample_is_no_change_of_pace() {
        let (mut pace, mut rng) = (Pace::default(), Rng::new(3));
        after(&mut pace, &mut rng, 1000, 4e6);
        let before_ns = pace.mean_ns();
        pace.record(1, 400_000_000);
        assert!(pace.mean_ns() < 2.0 * before_ns, "{}", pace.mean_ns());
    }

    #[test]
    fn a_batch_counts_as_so_many_events() {
        let mut pace = Pace::default();
        pace.record(8, 80_000);
        assert_eq!(pace.mean_ns(), 10_000.0);
    }
}

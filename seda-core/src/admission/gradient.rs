use super::{Admission, Offer, Settle, Verdict, aimd::within};

/// First, least and most limit, in events.
const FIRST: f64 = 20.0;
const LEAST: f64 = 4.0;
const MOST: f64 = 1000.0;
/// Samples of the long mean.
const LONG: f64 = 600.0;
/// Latency may be this many times the long mean before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// Weight of the new limit.
const SMOOTHING: f64 = 0.2;
/// The limit grows by its square root only above this gradient.
const GROW: f64 = 0.9;
/// What a failure leaves of it.
const DECREASE: f64 = 0.9;

/// A limit on what is in the stage, by the ratio of its long-term to its present latency: for comparison, and for what stands
/// behind a remote queue that cannot be seen.
///
/// g = clamp(1.5 long / now, 0.5, 1); L' = 0.8 L + 0.2 (g L + sqrt L), the root only where g > 0.9; a failure leaves 0.9 of it.
/// No growth while less than half of L is used.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | limit | events | first 20, least 4, most 1000 |
/// | long mean | samples | 600; falls by 5 % where it is over twice the present |
/// | tolerance, smoothing | | 1.5, 0.2 |
///
/// Source: Netflix concurrency-limits, `Gradient2Limit`, with two repairs: the root is not added below a gradient of 0.9 (issue
/// 134, growth without bound), and failures count (issue 176). It learns what is normal from the traffic, and a stage that slows down for minutes
/// becomes that: use [`Slo`](crate::Slo) where the queue is ours.
///
/// ```
/// let policy = seda_core::Gradient::new();
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct Gradient {
    limit: f64,
    long_ns: f64,
    samples: f64,
}

impl Gradient {
    /// With the parameters of its source.
    #[must_use]
    pub fn new() -> Self {
        Gradient { limit: FIRST, long_ns: 0.0, samples: 0.0 }
    }

    fn update(&mut self, took_ns: f64, used: f64, failed: bool) {
        self.samples = (self.samples + 1.0).min(LONG);
        self.long_ns += (took_ns - self.long_ns) / self.samples;
        if self.long_ns > 2.0 * took_ns {
            self.long_ns *= 0.95;
        }
        if failed {
            self.limit = (DECREASE * self.limit).max(LEAST);
            return;
        }
        let gradient = (TOLERANCE * self.long_ns / took_ns).clamp(0.5, 1.0);
        if gradient == 1.0 && 2.0 * used < self.limit {
            return;
        }
        let growth = if gradient > GROW { self.limit.sqrt() } else { 0.0 };
        let next = gradient * self.limit + growth;
        self.limit = ((1.0 - SMOOTHING) * self.limit + SMOOTHING * next).clamp(LEAST, MOST);
    }
}

impl Default for Gradient {
    fn default() -> Self {
        Gradient::new()
    }
}

impl Admission for Gradient {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        within(self.limit, offer)
    }

    fn settle(&mut self, settle: &Settle) {
        if settle.events > 0 {
            let took_ns = settle.wait_ns.saturating_add(settle.service_ns).max(1);
            let used = settle.load.backlog + settle.load.in_hand + settle.events;
            self.update(took_ns as f64, used as f64, settle.failed > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_at_the_usual_latency_and_shrinks_at_four_times_it() {
        let mut gradient = Gradient::new();
        (0..100).for_each(|_| gradient.update(1000.0, 1000.0, false));
        let grown = gradient.limit;
        assert!(grown > 40.0, "{grown}");
        (0..20).for_each(|_| gradient.update(4000.0, 1000.0, false));
        assert!(gradient.limit < grown / 2.0, "{}", gradient.limit);
    }
}

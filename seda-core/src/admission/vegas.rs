use super::{Admission, Offer, Settle, Verdict, aimd::within};

/// First and most limit, in events.
const FIRST: f64 = 20.0;
const MOST: f64 = 1000.0;
/// The least latency is taken anew after so many samples for each event of the limit.
const PROBE: f64 = 30.0;

/// A limit on what is in the stage, by how many events seem to queue: for comparison, and for what stands behind a remote queue
/// that cannot be seen.
///
/// With limit L, latency t and its least t0, the queue is L (1 - t0/t). Less than log10 L: L grows by 6 log10 L; less than
/// 3 log10 L: by log10 L; more than 6 log10 L, or a failure: it shrinks by log10 L; between, it holds. No growth while less than half of L
/// is used.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | limit | events | first 20, least 1, most 1000 |
/// | alpha, beta | log10 L | 3, 6 |
/// | probe | samples | t0 becomes the present latency after 30 L |
///
/// Source: Netflix concurrency-limits, `VegasLimit`; Brakmo, O'Malley and Peterson, SIGCOMM 1994. A stage that slows down for
/// long becomes the new normal at the next probe: use [`Slo`](crate::Slo) where the queue is ours.
///
/// ```
/// let policy = seda_core::Vegas::new();
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct Vegas {
    limit: f64,
    least_ns: u64,
    samples: f64,
}

impl Vegas {
    /// With the parameters of its source.
    #[must_use]
    pub fn new() -> Self {
        Vegas { limit: FIRST, least_ns: u64::MAX, samples: 0.0 }
    }

    fn update(&mut self, took_ns: u64, used: f64, failed: bool) {
        let step = self.limit.log10().max(1.0);
        let queue = (self.limit * (1.0 - self.least_ns as f64 / took_ns as f64)).ceil();
        let change = match queue {
            _ if failed => -step,
            _ if 2.0 * used < self.limit => 0.0,
            queue if queue <= step => 6.0 * step,
            queue if queue < 3.0 * step => step,
            queue if queue > 6.0 * step => -step,
            _ => 0.0,
        };
        self.limit = (self.limit + change).clamp(1.0, MOST);
    }
}

impl Default for Vegas {
    fn default() -> Self {
        Vegas::new()
    }
}

impl Admission for Vegas {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        within(self.limit, offer)
    }

    fn settle(&mut self, settle: &Settle) {
        if settle.events == 0 {
            return;
        }
        let took_ns = settle.wait_ns.saturating_add(settle.service_ns).max(1);
        self.samples += 1.0;
        if self.samples > PROBE * self.limit {
            (self.samples, self.least_ns) = (0.0, took_ns);
        }
        self.least_ns = self.least_ns.min(took_ns);
        let used = settle.load.backlog + settle.load.in_hand + settle.events;
        self.update(took_ns, used as f64, settle.failed > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_without_a_queue_holds_with_a_few_and_shrinks_with_many() {
        let mut vegas = Vegas { least_ns: 1000, ..Vegas::new() };
        vegas.update(1000, 20.0, false);
        assert!(vegas.limit > 27.0, "{}", vegas.limit);
        let grown = vegas.limit;
        vegas.update(1200, grown, false);
        assert_eq!(vegas.limit, grown);
        vegas.update(2000, grown, false);
        assert!(vegas.limit < grown);
        let shrunk = vegas.limit;
        vegas.update(1000, 2.0, false);
        assert_eq!(vegas.limit, shrunk);
    }
}

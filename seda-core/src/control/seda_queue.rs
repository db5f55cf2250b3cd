use std::time::Duration;

use super::{Advice, Controller, Sight};

/// SEDA's own thread controller, for comparison: one more thread whenever the queue is long at a sample, one fewer after a
/// time without work (Welsh, Culler, Brewer, SOSP 2001, section 4.2 and figure 8).
///
/// | parameter | SOSP figure 8 | here |
/// |---|---|---|
/// | sample | 2 s | 2 s |
/// | events that wait, from which one is added | 100 | [`threshold`](SedaQueue::threshold), default 100 |
/// | idle time after which one leaves | 5 s | 5 s in which not one of them was needed |
///
/// It sees a queue and no demand: what is shed before the queue never makes it grow. Its code sampled every fourth time
/// only, 8 s in all; this does as the paper says. In a domain the queues of its stages count together. In configuration, with
/// the default threshold: `controller = "seda-queue"`.
///
/// ```
/// use seda_core::{SedaQueue, prelude::*};
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>.threads(1..=20));
/// p.controller("stage.price.threads", SedaQueue::default().threshold(10));
/// # p.start()?;
/// # Ok::<(), seda_core::StartError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SedaQueue {
    threshold: usize,
    since_sample: Duration,
    idle: Duration,
}

const SAMPLE: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(5);
const THRESHOLD: usize = 100;

impl Default for SedaQueue {
    fn default() -> Self {
        SedaQueue { threshold: THRESHOLD, since_sample: Duration::ZERO, idle: Duration::ZERO }
    }
}

impl SedaQueue {
    /// Events that wait at a sample, from which a thread is added. Default 100.
    pub fn threshold(mut self, events: usize) -> Self {
        self.threshold = events.max(1);
        self
    }
}

impl Controller for SedaQueue {
    fn look(&mut self, sight: &Sight<'_>) -> Advice {
        let waiting: usize = sight.stages.iter().map(|stage| stage.queue_len).sum();
        let spare = sight.busy_share() * (sight.value as f64) < sight.value as f64 - 1.0;
        self.idle = if waiting == 0 && spare { self.idle + sight.window } else { Duration::ZERO };
        self.since_sample += sight.window;
        if self.idle >= IDLE && sight.value > sight.range.min {
            self.idle = Duration::ZERO;
            return Advice::turn(sight.value - 1, "one of them was idle for 5 s");
        }
        if self.since_sample < SAMPLE {
            return Advice::hold("between two samples");
        }
        self.since_sample = Duration::ZERO;
        if waiting >= self.threshold && sight.value < sight.range.max {
            return Advice::turn(sight.value + 1, format!("{waiting} events wait, {} or more", self.threshold));
        }
        Advice::hold(format!("{waiting} events wait, of {}", self.threshold))
    }
}

use std::time::Duration;

use super::{Admission, Offer, Settle, Verdict};
use crate::{clock::ns, outcome::Reason};

/// First, least and most limit, in events.
const FIRST: f64 = 20.0;
const LEAST: f64 = 1.0;
const MOST: f64 = 10_000.0;
/// What is left of the limit after an event that came too late.
const DECREASE: f64 = 0.9;

/// A limit on what is in the stage that grows by one and shrinks by a tenth: for comparison.
///
/// After each settle: where it took longer than `timeout` from offer to end, or failed, the limit becomes 0.9 of itself;
/// otherwise one more, if at least half of it was used.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | timeout | time | given |
/// | limit | events | first 20, least 1, most 10,000 |
/// | decrease | | 0.9 |
///
/// Source: Netflix concurrency-limits, `AIMDLimit`; Chiu and Jain, Computer Networks and ISDN Systems 17, 1989. It finds the limit
/// by being late again and again; [`Slo`](crate::Slo) predicts.
///
/// ```
/// use seda_core::{Aimd, ms};
/// let policy = Aimd::new(ms(50));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct Aimd {
    timeout_ns: u64,
    limit: f64,
}

impl Aimd {
    /// Events that take longer than this from offer to end are too late.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Aimd { timeout_ns: ns(timeout), limit: FIRST }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout_ns)
    }
}

impl Admission for Aimd {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        within(self.limit, offer)
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        if settle.events == 0 {
            return;
        }
        let used = settle.load.backlog + settle.load.in_hand + settle.events;
        if settle.failed > 0 || settle.wait_ns.saturating_add(settle.service_ns) > self.timeout_ns {
            self.limit = (self.limit * DECREASE).max(LEAST);
        } else if 2.0 * used as f64 >= self.limit {
            self.limit = (self.limit + 1.0).min(MOST);
        }
    }

    fn aim(&mut self, objective: Duration) {
        self.timeout_ns = ns(objective);
    }

    fn check(&self) -> Option<String> {
        (self.timeout_ns == 0).then(|| "a timeout of no time finds every event late; give a time above 0".to_string())
    }
}

/// What a limit on events in the stage says to an offer.
pub(super) fn within(limit: f64, offer: &Offer) -> Verdict {
    let there = offer.load.backlog + offer.load.in_hand + offer.events;
    if there as f64 <= limit.max(1.0) {
        return Verdict::Admit;
    }
    Verdict::Shed { reason: Reason::new("concurrency"), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Load;

    fn settle(took_ms: u64, backlog: usize) -> Settle<'static> {
        let load = Load { backlog, ..Load::default() };
        Settle { now_ns: 1, events: 1, wait_ns: took_ms * 1_000_000, load, ..Settle::default() }
    }

    #[test]
    fn it_grows_by_one_while_used_and_shrinks_by_a_tenth_when_late() {
        let mut aimd = Aimd::new(Duration::from_millis(50));
        (0..5).for_each(|_| aimd.settle(&settle(10, 20)));
        assert_eq!(aimd.limit, 25.0);
        aimd.settle(&settle(10, 2));
        assert_eq!(aimd.limit, 25.0);
        aimd.settle(&settle(51, 20));
        assert_eq!(aimd.limit, 22.5);
        (0..100).for_each(|_| aimd.settle(&settle(51, 20)));
        assert_eq!(aimd.limit, LEAST);
    }
}

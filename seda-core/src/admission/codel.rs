use super::{Admission, Offer, Settle, Verdict};

/// Service times in the target of [`CoDel::by_service`], and its bounds.
const TARGET_SERVICES: u64 = 2;
const TARGET_LEAST_NS: u64 = 50_000;
const TARGET_MOST_NS: u64 = 20_000_000;
/// Targets in an interval, as 100 ms are of 5 ms.
const INTERVAL_TARGETS: u64 = 20;
/// While overloaded, what has waited longer than so many targets is dropped.
const SLOUGH: u64 = 2;

/// Admits all, and drops at the take what has waited too long while the queue stands: for comparison, and where no objective can
/// be named.
///
/// In each interval the shortest wait is noted. If it was above the target, the queue stands: until an interval's shortest wait
/// is below it, events that waited for more than twice the target end as expired.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | target | time | 5 ms ([`CoDel::new`]), or two service times, 50 us to 20 ms ([`CoDel::by_service`]) |
/// | interval | time | 100 ms, or 20 targets |
///
/// Source: Nichols and Jacobson, RFC 8289, in the form of folly's `Codel` (dropping all that is over twice the target instead
/// of one at a time by a square root). What is dropped was queued: the refusal comes late, and as an expiry. Fixed constants fit
/// one scale of service times; [`Slo`](crate::Slo) needs none.
///
/// ```
/// use seda_core::CoDel;
/// let (preset, by_service) = (CoDel::new(), CoDel::by_service());
/// # let _ = (preset, by_service);
/// ```
#[derive(Clone, Debug)]
pub struct CoDel {
    pub(super) by_service: bool,
    target_ns: u64,
    interval_ends_ns: u64,
    shortest_ns: u64,
    overloaded: bool,
}

impl CoDel {
    /// The preset: a target of 5 ms in intervals of 100 ms.
    #[must_use]
    pub fn new() -> Self {
        let target_ns = 5_000_000;
        CoDel { by_service: false, target_ns, interval_ends_ns: 0, shortest_ns: u64::MAX, overloaded: false }
    }

    /// A target of two mean service times.
    #[must_use]
    pub fn by_service() -> Self {
        CoDel { by_service: true, ..CoDel::new() }
    }

    fn interval(&mut self, now_ns: u64, service_ns: u64) {
        // An interval without a sample says nothing.
        if self.shortest_ns != u64::MAX {
            self.overloaded = self.shortest_ns > self.target_ns;
        }
        self.shortest_ns = u64::MAX;
        if self.by_service && service_ns != 0 {
            self.target_ns = (TARGET_SERVICES * service_ns).clamp(TARGET_LEAST_NS, TARGET_MOST_NS);
        }
        self.interval_ends_ns = now_ns.saturating_add(INTERVAL_TARGETS * self.target_ns);
    }
}

impl Default for CoDel {
    fn default() -> Self {
        CoDel::new()
    }
}

impl Admission for CoDel {
    fn offer(&mut self, _: &Offer) -> Verdict {
        Verdict::Admit
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        if settle.events > 0 {
            self.shortest_ns = self.shortest_ns.min(settle.wait_ns);
        }
        if settle.now_ns >= self.interval_ends_ns {
            self.interval(settle.now_ns, settle.load.service_ns);
        }
    }

    fn patience_ns(&self) -> Option<u64> {
        Some(if self.overloaded { SLOUGH * self.target_ns } else { u64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(now_ms: u64, wait_ms: u64) -> Settle<'static> {
        let (now_ns, wait_ns) = (now_ms * 1_000_000, wait_ms * 1_000_000);
        Settle { now_ns, events: 1, wait_ns, service_ns: 1_000_000, ..Settle::default() }
    }

    #[test]
    fn a_standing_queue_is_sloughed_and_a_burst_is_not() {
        let mut codel = CoDel::new();
        (1..=300).for_each(|ms| codel.settle(&settle(ms, if ms % 50 == 0 { 1 } else { 40 })));
        assert!(!codel.overloaded);
        (301..=600).for_each(|ms| codel.settle(&settle(ms, 40)));
        assert_eq!(codel.patience_ns(), Some(10_000_000));
        (601..=800).for_each(|ms| codel.settle(&settle(ms, 2)));
        assert!(!codel.overloaded);
    }

    #[test]
    fn an_interval_without_a_sample_changes_nothing() {
        let mut codel = CoDel::new();
        (1..=300).for_each(|ms| codel.settle(&settle(ms, 40)));
        codel.settle(&Settle { events: 0, ..settle(900, 0) });
        assert!(codel.overloaded);
    }
}

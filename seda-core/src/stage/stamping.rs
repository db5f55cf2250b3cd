//! Which of the single offers to a queue that is not empty are stamped with the time.

/// A stamp is a look at the clock. Where few offers come, each has one, so that those that wait and those that do not are
/// weighed alike; where many come, some stand for those around them, which wait as long.
#[derive(Debug)]
pub(super) struct Stamping {
    every: u64,
    since_ns: u64,
    offered: u64,
}

/// Of many, one in so many.
const OF_MANY: u64 = 16;
/// So many in a [`WINDOW_NS`] are many: half a million a second, whose looks at the clock would be a hundredth of a processor.
const MANY: u64 = 500;
const WINDOW_NS: u64 = 1_000_000;

impl Stamping {
    pub(super) fn new() -> Self {
        Stamping { every: 1, since_ns: 0, offered: 0 }
    }

    /// Of the offer with this number.
    #[inline]
    pub(super) fn is_due(&self, offered: u64) -> bool {
        offered.is_multiple_of(self.every)
    }

    /// Looks, at times that are known anyway, how many have come.
    pub(super) fn look(&mut self, offered: u64, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.since_ns);
        if passed_ns < WINDOW_NS {
            return;
        }
        let came = offered - self.offered;
        self.every = if came < MANY.saturating_mul(passed_ns / WINDOW_NS) { 1 } else { OF_MANY };
        (self.since_ns, self.offered) = (now_ns, offered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_offers_have_a_stamp_each_and_many_share_one() {
        let mut stamping = Stamping::new();
        assert!(stamping.is_due(3), "before anything is known");
        stamping.look(10_000, WINDOW_NS);
        assert!(!stamping.is_due(10_003) && stamping.is_due(10_000), "many");
        stamping.look(10_010, 2 * WINDOW_NS - 1);
        assert!(!stamping.is_due(10_003), "too early to tell");
        stamping.look(10_010, 3 * WINDOW_NS);
        assert!(stamping.is_due(10_003), "few");
    }
}

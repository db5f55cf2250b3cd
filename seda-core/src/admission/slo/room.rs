//! How many events may wait: arithmetic on the numbers of one moment.

/// Standard deviations of a normal distribution beyond which lies one in a hundred.
const SIGMAS: f64 = 2.33;
/// Above this demand, in capacities, the queue stands and need not be long: it would not be emptied either way.
const OVERLOAD: f64 = 1.05;
/// A full queue of `room` events, offered `load` capacities, runs empty for about load^-room of the time (M/M/1/K): this is
/// ln 100, for one percent.
const ONE_PERCENT: f64 = 4.605;
/// The same for five percent: where even an event that does not wait may be late, a shorter queue costs less.
const FIVE_PERCENT: f64 = 2.996;

/// What the room follows from. Times in ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// From the offer to the end.
    pub(super) slo_ns: f64,
    /// Mean time in handlers, and by how much its 99th percentile is longer.
    pub(super) service_ns: f64,
    pub(super) tail_ns: f64,
    /// Time between two events that leave the queue while all places are in use, and what each adds to the deviation of
    /// the wait.
    pub(super) each_ns: f64,
    pub(super) spread_ns: f64,
    /// Share of the budget for late events that is spent, 0 to 1.
    pub(super) spent: f64,
    /// The same of the budget for those that expire.
    pub(super) expired: f64,
    /// Demand in capacities.
    pub(super) load: f64,
    /// Factor by which the queue must be longer in overload than Poisson arrivals would need.
    pub(super) bursts: f64,
}

impl Numbers {
    /// Most events that may wait.
    #[inline]
    pub(super) fn room(&self) -> f64 {
        let (mean, strict) = (self.mean_room(), self.strict_room());
        let room = mean + (strict.unwrap_or(mean) - mean) * self.spent;
        if !is_overload(self.load) {
            return room;
        }
        let keeps_busy = if strict.is_none() { FIVE_PERCENT } else { ONE_PERCENT * self.bursts };
        let busy = (keeps_busy / self.load.ln()).max(1.0);
        // What is too much for the wait alone would expire: then no more than one is kept at hand.
        let busy = if strict.is_none() { busy + (1.0 - busy) * self.expired } else { busy };
        room.min(busy).max(1.0)
    }

    /// The mean wait and one service fit the objective.
    fn mean_room(&self) -> f64 {
        ((self.slo_ns - self.service_ns) / self.each_ns).max(0.0)
    }

    /// The same for 99 in a hundred: the largest n with n e + s + sqrt(n b^2 + d^2) <= T. None where d alone is too much.
    fn strict_room(&self) -> Option<f64> {
        let (left, tail) = (self.slo_ns - self.service_ns, self.tail_ns);
        if left <= tail {
            return None;
        }
        let each = self.each_ns;
        let spread = SIGMAS * self.spread_ns;
        let half = 2.0 * left * each + spread * spread;
        let root = (half * half - 4.0 * each * each * (left * left - tail * tail)).max(0.0).sqrt();
        Some(((half - root) / (2.0 * each * each)).clamp(0.0, self.mean_room()))
    }
}

/// Whether the demand, in capacities, is more than can be served.
pub(super) fn is_overload(load: f64) -> bool {
    load > OVERLOAD
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exponential service of 4 ms, four places, an objective of 50 ms.
    fn usual() -> Numbers {
        Numbers {
            slo_ns: 50e6,
            service_ns: 4e6,
            tail_ns: 14.4e6,
            each_ns: 1e6,
            spread_ns: 1e6,
            spent: 0.0,
            expired: 0.0,
            load: 0.8,
            bursts: 1.0,
        }
    }

    #[test]
    fn the_mean_wait_fits_while_there_is_budget_and_that_of_99_in_100_when_it_is_spent() {
        assert_eq!(usual().room(), 46.0);
        let spent = Numbers { spent: 1.0, ..usual() }.room();
        assert!((26.0..28.0).contains(&spent), "{spent}");
    }

    #[test]
    fn a_standing_queue_is_as_short_as_keeps_the_workers_busy() {
        let room = |load| Numbers { load, ..usual() }.room();
        assert!((1.9..2.1).contains(&room(10.0)), "{}", room(10.0));
        assert!((13.0..14.0).contains(&room(1.4)), "{}", room(1.4));
        assert_eq!(room(1.06), 46.0);
    }

    #[test]
    fn the_room_is_the_same_at_every_scale() {
        for scale in [0.0025, 0.1, 25.0] {
            let Numbers { slo_ns, service_ns, tail_ns, each_ns, spread_ns, .. } = usual();
            let scaled = Numbers {
                slo_ns: slo_ns * scale,
                service_ns: service_ns * scale,
                tail_ns: tail_ns * scale,
                each_ns: each_ns * scale,
                spread_ns: spread_ns * scale,
                spent: 1.0,
                ..usual()
            };
            let (here, there) = (Numbers { spent: 1.0, ..usual() }.room(), scaled.room());
            assert!((here - there).abs() < 1e-6, "{here} and {there} at {scale}");
        }
    }
}

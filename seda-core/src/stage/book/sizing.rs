//! How many events a worker takes at once, from what they were seen to cost.

use crate::{
    control::{BATCH_PART, BatchSums},
    metrics::BatchSizes,
};

/// A batch should not keep a worker longer than this, as its events are handed on together.
pub(super) const BATCH_NS: u64 = 100_000;
/// From this service time per event on, a queue is shared out between the places instead of going to the first: what it
/// costs to wake another worker. A lower one would feed on itself, as in small batches each event bears more of the
/// batch's own cost.
const SHARE_NS: u64 = 20_000;
/// Weight of a new batch in the mean service time: 1/16, so that one that was preempted does not count for long.
const MEAN_SHIFT: u32 = 4;
/// A faster one counts for more, 1/2, as nothing makes a batch faster than it is.
const MEAN_SHIFT_DOWN: u32 = 1;
/// Batches that the longer mean remembers: one that was preempted for 4 ms weighs 16 us in it, for as many small batches.
const LONG_BATCHES: i64 = 256;
/// A slower one counts as at most so many times the mean, and this.
const CLIP: u64 = 4;
const CLIP_FLOOR_NS: u64 = 100;

/// Of an objective, how long a batch may take.
fn part(objective_ns: Option<u64>) -> Option<u64> {
    objective_ns.map(|objective_ns| (objective_ns / u64::from(BATCH_PART)).max(1))
}

#[derive(Debug)]
pub(crate) struct Sizing {
    /// Events.
    pub(crate) most: usize,
    /// The handler is given its batch in one call.
    pub(crate) whole: bool,
    /// How long a batch may take, by an objective of its own: that holds also for a handler that is given it whole.
    part_ns: Option<u64>,
    /// The same by those of the stages before it.
    behind_ns: Option<u64>,
    /// Mean, per event.
    service_ns: u64,
    /// The same with nothing clipped and a longer memory: what is rare and long counts in it.
    long_ns: u64,
    measured: bool,
    /// For a fit of what batches cost.
    sums: BatchSums,
    largest: u64,
}

impl Sizing {
    pub(super) fn new(most: usize, whole: bool) -> Self {
        let sums = BatchSums::default();
        Sizing {
            most,
            whole,
            part_ns: None,
            behind_ns: None,
            service_ns: 0,
            long_ns: 0,
            measured: false,
            sums,
            largest: 0,
        }
    }

    pub(super) fn keep_to(&mut self, objective_ns: Option<u64>) {
        self.part_ns = part(objective_ns);
    }

    /// The least objective of the stages before it: whoever comes from there waits for a batch here, too.
    pub(crate) fn is_behind(&mut self, objective_ns: Option<u64>) {
        self.behind_ns = part(objective_ns);
    }

    /// Natural batching: what is there, never waiting for more; among so many places.
    pub(super) fn of(&self, len: usize, places: usize) -> usize {
        let most = self.most.min(len);
        if self.whole {
            let few = |part_ns: u64| (part_ns / self.service_ns.max(1)).max(1) as usize;
            return self.part_ns.map_or(most, |part_ns| most.min(few(part_ns)));
        }
        if !self.measured {
            return 1;
        }
        // Beside other places, a long event among many brief ones should not keep those of its batch waiting.
        let mean = if places > 1 { self.service_ns.max(self.long_ns) } else { self.service_ns }.max(1);
        let share = if places > 1 && mean >= SHARE_NS { len.div_ceil(places) } else { len };
        let batch_ns = [self.part_ns, self.behind_ns].into_iter().flatten().fold(BATCH_NS, u64::min);
        most.min(share).min((batch_ns / mean).max(1) as usize)
    }

    pub(super) fn handled(&mut self, events: u64, service_ns: u64) {
        let each = service_ns / events;
        self.service_ns = if self.measured {
            // A batch that was preempted, or came cold, must not make the next ones small for long: that would spread.
            let clipped = each.min(self.service_ns.saturating_mul(CLIP).saturating_add(CLIP_FLOOR_NS));
            let shift = if each < self.service_ns { MEAN_SHIFT_DOWN } else { MEAN_SHIFT };
            let step = (clipped as i64 - self.service_ns as i64) >> shift;
            (self.service_ns as i64 + step).max(0) as u64
        } else {
            each
        };
        let step = (each as i64 - self.long_ns as i64) / LONG_BATCHES;
        self.long_ns = (self.long_ns as i64 + step).max(0) as u64;
        self.measured = true;
        self.sums.add(events, service_ns);
        self.largest = self.largest.max(events);
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.measured
    }

    pub(crate) fn service_ns(&self) -> u64 {
        self.service_ns
    }

    /// How long a batch of `n` is expected to keep a worker; unknown counts as long.
    pub(crate) fn expected_ns(&self, n: usize) -> u64 {
        if self.measured { self.service_ns.saturating_mul(n as u64) } else { u64::MAX }
    }

    /// Whether so many waiting events are worth the wake-up of another worker.
    pub(crate) fn is_plenty(&self, len: usize) -> bool {
        self.expected_ns(len) > SHARE_NS && len > 0
    }

    pub(crate) fn sums(&self) -> BatchSums {
        self.sums
    }

    pub(crate) fn sizes(&self) -> BatchSizes {
        let BatchSums { batches, events, .. } = self.sums;
        let mean = if batches == 0.0 { 0.0 } else { events / batches };
        BatchSizes { mean, max: self.largest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_an_objective_batches_are_small_but_for_handlers_that_are_given_them() {
        for (whole, few) in [(false, 10), (true, 1000)] {
            let mut sizing = Sizing::new(1000, whole);
            sizing.handled(100, 100_000);
            assert_eq!(sizing.of(1000, 1), if whole { 1000 } else { 100 });
            sizing.is_behind(Some(320_000));
            assert_eq!(sizing.of(1000, 1), few);
            sizing.is_behind(None);
            assert_eq!(sizing.of(1000, 1), if whole { 1000 } else { 100 });
        }
    }
}

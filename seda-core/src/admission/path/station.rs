//! A stage behind, as it was read: what came to it, how long its handler takes, and what is on its way there.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Behind, gauge::Gauge, kinds::Counter, quota::Quota};

/// Events by which a mean service time is known.
const REMEMBERED: f64 = 64.0;
/// Of those that are thought to be on their way, so many are still thought so after a reading.
const KEPT: f64 = 0.8;

#[derive(Debug)]
pub(super) struct Station {
    pub(super) behind: Behind,
    pace: Pace,
    /// Taken in or refused, until the last reading.
    pub(super) came: u64,
    pub(super) quota: Quota,
    /// Sent there and not come yet, by what had come when that was last looked at. One that is lost on its way is forgotten
    /// with the readings.
    sent: f64,
    came_until: u64,
}

/// How long handlers take, by the events of late: where few come, those of long ago.
#[derive(Debug, Default)]
pub(super) struct Pace {
    busy_ns: Counter,
    handled: Counter,
    /// Of the last so many.
    sum_ns: f64,
    events: f64,
}

impl Pace {
    pub(super) fn read(&mut self, gauge: &Gauge) {
        if self.events > REMEMBERED {
            (self.sum_ns, self.events) = (self.sum_ns * REMEMBERED / self.events, REMEMBERED);
        }
        self.sum_ns += self.busy_ns.read(gauge.busy_ns.load(Ordering::Relaxed));
        self.events += self.handled.read(gauge.handled.load(Ordering::Relaxed));
    }

    pub(super) fn mean_ns(&self) -> Option<f64> {
        (self.events >= 1.0).then(|| self.sum_ns / self.events)
    }
}

impl Station {
    pub(super) fn new(behind: Behind) -> Self {
        Station { behind, pace: Pace::default(), came: 0, quota: Quota::default(), sent: 0.0, came_until: 0 }
    }

    pub(super) fn gauge(&self) -> &Gauge {
        &self.behind.gauge
    }

    pub(super) fn read(&mut self) {
        let of = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let gauge = &self.behind.gauge;
        let (taken_in, refused) = (of(&gauge.taken_in), of(&gauge.refused));
        self.pace.read(gauge);
        self.came = taken_in + refused;
        self.quota.read(taken_in, refused);
        self.on_their_way();
        self.sent *= KEPT;
    }

    /// So many set out for it.
    pub(super) fn sends(&mut self, events: f64) {
        self.quota.spend(events);
        self.on_their_way();
        self.sent += events;
    }

    /// Those that were sent and have not come yet.
    pub(super) fn on_their_way(&mut self) -> f64 {
        let gauge = &self.behind.gauge;
        let came = gauge.taken_in.load(Ordering::Relaxed) + gauge.refused.load(Ordering::Relaxed);
        let since = came.wrapping_sub(std::mem::replace(&mut self.came_until, came));
        self.sent = (self.sent - since as f64).max(0.0);
        self.sent
    }

    /// Mean time in its handler; none while nothing is known.
    pub(super) fn mean_ns(&self) -> Option<f64> {
        self.pace.mean_ns()
    }

    pub(super) fn places(&self) -> f64 {
        self.gauge().places.load(Ordering::Relaxed).max(1) as f64
    }
}

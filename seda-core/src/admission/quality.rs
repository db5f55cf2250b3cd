use std::{
    fmt,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How good the work of a stage is to be, from 1, its best, down to what is still worth having: lowered by
/// [`Degrade`](crate::Degrade) in overload, read by the handler.
///
/// A handle: its clones are the same knob. Reading it costs one load.
///
/// ```
/// use seda_core::Quality;
/// let quality = Quality::new(0.2..=1.0);
/// let results = (50.0 * quality.level()) as usize;
/// let image = ["icon.png", "small.png", "large.png"][quality.grade(3)];
/// assert_eq!((results, image), (50, "large.png"));
/// ```
#[derive(Clone)]
pub struct Quality {
    least: f64,
    best: f64,
    /// The bits of a float. Written under the lock of one stage, read by handlers that want to be near it, in no order.
    level: Arc<AtomicU64>,
}

impl Quality {
    /// A knob that stands at the upper end of its range, within 0.01 to 1. The best is meant to cost in time what it costs
    /// without the knob, and others about in proportion to their level; they need not in truth.
    #[must_use]
    pub fn new(range: RangeInclusive<f64>) -> Self {
        let (least, best) = range.into_inner();
        Quality { least, best, level: Arc::new(AtomicU64::new(best.to_bits())) }
    }

    /// Where it stands.
    #[must_use]
    pub fn level(&self) -> f64 {
        f64::from_bits(self.level.load(Ordering::Relaxed))
    }

    /// The same as one of so many grades, from 0 for the least to `grades` - 1: for what comes in steps.
    #[must_use]
    pub fn grade(&self, grades: usize) -> usize {
        let part = (self.level() - self.least) / (self.best - self.least).max(f64::MIN_POSITIVE);
        // Only the upper end is the best grade's share of the range too.
        ((part * grades as f64) as usize).min(grades.saturating_sub(1))
    }

    pub(super) fn least(&self) -> f64 {
        self.least
    }

    pub(super) fn best(&self) -> f64 {
        self.best
    }

    /// Sets it, within its range.
    pub(super) fn set(&self, level: f64) {
        self.level.store(level.max(self.least).min(self.best).to_bits(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quality({} of {}..={})", self.level(), self.least, self.best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_range_and_its_grades_share_that() {
        let quality = Quality::new(0.2..=1.0);
        let at = |level| {
            quality.set(level);
            (quality.level(), quality.grade(4))
        };
        assert_eq!([at(7.0), at(0.7), at(0.5), at(0.1)], [(1.0, 3), (0.7, 2), (0.5, 1), (0.2, 0)]);
        assert_eq!(Quality::new(1.0..=1.0).grade(3), 0);
    }
}

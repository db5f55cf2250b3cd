//! What a knob's stages have not needed of late: threads that they can give to others below a ceiling.

/// Looks of which the busiest counts: a second.
const LOOKS: usize = 10;
/// As for [`Demand`](super::Demand): that share of their time workers are busy.
const UTILISATION: f64 = 0.7;

/// Workers that were kept busy, look by look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spare {
    busy: [f64; LOOKS],
    looks: usize,
}

impl Spare {
    pub(crate) fn add(&mut self, busy: f64) {
        self.busy[self.looks % LOOKS] = busy;
        self.looks += 1;
    }

    /// Nobody looked for long, as nothing was at work.
    pub(crate) fn rested(&mut self) {
        *self = Spare { busy: [0.0; LOOKS], looks: LOOKS };
    }

    /// The most that were busy at once in the last second.
    pub(crate) fn busiest(&self) -> f64 {
        self.busy.iter().copied().fold(0.0, f64::max)
    }

    /// Of so many, how many can go; none before a second has been seen.
    pub(crate) fn of(&self, value: usize, least: usize) -> usize {
        if self.looks < LOOKS {
            return 0;
        }
        let needed = (self.busiest() / UTILISATION - 1e-6).ceil().clamp(0.0, 1e6) as usize;
        value.saturating_sub(needed.max(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_busy_for_a_second_can_go_and_nothing_before() {
        let mut spare = Spare::default();
        (0..9).for_each(|_| spare.add(0.0));
        assert_eq!(spare.of(8, 1), 0);
        spare.add(2.0);
        assert_eq!((spare.of(8, 1), spare.of(8, 5), spare.of(2, 1)), (5, 3, 0));
        (0..9).for_each(|_| spare.add(0.0));
        assert_eq!(spare.of(8, 1), 5, "the busiest of the second counts");
        spare.add(0.0);
        assert_eq!(spare.of(8, 1), 7);
    }

    #[test]
    fn who_rested_can_spare_all_above_the_least_at_once() {
        let mut spare = Spare::default();
        spare.rested();
        assert_eq!(spare.of(6, 2), 4);
        spare.add(4.0);
        assert_eq!(spare.of(6, 2), 0);
    }
}

//! How many events are offered, those that are shed with them, over two spans of time.

/// Slots of the ring: at four per objective, the long span is four of them.
const SLOTS: usize = 16;
/// Slots of the short span.
const SHORT: usize = 4;

/// Offers by slot of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand {
    slots: [u32; SLOTS],
    at: usize,
    /// In the short and the long span, without the slot that is not over.
    short: u32,
    long: u32,
    /// Slots that are over, up to all.
    seen: usize,
}

impl Demand {
    pub(super) fn offered(&mut self, events: usize) {
        self.slots[self.at] = self.slots[self.at].saturating_add(events as u32);
    }

    /// The same demand in slots that are so many times as long.
    pub(super) fn scale(&mut self, times: f64) {
        self.slots.iter_mut().for_each(|slot| *slot = (f64::from(*slot) * times).round() as u32);
        let before = |slots: usize| (1..=slots).map(|back| self.slots[(self.at + SLOTS - back) % SLOTS]);
        self.short = before(SHORT).fold(0, u32::wrapping_add);
        self.long = before(SLOTS - 1).fold(0, u32::wrapping_add);
    }

    /// So many slots of time are over.
    pub(super) fn turn(&mut self, slots: u64) {
        for _ in 0..slots.min(SLOTS as u64) {
            let now = self.slots[self.at];
            let leaves = self.slots[(self.at + SLOTS - SHORT) % SLOTS];
            self.short = self.short.wrapping_add(now).wrapping_sub(leaves);
            self.at = (self.at + 1) % SLOTS;
            self.long = self.long.wrapping_add(now).wrapping_sub(self.slots[self.at]);
            self.slots[self.at] = 0;
            self.seen = (self.seen + 1).min(SLOTS);
        }
    }

    /// Events per slot, the less of the two spans: that of the long one does not follow a burst, that of the short one falls
    /// as soon as the demand does. 0 until the short one is full.
    pub(super) fn per_slot(&self) -> f64 {
        if self.seen < SHORT {
            return 0.0;
        }
        let short = f64::from(self.short) / SHORT as f64;
        short.min(f64::from(self.long) / (SLOTS - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_no_demand_and_the_end_of_one_is_seen_at_once() {
        let mut demand = Demand::default();
        let mut slot = |events| {
            demand.offered(events);
            demand.turn(1);
            demand.per_slot()
        };
        (0..20).for_each(|_| _ = slot(10));
        assert_eq!(slot(10), 10.0);
        assert!(slot(300) < 30.0);
        (0..20).for_each(|_| _ = slot(100));
        assert_eq!(slot(100), 100.0);
        (0..3).for_each(|_| _ = slot(10));
        assert_eq!(slot(10), 10.0);
    }

    #[test]
    fn a_long_silence_forgets_all() {
        let mut demand = Demand::default();
        (0..10).for_each(|_| {
            demand.offered(50);
            demand.turn(1);
        });
        demand.turn(u64::MAX);
        assert_eq!(demand.per_slot(), 0.0);
    }
}

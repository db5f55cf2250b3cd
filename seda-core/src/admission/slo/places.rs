//! How the stage's places are used, over time.

/// Places that are held longer than handlers work, by this factor, are stalled; below it is noise.
const STALLED: f64 = 1.25;
/// Weight of the past in that, per slot of time.
const PAST: f64 = 0.9;

/// How the places are used, over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Use {
    pub(super) places: usize,
    busy: usize,
    pub(super) since_ns: u64,
    /// Place-time in use in this slot, and the handlers' share of it.
    held_ns: f64,
    pub(super) worked_ns: f64,
    /// The same with what was before.
    held_past_ns: f64,
    worked_past_ns: f64,
}

impl Use {
    /// At most so much time since the last note counts: a clock that jumps has kept no place.
    #[inline]
    pub(super) fn note(&mut self, now_ns: u64, busy: usize, most_ns: f64) {
        self.held_ns += self.busy as f64 * (now_ns.saturating_sub(self.since_ns) as f64).min(most_ns);
        self.since_ns = now_ns.max(self.since_ns);
        self.busy = busy;
    }

    /// Ends a slot of time; the share of it in which places were idle.
    pub(super) fn turn(&mut self, slot_ns: f64) -> f64 {
        let idle = 1.0 - self.held_ns / (slot_ns * self.places.max(1) as f64);
        self.held_past_ns = PAST * self.held_past_ns + std::mem::take(&mut self.held_ns);
        self.worked_past_ns = PAST * self.worked_past_ns + std::mem::take(&mut self.worked_ns);
        idle
    }

    /// Time between two events that leave the queue while all places are in use, at that mean service time.
    #[inline]
    pub(super) fn each_ns(&self, mean_ns: f64) -> f64 {
        mean_ns * self.stall() / self.places.max(1) as f64
    }

    /// By which factor places are held longer than handlers work.
    #[inline]
    fn stall(&self) -> f64 {
        let factor = self.held_past_ns / self.worked_past_ns.max(1.0);
        if self.worked_past_ns > 0.0 && factor > STALLED { factor } else { 1.0 }
    }
}

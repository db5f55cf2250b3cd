//! What is done per time while something is shed.

/// Weight of the past turns.
pub(super) const PAST: f64 = 0.75;

/// The capacity, as it was seen: what binds need not be the threads, but a processor, a stage behind, a policy. In turns,
/// whose length is up to who asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Capacity {
    began_ns: u64,
    sheds: u64,
    done: f64,
    /// Length of a turn.
    turn_ns: f64,
    /// Per ns; 0 until something was shed.
    rate: f64,
}

impl Capacity {
    pub(super) fn shed(&mut self) {
        self.sheds += 1;
    }

    /// So much was done, in events or in work.
    pub(super) fn done(&mut self, much: f64) {
        self.done += much;
    }

    /// A turn is over; false where nothing can be said of it: it was the first, or took no time.
    pub(super) fn turn(&mut self, now_ns: u64) -> bool {
        let elapsed_ns = now_ns.saturating_sub(self.began_ns) as f64;
        let (sheds, done) = (std::mem::take(&mut self.sheds), std::mem::take(&mut self.done));
        let is_first = self.began_ns == 0;
        self.began_ns = now_ns;
        if is_first || elapsed_ns == 0.0 {
            return false;
        }
        self.turn_ns = if self.turn_ns == 0.0 { elapsed_ns } else { past(self.turn_ns, elapsed_ns) };
        let rate = done / elapsed_ns;
        if sheds > 0 && self.rate > 0.0 {
            self.rate = past(self.rate, rate).max(rate);
        } else if sheds > 0 || self.rate > 0.0 {
            self.rate = self.rate.max(rate);
        }
        true
    }

    pub(super) fn turn_ns(&self) -> f64 {
        self.turn_ns
    }

    /// Per ns; none until something was shed.
    pub(super) fn rate(&self) -> Option<f64> {
        (self.rate > 0.0).then_some(self.rate)
    }
}

pub(super) fn past(past: f64, now: f64) -> f64 {
    PAST * past + (1.0 - PAST) * now
}

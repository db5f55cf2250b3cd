//! What is done per time while something is shed.

/// Weight of the past turns; while there were only few, each counts as much as the ones before it.
const PAST: f64 = 0.75;

/// The capacity, as it was seen: what binds need not be the threads, but a processor, a stage behind, a policy. In turns,
/// whose length is up to who asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Capacity {
    /// Turns that are over.
    turns: u32,
    /// Of this turn.
    began_ns: u64,
    sheds: u64,
    done: f64,
    /// Length of a turn.
    turn_ns: f64,
    /// Per ns; 0 until something was shed.
    rate: f64,
}

/// How much a turn counts against what was before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight(f64);

impl Weight {
    pub(super) fn with(self, past: f64, now: f64) -> f64 {
        past + self.0 * (now - past)
    }
}

impl Capacity {
    /// A turn begins with an offer; only the first is not where the last one ended.
    pub(super) fn begins(&mut self, now_ns: u64) {
        if self.turns == 0 {
            self.began_ns = now_ns;
        }
    }

    pub(super) fn shed(&mut self) {
        self.sheds += 1;
    }

    /// So much was done, in events or in work.
    pub(super) fn done(&mut self, much: f64) {
        self.done += much;
    }

    /// A turn is over, and counts so much. None where it took no time: nothing can be said of it, and it goes on.
    pub(super) fn turn(&mut self, now_ns: u64) -> Option<Weight> {
        let elapsed_ns = now_ns.saturating_sub(self.began_ns) as f64;
        // A clock may have gone back.
        self.began_ns = now_ns;
        if elapsed_ns == 0.0 {
            return None;
        }
        self.turns = self.turns.saturating_add(1);
        let weight = Weight((1.0 / f64::from(self.turns)).max(1.0 - PAST));
        let (sheds, done) = (std::mem::take(&mut self.sheds), std::mem::take(&mut self.done));
        self.turn_ns = weight.with(self.turn_ns, elapsed_ns);
        let rate = done / elapsed_ns;
        if sheds > 0 && self.rate > 0.0 {
            self.rate = weight.with(self.rate, rate).max(rate);
        } else if sheds > 0 || self.rate > 0.0 {
            self.rate = self.rate.max(rate);
        }
        Some(weight)
    }

    pub(super) fn turn_ns(&self) -> f64 {
        self.turn_ns
    }

    /// Per ns; none until something was shed.
    pub(super) fn rate(&self) -> Option<f64> {
        (self.rate > 0.0).then_some(self.rate)
    }
}

//! How fast the queue is worked off where the threads serve other stages too: as it was seen while something waited.

/// Weight of the past, per slot of time.
const PAST: f64 = 0.9;

/// Time in which something waited, and what was taken in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain {
    /// Since when something waits, and until when that has been counted.
    waits_since_ns: Option<u64>,
    since_ns: u64,
    waited_ns: f64,
    taken: f64,
    /// The same with what was before.
    waited_past_ns: f64,
    taken_past: f64,
}

impl Drain {
    /// At most so much time since the last note counts.
    pub(super) fn note(&mut self, now_ns: u64, waiting: usize, most_ns: f64) {
        if self.waits_since_ns.is_some() {
            self.waited_ns += (now_ns.saturating_sub(self.since_ns) as f64).min(most_ns);
        }
        self.since_ns = now_ns.max(self.since_ns);
        self.waits_since_ns = if waiting > 0 { self.waits_since_ns.or(Some(now_ns)) } else { None };
    }

    /// So many were taken. What did not wait says nothing of how long that takes.
    pub(super) fn take(&mut self, now_ns: u64, events: usize, waiting: usize, most_ns: f64) {
        if self.waits_since_ns.is_some_and(|since_ns| now_ns > since_ns) {
            self.taken += events as f64;
        }
        self.note(now_ns, waiting, most_ns);
    }

    /// A slot of time is over.
    pub(super) fn turn(&mut self) {
        self.waited_past_ns = PAST * self.waited_past_ns + std::mem::take(&mut self.waited_ns);
        self.taken_past = PAST * self.taken_past + std::mem::take(&mut self.taken);
    }

    /// Time between two events that are taken while others wait; 0 where none waited.
    pub(super) fn each_ns(&self) -> f64 {
        (self.waited_past_ns + self.waited_ns) / (self.taken_past + self.taken).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_while_something_waits_is_the_pace_and_what_did_not_wait_says_nothing() {
        let mut drain = Drain::default();
        // Ten at once; one is taken each 3 ms, as the others have the threads in between.
        drain.note(1_000_000, 10, 1e9);
        for at in 1..=10u64 {
            drain.take(1_000_000 + at * 3_000_000, 1, 10 - at as usize, 1e9);
        }
        assert_eq!(drain.each_ns(), 3e6);
        drain.turn();
        for at in 100..200 {
            drain.note(at * 1_000_000, 1, 1e9);
            drain.take(at * 1_000_000, 1, 0, 1e9);
        }
        assert_eq!(drain.each_ns(), 3e6);
    }
}

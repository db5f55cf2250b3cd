//! The books of a simulation for what was measured elsewhere.

use std::ops::Range;

use super::{
    figures::Figures,
    tallies::{Origin, Tallies, Window},
    tally::{End, Ended},
};
use crate::outcome::Refusal;

/// Figures of phases and windows, from offers in the order of their intended times.
pub(crate) struct Books {
    slo_ns: u64,
    tallies: Tallies,
}

impl Books {
    pub(crate) fn new(slo_ns: u64, window_ns: u64) -> Self {
        Books { slo_ns, tallies: Tallies::new(0, window_ns) }
    }

    pub(crate) fn phase(&mut self, name: String, during: Range<u64>) {
        self.tallies.phase(name, during);
    }

    pub(crate) fn refused(&mut self, at_ns: u64, why: &Refusal) {
        self.tallies.each(Origin { at_ns, kind: None }, |tally| {
            tally.requested();
            tally.refused(why);
        });
    }

    pub(crate) fn done(&mut self, at_ns: u64, latency_ns: u64, busy_ns: u64) {
        let good = latency_ns <= self.slo_ns;
        self.ended(at_ns, Ended { end: End::Done, latency_ns, good, given_up: false, busy_ns });
    }

    pub(crate) fn lost(&mut self, at_ns: u64) {
        self.ended(at_ns, Ended { end: End::Expired, latency_ns: 0, good: false, given_up: false, busy_ns: 0 });
    }

    fn ended(&mut self, at_ns: u64, ended: Ended) {
        self.tallies.each(Origin { at_ns, kind: None }, |tally| {
            tally.requested();
            tally.admitted();
            tally.ended(&ended);
            if ended.good {
                tally.answered();
            }
        });
    }

    pub(crate) fn close(self) -> (Vec<(String, Figures)>, Vec<Window>) {
        (self.tallies.all_phases(), self.tallies.all_windows())
    }
}

//! What is offered at each level, and where the highest stop to fit.

use crate::admission::capacity::Weight;

/// Levels that are told apart; those above count as the highest.
pub(super) const LEVELS: usize = 128;

#[derive(Clone, Debug)]
pub(super) struct Levels {
    /// Events by level, in this turn and per turn before.
    offered: [f64; LEVELS],
    past: [f64; LEVELS],
}

/// From a level on all fit, and of the one below it a part.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Cut {
    pub(super) from: usize,
    pub(super) part: f64,
}

impl Default for Levels {
    fn default() -> Self {
        Levels { offered: [0.0; LEVELS], past: [0.0; LEVELS] }
    }
}

impl Levels {
    pub(super) fn offered(&mut self, level: usize, events: f64) {
        self.offered[level] += events;
    }

    /// What is offered now becomes past.
    pub(super) fn turn(&mut self, weight: Weight) {
        for (past, now) in self.past.iter_mut().zip(&mut self.offered) {
            *past = weight.with(*past, std::mem::take(now));
        }
    }

    /// The highest that is offered more than now and then.
    pub(super) fn highest(&self) -> usize {
        self.past.iter().rposition(|&offered| offered >= 1.0).unwrap_or(0)
    }

    /// For so many events a turn, of which those below the cut have a share.
    pub(super) fn cut(&self, can: f64, floor: f64) -> Cut {
        let (total, mut above) = (self.past.iter().sum::<f64>(), 0.0);
        if total <= can {
            return Cut::default();
        }
        for level in (0..LEVELS).rev() {
            let here = self.past[level];
            // Not below zero, by which the sums of floats may miss it: then an empty level would be the cut.
            let room = (can - above - (can * floor).min(total - above - here)).max(0.0);
            if here > room {
                return Cut { from: level + 1, part: room / here };
            }
            above += here;
        }
        Cut::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_where_the_sum_from_the_top_is_what_can_be_done_less_the_floor_of_those_below() {
        let mut levels = Levels::default();
        for (level, events) in [(127, 20.0), (60, 100.0), (3, 200.0)] {
            levels.past[level] = events;
        }
        let cut = |can| levels.cut(can, 0.05);
        assert_eq!(cut(320.0), Cut::default());
        assert_eq!(cut(100.0), Cut { from: 61, part: 0.75 });
        // Nobody is below the last, so it has the floor too.
        assert_eq!(cut(200.0), Cut { from: 4, part: 0.4 });
        assert_eq!(cut(10.0), Cut { from: 128, part: 0.475 });
        assert_eq!(levels.highest(), 127);
    }
}

//! What controllers did, and what they say: the latest in a ring, the rest in counters.

use std::{collections::VecDeque, fmt, time::Duration};

use serde::Serialize;

use super::figures::short;
use crate::{name::cut, units::as_ns};

/// Decisions that are kept, of one pipeline.
const KEPT: usize = 64;

/// One turn of a knob by its controller.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// Time since the start.
    #[serde(rename = "at_ns", serialize_with = "as_ns")]
    pub at: Duration,
    /// The stage or domain.
    pub name: String,
    /// The knob: `threads`, `limit` or `batch_max`.
    pub what: &'static str,
    /// Where it stood.
    pub from: usize,
    /// Where it stands now; in the shadow, where it would.
    pub to: usize,
    /// In words, with the numbers that said so.
    pub why: String,
    /// It was only said, not done.
    pub shadow: bool,
}

/// One line: `price: threads 4 -> 6: p90 wait 412 ms over 250 ms, busy 97 %`.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.shadow { "would turn " } else { "" };
        write!(f, "{}: {would}{} {} -> {}: {}", self.name, self.what, self.from, self.to, self.why)
    }
}

/// One knob that was given a range, and what its controller said last.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct KnobSnapshot {
    /// As configuration calls it: `stage.price.threads`.
    pub key: String,
    /// The stage or domain.
    pub name: String,
    /// `threads`, `limit` or `batch_max`.
    pub what: &'static str,
    /// Which controller turns it: `demand` or `seda-queue`, as configuration calls them, `batch-cost` for a batch size; `in code`
    /// for one that the code gave.
    pub controller: &'static str,
    /// Where it stands.
    pub value: usize,
    /// Where it may stand, at least.
    pub min: usize,
    /// And at most.
    pub max: usize,
    /// Why it was left, or turned, at the last look.
    pub says: String,
    /// Times that it was turned up.
    pub ups: u64,
    /// Times that it was turned down.
    pub downs: u64,
    /// Of threads: the share of their time in handlers in which they computed at the last look, 0 to 1; none where that is
    /// not known.
    pub cpu: Option<f64>,
    /// Cores that there are for them, where that is known.
    pub cores: Option<f64>,
}

/// The latest decisions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decisions {
    ring: VecDeque<Decision>,
    pub(crate) knobs: Vec<KnobSnapshot>,
}

impl Decisions {
    pub(crate) fn add(&mut self, decision: Decision) {
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back(decision);
    }

    pub(crate) fn latest(&self) -> Vec<Decision> {
        self.ring.iter().cloned().collect()
    }
}

/// The last few, at most 80 columns wide, for a table.
pub(super) fn table(decisions: &[Decision], most: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for decision in &decisions[decisions.len().saturating_sub(most)..] {
        writeln!(f, "{}", cut(&format!("{} {decision}", short(decision.at)), 80))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_no_more_than_64() {
        let mut decisions = Decisions::default();
        for n in 1..=1000 {
            let (at, name, why) = (Duration::from_secs(n as u64), "price".to_string(), String::new());
            decisions.add(Decision { at, name, what: "threads", from: n, to: n + 1, why, shadow: false });
        }
        let kept = decisions.latest();
        assert_eq!((kept.len(), kept[0].from, kept[63].from), (64, 937, 1000));
    }
}

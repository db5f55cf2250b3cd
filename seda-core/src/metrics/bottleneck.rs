use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    decision::KnobSnapshot,
    snapshot::{Snapshot, StageSnapshot},
};
use crate::name::cut;

/// The stage that holds the rest up, and what would move it. Printed, it is one sentence.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Bottleneck {
    /// Its name.
    pub stage: String,
    /// Share of the time in which its workers were in the handler, 0 to 1, since the start.
    pub busy: f64,
    /// Share of its offers that came back full or shed, or that it dropped or let expire, 0 to 1.
    pub lost: f64,
    /// What shows that it holds others up.
    pub sign: String,
    /// What would move it.
    pub cure: String,
}

/// One that has more time to spare is not short of workers.
const BUSY: f64 = 0.7;
/// And one with more than that does not hold anything up, whatever it loses.
const BUSY_LEAST: f64 = 0.5;
/// A share of losses that counts.
const LOST: f64 = 0.01;
/// So much of the cores at work is all of them: a thread that spins is never seen to compute all of its time.
const CORES: f64 = 0.9;
/// A share of the time in which others stand still for it that counts.
const HELD_UP: f64 = 0.05;

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bottleneck: `{}`, {}; {}", cut(&self.stage, 24), self.sign, self.cure)
    }
}

impl Bottleneck {
    /// The same in two lines of at most 80 columns.
    pub(crate) fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", cut(&format!("bottleneck: `{}`, {}", cut(&self.stage, 24), self.sign), 80))?;
        writeln!(f, "    {}", cut(&self.cure, 76))
    }
}

impl Snapshot {
    /// The stage that holds the rest up, with what would move it; none where nothing is held up. By what was seen since the
    /// start: a stage that stands still for want of room behind it is not the one, but what it waits for.
    ///
    /// ```
    /// use seda_core::{prelude::*, test::{Takes, Virtual}};
    /// let mut p = Pipeline::named("orders");
    /// let (decode, orders) = p.stage("decode", (|n: u32| n).queue(8));
    /// p.end_with("price", orders, drop::<u32>.threads(2).queue(8));
    /// let mut sim = Virtual::start(p, 1)?;
    /// sim.takes("price", Takes::fixed(ms(10)));
    /// for _ in 0..200 {
    ///     let _ = sim.offer(decode, 1);
    ///     sim.advance(ms(1));
    /// }
    /// let bottleneck = sim.snapshot().bottleneck().unwrap();
    /// assert_eq!(bottleneck.stage, "price");
    /// assert!(bottleneck.to_string().contains("a faster handler, or more threads than its 2"), "{bottleneck}");
    /// # Ok::<(), seda_core::StartError>(())
    /// ```
    #[must_use]
    pub fn bottleneck(&self) -> Option<Bottleneck> {
        let found = self.stages.iter().filter_map(|stage| self.looks_like(stage));
        found.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, found)| found)
    }

    /// How much it holds up, and how it looks.
    fn looks_like(&self, stage: &StageSnapshot) -> Option<(f64, Bottleneck)> {
        let secs = self.elapsed.as_secs_f64().max(1e-9);
        let busy = stage.busy_share(self.elapsed);
        if stage.blocked > stage.busy {
            return None;
        }
        let held: Duration = self
            .stages
            .iter()
            .flat_map(|other| &other.blocked_on)
            .filter(|of| of.on == stage.name)
            .map(|of| of.time)
            .sum();
        let held = held.as_secs_f64() / secs;
        let counts = &stage.counts;
        let lost = (counts.full + counts.shed + counts.expired + counts.dropped) as f64 / counts.offered.max(1) as f64;
        let full = stage.queue_len * 2 >= stage.queue_bound;
        let is_short = busy >= BUSY_LEAST && (lost >= LOST || full);
        if held < HELD_UP && !is_short {
            return None;
        }
        let mut sign = format!("busy {:.0} %", 100.0 * busy);
        if let Some(cpu) = self.threads_of(stage).and_then(|knob| knob.cpu) {
            sign += &format!(", CPU {:.0} %", 100.0 * cpu);
        }
        if lost >= LOST {
            sign += &format!(", loses {:.0} % of its offers", 100.0 * lost);
        }
        if held >= HELD_UP {
            sign += &format!(", held others up {:.0} % of the time", 100.0 * held.min(1.0));
        } else if full {
            sign += &format!(", queue {} of {}", stage.queue_len, stage.queue_bound);
        }
        let cure = self.cure(stage, busy);
        let found = Bottleneck { stage: stage.name.clone(), busy, lost, sign, cure };
        Some((busy + held.min(1.0) + lost, found))
    }

    fn knob(&self, name: &str, what: &str) -> Option<&KnobSnapshot> {
        self.knobs.iter().find(|knob| knob.name == name && knob.what == what)
    }

    /// The knob of the threads that run it.
    fn threads_of(&self, stage: &StageSnapshot) -> Option<&KnobSnapshot> {
        self.knob(&stage.domain, "threads")
    }

    fn cure(&self, stage: &StageSnapshot, busy: f64) -> String {
        if busy < BUSY && stage.counts.shed > 0 {
            return "its policy sheds while workers have time to spare: let it admit more".to_string();
        }
        if let Some((computing, cores)) = self.threads_of(stage).and_then(at_the_cores) {
            return format!("a quicker handler, or more cores: {computing:.1} of its threads compute, on {cores:.0}");
        }
        let knob = self.knob(&stage.name, "limit").or_else(|| self.threads_of(stage));
        if stage.limit < stage.threads && stage.domain != stage.name {
            return format!("a faster handler, or a higher limit than {}", stage.limit);
        }
        match knob {
            Some(knob) if knob.value < knob.max => {
                format!("{} may still grow to {} ({})", knob.what, knob.max, knob.says)
            }
            Some(knob) => {
                format!("a faster handler, or a wider range of {} than {}..{}", knob.what, knob.min, knob.max)
            }
            None => format!("a faster handler, or more threads than its {}", stage.threads),
        }
    }
}

/// Workers that compute and the cores that they have, where those are all at work.
fn at_the_cores(knob: &KnobSnapshot) -> Option<(f64, f64)> {
    let (computing, cores) = (knob.cpu? * knob.value as f64, knob.cores?);
    (computing >= CORES * cores).then_some((computing, cores))
}

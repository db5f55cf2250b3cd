//! Runs the controllers: gathers what they see, lets them say what they think of it, does it, and writes it down. Called by
//! a driver at its times, while anything is at work.

mod ceiling;
mod turning;
mod window;

use std::{sync::atomic::Ordering, time::Duration};

use self::{
    turning::Loop,
    window::{knob, stuck},
};
use crate::{
    control::{Controller, Which},
    graph::{Graph, health::AtWork, knobs::Held},
    metrics::short,
    sync::lock,
};

/// Time between two looks.
pub(super) const PERIOD_NS: u64 = 100_000_000;
/// After a longer gap, of sleep or of a clock that jumped, a new window begins.
const GAP_NS: u64 = 10 * PERIOD_NS;

/// What controllers need of a driver.
pub(super) trait Hands {
    /// That a domain is to have.
    fn threads(&self, domain: usize) -> usize;
    fn at_work(&self) -> Vec<AtWork>;
    /// How many cores there are, and what a domain's threads had of them since the start; none where that is not known.
    fn spent(&mut self, domain: usize) -> Option<(f64, Spent)>;
    fn resize(&mut self, domain: usize, threads: usize) -> std::io::Result<()>;
}

/// What it takes to turn a knob.
struct Act<'a> {
    graph: &'a Graph,
    now_ns: u64,
    hands: &'a mut dyn Hands,
}

/// What threads had of the processor.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Spent {
    pub(crate) computed_ns: u64,
    /// They could run, and waited for a core.
    pub(crate) queued_ns: u64,
}

impl Spent {
    pub(super) fn and(self, other: Spent) -> Self {
        let (computed_ns, queued_ns) = (self.computed_ns + other.computed_ns, self.queued_ns + other.queued_ns);
        Spent { computed_ns, queued_ns }
    }
}

/// The controllers of one pipeline.
#[derive(Default)]
pub(super) struct Controllers {
    loops: Vec<Loop>,
    /// The user's own whose knob is a number now, or is turned by one of ours.
    waiting: Vec<(String, Box<dyn Controller>)>,
    changes: u64,
    last_ns: u64,
}

impl Controllers {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut all = Controllers { waiting: std::mem::take(&mut *lock(&graph.controllers)), ..Controllers::default() };
        all.refresh(graph, 0);
        all
    }

    /// When they are to look; none where no knob is given as a range.
    pub(super) fn due_ns(&self, graph: &Graph) -> Option<u64> {
        let none = self.loops.is_empty() && self.changes == graph.changes.load(Ordering::Relaxed);
        (!none).then_some(self.last_ns + PERIOD_NS)
    }

    /// Those whose knob is a range now; a knob that a number has taken away begins anew when it comes back.
    fn refresh(&mut self, graph: &Graph, now_ns: u64) {
        self.changes = graph.changes.load(Ordering::Relaxed);
        let mut old = std::mem::take(&mut self.loops);
        let mut knobs = Vec::new();
        for (at, held) in graph.held().into_iter().enumerate() {
            let same = |other: &Loop| other.held.key == held.key && other.held.which == held.which;
            let kept = old.iter().position(same).map(|at| old.swap_remove(at));
            let mut next = kept.unwrap_or_else(|| {
                let own = self.own(&held);
                Loop::new(held.clone(), own, graph, now_ns)
            });
            knobs.push(knob(graph, &held, next.which()));
            (next.held, next.at) = (held, at);
            self.loops.push(next);
        }
        for gone in old.into_iter().filter(|gone| gone.is_own) {
            self.waiting.extend(gone.controller.map(|controller| (gone.held.key, controller)));
        }
        lock(&graph.decisions).knobs = knobs;
    }

    /// The user's own for that knob, unless configuration names one of ours.
    fn own(&mut self, held: &Held) -> Option<Box<dyn Controller>> {
        let at = self.waiting.iter().position(|(key, _)| *key == held.key)?;
        matches!(held.which, Which::Own | Which::BatchCost).then(|| self.waiting.swap_remove(at).1)
    }

    /// All look at the same moment; then what they advise is done, one after the other.
    pub(super) fn look(&mut self, graph: &Graph, now_ns: u64, hands: &mut dyn Hands) {
        if self.changes != graph.changes.load(Ordering::Relaxed) {
            self.refresh(graph, now_ns);
        }
        let gap_ns = now_ns.saturating_sub(std::mem::replace(&mut self.last_ns, now_ns));
        let at_work = hands.at_work();
        let stuck = stuck(graph, now_ns, &at_work);
        for each in &mut self.loops {
            each.count_busy(graph, gap_ns, &at_work);
            let hold = if gap_ns > GAP_NS {
                Some(format!("a new window, after {} in which nobody looked", short(Duration::from_nanos(gap_ns))))
            } else {
                stuck.iter().find(|(stage, _)| each.held.stages.contains(stage)).map(|(_, why)| why.clone())
            };
            if let Some(why) = hold {
                each.begin(graph, now_ns, hands);
                each.says(graph, why);
                continue;
            }
            each.look(graph, now_ns, hands);
        }
        self.do_all(&mut Act { graph, now_ns, hands });
    }
}

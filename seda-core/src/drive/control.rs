//! Runs the controllers: gathers what they see, lets them say what they think of it, does it, and writes it down. Called by
//! a driver at its times, while anything is at work.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::Ordering,
    time::Duration,
};

use crate::{
    control::{Advice, BatchCost, Control, Controller, Demand, Processor, Sight, StageSight},
    graph::{Graph, health::AtWork, knobs::Held},
    metrics::{Decision, KnobSnapshot, short},
    stage::books::Tally,
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
    /// The user's own whose knob is a number now.
    waiting: Vec<(String, Box<dyn Controller>)>,
    changes: u64,
    last_ns: u64,
}

/// One knob and its controller.
struct Loop {
    held: Held,
    /// None once it has panicked.
    controller: Option<Box<dyn Controller>>,
    is_own: bool,
    began_ns: u64,
    before: Vec<Before>,
    spent: Option<Spent>,
    /// What it said in the shadow.
    said: Option<usize>,
    at: usize,
}

/// One stage as the window began.
#[derive(Clone, Default)]
struct Before {
    tally: Tally,
    blocked: Duration,
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
            knobs.push(knob(graph, &held));
            let kept = old.iter().position(|other| other.held.key == held.key).map(|at| old.swap_remove(at));
            let mut next = kept.unwrap_or_else(|| self.new_loop(held.clone(), now_ns, graph));
            (next.held, next.at) = (held, at);
            self.loops.push(next);
        }
        for gone in old.into_iter().filter(|gone| gone.is_own) {
            self.waiting.extend(gone.controller.map(|controller| (gone.held.key, controller)));
        }
        lock(&graph.decisions).knobs = knobs;
    }

    fn new_loop(&mut self, held: Held, now_ns: u64, graph: &Graph) -> Loop {
        let own = self.waiting.iter().position(|(key, _)| *key == held.key).map(|at| self.waiting.swap_remove(at).1);
        let is_own = own.is_some();
        let ours = || -> Box<dyn Controller> {
            if held.is_batch() { Box::<BatchCost>::default() } else { Box::<Demand>::default() }
        };
        let controller = Some(own.unwrap_or_else(ours));
        let before = held.stages.iter().map(|&stage| before(graph, stage, now_ns)).collect();
        // Threads that are there from the start have had nothing before it.
        let spent = (now_ns == 0).then(Spent::default);
        Loop { held, controller, is_own, began_ns: now_ns, before, spent, said: None, at: 0 }
    }

    pub(super) fn look(&mut self, graph: &Graph, now_ns: u64, hands: &mut dyn Hands) {
        if self.changes != graph.changes.load(Ordering::Relaxed) {
            self.refresh(graph, now_ns);
        }
        let gap_ns = now_ns.saturating_sub(std::mem::replace(&mut self.last_ns, now_ns));
        let stuck = stuck(graph, now_ns, &hands.at_work());
        for each in &mut self.loops {
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
    }
}

impl Loop {
    /// A new window.
    fn begin(&mut self, graph: &Graph, now_ns: u64, hands: &mut dyn Hands) {
        self.before = self.held.stages.iter().map(|&stage| before(graph, stage, now_ns)).collect();
        self.spent = self.spent_now(graph, hands).map(|(_, spent)| spent);
        self.began_ns = now_ns;
    }

    fn spent_now(&self, graph: &Graph, hands: &mut dyn Hands) -> Option<(f64, Spent)> {
        let domain = graph.stages[*self.held.stages.first()?].domain;
        // Of one stage in a shared domain it is not known.
        (self.held.domain.is_some() || graph.domains[domain].own).then(|| hands.spent(domain)).flatten()
    }

    fn look(&mut self, graph: &Graph, now_ns: u64, hands: &mut dyn Hands) {
        if self.held.control == Control::Off {
            return self.says(graph, "its controller is off".to_string());
        }
        let now: Vec<Before> = self.held.stages.iter().map(|&stage| before(graph, stage, now_ns)).collect();
        let seen: Vec<StageSight> = self.sights(graph, &now);
        let (offered, settled) = seen.iter().fold((0, 0), |sum, of| (sum.0 + of.offered, sum.1 + of.settled));
        if settled == 0 {
            if offered == 0 && seen.iter().all(|of| of.queue_len == 0) {
                self.begin(graph, now_ns, hands);
            }
            return self.says(graph, "nothing was settled in this window".to_string());
        }
        let spent = self.spent_now(graph, hands);
        let processor = spent.zip(self.spent).map(|((cores, now), before)| {
            let since = |now: u64, before: u64| Duration::from_nanos(now.saturating_sub(before));
            Processor::new(cores, since(now.computed_ns, before.computed_ns), since(now.queued_ns, before.queued_ns))
        });
        let window = Duration::from_nanos(now_ns - self.began_ns);
        (self.before, self.spent, self.began_ns) = (now, spent.map(|(_, spent)| spent), now_ns);
        match self.ask(graph, window, &seen, processor) {
            Some(Advice::Turn { to, why }) if to != self.held.value => self.turn(graph, now_ns, to, why, hands),
            Some(Advice::Turn { why, .. }) => self.says(graph, why),
            Some(Advice::Hold { why }) => self.says(graph, why.into_owned()),
            None => {}
        }
    }

    /// What the controller says, within the range; none once it has panicked.
    fn ask(
        &mut self,
        graph: &Graph,
        window: Duration,
        stages: &[StageSight],
        processor: Option<Processor>,
    ) -> Option<Advice> {
        let mut controller = self.controller.take()?;
        let Held { key, value, range, .. } = &self.held;
        let sight = Sight { key, value: *value, range: *range, window, stages, processor };
        let Ok(advice) = catch_unwind(AssertUnwindSafe(|| controller.look(&sight))) else {
            tracing::error!(pipeline = %graph.shared.name, key, "a controller panicked and is not asked any more");
            self.says(graph, "its controller panicked".to_string());
            return None;
        };
        let advice = match advice {
            Advice::Turn { to, why } => Advice::Turn { to: sight.clamp(to), why },
            hold => hold,
        };
        self.controller = Some(controller);
        Some(advice)
    }

    fn sights(&self, graph: &Graph, now: &[Before]) -> Vec<StageSight> {
        let all = self.held.stages.iter().zip(self.before.iter().zip(now));
        let sights = all.map(|(&stage, (before, now))| {
            let (was, is) = (&before.tally, &now.tally);
            StageSight {
                name: graph.stages[stage].name.clone(),
                offered: is.offered.saturating_sub(was.offered),
                lost: is.lost.saturating_sub(was.lost),
                settled: is.settled.saturating_sub(was.settled),
                busy: Duration::from_nanos(is.busy_ns.saturating_sub(was.busy_ns)),
                blocked: now.blocked.saturating_sub(before.blocked),
                wait_p90: Duration::from_nanos(is.wait.quantile_since(&was.wait, 0.9)),
                deviation: is.deviation,
                queue_len: is.queue_len,
                queue_bound: is.queue_bound,
                oldest: Duration::from_nanos(is.oldest_ns),
                batches: is.batches.since(&was.batches),
            }
        });
        sights.collect()
    }

    fn turn(&mut self, graph: &Graph, now_ns: u64, to: usize, why: String, hands: &mut dyn Hands) {
        let from = self.held.value;
        let to = match (self.held.domain, graph.threads_max()) {
            (Some(_), Some(most)) if to > from => {
                let all = graph.domains.iter().enumerate().filter(|(_, plan)| !plan.tasks);
                let room = most.saturating_sub(all.map(|(domain, _)| hands.threads(domain)).sum());
                if room == 0 {
                    return self.says(
                        graph,
                        format!("{to} would be right, and the ceiling of {most} threads is reached: {why}"),
                    );
                }
                to.min(from + room)
            }
            _ => to,
        };
        let shadow = self.held.control == Control::Shadow;
        if shadow && self.said.replace(to) == Some(to) {
            return self.says(graph, why);
        }
        if !shadow {
            match graph.adjust(&self.held, to, |domain, threads| hands.resize(domain, threads)) {
                Ok(true) => self.held.value = to,
                // A number has taken it away; the next look sees that.
                Ok(false) => return,
                Err(error) => return self.says(graph, format!("no thread could be added: {error}")),
            }
        }
        tracing::info!(pipeline = %graph.shared.name, key = %self.held.key, from, to, why, shadow, "a controller turned a knob");
        let at = Duration::from_nanos(now_ns.saturating_sub(1));
        let (name, what) = (self.held.name.clone(), self.held.what);
        let mut decisions = lock(&graph.decisions);
        if let Some(knob) = decisions.knobs.get_mut(self.at).filter(|_| !shadow) {
            knob.value = to;
            *(if to > from { &mut knob.ups } else { &mut knob.downs }) += 1;
        }
        decisions.add(Decision { at, name, what, from, to, why: why.clone(), shadow });
        drop(decisions);
        self.says(graph, why);
    }

    fn says(&self, graph: &Graph, why: String) {
        if let Some(knob) = lock(&graph.decisions).knobs.get_mut(self.at) {
            knob.says = why;
        }
    }
}

fn before(graph: &Graph, stage: usize, now_ns: u64) -> Before {
    let tally = if now_ns == 0 { Tally::default() } else { graph.stages[stage].activation.inbox.tally(now_ns) };
    let edges = graph.edges.iter().filter(|edge| edge.from as usize == stage);
    Before { tally, blocked: edges.map(|edge| edge.blocked(now_ns)).sum() }
}

/// Stages of which a worker has not returned for longer than the watchdog, in words.
fn stuck(graph: &Graph, now_ns: u64, at_work: &[AtWork]) -> Vec<(usize, String)> {
    let age_ns = |work: &AtWork| now_ns.saturating_sub(work.since_ns);
    let stuck = at_work.iter().filter(|work| age_ns(work) >= graph.shared.watchdog_ns());
    let words = stuck.map(|work| {
        let (name, age) = (&graph.stages[work.stage].name, Duration::from_nanos(age_ns(work)));
        (work.stage, format!("a handler of `{name}` has not returned for {}", short(age)))
    });
    words.collect()
}

fn knob(graph: &Graph, held: &Held) -> KnobSnapshot {
    let old = lock(&graph.decisions).knobs.iter().find(|knob| knob.key == held.key).cloned();
    let (ups, downs) = old.as_ref().map_or((0, 0), |knob| (knob.ups, knob.downs));
    KnobSnapshot {
        key: held.key.clone(),
        name: held.name.clone(),
        what: held.what,
        value: held.value,
        min: held.range.min,
        max: held.range.max,
        says: old.map_or_else(|| "has not looked yet".to_string(), |knob| knob.says),
        ups,
        downs,
    }
}

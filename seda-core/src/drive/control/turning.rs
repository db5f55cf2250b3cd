//! One knob and its controller: a look, and what is done about it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    Act, GAP_NS, Hands, Spent,
    window::{Before, before, sight},
};
use crate::{
    control::{Advice, Control, Controller, Processor, Sight, Spare, StageSight, Which},
    graph::{Graph, health::AtWork, knobs::Held},
    metrics::Decision,
    sync::lock,
};

pub(super) struct Loop {
    pub(super) held: Held,
    /// None once it has panicked.
    pub(super) controller: Option<Box<dyn Controller>>,
    pub(super) is_own: bool,
    /// Where it stands in the snapshot.
    pub(super) at: usize,
    /// What it advises, until it is done.
    pub(super) wish: Option<(usize, String)>,
    /// Workers that were busy of late.
    pub(super) spare: Spare,
    busy_ns: u64,
    began_ns: u64,
    before: Vec<Before>,
    spent: Option<Spent>,
    /// What it said in the shadow.
    said: Option<usize>,
}

impl Loop {
    pub(super) fn new(held: Held, own: Option<Box<dyn Controller>>, graph: &Graph, now_ns: u64) -> Self {
        let is_own = own.is_some();
        let controller = Some(own.unwrap_or_else(|| held.which.make()));
        let before: Vec<Before> = held.stages.iter().map(|&stage| before(graph, stage, now_ns)).collect();
        // Threads that are there from the start have had nothing before it.
        let spent = (now_ns == 0).then(Spent::default);
        let busy_ns = before.iter().map(|of| of.tally.busy_ns).sum();
        let (spare, wish, said) = (Spare::default(), None, None);
        Loop { held, controller, is_own, at: 0, wish, spare, busy_ns, began_ns: now_ns, before, spent, said }
    }

    /// Who turns it.
    pub(super) fn which(&self) -> Which {
        if self.is_own { Which::Own } else { self.held.which }
    }

    /// Notes how many workers were busy since the last look; where something waits, all of them count.
    pub(super) fn count_busy(&mut self, graph: &Graph, gap_ns: u64, at_work: &[AtWork]) {
        let of = |&stage: &usize| graph.stages[stage].activation.inbox.work();
        let (busy_ns, waits) =
            self.held.stages.iter().map(of).fold((0, false), |sum, of| (sum.0 + of.0, sum.1 | (of.1 > 0)));
        let worked_ns = busy_ns - std::mem::replace(&mut self.busy_ns, busy_ns).min(busy_ns);
        if gap_ns > GAP_NS {
            self.spare.rested();
        }
        let now = at_work.iter().filter(|work| self.held.stages.contains(&work.stage)).count();
        let share = if gap_ns > GAP_NS { 0.0 } else { worked_ns as f64 / gap_ns.max(1) as f64 };
        let value = self.held.value as f64;
        self.spare.add(if waits { value } else { share.max(now as f64) });
    }

    /// A new window.
    pub(super) fn begin(&mut self, graph: &Graph, now_ns: u64, hands: &mut dyn Hands) {
        self.before = self.held.stages.iter().map(|&stage| before(graph, stage, now_ns)).collect();
        self.spent = self.spent_now(graph, hands).map(|(_, spent)| spent);
        self.began_ns = now_ns;
    }

    fn spent_now(&self, graph: &Graph, hands: &mut dyn Hands) -> Option<(f64, Spent)> {
        let domain = graph.stages[*self.held.stages.first()?].domain;
        // Of one stage in a shared domain it is not known.
        (self.held.domain.is_some() || graph.domains[domain].own).then(|| hands.spent(domain)).flatten()
    }

    pub(super) fn look(&mut self, graph: &Graph, now_ns: u64, hands: &mut dyn Hands) {
        if self.held.control == Control::Off {
            return self.says(graph, "its controller is off".to_string());
        }
        let now: Vec<Before> = self.held.stages.iter().map(|&stage| before(graph, stage, now_ns)).collect();
        let seen = self.held.stages.iter().zip(self.before.iter().zip(&now));
        let seen: Vec<StageSight> = seen.map(|(&stage, (before, now))| sight(graph, stage, before, now)).collect();
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
            Some(Advice::Turn { to, why }) if to != self.held.value => self.wish = Some((to, why)),
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
        self.tell_cpu(graph, &sight);
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

    /// Does it, and writes it down; false where it was not done.
    pub(super) fn turn(&mut self, (to, why): (usize, String), act: &mut Act<'_>) -> bool {
        let graph = act.graph;
        let from = self.held.value;
        let shadow = self.held.control == Control::Shadow;
        if shadow && self.said.replace(to) == Some(to) {
            self.says(graph, why);
            return false;
        }
        if !shadow {
            match graph.adjust(&self.held, to, |domain, threads| act.hands.resize(domain, threads)) {
                Ok(true) => self.held.value = to,
                // A live change came in between; the next look sees it.
                Ok(false) => return false,
                Err(error) => {
                    self.says(graph, format!("no thread could be added: {error}"));
                    return false;
                }
            }
        }
        let key = &self.held.key;
        tracing::info!(pipeline = %graph.shared.name, %key, from, to, why, shadow, "a controller turned a knob");
        let at = Duration::from_nanos(act.now_ns.saturating_sub(1));
        let (name, what) = (self.held.name.clone(), self.held.what);
        let mut decisions = lock(&graph.decisions);
        if let Some(knob) = decisions.knobs.get_mut(self.at).filter(|_| !shadow) {
            knob.value = to;
            *(if to > from { &mut knob.ups } else { &mut knob.downs }) += 1;
        }
        decisions.add(Decision { at, name, what, from, to, why: why.clone(), shadow });
        drop(decisions);
        self.says(graph, why);
        !shadow
    }

    pub(super) fn says(&self, graph: &Graph, why: String) {
        if let Some(knob) = lock(&graph.decisions).knobs.get_mut(self.at) {
            knob.says = why;
        }
    }

    /// For the bottleneck: who computes all of its time is bound by the cores.
    fn tell_cpu(&self, graph: &Graph, sight: &Sight<'_>) {
        if let Some(knob) = lock(&graph.decisions).knobs.get_mut(self.at) {
            knob.cpu = sight.computing();
            knob.cores = sight.processor.map(|processor| processor.cores);
        }
    }
}

//! What controllers see: what stages did between two looks.

use std::time::Duration;

use crate::{
    control::{StageSight, Which},
    graph::{Graph, health::AtWork, knobs::Held},
    metrics::{KnobSnapshot, short},
    stage::books::Tally,
    sync::lock,
};

/// One stage as the window began.
#[derive(Clone, Default)]
pub(super) struct Before {
    pub(super) tally: Tally,
    blocked: Duration,
}

pub(super) fn before(graph: &Graph, stage: usize, now_ns: u64) -> Before {
    let tally = if now_ns == 0 { Tally::default() } else { graph.stages[stage].activation.inbox.tally(now_ns) };
    let edges = graph.edges.iter().filter(|edge| edge.from as usize == stage);
    Before { tally, blocked: edges.map(|edge| edge.blocked(now_ns)).sum() }
}

/// What a stage did between two looks.
pub(super) fn sight(graph: &Graph, stage: usize, before: &Before, now: &Before) -> StageSight {
    let (was, is) = (&before.tally, &now.tally);
    let node = &graph.stages[stage];
    let objective_ns = node.activation.inbox.core.objective_ns();
    StageSight {
        name: node.name.clone(),
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
        objective: objective_ns.map(Duration::from_nanos),
        batches: is.batches.since(&was.batches),
    }
}

/// Stages of which a worker has not returned for longer than the watchdog, in words.
pub(super) fn stuck(graph: &Graph, now_ns: u64, at_work: &[AtWork]) -> Vec<(usize, String)> {
    let age_ns = |work: &AtWork| now_ns.saturating_sub(work.since_ns);
    let stuck = at_work.iter().filter(|work| age_ns(work) >= graph.shared.watchdog_ns());
    let words = stuck.map(|work| {
        let (name, age) = (&graph.stages[work.stage].name, Duration::from_nanos(age_ns(work)));
        (work.stage, format!("a handler of `{name}` has not returned for {}", short(age)))
    });
    words.collect()
}

pub(super) fn knob(graph: &Graph, held: &Held, which: Which) -> KnobSnapshot {
    let old = lock(&graph.decisions).knobs.iter().find(|knob| knob.key == held.key).cloned();
    let (ups, downs) = old.as_ref().map_or((0, 0), |knob| (knob.ups, knob.downs));
    KnobSnapshot {
        key: held.key.clone(),
        name: held.name.clone(),
        what: held.what,
        controller: which.word(),
        value: held.value,
        min: held.range.min,
        max: held.range.max,
        says: old.as_ref().map_or_else(|| "has not looked yet".to_string(), |knob| knob.says.clone()),
        ups,
        downs,
        cores: old.as_ref().and_then(|knob| knob.cores),
        cpu: old.and_then(|knob| knob.cpu),
    }
}

//! Who calls the activations: workers that park and wake, or one heap of (time, sequence).

mod caller;
pub(crate) mod keeper;
mod pump;
pub(crate) mod threads;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;
pub(crate) mod virtual_time;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    graph::Graph,
    metrics::{Blocked, EdgeSnapshot, Snapshot},
    ready::ReadySet,
    stage::core::Home,
};

/// Gives every stage its home: the bit that says that it can run.
fn settle_in(graph: &Graph) -> Vec<Arc<ReadySet>> {
    let mut sets = Vec::with_capacity(graph.domains.len());
    for (index, plan) in graph.domains.iter().enumerate() {
        let ready = Arc::new(ReadySet::new(plan.spans.clone()));
        for (bit, &stage) in plan.stages.iter().enumerate() {
            let home = Home { ready: ready.clone(), bit, domain: index as u32, host: OnceLock::new() };
            let _ = graph.stages[stage].activation.books().core().home.set(home);
            graph.stages[stage].activation.books().wake_up();
        }
        sets.push(ready);
    }
    sets
}

/// One look at everything; each stage's lock is held for the copy of its numbers.
pub(crate) fn snapshot(graph: &Graph, now_ns: u64, threads: impl Fn(usize) -> usize) -> Snapshot {
    let elapsed = Duration::from_nanos(now_ns);
    let stages = graph.stages.iter().enumerate().map(|(index, node)| {
        let mut stage = node.activation.books().snapshot(now_ns, elapsed);
        let domain = &graph.domains[node.domain];
        stage.domain.clone_from(&domain.name);
        stage.threads = threads(node.domain);
        for edge in graph.edges.iter().filter(|edge| edge.from as usize == index) {
            let time = edge.blocked(now_ns);
            stage.blocked += time;
            if !time.is_zero() {
                stage.blocked_on.push(Blocked { on: edge.to.clone(), time });
            }
        }
        let capacity = elapsed.saturating_mul(stage.threads as u32);
        stage.idle = if domain.own { capacity.saturating_sub(stage.busy + stage.blocked) } else { Duration::ZERO };
        stage
    });
    let edges = graph.edges.iter().map(|edge| {
        let offered = edge.offered.load(std::sync::atomic::Ordering::Relaxed);
        let produced = edge.produced.load(std::sync::atomic::Ordering::Relaxed);
        EdgeSnapshot {
            from: edge.port.clone(),
            to: edge.to.clone(),
            produced,
            offered,
            left: produced.saturating_sub(offered),
        }
    });
    Snapshot { pipeline: graph.shared.name.clone(), elapsed, stages: stages.collect(), edges: edges.collect() }
}

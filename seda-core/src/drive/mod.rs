//! Who calls the activations: workers that park and wake, or one heap of (time, sequence).

mod caller;
mod concerns;
mod control;
#[cfg_attr(not(feature = "sim"), allow(dead_code, reason = "only a simulation says how many cores there are"))]
mod cores;
pub(crate) mod keeper;
mod processor;
mod pump;
pub(crate) mod threads;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;
pub(crate) mod virtual_time;

use std::{
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

#[cfg(feature = "metrics")]
use crate::metrics::Seen;
use crate::{
    graph::Graph,
    metrics::{Blocked, Distribution, EdgeSnapshot, Snapshot},
    ready::ReadySet,
    stage::{books::Look, core::Home},
    sync::lock,
};

/// Gives every stage its home: the bit that says that it can run.
fn settle_in(graph: &Graph) -> Vec<Arc<ReadySet>> {
    let mut sets = Vec::with_capacity(graph.domains.len());
    for (index, plan) in graph.domains.iter().enumerate() {
        let ready = Arc::new(ReadySet::new(plan.spans.clone()));
        for (bit, &stage) in plan.stages.iter().enumerate() {
            let home = Home {
                ready: ready.clone(),
                bit,
                domain: index as u32,
                own: plan.own && !plan.tasks,
                host: OnceLock::new(),
            };
            let _ = graph.stages[stage].activation.inbox.core.home.set(home);
            graph.stages[stage].activation.inbox.wake_up();
        }
        sets.push(ready);
    }
    sets
}

/// Everything measured at one moment, and the tables behind the percentiles.
pub(crate) struct Looked {
    pub(crate) snapshot: Snapshot,
    /// Wait and service of each stage.
    #[cfg_attr(
        not(any(feature = "metrics", feature = "sim")),
        allow(dead_code, reason = "only the facade and the simulation are told of whole distributions")
    )]
    pub(crate) tables: Vec<[Distribution; 2]>,
}

/// What the threads of each domain had of the processor since the start.
#[cfg(feature = "sim")]
pub(crate) struct SpentBy {
    /// That they share; none where it is not known.
    pub(crate) cores: Option<f64>,
    /// By the domain's name; not those of which it is not known.
    pub(crate) domains: Vec<(String, control::Spent)>,
}

/// One look at everything; each stage's lock is held for the copy of its numbers.
pub(crate) fn look(graph: &Graph, now_ns: u64, threads: impl Fn(usize) -> usize) -> Looked {
    let elapsed = Duration::from_nanos(now_ns);
    let mut tables = Vec::with_capacity(graph.stages.len());
    let stages = graph.stages.iter().enumerate().map(|(index, node)| {
        let Look { mut stage, wait, service } = node.activation.inbox.look(now_ns, elapsed);
        (stage.wait, stage.service) = (wait.percentiles(), service.percentiles());
        tables.push([wait, service]);
        let domain = &graph.domains[node.domain];
        stage.domain.clone_from(&domain.name);
        stage.threads = threads(node.domain);
        for edge in graph.edges.iter().filter(|edge| edge.from as usize == index) {
            let time = edge.blocked(now_ns);
            stage.blocked += time;
            match stage.blocked_on.iter_mut().find(|blocked| blocked.on == edge.to) {
                Some(blocked) => blocked.time += time,
                None if time.is_zero() => {}
                None => stage.blocked_on.push(Blocked { on: edge.to.clone(), time }),
            }
        }
        let capacity = elapsed.saturating_mul(stage.threads as u32);
        stage.idle = if domain.own { capacity.saturating_sub(stage.busy + stage.blocked) } else { Duration::ZERO };
        stage
    });
    let stages = stages.collect();
    let edges = graph.edges.iter().map(|edge| {
        let offered = edge.offered.load(Ordering::Relaxed);
        let produced = edge.produced.load(Ordering::Relaxed);
        EdgeSnapshot {
            from: edge.port.clone(),
            to: edge.to.clone(),
            produced,
            offered,
            left: produced.saturating_sub(offered),
        }
    });
    let decisions = lock(&graph.decisions);
    let (knobs, decisions) = (decisions.knobs.clone(), decisions.latest());
    let pipeline = graph.shared.name.clone();
    let snapshot = Snapshot { pipeline, elapsed, stages, edges: edges.collect(), knobs, decisions };
    Looked { snapshot, tables }
}

/// To the calling thread's recorder, whatever it is.
#[cfg(feature = "metrics")]
pub(crate) fn publish(graph: &Graph, look: impl FnOnce() -> Looked) {
    facade::with_recorder(|recorder| graph.shared.publisher.publish(recorder, || seen(graph, look())));
}

/// The same by itself: not while somebody else does.
#[cfg(feature = "metrics")]
fn publish_by_itself(graph: &Graph, look: impl FnOnce() -> Looked) {
    facade::with_recorder(|recorder| graph.shared.publisher.try_publish(recorder, || seen(graph, look())));
}

/// Whether a recorder is installed; the one that stands for none has no size.
#[cfg(feature = "metrics")]
fn anyone_listens() -> bool {
    facade::with_recorder(|recorder| std::mem::size_of_val(recorder) > 0)
}

#[cfg(feature = "metrics")]
fn seen(graph: &Graph, looked: Looked) -> Seen {
    let answers = graph.answers.iter().map(|(name, counts)| {
        let (answered, unheard) = (counts.answered.load(Ordering::Relaxed), counts.unheard.load(Ordering::Relaxed));
        (name.clone(), [answered, unheard])
    });
    Seen { snapshot: looked.snapshot, tables: looked.tables, answers: answers.collect() }
}

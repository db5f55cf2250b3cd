//! The order in which a graph comes to its end. A component ends when what is upstream of it has ended and nothing is
//! left in it: no queue, hand, outbox or source; then its handlers are flushed, once, and what they give is awaited.

use super::Graph;
use crate::stage::{book::Flush, books::Probe};

/// How far a drain has come. Pure: it looks at the books and asks for flushes; who waits is the driver's affair.
pub(crate) struct Drain {
    ended: Vec<bool>,
}

impl Drain {
    pub(crate) fn new(graph: &Graph) -> Self {
        Drain { ended: vec![false; graph.components.len()] }
    }

    /// Looks once, at all components in order; true when all have ended.
    pub(crate) fn look(&mut self, graph: &Graph) -> bool {
        for (index, component) in graph.components.iter().enumerate() {
            let upstream_ended = component.upstream.iter().all(|&up| self.ended[up]);
            if upstream_ended && !self.ended[index] {
                self.ended[index] = has_ended(graph, &component.stages);
            }
        }
        self.ended.iter().all(|&ended| ended)
    }
}

fn has_ended(graph: &Graph, stages: &[usize]) -> bool {
    let inboxes = || stages.iter().map(|&stage| &graph.stages[stage].activation.inbox);
    // Twice: an event on its way round a cycle can be behind the first look all along, but then it is counted as
    // offered somewhere before the second.
    let first: Vec<Probe> = inboxes().map(|inbox| inbox.probe()).collect();
    let second: Vec<Probe> = inboxes().map(|inbox| inbox.probe()).collect();
    if first != second || first.iter().any(|probe| !probe.empty || probe.source_running) {
        return false;
    }
    inboxes().for_each(|inbox| inbox.ask_flush());
    first.iter().all(|probe| probe.flush == Flush::Done)
}

//! Tells once of each stage what its policy has found that it cannot keep, as an objective below the service time.

use std::time::Duration;

use crate::graph::Graph;

/// How often it is asked for: each time costs the lock of each stage that has an objective.
const EVERY_NS: u64 = Duration::from_secs(1).as_nanos() as u64;

#[derive(Default)]
pub(super) struct Concerns {
    /// By stage.
    told: Vec<usize>,
    last_ns: u64,
}

impl Concerns {
    pub(super) fn look(&mut self, graph: &Graph, now_ns: u64) {
        if now_ns.saturating_sub(self.last_ns) < EVERY_NS {
            return;
        }
        self.last_ns = now_ns;
        for (at, node) in graph.stages.iter().enumerate() {
            let inbox = &node.activation.inbox;
            if !inbox.core.has_objective() || self.told.contains(&at) {
                continue;
            }
            if let Some(concern) = inbox.concern() {
                self.told.push(at);
                tracing::warn!(pipeline = %graph.shared.name, stage = %node.name, concern, "an admission policy cannot keep its promise");
            }
        }
    }
}

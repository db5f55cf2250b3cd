//! What an objective asks of the stages behind the one that has it.

use super::Graph;

impl Graph {
    /// A stage behind others keeps its batches within the least of their objectives; at the start, and when one was changed.
    pub(super) fn spread_objectives(&self) {
        let objective = |stage: usize| self.stages[stage].activation.inbox.core.objective_ns();
        let with: Vec<usize> = (0..self.stages.len()).filter(|&stage| objective(stage).is_some()).collect();
        let Some(wiring) = self.shared.wiring.get().filter(|_| !with.is_empty()) else { return };
        for (to, node) in self.stages.iter().enumerate() {
            let before = with.iter().filter(|&&from| from != to && wiring.reaches[from][to]);
            let least = before.filter_map(|&from| objective(from)).min();
            node.activation.inbox.is_behind(least);
        }
    }
}

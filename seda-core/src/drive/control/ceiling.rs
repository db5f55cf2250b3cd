//! Doing what controllers advise, within the ceilings: most threads of the pipeline, and most of all pipelines that share a
//! budget. Before one is denied, those that have not needed theirs for a second give some back.

use super::{Act, Controllers, Hands, Loop};
use crate::{control::Control, graph::Graph};

impl Controllers {
    /// What is turned down makes room for what is turned up.
    pub(super) fn do_all(&mut self, act: &mut Act<'_>) {
        for at in 0..self.loops.len() {
            let each = &mut self.loops[at];
            if !each.wants_threads()
                && let Some(wish) = each.wish.take()
            {
                self.turn(at, wish, act);
            }
        }
        let mut missed_here = false;
        for at in 0..self.loops.len() {
            if let Some(wish) = self.loops[at].wish.take() {
                missed_here |= self.grow(at, wish, act);
            }
        }
        let turnable = self.loops.iter().filter(|each| each.gives());
        act.graph.share.could_give(turnable.map(|each| each.held.value - each.held.range.min).sum());
        // What it asked the others for itself is not its own to hear.
        if !missed_here {
            self.make_room(None, act.graph.share.missed(), act);
        }
    }

    /// A limit, a batch size, or fewer threads.
    fn turn(&mut self, at: usize, (to, why): (usize, String), act: &mut Act<'_>) {
        let from = self.loops[at].held.value;
        if self.loops[at].turn((to, why), act) && self.loops[at].held.domain.is_some() {
            act.graph.share.give(from - to);
        }
    }

    /// More threads, as far as there are any; true where the budget of the process has too few.
    fn grow(&mut self, at: usize, (to, why): (usize, String), act: &mut Act<'_>) -> bool {
        let from = self.loops[at].held.value;
        if self.loops[at].held.control == Control::Shadow {
            let room = act.room().saturating_add(self.spare_beside(at));
            if room == 0 {
                let most = act.graph.threads_max().unwrap_or(0);
                self.loops[at].says(act.graph, denied(to, &reached(most), &why));
            } else {
                self.loops[at].turn((to.min(from.saturating_add(room)), why), act);
            }
            return false;
        }
        let wanted = to - from;
        let lacking = wanted.saturating_sub(act.room().min(act.graph.share.left()));
        self.make_room(Some(at), lacking, act);
        let below_ceiling = act.room().min(wanted);
        let got = act.graph.share.take(below_ceiling);
        if got < below_ceiling {
            act.graph.share.miss(below_ceiling - got);
        }
        if got == 0 {
            let which = match act.graph.threads_max().filter(|_| below_ceiling == 0) {
                Some(most) => reached(most),
                None => format!("the budget of {} threads is spent", act.graph.share.most().unwrap_or(0)),
            };
            self.loops[at].says(act.graph, denied(to, &which, &why));
        } else if !self.loops[at].turn((from + got, why), act) {
            act.graph.share.give(got);
        }
        got < below_ceiling
    }

    /// Threads that have not been needed go, for a knob of this pipeline or for another pipeline.
    fn make_room(&mut self, whose: Option<usize>, mut lacking: usize, act: &mut Act<'_>) {
        let whom = whose.map_or("another pipeline".to_string(), |at| format!("`{}`", self.loops[at].held.name));
        while lacking > 0 {
            let spare = |at: &usize| if Some(*at) == whose { 0 } else { self.loops[*at].spare() };
            let Some(at) = (0..self.loops.len()).max_by_key(spare).filter(|at| spare(at) > 0) else { return };
            let giver = &self.loops[at];
            let (from, n) = (giver.held.value, giver.spare().min(lacking));
            let why =
                format!("for {whom}: at most {:.1} of {from} were busy in the last second", giver.spare.busiest());
            self.turn(at, (from - n, why), act);
            // A live change may have come just now.
            if self.loops[at].held.value == from {
                return;
            }
            lacking -= n;
        }
    }

    fn spare_beside(&self, whose: usize) -> usize {
        (0..self.loops.len()).filter(|&at| at != whose).map(|at| self.loops[at].spare()).sum()
    }
}

fn reached(most: usize) -> String {
    format!("the ceiling of {most} threads is reached")
}

fn denied(to: usize, which: &str, why: &str) -> String {
    format!("{to} would be right, and {which}: {why}")
}

impl Loop {
    fn wants_threads(&self) -> bool {
        self.held.domain.is_some() && self.wish.as_ref().is_some_and(|(to, _)| *to > self.held.value)
    }

    fn gives(&self) -> bool {
        self.held.domain.is_some() && self.held.control == Control::On
    }

    /// Threads that it has not needed.
    fn spare(&self) -> usize {
        if self.gives() && self.wish.is_none() { self.spare.of(self.held.value, self.held.range.min) } else { 0 }
    }
}

impl Act<'_> {
    /// Threads that may be added below the pipeline's own ceiling.
    fn room(&self) -> usize {
        let Some(most) = self.graph.threads_max() else { return usize::MAX };
        most.saturating_sub(all_threads(self.graph, self.hands))
    }
}

fn all_threads(graph: &Graph, hands: &dyn Hands) -> usize {
    let all = graph.domains.iter().enumerate().filter(|(_, plan)| !plan.tasks);
    all.map(|(domain, _)| hands.threads(domain)).sum()
}

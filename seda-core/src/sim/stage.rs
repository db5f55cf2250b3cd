//! What a simulation knows of a stage, for its own events and for those that sources and handlers made.

use std::sync::Arc;

use super::{
    board::Board,
    service::{Draws, Service},
};
use crate::drive::virtual_time::Model;

/// A stage's model.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) draws: Option<Draws>,
    /// For some kinds of their own, by index.
    pub(super) of_kind: Vec<(usize, Draws)>,
}

impl Stage {
    pub(super) fn named(name: &str) -> Self {
        Stage { name: name.to_string(), ..Stage::default() }
    }

    /// A handler begins: its time, and whether it will fail.
    pub(super) fn begins(&mut self, kind: Option<usize>, at_ns: u64) -> (u64, bool) {
        let own = kind.and_then(|kind| self.of_kind.iter_mut().find(|(of, _)| *of == kind));
        let draws = own.map(|(_, draws)| draws).or(self.draws.as_mut());
        draws.map_or((0, false), |draws| (draws.time_ns(at_ns), draws.fails()))
    }
}

/// What is known of each stage without the lock.
pub(super) struct Beside {
    board: Arc<Board>,
    stages: Vec<Aside>,
}

#[derive(Clone, Copy)]
struct Aside {
    per_batch_ns: u64,
    computes: f64,
}

impl Beside {
    pub(super) fn new(board: &Arc<Board>) -> Self {
        let asides = |stage: &Stage| {
            let service = stage.draws.as_ref().map(|draws| &draws.service);
            let per_batch_ns = service.map_or(0, Service::per_batch_ns);
            Aside { per_batch_ns, computes: service.map_or(0.0, Service::computes) }
        };
        let stages = board.state().stages.iter().map(asides).collect();
        Beside { board: board.clone(), stages }
    }
}

impl Model for Beside {
    /// For events that the simulation did not offer: made by sources and handlers.
    fn beside_ns(&mut self, stage: usize, events: usize) -> u64 {
        let begun = self.board.take_begun();
        let per_batch_ns = if events > 0 { self.stages[stage].per_batch_ns } else { 0 };
        if events <= begun {
            return per_batch_ns;
        }
        let at_ns = self.board.now_ns();
        let Some(draws) = &mut self.board.state().stages[stage].draws else { return per_batch_ns };
        per_batch_ns + (begun..events).map(|_| draws.time_ns(at_ns)).sum::<u64>()
    }

    fn computes(&self, stage: usize) -> f64 {
        self.stages[stage].computes
    }
}

//! The graph: how it is declared, what is checked before it starts, how it comes to its end, what it adds up to.

mod check;
mod declare;
pub(crate) mod drain;
mod drawing;
mod fits;
pub(crate) mod health;
pub(crate) mod knobs;
mod ledger;
mod link;
pub(crate) mod live;
mod numbers;
mod objective;
pub(crate) mod order;
mod pipeline;
mod shape;
mod thread_budget;
mod whole;

pub use check::StartError;
pub use drawing::Drawing;
pub use health::{Health, Trouble};
pub use ledger::{Ledger, LedgerEdge, LedgerRow, Report};
pub use link::{Answer, LinkTo};
pub use pipeline::Pipeline;
pub use thread_budget::ThreadBudget;

use std::sync::{Arc, Mutex, atomic::AtomicU64};

use self::{shape::Shape, thread_budget::Share};
use crate::{
    control::Controller,
    metrics::Decisions,
    options::Threads,
    settings::table::Table,
    stage::{
        activation::Activation,
        core::{EdgeCore, Shared},
        lane::AnswerCounts,
    },
};

/// A graph that has passed its checks, for a driver to run.
pub(crate) struct Graph {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stages: Vec<Node>,
    pub(crate) domains: Vec<DomainPlan>,
    pub(crate) edges: Vec<Arc<EdgeCore>>,
    pub(crate) answers: Vec<(String, Arc<AnswerCounts>)>,
    /// Strongly connected components, upstream first: the order of a drain.
    pub(crate) components: Vec<Component>,
    /// The value of each key, and who set it; held through a change, so that one comes after another.
    pub(crate) table: Mutex<Table>,
    /// Moves with each change of the table but those that controllers make.
    pub(crate) changes: AtomicU64,
    /// Of the user's own, by the key of their knob, until the driver takes them.
    pub(crate) controllers: Mutex<Vec<(String, Box<dyn Controller>)>>,
    pub(crate) decisions: Mutex<Decisions>,
    pub(crate) shape: Shape,
    /// Of the threads that several pipelines share.
    pub(crate) share: Share,
    pub(crate) needs_pool: bool,
    /// Of the graph as declared, without numbers.
    pub(crate) drawing: Drawing,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) domain: usize,
    /// Its code says what an event weighs.
    pub(crate) weighs: bool,
    pub(crate) is_source: bool,
    pub(crate) activation: Arc<Activation>,
    /// Places for workers at the start; the rest is made when first used.
    pub(crate) places: usize,
}

/// Threads, and the stages that they run: most downstream first, with the run of each one's component.
pub(crate) struct DomainPlan {
    pub(crate) name: String,
    pub(crate) own: bool,
    /// Callers may do its work instead of waking a worker.
    pub(crate) caller_runs: bool,
    /// Its workers are tasks of the host's runtime.
    pub(crate) tasks: bool,
    pub(crate) threads: Threads,
    pub(crate) stages: Vec<usize>,
    pub(crate) spans: Vec<(u32, u32)>,
}

pub(crate) struct Component {
    pub(crate) stages: Vec<usize>,
    /// Components that feed this one.
    pub(crate) upstream: Vec<usize>,
}

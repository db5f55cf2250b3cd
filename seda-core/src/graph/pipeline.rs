use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use super::{
    ThreadBudget,
    check::{self, StartError},
    declare::{Declared, types},
    whole::{DeclaredDomain, Whole},
};
use crate::{
    control::Controller,
    event::{Concurrent, Event},
    finding::Finding,
    graph::Graph,
    options::Placement,
    settings::Configure,
    stage::{core::Shared, flight::Spawn, handler::IntoStage, lane::AnswerCounts, outlet::Sketch, work},
};

/// Stages and the links between them, before they run.
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("shout");
/// let words = p.source("words", ["one", "two"]);
/// let loud = p.then("loud", words, |word| word.to_uppercase());
/// p.end("print", loud, |word| println!("{word}"));
/// let report = p.start().unwrap().finish();
/// assert_eq!(report.ledger().stage("print").unwrap().done, 2);
/// ```
#[must_use = "a pipeline does nothing before it is started"]
pub struct Pipeline {
    pub(super) shared: Arc<Shared>,
    pub(super) sketch: Arc<Mutex<Sketch>>,
    pub(super) stages: Vec<Declared>,
    pub(super) domains: Vec<DeclaredDomain>,
    pub(super) answers: Vec<(String, Arc<AnswerCounts>)>,
    /// What the code says of the whole.
    pub(super) numbers: Whole,
    /// Of the process.
    pub(super) thread_budget: Option<ThreadBudget>,
    /// Read when all names are known; the later holds.
    pub(super) configured: Vec<Box<dyn Configure + Send + Sync>>,
    /// Controllers in the place of ours, by the key of their knob.
    pub(super) controllers: Vec<(String, Box<dyn Controller>)>,
    /// What the host named to run async handlers.
    pub(crate) runtime: Option<Arc<dyn Spawn>>,
    /// Found while building: told at start, with the rest.
    pub(super) findings: Vec<Finding>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pipeline({}, {} stages)", self.shared.name, self.stages.len())
    }
}

impl Pipeline {
    /// An empty pipeline. Its name is in logs, metrics and reports.
    pub fn named(name: impl Into<String>) -> Self {
        static IDS: AtomicU32 = AtomicU32::new(0);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Pipeline {
            shared: Arc::new(Shared::new(id, name.into())),
            sketch: Arc::default(),
            stages: Vec::new(),
            domains: Vec::new(),
            answers: Vec::new(),
            numbers: Whole::default(),
            thread_budget: None,
            configured: Vec::new(),
            controllers: Vec::new(),
            runtime: None,
            findings: Vec::new(),
        }
    }

    pub(crate) fn find(&mut self, what: impl Into<String>, cure: impl Into<String>) {
        self.findings.push(Finding::new(what, cure));
    }

    /// Puts a model in the place of a stage's handler, for tests and simulation: another handler of the same events, which
    /// may say by [`Cx::spend`](crate::Cx::spend) how long it takes. A name or type that does not fit is a finding at start.
    pub fn model<M, H>(&mut self, stage: &str, model: H) -> &mut Self
    where
        H: IntoStage<M> + Concurrent,
        H::In: Event,
        H::Out: Event,
    {
        let found = self.stages.iter().find(|declared| declared.name == stage);
        match found {
            Some(declared) if declared.types == types::<H::In, H::Out>() => {
                declared.activation.replace(work::make(model.into_parts().factory));
            }
            Some(_) => self.find(
                format!("the model of `{stage}` takes or gives other events than its handler"),
                "write it for the same `In` and `Out`",
            ),
            None => self.find(format!("there is no stage `{stage}` to put a model in"), "name a declared stage"),
        }
        self
    }

    /// Async handlers, by their stages' names.
    pub(crate) fn async_stages(&self) -> Vec<String> {
        let tasks = |declared: &&Declared| matches!(declared.options.placement, Placement::Tasks { .. });
        self.stages.iter().filter(tasks).map(|declared| format!("`{}`", declared.name)).collect()
    }

    /// What runs its async handlers.
    pub(crate) fn run_tasks_on(&self, runtime: Arc<dyn Spawn>) {
        let _ = self.shared.tasks.set(runtime);
    }

    /// Stages that have a queue.
    #[cfg(feature = "sim")]
    pub(crate) fn queue_names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().filter(|stage| !stage.is_source).map(|stage| stage.name.as_str())
    }

    /// From now on, its time is virtual.
    pub(crate) fn make_virtual(&self) {
        self.shared.clock.make_virtual();
    }

    /// All checks, before any thread or socket.
    pub(crate) fn plan(self) -> Result<Graph, StartError> {
        check::plan(self)
    }
}

//! What a user declares. Its methods with bounds stand beside the type: elsewhere, rustc would name the file where they
//! are in each of its errors.

use std::{
    marker::PhantomData,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{
    ThreadBudget,
    check::{self, StartError},
    declare::Declared,
    link::{Answer, LinkTo, short_type},
    whole::{DeclaredDomain, Whole},
};
use crate::{
    control::Controller,
    event::{Concurrent, Event},
    finding::Finding,
    graph::Graph,
    options::Placement,
    settings::Configure,
    stage::{
        ask::Ask,
        core::Shared,
        fitting::{IntoSink, SinkFn, StepFn},
        flight::Spawn,
        handler::{IntoStage, StageParts},
        inlet::Inlet,
        lane::AnswerCounts,
        named::Stage,
        outlet::{Outlet, Sketch},
        source::{self, IntoSource, Tick},
        tune::Domain,
    },
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

    /// All checks, before any thread or socket.
    pub(crate) fn plan(self) -> Result<Graph, StartError> {
        check::plan(self)
    }
}

/// Stages.
impl Pipeline {
    /// A stage, by its handler: a function or closure, a value with [`Handler`](crate::Handler), or one of
    /// [`per_worker`](crate::per_worker), [`batch`](fn@crate::batch), [`parallel`](crate::parallel),
    /// [`task`](crate::task); with options from
    /// [`StageOptionsExt`](crate::StageOptionsExt). Gives its inlet and its outlet.
    ///
    /// A closure is called by many workers at once, so it cannot change what it captures: for that see `per_worker`.
    pub fn stage<M, H>(&mut self, name: impl Into<String>, handler: H) -> (Inlet<H::In>, Outlet<H::Out>)
    where
        H: IntoStage<M> + Concurrent,
        H::In: Event,
        H::Out: Event,
    {
        let mut parts = handler.into_parts();
        parts.options.given("named");
        let (inlet, port) = self.declare(name.into(), parts, false);
        let outlet = self.outlet(port, inlet.stage);
        (inlet, outlet)
    }

    /// A stage whose name stands with its code, and its options too: see [`Stage`]. Gives its inlet and its outlet.
    pub fn add<M, S>(&mut self, stage: S) -> (Inlet<S::In>, Outlet<S::Out>)
    where
        S: Stage<M>,
        S::In: Event,
        S::Out: Event,
    {
        let mut parts = stage.into_stage();
        let name = parts.options.name.take().unwrap_or_else(|| {
            let event = short_type(std::any::type_name::<S::In>());
            self.find(
                format!("the stage that takes `{event}` is added without a name"),
                "name it where it is added, `p.stage(\"name\", ..)`, or in its code, `stage.named(\"name\")`",
            );
            format!("stage-{}", self.stages.len())
        });
        let (inlet, port) = self.declare(name, parts, false);
        let outlet = self.outlet(port, inlet.stage);
        (inlet, outlet)
    }

    /// A stage behind an outlet, by a function or closure of its event, whose type need not be written. For every other
    /// handler, with options, `&Cx` or a wrapper, see [`then_with`](Self::then_with); there a closure says its event.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("prices");
    /// let orders = p.source("orders", [(7, 250), (8, 0)]);
    /// let cents = p.then("cents", orders, |order| order.1);
    /// let dear = p.then_with("dear", cents, (|cents: u64| cents * 2).threads(2));
    /// p.end("print", dear, |cents| println!("{cents}"));
    /// # assert!(p.start().unwrap().finish().balanced());
    /// ```
    pub fn then<T, O, F>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: F) -> Outlet<O>
    where
        F: StepFn<T, O> + Concurrent,
        T: Event,
        O: Event,
    {
        self.then_with(name, from, handler)
    }

    /// A stage behind an outlet, by any handler with any options.
    pub fn then_with<T, M, H>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: H) -> Outlet<H::Out>
    where
        H: IntoStage<M, In = T> + Concurrent,
        T: Event,
        H::Out: Event,
    {
        let (inlet, outlet) = self.stage(name, handler);
        self.link(from, inlet);
        outlet
    }

    /// A sink behind an outlet, by a function or closure that gives nothing. For every other handler, with options, `&Cx` or
    /// a wrapper, see [`end_with`](Self::end_with).
    ///
    /// A function that gives something is a stage: see [`then`](Self::then). Where nobody needs what it gives, drop it in
    /// words: `|event| drop(ship(event))`. Of a closure, rustc says that it expected `()`, and offers a semicolon: that would
    /// drop a `Result` with its error.
    pub fn end<T, F>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: F)
    where
        F: SinkFn<T> + Concurrent,
        T: Event,
    {
        self.end_with(name, from, handler);
    }

    /// A sink behind an outlet, by any handler with any options.
    pub fn end_with<T, M, H>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: H)
    where
        H: IntoSink<M, In = T> + Concurrent,
        T: Event,
    {
        let inlet = self.sink(name, handler);
        self.link(from, inlet);
    }

    /// A stage without an outlet.
    pub fn sink<M, H>(&mut self, name: impl Into<String>, handler: H) -> Inlet<H::In>
    where
        H: IntoSink<M> + Concurrent,
        H::In: Event,
    {
        let mut parts = handler.into_parts();
        parts.options.given("named");
        let (inlet, port) = self.declare(name.into(), parts, false);
        self.outlet(port, inlet.stage).nowhere();
        inlet
    }

    /// A stage that is pulled: any iterable, or [`pull`](crate::pull) around a function. It is asked for events only
    /// while those behind it have room.
    pub fn source<M, S>(&mut self, name: impl Into<String>, source: S) -> Outlet<S::Event>
    where
        S: IntoSource<M> + Send + 'static,
        S::Event: Event,
    {
        self.source_on(name, source, None)
    }

    /// The same on the threads of a domain; what it calls must not block there.
    pub fn source_in<M, S>(&mut self, name: impl Into<String>, domain: &Domain, source: S) -> Outlet<S::Event>
    where
        S: IntoSource<M> + Send + 'static,
        S::Event: Event,
    {
        self.source_on(name, source, Some(domain))
    }

    fn source_on<M, S>(&mut self, name: impl Into<String>, source: S, domain: Option<&Domain>) -> Outlet<S::Event>
    where
        S: IntoSource<M> + Send + 'static,
        S::Event: Event,
    {
        self.add_source(name.into(), source::parts(source.into_source().0), domain)
    }

    /// A stage that makes an event each time `every` has passed, from the number of the tick, which begins at 0. Ticks that
    /// a stalled pipeline missed are not made up for.
    ///
    /// ```
    /// use seda_core::{prelude::*, test::{Virtual, collect}};
    /// let mut p = Pipeline::named("clock");
    /// let ticks = p.tick("tick", secs(1), |n| n);
    /// let seen = collect(&mut p, "seen", ticks);
    /// let mut sim = Virtual::start(p, 1)?;
    /// sim.advance(secs(3));
    /// assert_eq!(seen.take(), [0, 1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tick<T: Event>(
        &mut self,
        name: impl Into<String>,
        every: Duration,
        make: impl FnMut(u64) -> T + Send + 'static,
    ) -> Outlet<T> {
        let tick = Tick { every, count: 0, next_ns: 0, make };
        self.add_source(name.into(), source::parts(Box::new(tick)), None)
    }

    fn add_source<T: Event>(
        &mut self,
        name: String,
        mut parts: StageParts<(), T>,
        domain: Option<&Domain>,
    ) -> Outlet<T> {
        if let Some(domain) = domain {
            parts.options.placement = Placement::Domain { domain: domain.0, limit: None };
        }
        let (inlet, port) = self.declare(name, parts, true);
        self.outlet(port, inlet.stage)
    }
}

/// Links.
impl Pipeline {
    /// Links an outlet to an inlet of the same event. Any number of links may end at one inlet.
    pub fn link<T: Event>(&mut self, from: Outlet<T>, to: impl LinkTo<T>) {
        if from.pipeline() != self.shared.id {
            self.find_foreign(from.name(), None);
        }
        to.take_from(self, from);
    }

    /// A way to ask: questions are offered at `head`, and what is linked to the answer goes back to whoever asked. Several
    /// outlets may be linked to one answer; the first reply wins.
    pub fn ask<E: Event, R: Event>(&mut self, head: Inlet<E>) -> (Ask<E, R>, Answer<R>) {
        let id = self.answers.len() as u32;
        let name = self.stages.get(head.stage as usize).map_or("?", |stage| &stage.name);
        self.answers.push((format!("{name}.answer"), Arc::default()));
        let inbox = Arc::new(OnceLock::new());
        match self.inbox(head) {
            Some(head) => drop(inbox.set(Arc::downgrade(&head))),
            None => self.find("an ask begins at a stage of another pipeline", "begin it at a stage of this one"),
        }
        (Ask { id, inbox, types: PhantomData }, Answer::of(self.shared.id, id))
    }
}

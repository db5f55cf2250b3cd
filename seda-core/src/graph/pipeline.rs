use std::{
    any::TypeId,
    marker::PhantomData,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{
    check::{self, StartError},
    numbers,
};
use crate::{
    control::{Control, Controller},
    event::{Concurrent, Event},
    finding::Finding,
    graph::Graph,
    options::{DomainId, Placement, StageOptions, Threads},
    queue::Store,
    settings::{ChangeError, Configure, Explained, schema},
    stage::{
        activation::Activation,
        ask::Ask,
        book::Book,
        core::{Shared, StageCore},
        fitting::{IntoSink, SinkFn, StepFn},
        flight::Spawn,
        handler::{AtEnd, IntoStage, StageParts},
        inbox::{Inbox, Reads},
        inlet::Inlet,
        lane::AnswerCounts,
        named::Stage,
        outlet::{Outlet, Port, Sketch},
        source::{self, IntoSource, Tick},
        tune::Domain,
        work::{self, Make},
    },
    sync::lock,
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
    /// Read when all names are known; the later holds.
    pub(super) configured: Vec<Box<dyn Configure + Send + Sync>>,
    /// Controllers in the place of ours, by the key of their knob.
    pub(super) controllers: Vec<(String, Box<dyn Controller>)>,
    /// What the host named to run async handlers.
    pub(crate) runtime: Option<Arc<dyn Spawn>>,
    /// Found while building: told at start, with the rest.
    pub(super) findings: Vec<Finding>,
}

/// Numbers of the whole, as far as the code gives them.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) byte_budget: Option<u64>,
    pub(super) control: Option<Control>,
    pub(super) threads_max: Option<usize>,
    pub(super) watchdog: Option<Duration>,
    pub(super) metrics: Option<bool>,
    /// A share of the events.
    pub(super) trace: Option<f64>,
    /// Zero: never by itself.
    pub(super) publish_every: Option<Duration>,
}

/// A domain as declared.
pub(super) struct DeclaredDomain {
    pub(super) name: String,
    pub(super) threads: Threads,
    pub(super) caller_runs: bool,
}

/// A stage as declared.
pub(super) struct Declared {
    pub(super) name: String,
    /// What its code says; from the checks on, what it and configuration say together.
    pub(super) options: StageOptions,
    pub(super) is_source: bool,
    pub(super) keyed: bool,
    pub(super) weighs: bool,
    pub(super) uses: Vec<(u32, u32)>,
    pub(super) activation: Arc<Activation>,
    /// What its handler takes and gives, for a model in its place.
    types: [TypeId; 2],
    pub(super) data_parallel: bool,
}

/// What a stage's parts say, without its types.
struct Shape {
    keyed: bool,
    weighs: bool,
    /// Keys, weights or classes are read off its events.
    read: bool,
    whole_batches: bool,
    data_parallel: bool,
    source: bool,
    types: [TypeId; 2],
    at_end: Mutex<Option<AtEnd>>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pipeline({}, {} stages)", self.shared.name, self.stages.len())
    }
}

/// Default time between two publications.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// Default time after which a handler that has not returned is named.
pub(super) const WATCHDOG: Duration = Duration::from_secs(10);

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
            configured: Vec::new(),
            controllers: Vec::new(),
            runtime: None,
            findings: Vec::new(),
        }
    }

    // ---- numbers of the whole

    /// Whether waits and service times are recorded. Default true; counters always are.
    pub fn metrics(&mut self, on: bool) -> &mut Self {
        self.numbers.metrics = Some(on);
        self
    }

    /// Follows a share of the events that are offered from outside, or made by sources, by spans of `tracing`: `event` from the
    /// offer to its last end, as a child of the offerer's span, and in it for each stage `wait` and `work`. From 0.0, the
    /// default, for none, to 1.0 for all; one in every `1 / share` offers of each thread. In configuration the key `trace`.
    #[cfg(feature = "tracing")]
    pub fn trace(&mut self, share: f64) -> &mut Self {
        self.numbers.trace = Some(share);
        self
    }

    /// How often what is measured goes to the recorder of the `metrics` facade that the host has installed, from the
    /// pipeline's timer thread: by default each second while any worker is awake, and once more when all have come to
    /// rest, so that an idle pipeline has no wake-ups. Zero: never by itself, only by
    /// [`publish`](crate::Running::publish) and once at the end. In configuration the key `publish_every`, `none` for zero. Without a recorder nothing is looked at; one of a type
    /// without size counts as none here, as the facade's own empty one is.
    ///
    /// Nothing is lost on a recorder that is installed late, or on one that takes another's place: counters are absolute,
    /// and what a histogram was not yet told goes to whichever is there at the next time.
    #[cfg(feature = "metrics")]
    pub fn publish_every(&mut self, every: Duration) -> &mut Self {
        self.numbers.publish_every = Some(every);
        self
    }

    /// Whether controllers turn what is given as a range. Default [`Control::On`]; a stage or domain of its own says it by its
    /// key `control`.
    pub fn control(&mut self, control: Control) -> &mut Self {
        self.numbers.control = Some(control);
        self
    }

    /// Most threads that controllers give to all domains together, the stages' own with them. Default: no ceiling but the
    /// ranges. Threads that are given as a number count, and are never taken away. A ceiling below the least that is declared is
    /// a finding at start.
    pub fn threads_max(&mut self, threads: usize) -> &mut Self {
        self.numbers.threads_max = Some(threads);
        self
    }

    /// Puts a controller in the place of ours, for the knob of that key: `stage.price.threads`, `domain.quick.threads`,
    /// `stage.price.limit`, `stage.price.batch_max`. It turns the knob while that is given as a range. A key that is not one of
    /// these is a finding at start.
    pub fn controller(&mut self, key: impl Into<String>, controller: impl Controller) -> &mut Self {
        self.controllers.push((key.into(), Box::new(controller)));
        self
    }

    /// A handler that has not returned for so long is named through tracing. Default 10 s.
    pub fn watchdog(&mut self, after: Duration) -> &mut Self {
        self.numbers.watchdog = Some(after.max(Duration::from_nanos(1)));
        self
    }

    /// Most bytes that all queues together may hold, of the events that say their weight. Entries and sources wait, or
    /// refuse, above it; inner edges may exceed it by a batch each. Default: none.
    pub fn byte_budget(&mut self, bytes: u64) -> &mut Self {
        if self.numbers.byte_budget.replace(bytes).is_some() {
            self.find("the byte budget is given twice", "give it once");
        }
        self
    }

    /// Threads that several stages share: an event runs on from stage to stage on the same worker. Stages are put on it
    /// by [`on`](crate::StageOptionsExt::on).
    pub fn domain(&mut self, name: impl Into<String>, threads: impl Into<Threads>) -> Domain {
        self.domains.push(DeclaredDomain { name: name.into(), threads: threads.into(), caller_runs: false });
        Domain(DomainId { pipeline: self.shared.id, index: self.domains.len() as u32 - 1 })
    }

    /// Lets code outside do a domain's work: an offer or an ask for which a worker would be woken runs on from stage to
    /// stage on its own thread, for some 50 µs, before it returns; then, and for what comes to the domain from inside, the
    /// domain's own threads take over. An answer from a few microseconds of work is then there without a thread hop.
    ///
    /// Bounds, limits, admission and ledger hold as ever; beside the domain's threads, at most as many callers are in it
    /// at once. For stages that never block: their time is the caller's, who may be a task of an async runtime. Handlers
    /// that offer to it are no callers; on virtual time there are none.
    pub fn caller_runs(&mut self, domain: &Domain) -> &mut Self {
        let Domain(id) = domain;
        if id.pipeline == self.shared.id {
            self.domains[id.index as usize].caller_runs = true;
        } else {
            self.find("callers are to run a domain of another pipeline", "use a domain of this one");
        }
        self
    }

    // ---- configuration

    /// Takes numbers from [`Settings`](crate::Settings), or from a configuration read from files and the environment. At any time before the
    /// start, before or after the stages that it names; they hold over what the code says, and later ones over earlier
    /// ones. What is wrong with them is told at start, with all other findings.
    pub fn configure(&mut self, from: &impl Configure) -> &mut Self {
        self.configured.push(from.keep());
        self
    }

    /// What a key is, its value as things stand, and which layer set it: `explain("stage.price.threads")`.
    ///
    /// # Errors
    /// A key, stage or domain that does not exist, with the nearest that does.
    pub fn explain(&self, key: &str) -> Result<Explained, ChangeError> {
        numbers::table(self).0.explain(key, numbers::note)
    }

    /// The same of every key.
    #[must_use]
    pub fn explain_all(&self) -> Vec<Explained> {
        numbers::table(self).0.explain_all(numbers::note)
    }

    /// A JSON Schema (draft 2020-12) of a configuration file for this very pipeline: it knows its stages and domains, so
    /// that an editor can complete their names and mark what does not fit.
    #[must_use]
    pub fn schema(&self) -> String {
        schema(&numbers::names(self))
    }

    // ---- stages

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

    fn outlet<T: Event>(&self, port: Port, stage: u32) -> Outlet<T> {
        Outlet::of_stage(port, self.sketch.clone(), self.shared.id, stage, &self.stages[stage as usize].name)
    }

    fn declare<I: Event, O: Event>(&mut self, name: String, parts: StageParts<I, O>, source: bool) -> (Inlet<I>, Port) {
        let StageParts { factory, options, extract, whole_batches, data_parallel, at_end } = parts;
        let (keyed, weighs, read) = (extract.key.is_some(), extract.weight.is_some(), !extract.is_empty());
        let types = types::<I, O>();
        let shape = Shape { keyed, weighs, read, whole_batches, data_parallel, source, types, at_end };
        let reads = read.then(|| Box::new(extract) as Box<dyn Reads>);
        let port = self.declare_untyped(name, options, shape, (work::make(factory), reads));
        (Inlet { pipeline: self.shared.id, stage: self.stages.len() as u32 - 1, event: PhantomData }, port)
    }

    /// What is the same for every type of event.
    fn declare_untyped(
        &mut self,
        name: String,
        mut options: StageOptions,
        shape: Shape,
        (make, reads): (Make, Option<Box<dyn Reads>>),
    ) -> Port {
        if let Placement::Domain { domain, .. } = options.placement
            && domain.pipeline != self.shared.id
        {
            self.find(format!("stage `{name}` is put on a domain of another pipeline"), "use a domain of this one");
            options.placement = StageOptions::default().placement;
        }
        let uses = std::mem::take(&mut options.uses);
        let own = uses.iter().filter(|(pipeline, _)| *pipeline == self.shared.id).map(|(_, stage)| *stage).collect();
        let core = Arc::new(StageCore::new(self.stages.len() as u32, name.clone(), self.shared.clone(), own));
        let marked = shape.read || options.queue_bytes.is_some() || options.classes > 1;
        let store = if marked { Store::marked(options.classes) } else { Store::plain() };
        let book = Book::new(&options, shape.whole_batches, shape.source);
        let inbox = Arc::new(Inbox::new(core, reads, store, book));
        let port = Port::default();
        let activation = Arc::new(Activation::new(inbox, make, port.clone(), shape.at_end));
        let Shape { source, keyed, weighs, data_parallel, types, .. } = shape;
        self.stages.push(Declared {
            name,
            options,
            is_source: source,
            keyed,
            weighs,
            uses,
            activation,
            types,
            data_parallel,
        });
        port
    }

    // ---- links

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
        (Ask { id, inbox, types: PhantomData }, Answer { pipeline: self.shared.id, ask: id, reply: PhantomData })
    }

    fn inbox<T>(&self, inlet: Inlet<T>) -> Option<Arc<Inbox>> {
        if inlet.pipeline != self.shared.id {
            return None;
        }
        Some(self.stages.get(inlet.stage as usize)?.activation.inbox.clone())
    }

    /// An outlet of another pipeline, or one that is linked to another's inlet or answer.
    fn find_foreign(&mut self, outlet: &str, to: Option<&str>) {
        let what = match to {
            Some(to) => format!("Outlet({outlet}) is linked to {to} of another pipeline"),
            None => format!("an outlet of another pipeline (Outlet({outlet})) is linked"),
        };
        self.find(what, "link stages of one pipeline");
    }

    pub(crate) fn find(&mut self, what: impl Into<String>, cure: impl Into<String>) {
        self.findings.push(Finding::new(what, cure));
    }

    // ---- tests

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

    // ---- start

    /// Async handlers, by their stages' names.
    pub(crate) fn async_stages(&self) -> Vec<String> {
        let tasks = |declared: &&Declared| matches!(declared.options.placement, Placement::Tasks { .. });
        self.stages.iter().filter(tasks).map(|declared| format!("`{}`", declared.name)).collect()
    }

    /// What runs its async handlers.
    pub(crate) fn run_tasks_on(&self, runtime: Arc<dyn Spawn>) {
        let _ = self.shared.tasks.set(runtime);
    }

    /// From now on, its time is virtual.
    /// Stages that have a queue.
    #[cfg(feature = "sim")]
    pub(crate) fn queue_names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().filter(|stage| !stage.is_source).map(|stage| stage.name.as_str())
    }

    pub(crate) fn make_virtual(&self) {
        self.shared.clock.make_virtual();
    }

    /// All checks, before any thread or socket.
    pub(crate) fn plan(self) -> Result<Graph, StartError> {
        check::plan(self)
    }
}

fn types<I: 'static, O: 'static>() -> [TypeId; 2] {
    [TypeId::of::<I>(), TypeId::of::<O>()]
}

/// Where an outlet of `T` can be linked to.
#[diagnostic::on_unimplemented(
    message = "this edge carries `{T}`, but the inlet is `{Self}`",
    label = "wrong event for this inlet",
    note = "an `async fn` gives a future; its value is what `task(..)` around it gives",
    note = "convert on the edge with `.map(..)`; open a `Result` with `.tried()`, an enum with `.route()`, an `Option` with `.some()`, an iterable with `.each()`"
)]
pub trait LinkTo<T: Event> {
    #[doc(hidden)]
    fn take_from(self, pipeline: &mut Pipeline, from: Outlet<T>);
}

impl<T: Event> LinkTo<T> for Inlet<T> {
    fn take_from(self, pipeline: &mut Pipeline, from: Outlet<T>) {
        match pipeline.inbox(self) {
            Some(inbox) => from.link(inbox),
            None => pipeline.find_foreign(from.name(), Some("an inlet")),
        }
    }
}

/// Where replies go: made by [`Pipeline::ask`], linked like an inlet.
pub struct Answer<R> {
    pipeline: u32,
    ask: u32,
    reply: PhantomData<fn(R)>,
}

impl<R> Clone for Answer<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Answer<R> {}

impl<R> std::fmt::Debug for Answer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({} of pipeline {})", self.ask, self.pipeline)
    }
}

impl<R: Event> LinkTo<R> for Answer<R> {
    fn take_from(self, pipeline: &mut Pipeline, from: Outlet<R>) {
        if self.pipeline != pipeline.shared.id {
            pipeline.find_foreign(from.name(), Some("an answer"));
            return;
        }
        let (name, counts) = pipeline.answers[self.ask as usize].clone();
        from.answer(self.ask, &name, counts);
    }
}

/// Names of ports and their events, for the list of open ones.
pub(super) fn open_ports(sketch: &Mutex<Sketch>) -> Vec<String> {
    let sketch = lock(sketch);
    let open = sketch.ports.iter().filter(|port| !port.wired);
    open.map(|port| format!("{}: {}", port.name, short_type(port.event))).collect()
}

/// A type's name without the paths.
pub(super) fn short_type(name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else if c == ':' {
            word.clear();
        } else {
            short.push_str(&std::mem::take(&mut word));
            short.push(c);
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use super::short_type;

    #[test]
    fn type_names_lose_their_paths() {
        assert_eq!(short_type("core::result::Result<a::Order, b::c::Bad>"), "Result<Order, Bad>");
    }
}

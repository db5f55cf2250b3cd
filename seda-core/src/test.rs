//! The test kit: your own pipeline, with your own handlers, on virtual time. Fast, exact, and the same for every run of
//! one seed.
//!
//! ```
//! use seda_core::{prelude::*, test::{Takes, Virtual, collect}};
//!
//! let mut p = Pipeline::named("orders");
//! let (price, prices) = p.stage("price", |cents: u64| cents * 2);
//! let priced = collect(&mut p, "priced", prices);
//!
//! let mut sim = Virtual::start(p, 42).unwrap();
//! sim.takes("price", Takes::fixed(ms(3)));
//! sim.offer(price, 50).unwrap();
//! sim.advance(ms(2));
//! assert!(priced.take().is_empty());
//! sim.advance(ms(1));
//! assert_eq!(priced.take(), [100]);
//! assert!(sim.drain(Deadlines::default()).balanced());
//! ```

mod window;

#[cfg(feature = "sim")]
use std::sync::atomic::AtomicU64;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

pub use self::window::Window;
#[cfg(feature = "sim")]
use crate::drive::virtual_time::Model;
pub use crate::drive::virtual_time::Takes;
use crate::{
    clock::ns,
    drive::virtual_time::VirtualTime,
    event::Event,
    graph::{Drawing, Health, Ledger, Pipeline, Report, StartError},
    metrics::Snapshot,
    options::Deadlines,
    outcome::Refused,
    runtime,
    settings::{ChangeError, Changed, Configure, Explained, Settings},
    stage::{inlet::Inlet, offer::Entry, outlet::Outlet},
    sync::lock,
};

/// A pipeline on virtual time. If the test that holds it panics, it prints its seed.
#[must_use]
pub struct Virtual {
    time: VirtualTime,
    seed: u64,
}

impl std::fmt::Debug for Virtual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Virtual(seed {}, at {:?})", self.seed, self.now())
    }
}

impl Virtual {
    /// Checks the pipeline and starts its handlers, as [`Pipeline::start`] does; no thread is made.
    ///
    /// # Errors
    /// All findings at once.
    pub fn start(pipeline: Pipeline, seed: u64) -> Result<Self, StartError> {
        pipeline.make_virtual();
        Ok(Virtual { time: VirtualTime::new(pipeline.plan()?, seed), seed })
    }

    /// Says how long the handler of a stage takes for each event, beside what it says by
    /// [`Cx::spend`](crate::Cx::spend). Default: no time.
    ///
    /// # Panics
    /// If there is no such stage.
    pub fn takes(&mut self, stage: &str, takes: Takes) -> &mut Self {
        let stage = self.stage(stage);
        self.time.takes(stage, takes);
        self
    }

    /// An inlet; what would block on threads is refused as full here, as nobody else could make room.
    #[must_use]
    pub fn entry<T: Event>(&self, inlet: Inlet<T>) -> Entry<T> {
        runtime::entry(&self.time.graph, inlet)
    }

    /// Offers one event.
    ///
    /// # Errors
    /// The event comes back with the reason.
    pub fn offer<T: Event>(&self, inlet: Inlet<T>, event: T) -> Result<(), Refused<T>> {
        self.entry(inlet).try_offer(event)
    }

    /// Lets that much time pass, with all that happens in it.
    pub fn advance(&mut self, by: Duration) {
        self.time.advance_to(self.time.now_ns().saturating_add(ns(by)));
    }

    /// One step: everything that can begin now, or else the next thing in time. False when there is nothing.
    pub fn step(&mut self) -> bool {
        self.time.step(u64::MAX)
    }

    /// Runs until nothing is left to do. An endless source, or a tick, keeps it running for ever: use
    /// [`advance`](Virtual::advance) with those.
    pub fn run(&mut self) {
        while self.step() {}
    }

    /// Virtual time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.time.now_ns() - 1)
    }

    /// Everything measured, at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.time.look().snapshot
    }

    /// Whether it is alive and ready, and which stage is not, as [`Running::health`](crate::Running::health) says.
    #[must_use]
    pub fn health(&self) -> Health {
        self.time.health()
    }

    /// The graph with its numbers of this moment.
    #[must_use]
    pub fn graph(&self) -> Drawing {
        self.time.graph.drawing.clone().with_numbers(self.snapshot())
    }

    /// Publishes everything measured to the calling thread's recorder of the `metrics` facade; by itself a virtual pipeline
    /// never does.
    #[cfg(feature = "metrics")]
    pub fn publish(&self) {
        crate::drive::publish(&self.time.graph, || self.time.look());
    }

    /// What has become of every event so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::of(&self.time.graph, false)
    }

    /// Changes numbers, as [`Running::change`](crate::Running::change) does.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once; nothing has changed then.
    pub fn change(&mut self, from: &impl Configure) -> Result<Changed, ChangeError> {
        let graph = self.time.graph.clone();
        graph.change(from, &mut |domain, threads| {
            self.time.resize(domain, threads);
            Ok(())
        })
    }

    /// Changes the number of threads of a domain, or of a stage with threads of its own: a short
    /// [`change`](Virtual::change).
    ///
    /// # Errors
    /// As [`change`](Virtual::change).
    pub fn resize(&mut self, name: &str, threads: usize) -> Result<(), ChangeError> {
        self.change(&runtime::resized(&self.time.graph, name, threads)).map(drop)
    }

    /// Changes the bound of a stage's queue: a short [`change`](Virtual::change).
    ///
    /// # Errors
    /// As [`change`](Virtual::change).
    pub fn set_bound(&mut self, stage: &str, events: usize) -> Result<(), ChangeError> {
        self.change(&Settings::new().stage(stage, |stage| stage.queue(events))).map(drop)
    }

    /// What a key is, its value now, and which layer set it.
    ///
    /// # Errors
    /// A key, stage or domain that does not exist.
    pub fn explain(&self, key: &str) -> Result<Explained, ChangeError> {
        self.time.graph.explain(key)
    }

    /// Stops as [`Running::drain`](crate::Running::drain) does, on virtual time.
    pub fn drain(mut self, deadlines: Deadlines) -> Report {
        let (began, began_ns) = (Instant::now(), self.time.now_ns());
        runtime::close(&self.time.graph, true);
        let finished = self.time.run_to_end(began_ns.saturating_add(ns(deadlines.finish)));
        if !finished {
            runtime::cancel(&self.time.graph);
            let until = self.time.now_ns().saturating_add(ns(deadlines.cancel));
            self.time.settle_hands(until);
        }
        let bottleneck = self.snapshot().bottleneck();
        let mut report = runtime::report(&self.time.graph, began, Vec::new());
        report.bottleneck = bottleneck;
        report.took = Duration::from_nanos(self.time.now_ns() - began_ns);
        report
    }

    /// Waits, on virtual time, for all sources to end by themselves, then for everything behind them.
    pub fn finish(mut self) -> Report {
        let (began, began_ns) = (Instant::now(), self.time.now_ns());
        runtime::close(&self.time.graph, false);
        self.time.run_to_end(u64::MAX);
        let bottleneck = self.snapshot().bottleneck();
        let mut report = runtime::report(&self.time.graph, began, Vec::new());
        report.bottleneck = bottleneck;
        report.took = Duration::from_nanos(self.time.now_ns() - began_ns);
        report
    }

    pub(crate) fn stage(&self, name: &str) -> usize {
        let found = self.time.graph.stages.iter().position(|node| node.name == name);
        found.unwrap_or_else(|| panic!("there is no stage `{name}`"))
    }
}

/// What a simulation adds.
#[cfg(feature = "sim")]
impl Virtual {
    pub(crate) fn model(&mut self, model: Box<dyn Model>, cores: Option<f64>) {
        self.time.model(model, cores);
    }

    pub(crate) fn clock(&self) -> Arc<AtomicU64> {
        self.time.clock()
    }

    pub(crate) fn look(&self) -> crate::drive::Looked {
        self.time.look()
    }

    pub(crate) fn spent(&self) -> crate::drive::SpentBy {
        self.time.spent()
    }

    pub(crate) fn stage_names(&self) -> impl Iterator<Item = &str> {
        self.time.graph.stages.iter().map(|node| node.name.as_str())
    }

    /// One step, if there is one up to this time after the start; else that is the time.
    pub(crate) fn step_until(&mut self, run_ns: u64) -> bool {
        let at_ns = run_ns.saturating_add(1);
        let any = self.time.step(at_ns);
        if !any {
            self.time.rest_until(at_ns);
        }
        any
    }
}

impl Drop for Virtual {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the virtual pipeline ran with seed {}", self.seed);
        }
    }
}

/// What left a sink made by [`collect`], in order.
#[derive(Clone, Debug)]
pub struct Collected<T>(Arc<Mutex<Vec<T>>>);

impl<T> Collected<T> {
    /// Takes what has come since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.0))
    }

    /// How many are there.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A sink that keeps what comes to it.
pub fn collect<T: Event>(pipeline: &mut Pipeline, name: &str, from: Outlet<T>) -> Collected<T> {
    let kept = Collected(Arc::new(Mutex::new(Vec::new())));
    let into = kept.0.clone();
    pipeline.end(name, from, move |event| lock(&into).push(event));
    kept
}

//! A pipeline at work on threads: what code outside can do with it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crate::{
    drive::{self, threads::Crew},
    event::Event,
    finding::Finding,
    graph::{Drawing, Graph, Health, Ledger, Pipeline, Report, StartError},
    metrics::Snapshot,
    options::Deadlines,
    outcome::Refused,
    settings::{ChangeError, Changed, Configure, Explained, Settings},
    stage::{inlet::Inlet, offer::Entry},
    stopping::Stopping,
    watch::Watch,
};

/// How long a report waits for a worker to hand on what a handler gave just before its fence.
const HAND_ON: Duration = Duration::from_secs(1);

impl Pipeline {
    /// Checks everything, starts the handlers, then the threads. Blocks for as long as the handlers' own starts take.
    ///
    /// # Errors
    /// All findings at once, each with its cure; no thread runs then.
    pub fn start(mut self) -> Result<Running, StartError> {
        self.want_runtime();
        let graph = self.plan()?;
        let name = graph.shared.name.clone();
        let crew = drive::threads::start(graph).map_err(|error| StartError {
            pipeline: name,
            findings: vec![Finding::new(
                format!("a thread could not be started: {error}"),
                "allow the process more threads, or declare fewer",
            )],
        })?;
        Ok(Running { crew: Some(crew) })
    }

    /// Async handlers need somebody who polls them.
    fn want_runtime(&mut self) {
        let stages = self.async_stages();
        if stages.is_empty() {
            return;
        }
        let runtime = self.runtime.take();
        #[cfg(feature = "tokio")]
        let runtime = runtime.or_else(drive::tokio::current);
        if let Some(runtime) = runtime {
            self.run_tasks_on(runtime);
        } else {
            let what = format!("no async runtime for the async handlers of {}", stages.join(", "));
            self.find(
                what,
                if cfg!(feature = "tokio") {
                    "start the pipeline inside a tokio runtime (`#[tokio::main]`), or name one: `p.runtime(handle)`"
                } else {
                    "build seda with its feature `tokio`"
                },
            );
        }
    }
}

/// A pipeline at work. Dropped, it gives the second stop signal at once and joins its threads: see
/// [`drain`](Running::drain) for the gentle way.
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("orders");
/// let ship = |_: u32| ();
/// let orders = p.sink("ship", ship.threads(1..=4));
/// let running = p.start()?;
/// let entry = running.entry(orders); // to be cloned and given to whoever offers
/// entry.offer(7)?;
/// running.resize("ship", 2)?;
/// println!("{}", running.snapshot()); // a table of the stages at work
/// println!("{}", running.drain(Deadlines::within(secs(10)))); // the ledger
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropped, a running pipeline stops at once"]
pub struct Running {
    /// Taken by the stop.
    crew: Option<Crew>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({})", self.crew().graph.shared.name)
    }
}

impl Running {
    fn crew(&self) -> &Crew {
        self.crew.as_ref().expect("only the stop takes it, and that takes the handle")
    }

    /// An inlet for code outside.
    ///
    /// # Panics
    /// If the inlet is of another pipeline.
    #[must_use]
    pub fn entry<T: Event>(&self, inlet: Inlet<T>) -> Entry<T> {
        entry(&self.crew().graph, inlet)
    }

    /// Offers one event, as [`Entry::offer`] does; for many, hold the [`entry`](Running::entry).
    ///
    /// # Errors
    /// The event comes back with the reason.
    ///
    /// # Panics
    /// If the inlet is of another pipeline.
    pub fn offer<T: Event>(&self, inlet: Inlet<T>, event: T) -> Result<(), Refused<T>> {
        self.entry(inlet).offer(event)
    }

    /// Everything measured, at this moment. Takes each stage's lock for the copy of its numbers; its size depends on the
    /// graph alone.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.crew().keeper.look().snapshot
    }

    /// The same with the tables behind the percentiles.
    #[cfg(feature = "sim")]
    pub(crate) fn look(&self) -> crate::drive::Looked {
        self.crew().keeper.look()
    }

    /// What its threads had of the processor.
    #[cfg(feature = "sim")]
    pub(crate) fn spent(&self) -> crate::drive::SpentBy {
        self.crew().keeper.spent()
    }

    /// Whether it is alive and ready, and if not, which stage is not and why. Does not block.
    #[must_use]
    pub fn health(&self) -> Health {
        self.crew().keeper.health()
    }

    /// The graph with its numbers of this moment, to be shown as text, Mermaid or DOT.
    #[must_use]
    pub fn graph(&self) -> Drawing {
        self.crew().graph.drawing.clone().with_numbers(self.snapshot())
    }

    /// For health, numbers and metrics from elsewhere, also while it drains: see [`Watch`].
    #[must_use]
    pub fn watch(&self) -> Watch {
        let crew = self.crew();
        Watch { pipeline: crew.graph.shared.name.as_str().into(), keeper: Arc::downgrade(&crew.keeper) }
    }

    /// Publishes everything measured now to the calling thread's recorder of the `metrics` facade, for a host that wants
    /// fresh numbers when it is scraped. Costs each stage's lock for the copy of its numbers. By itself the pipeline
    /// publishes as [`Pipeline::publish_every`] says; `docs/metrics.md` lists what.
    #[cfg(feature = "metrics")]
    pub fn publish(&self) {
        self.crew().keeper.publish();
    }

    /// What has become of every event so far. It adds up while nothing is on its way.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::of(&self.crew().graph, false)
    }

    /// Changes numbers while it runs: threads and limits within the ranges that it started with, bounds, time to live, what
    /// a full queue does, batches, the numbers of a policy, budget, watchdog, metrics. From [`Settings`], or from a
    /// configuration that was read anew. All or nothing.
    ///
    /// Events above a lower bound stay; new ones wait, or are refused, until there is room. Blocks for as long as it takes
    /// to start threads that are added.
    ///
    /// ```
    /// # use seda_core::{Settings, prelude::*};
    /// # let mut p = Pipeline::named("orders");
    /// p.sink("price", drop::<u64>.threads(2..=8));
    /// let running = p.start()?;
    /// let changed = running.change(&Settings::new().stage("price", |price| price.threads(4).queue(200)))?;
    /// assert_eq!(changed.to_string(), "stage.price.threads: 2..8 -> 4\nstage.price.queue.events: 1000 -> 200");
    /// let refused = running.change(&Settings::new().stage("price", |price| price.threads(9)));
    /// assert!(refused.unwrap_err().to_string().contains("it started with 2..8"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with it, at once; nothing has changed then: a name that is not there, a value that makes no
    /// sense or leaves the range, a full queue that would make a cycle wait for itself, or refuse where there is no
    /// overflow outlet, and what cannot be changed while running.
    pub fn change(&self, from: &impl Configure) -> Result<Changed, ChangeError> {
        let crew = self.crew();
        crew.graph.change(from, &mut |domain, threads| crew.resize(domain, threads))
    }

    /// Changes the number of threads of a domain, or of a stage with threads of its own: a short [`change`](Running::change).
    ///
    /// # Errors
    /// As [`change`](Running::change).
    pub fn resize(&self, name: &str, threads: usize) -> Result<(), ChangeError> {
        self.change(&resized(&self.crew().graph, name, threads)).map(drop)
    }

    /// Changes the bound of a stage's queue: a short [`change`](Running::change).
    ///
    /// # Errors
    /// As [`change`](Running::change).
    pub fn set_bound(&self, stage: &str, events: usize) -> Result<(), ChangeError> {
        self.change(&Settings::new().stage(stage, |stage| stage.queue(events))).map(drop)
    }

    /// What a key is, its value now, and which layer set it: `explain("stage.price.threads")`.
    ///
    /// # Errors
    /// A key, stage or domain that does not exist, with the nearest that does.
    pub fn explain(&self, key: &str) -> Result<Explained, ChangeError> {
        self.crew().graph.explain(key)
    }

    /// The same of every key.
    #[must_use]
    pub fn explain_all(&self) -> Vec<Explained> {
        self.crew().graph.explain_all()
    }

    /// The gentle stop, in two signals. Blocks.
    ///
    /// In async code see [`drain_async`](Running::drain_async).
    ///
    /// 1. Offers from outside are refused and sources stop; what is queued is finished, upstream first, and each handler
    ///    is flushed when nothing can come to it any more.
    /// 2. What is not finished by the first deadline is left where it is, and handlers are told to cancel
    ///    ([`Cx::is_cancelled`](crate::Cx::is_cancelled)). A handler that has not returned by the second deadline is
    ///    named in the report and its thread abandoned; what it gives later is ignored.
    pub fn drain(mut self, deadlines: Deadlines) -> Report {
        self.stop(deadlines)
    }

    /// Waits for all sources to come to their end by themselves, then for everything behind them. Offers from outside are
    /// refused from now on. Blocks, without a deadline.
    pub fn finish(mut self) -> Report {
        let began = Instant::now();
        let crew = self.crew.take().expect("a handle is stopped once");
        close(&crew.graph, false);
        crew.await_end(None);
        let bottleneck = crew.keeper.look().snapshot.bottleneck();
        cancel(&crew.graph);
        let stuck = crew.stop_threads(Deadlines::default().cancel);
        Report { bottleneck, ..end(&crew, began, stuck) }
    }

    /// [`drain`](Running::drain) for async code: the stop begins at once, on a thread of its own, and the report is awaited.
    /// In a runtime that also runs the pipeline's async handlers, a blocking stop could wait for itself.
    pub fn drain_async(self, deadlines: Deadlines) -> Stopping {
        let name = self.crew().graph.shared.name.clone();
        Stopping::begin(&name, move || self.drain(deadlines))
    }

    /// [`finish`](Running::finish) for async code.
    pub fn finish_async(self) -> Stopping {
        let name = self.crew().graph.shared.name.clone();
        Stopping::begin(&name, move || self.finish())
    }

    fn stop(&mut self, deadlines: Deadlines) -> Report {
        let began = Instant::now();
        let crew = self.crew.take().expect("a handle is stopped once");
        close(&crew.graph, true);
        crew.await_end(began.checked_add(deadlines.finish));
        let bottleneck = crew.keeper.look().snapshot.bottleneck();
        cancel(&crew.graph);
        let stuck = crew.stop_threads(deadlines.cancel);
        Report { bottleneck, ..end(&crew, began, stuck) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.crew.is_some() {
            let report = self.stop(Deadlines::now());
            for stage in &report.stuck {
                tracing::warn!(pipeline = %report.pipeline, stage, "a handler did not return; its thread was abandoned");
            }
        }
    }
}

fn end(crew: &Crew, began: Instant, stuck: Vec<String>) -> Report {
    let report = report(&crew.graph, began, stuck);
    crew.graph.shared.ended.store(true, Ordering::Release);
    // A recorder that panics must not take the report along.
    #[cfg(feature = "metrics")]
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| crew.keeper.publish()));
    report
}

/// The first signal.
pub(crate) fn close(graph: &Graph, sources_too: bool) {
    graph.shared.closing.store(true, Ordering::Release);
    graph.shared.draining.store(sources_too, Ordering::Release);
    for node in &graph.stages {
        node.activation.inbox.close();
        if sources_too {
            node.activation.inbox.end_source();
        }
    }
    graph.shared.budget.wake_all();
    graph.shared.progress.notify();
}

/// The second signal.
pub(crate) fn cancel(graph: &Graph) {
    graph.shared.cancelled.store(true, Ordering::Release);
    graph.stages.iter().for_each(|node| node.activation.cancel());
    graph.stages.iter().for_each(|node| node.activation.inbox.wake_waiters());
}

pub(crate) fn report(graph: &Graph, began: Instant, mut stuck: Vec<String>) -> Report {
    // A handler that came back in the last moment is handing on what it gave: that has no end of its own but an adapter's.
    let until = Instant::now() + HAND_ON;
    for node in &graph.stages {
        let mut abandoned = node.activation.abandon();
        while !abandoned && Instant::now() < until {
            std::thread::sleep(HAND_ON / 1000);
            abandoned = node.activation.abandon();
        }
        if !abandoned && !stuck.contains(&node.name) {
            stuck.push(node.name.clone());
        }
    }
    graph.stages.iter().for_each(|node| node.activation.inbox.abandon_queue());
    graph.shared.budget.wake_all();
    let (pipeline, ledger) = (graph.shared.name.clone(), Ledger::of(graph, true));
    Report { pipeline, took: began.elapsed(), stuck, ledger, bottleneck: None }
}

pub(crate) fn entry<T: Event>(graph: &Graph, inlet: Inlet<T>) -> Entry<T> {
    assert!(
        inlet.pipeline == graph.shared.id,
        "{inlet:?} is not of pipeline `{}`; use the inlets that its own stages gave",
        graph.shared.name
    );
    Entry::new(graph.stages[inlet.stage as usize].activation.inbox.clone())
}

/// The settings of [`Running::resize`]: the name is a domain's, or a stage's.
pub(crate) fn resized(graph: &Graph, name: &str, threads: usize) -> Settings {
    if graph.domains.iter().any(|plan| !plan.own && plan.name == name) {
        return Settings::new().domain(name, |domain| domain.threads(threads));
    }
    Settings::new().stage(name, |stage| stage.threads(threads))
}

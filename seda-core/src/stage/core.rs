//! What the stages of a pipeline share, and what a stage is to them: no event type in sight.

use std::{
    sync::{
        Arc, Condvar, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{budget::Budget, flight::Spawn, inbox::Inbox};
#[cfg(feature = "metrics")]
use crate::metrics::Publisher;
use crate::{admission::Gauge, clock::Clock, ready::ReadySet, sync::lock, timer::Timers, trace::Trace};

/// One running pipeline, seen from its stages.
pub(crate) struct Shared {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) timers: Timers,
    /// Whether waits and service times are recorded.
    metrics: AtomicBool,
    /// How long a handler may take before it is named.
    watchdog_ns: AtomicU64,
    /// One in so many events is followed by spans; 0 for none.
    pub(crate) trace_every: AtomicU32,
    /// Somebody waits for the end, and is told of each stage that is empty.
    pub(crate) closing: AtomicBool,
    /// First signal: offers from outside are refused, sources are stopped.
    pub(crate) draining: AtomicBool,
    /// Second signal: handlers should return.
    pub(crate) cancelled: AtomicBool,
    /// Its threads are gone, or were given up.
    pub(crate) ended: AtomicBool,
    pub(crate) progress: Progress,
    #[cfg(feature = "metrics")]
    pub(crate) publisher: Publisher,
    pub(crate) budget: Budget,
    /// For data-parallel batches; made at start if a stage needs it, and absent on virtual time.
    pub(crate) parallel: OnceLock<rayon::ThreadPool>,
    /// Batches that are out on it, and async handlers that are being polled.
    pub(crate) spread: AtomicUsize,
    /// What runs async handlers: the host's runtime, or the driver of virtual time.
    pub(crate) tasks: OnceLock<Arc<dyn Spawn>>,
    /// Set at start.
    pub(crate) wiring: OnceLock<Wiring>,
}

/// What handlers may need to know of the graph.
pub(crate) struct Wiring {
    /// Inboxes by stage, for offers from handlers; weak, as they hold this.
    pub(crate) inboxes: Vec<Weak<Inbox>>,
    /// `reaches[a]` has b where events of stage a can come to stage b.
    pub(crate) reaches: Vec<Vec<bool>>,
    pub(crate) domain_of: Vec<u32>,
    pub(crate) names: Vec<String>,
}

impl Wiring {
    /// Whether a handler of `from` that waits for room at `to` could be waiting for itself.
    pub(crate) fn would_deadlock(&self, from: u32, to: u32) -> bool {
        let (from, to) = (from as usize, to as usize);
        // The offerer keeps a worker from every stage of its domain: none of them may be what makes room.
        let kept = (0..self.domain_of.len()).filter(|&stage| self.domain_of[stage] == self.domain_of[from]);
        kept.into_iter().any(|stage| stage == to || self.reaches[to][stage])
    }
}

impl Shared {
    pub(crate) fn new(id: u32, name: String) -> Self {
        Shared {
            id,
            name,
            clock: Clock::real(),
            timers: Timers::default(),
            metrics: AtomicBool::new(true),
            watchdog_ns: AtomicU64::new(u64::MAX),
            trace_every: AtomicU32::new(0),
            closing: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            progress: Progress::default(),
            #[cfg(feature = "metrics")]
            publisher: Publisher::default(),
            budget: Budget::default(),
            parallel: OnceLock::new(),
            spread: AtomicUsize::new(0),
            tasks: OnceLock::new(),
            wiring: OnceLock::new(),
        }
    }

    pub(crate) fn measures(&self) -> bool {
        self.metrics.load(Ordering::Relaxed)
    }

    pub(crate) fn measure(&self, on: bool) {
        self.metrics.store(on, Ordering::Relaxed);
    }

    pub(crate) fn watchdog_ns(&self) -> u64 {
        self.watchdog_ns.load(Ordering::Relaxed)
    }

    /// Sets the watchdog, and has whoever looks after it look anew.
    pub(crate) fn watch(&self, after_ns: u64) {
        self.watchdog_ns.store(after_ns.max(1), Ordering::Relaxed);
        self.timers.poke();
    }

    /// Sets the share of the events that spans follow.
    pub(crate) fn trace(&self, share: f64) {
        let every = if share > 0.0 { (1.0 / share).round().clamp(1.0, f64::from(u32::MAX)) as u32 } else { 0 };
        self.trace_every.store(every, Ordering::Relaxed);
    }

    /// Sets how often what is measured is published by itself, and has whoever does it look anew.
    pub(crate) fn publish_every(&self, every: Option<Duration>) {
        #[cfg(feature = "metrics")]
        self.publisher.set_every(every.unwrap_or_default());
        #[cfg(not(feature = "metrics"))]
        let _ = every;
        self.timers.poke();
    }

    /// Whether spans follow any events.
    pub(crate) fn traces(&self) -> bool {
        cfg!(feature = "tracing") && self.trace_every.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// Tells whoever waits for an end that something may have come to one.
#[derive(Default)]
pub(crate) struct Progress {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Progress {
    pub(crate) fn notify(&self) {
        *lock(&self.count) += 1;
        self.changed.notify_all();
    }

    pub(crate) fn seen(&self) -> u64 {
        *lock(&self.count)
    }

    /// Blocks until something happened after `seen`, at most `timeout`.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) {
        let count = lock(&self.count);
        drop(self.changed.wait_timeout_while(count, timeout, |count| *count == seen));
    }
}

/// One stage, seen from the others.
pub(crate) struct StageCore {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) shared: Arc<Shared>,
    /// Set at start.
    pub(crate) home: OnceLock<Home>,
    /// Time to live in the queue; 0 for none.
    max_age_ns: AtomicU64,
    /// Its policy's: the longest wait with which an event is started, and the objective; 0 for none.
    patience_ns: AtomicU64,
    objective_ns: AtomicU64,
    /// What others may know of it, once one with an objective leads here.
    pub(crate) gauge: Arc<Gauge>,
    /// Stages that its handler offers to, as declared.
    pub(crate) uses: Vec<u32>,
    pub(crate) ails: Ails,
}

/// What went wrong with a stage's handlers; written on ways that are rare, read by the health.
#[derive(Default)]
pub(crate) struct Ails {
    /// Places whose handler could not be built at the last try.
    pub(crate) without_handler: AtomicUsize,
    /// A source ended by a panic.
    pub(crate) source_failed: AtomicBool,
}

/// The place of a stage in its domain.
pub(crate) struct Home {
    pub(crate) ready: Arc<ReadySet>,
    pub(crate) bit: usize,
    pub(crate) domain: u32,
    /// The stage has the domain, and its threads, to itself.
    pub(crate) own: bool,
    /// Set where callers run the domain.
    pub(crate) host: OnceLock<Weak<dyn Host>>,
}

/// A domain whose callers run it.
pub(crate) trait Host: Send + Sync {
    /// Runs what can run, for a moment, on this thread; false where a worker is awake, or none sleeps.
    fn run(&self) -> bool;
}

impl StageCore {
    pub(crate) fn new(id: u32, name: String, shared: Arc<Shared>, uses: Vec<u32>) -> Self {
        StageCore {
            id,
            name,
            shared,
            home: OnceLock::new(),
            max_age_ns: AtomicU64::new(0),
            patience_ns: AtomicU64::new(0),
            objective_ns: AtomicU64::new(0),
            gauge: Arc::default(),
            uses,
            ails: Ails::default(),
        }
    }

    /// Time to live in the queue in ns; 0 for none. Read without an order: an event that is offered while it changes goes
    /// by the old or the new one.
    pub(crate) fn max_age_ns(&self) -> u64 {
        self.max_age_ns.load(Ordering::Relaxed)
    }

    pub(crate) fn live_for(&self, max_age_ns: u64) {
        self.max_age_ns.store(max_age_ns, Ordering::Relaxed);
    }

    /// The longest wait with which an event is started, by its time to live and by the policy; 0 for any.
    pub(crate) fn patience_ns(&self) -> u64 {
        let (age_ns, patience_ns) = (self.max_age_ns(), self.patience_ns.load(Ordering::Relaxed));
        if age_ns == 0 || patience_ns == 0 { age_ns.max(patience_ns) } else { age_ns.min(patience_ns) }
    }

    /// The objective of what is offered here and goes on to other stages; 0 for none.
    pub(crate) fn lineage_ns(&self) -> u64 {
        if self.gauge.is_on() { self.objective_ns().unwrap_or(0) } else { 0 }
    }

    pub(crate) fn has_objective(&self) -> bool {
        self.objective_ns().is_some()
    }

    /// Of its own policy.
    pub(crate) fn objective_ns(&self) -> Option<u64> {
        Some(self.objective_ns.load(Ordering::Relaxed)).filter(|&ns| ns != 0)
    }

    /// What the policy says of it now.
    pub(crate) fn be_patient(&self, patience_ns: Option<u64>) {
        let patience_ns = patience_ns.map_or(0, |ns| ns.max(1));
        // Every offerer reads what stands beside it: it is not written for nothing, once for each take.
        if self.patience_ns.load(Ordering::Relaxed) != patience_ns {
            self.patience_ns.store(patience_ns, Ordering::Relaxed);
        }
    }

    pub(crate) fn keep_to(&self, objective_ns: Option<u64>) {
        self.objective_ns.store(objective_ns.unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn domain(&self) -> u32 {
        self.home.get().map_or(u32::MAX, |home| home.domain)
    }

    /// For an event that is offered from outside: its spans, if it is to be followed.
    #[inline]
    pub(crate) fn sample(&self) -> Option<Trace> {
        if !self.shared.traces() {
            return None;
        }
        let mut trace = Trace::sample(self.shared.trace_every.load(Ordering::Relaxed), &self.shared.name)?;
        trace.waits(&self.name);
        Some(trace)
    }

    /// Makes the bit agree with the books; called under the stage's lock.
    pub(crate) fn mark(&self, runnable: bool) {
        if let Some(home) = self.home.get() {
            if runnable { home.ready.set(home.bit) } else { home.ready.clear(home.bit) }
        }
    }

    /// The same for an offer from outside, by a thread that is in no handler: it may do the worker's work itself.
    pub(crate) fn notify_or_run(&self) {
        let host = self.home.get().and_then(|home| home.host.get()).and_then(Weak::upgrade);
        if !host.is_some_and(|host| host.run()) {
            self.notify();
        }
    }

    /// After the lock is given back: a worker is woken, if one must be.
    pub(crate) fn notify(&self) {
        if let Some(home) = self.home.get() {
            home.ready.notify();
        }
    }
}

/// A link behind an outlet's adapters.
pub(crate) struct EdgeCore {
    pub(crate) from: u32,
    pub(crate) port: String,
    pub(crate) to: String,
    pub(crate) produced: AtomicU64,
    pub(crate) offered: AtomicU64,
    /// Of the stalls that are over.
    blocked_ns: AtomicU64,
    /// Lanes that stand still now, and the sum of the times at which they came to.
    stalled: AtomicU64,
    stalled_at_ns: AtomicU64,
    /// Events that stood in outboxes when the pipeline stopped.
    pub(crate) left: AtomicU64,
    /// Asks whose answer can be reached from here; a ticket of another stays behind. Set at start.
    pub(crate) asks: OnceLock<Box<[u32]>>,
}

impl EdgeCore {
    pub(crate) fn new(from: u32, port: String, to: String) -> Self {
        EdgeCore {
            from,
            port,
            to,
            produced: AtomicU64::new(0),
            offered: AtomicU64::new(0),
            blocked_ns: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
            stalled_at_ns: AtomicU64::new(0),
            left: AtomicU64::new(0),
            asks: OnceLock::new(),
        }
    }

    /// A worker of the stage that it leaves waits for room behind it.
    pub(crate) fn stands(&self) -> bool {
        self.stalled.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn blocked(&self, now_ns: u64) -> Duration {
        let lanes = self.stalled.load(Ordering::Relaxed);
        let lasting = lanes.saturating_mul(now_ns).saturating_sub(self.stalled_at_ns.load(Ordering::Relaxed));
        Duration::from_nanos(self.blocked_ns.load(Ordering::Relaxed) + lasting)
    }

    pub(crate) fn stall_begins(&self, now_ns: u64) {
        self.stalled_at_ns.fetch_add(now_ns, Ordering::Relaxed);
        self.stalled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stall_ends(&self, began_ns: u64, now_ns: u64) {
        self.stalled.fetch_sub(1, Ordering::Relaxed);
        self.stalled_at_ns.fetch_sub(began_ns, Ordering::Relaxed);
        self.blocked_ns.fetch_add(now_ns.saturating_sub(began_ns), Ordering::Relaxed);
    }
}

//! Whether a pipeline is well: arithmetic on what the books and the driver say, for a host's health checks.
//!
//! Refusing is not an illness: a stage that sheds, rejects or drops as it was told to is ready, and so is one whose queue
//! is full and moves.

use std::{fmt, sync::atomic::Ordering, time::Duration};

use serde::Serialize;

use super::Graph;
use crate::{name::cut, stage::books::Vitals, units::as_ns};

/// Whether a pipeline is alive and ready, and if not, which stage is not and why.
///
/// | | false when | what a host does |
/// |---|---|---|
/// | `live` | it has ended, or every thread of some domain has been in one handler, or one batch, for longer than [`watchdog`](crate::Pipeline::watchdog) | start the process anew |
/// | `ready` | it is not live, or any of [`Trouble`] holds | send it nothing for now |
///
/// Taking it costs each stage's lock for a moment, and nothing between two looks. Raise the watchdog above what your
/// slowest batch may take. Async handlers and data-parallel batches keep no thread of the pipeline: those that do not
/// return show by the queue before them, which stands.
///
/// ```
/// use seda_core::{prelude::*, test::{Takes, Virtual}};
/// let mut p = Pipeline::named("orders");
/// let price = p.sink("price", |_: u64| ());
/// let mut sim = Virtual::start(p, 1).unwrap();
/// assert!(sim.health().ready);
/// sim.takes("price", Takes::fixed(secs(60)));
/// sim.offer(price, 250).unwrap();
/// sim.advance(secs(15));
/// assert_eq!(sim.health().to_string(), "orders: not live, not ready\n\
///     `price`: its handler has not returned for 15.0 s (1 of 1 worker)");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Its threads turn.
    pub live: bool,
    /// It does what it is for.
    pub ready: bool,
    /// Why it is not ready; empty where it is.
    pub reasons: Vec<Trouble>,
}

/// Why a pipeline is not ready.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Trouble {
    /// It was stopped, or its handle was dropped.
    Ended,
    /// It is being drained: offers are refused.
    Draining,
    /// So many workers have been in one handler, or one batch, for longer than the watchdog that none is left for the
    /// stage.
    Stuck {
        /// The stage.
        stage: String,
        /// Workers that have not returned.
        workers: usize,
        /// Most that the stage may have at once.
        limit: usize,
        /// Since when the longest has not.
        #[serde(rename = "since_ns", serialize_with = "as_ns")]
        since: Duration,
    },
    /// No place of the stage has a handler: the last try to build each one failed or panicked. Each batch tries again.
    NoHandler {
        /// The stage.
        stage: String,
    },
    /// A source panicked, and so ended.
    SourceFailed {
        /// The stage.
        stage: String,
    },
    /// The queue is full, and nothing was taken or settled for longer than the watchdog.
    Unmoved {
        /// The stage.
        stage: String,
        /// Events that wait.
        queued: usize,
        /// For how long nothing has moved.
        #[serde(rename = "since_ns", serialize_with = "as_ns")]
        since: Duration,
        /// Stages that it waits for, as they have no room.
        behind: Vec<String>,
    },
}

impl Trouble {
    /// The stage that is not ready; none where it is the pipeline.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        match self {
            Trouble::Ended | Trouble::Draining => None,
            Trouble::Stuck { stage, .. }
            | Trouble::NoHandler { stage }
            | Trouble::SourceFailed { stage }
            | Trouble::Unmoved { stage, .. } => Some(stage),
        }
    }
}

/// One line.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::metrics::short;
        if let Some(stage) = self.stage() {
            write!(f, "`{}`: ", cut(stage, 24))?;
        }
        match self {
            Trouble::Ended => f.write_str("it has ended"),
            Trouble::Draining => f.write_str("it drains: offers are refused"),
            Trouble::Stuck { workers, limit, since, .. } => {
                let plural = if *limit == 1 { "" } else { "s" };
                write!(f, "its handler has not returned for {} ({workers} of {limit} worker{plural})", short(*since))
            }
            Trouble::NoHandler { .. } => f.write_str("its handler could not be built again after it was lost"),
            Trouble::SourceFailed { .. } => f.write_str("it panicked and gives no more events"),
            Trouble::Unmoved { queued, since, behind, .. } => {
                write!(f, "full with {queued} events, unmoved for {}", short(*since))?;
                let names: Vec<_> = behind.iter().map(|name| format!("`{}`", cut(name, 24))).collect();
                if names.is_empty() { Ok(()) } else { write!(f, ", waits for room at {}", names.join(", ")) }
            }
        }
    }
}

/// Two words on the first line, then a line for each reason.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |is: bool| if is { "" } else { "not " };
        write!(f, "{}: {}live, {}ready", self.pipeline, not(self.live), not(self.ready))?;
        self.reasons.iter().try_for_each(|trouble| write!(f, "\n{trouble}"))
    }
}

impl Health {
    /// Of a pipeline that is gone.
    pub(crate) fn ended(pipeline: String) -> Self {
        Health { pipeline, live: false, ready: false, reasons: vec![Trouble::Ended] }
    }

    /// As JSON text, on one line: `pipeline`, `live`, `ready`, and `reasons` with `what` and `stage` each.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn to_json(&self) -> String {
        crate::metrics::json(self)
    }
}

/// A worker, or a caller, that is in a handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtWork {
    pub(crate) stage: usize,
    pub(crate) since_ns: u64,
    /// One of the domain's own threads.
    pub(crate) is_thread: bool,
}

/// What is wrong with a graph of which these are at work, each domain having `threads` of its own.
pub(crate) fn judge(graph: &Graph, now_ns: u64, at_work: &[AtWork], threads: impl Fn(usize) -> usize) -> Health {
    let shared = &graph.shared;
    if shared.ended.load(Ordering::Acquire) {
        return Health::ended(shared.name.clone());
    }
    let since = |since_ns: u64| Duration::from_nanos(now_ns.saturating_sub(since_ns));
    let stuck: Vec<AtWork> = at_work
        .iter()
        .copied()
        .filter(|work| since(work.since_ns).as_nanos() >= graph.shared.watchdog_ns().into())
        .collect();
    let stands = |domain: usize| {
        let here = stuck.iter().filter(|work| work.is_thread && graph.stages[work.stage].domain == domain).count();
        here > 0 && here >= threads(domain)
    };
    let mut reasons = Vec::new();
    if shared.is_draining() {
        reasons.push(Trouble::Draining);
    }
    for (index, node) in graph.stages.iter().enumerate() {
        let (inbox, stage) = (&node.activation.inbox, || node.name.clone());
        let vitals = inbox.vitals();
        let here: Vec<u64> = stuck.iter().filter(|work| work.stage == index).map(|work| work.since_ns).collect();
        if let Some(&first_ns) = here.iter().min()
            && (here.len() >= vitals.limit || stands(node.domain))
        {
            let limit = vitals.limit;
            reasons.push(Trouble::Stuck { stage: stage(), workers: here.len(), limit, since: since(first_ns) });
        }
        let ails = &inbox.core.ails;
        let without = ails.without_handler.load(Ordering::Relaxed);
        if without > 0 && without >= vitals.limit.min(vitals.places) {
            reasons.push(Trouble::NoHandler { stage: stage() });
        }
        if ails.source_failed.load(Ordering::Relaxed) {
            reasons.push(Trouble::SourceFailed { stage: stage() });
        }
        reasons.extend(unmoved(graph, index, &vitals, since(vitals.unmoved_since_ns)));
    }
    let live = !(0..graph.domains.len()).any(stands);
    Health { pipeline: shared.name.clone(), live, ready: reasons.is_empty(), reasons }
}

fn unmoved(graph: &Graph, index: usize, vitals: &Vitals, since: Duration) -> Option<Trouble> {
    if !vitals.full || vitals.queued == 0 || since.as_nanos() < graph.shared.watchdog_ns().into() {
        return None;
    }
    let ways = graph.edges.iter().filter(|edge| edge.from as usize == index && edge.stands());
    let mut behind: Vec<String> = ways.map(|edge| edge.to.clone()).collect();
    behind.sort_unstable();
    behind.dedup();
    Some(Trouble::Unmoved { stage: graph.stages[index].name.clone(), queued: vitals.queued, since, behind })
}

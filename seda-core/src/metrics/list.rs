//! Every metric that a pipeline exports, once: the publisher, `docs/metrics.md` and the tests go by this list.

use MetricKind::{Counter, Gauge, Histogram};

/// A metric of the list [`METRICS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, with the unit last.
    pub name: &'static str,
    /// How it is told to the recorder.
    pub kind: MetricKind,
    /// `events`, `seconds`, `bytes`, `threads`, `places`, or `1`.
    pub unit: &'static str,
    /// Its labels; their values depend on the graph alone.
    pub labels: &'static [&'static str],
    /// What it counts, and when it moves.
    pub moves: &'static str,
}

/// How a metric is told to the recorder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MetricKind {
    /// A whole number that only rises.
    Counter,
    /// A number. Times that add up are gauges that only rise, as the facade's counters know no fractions: `rate()` reads
    /// them alike.
    Gauge,
    /// Single values, of which the recorder makes buckets or quantiles.
    Histogram,
}

const STAGE: &[&str] = &["pipeline", "stage"];

const fn metric(
    name: &'static str,
    kind: MetricKind,
    unit: &'static str,
    labels: &'static [&'static str],
    moves: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, moves }
}

pub(super) const OFFERED: Metric = metric(
    "seda_stage_offered_total",
    Counter,
    "events",
    STAGE,
    "an event is offered to the stage, whatever becomes of it",
);
pub(super) const EVENTS: Metric = metric(
    "seda_stage_events_total",
    Counter,
    "events",
    &["pipeline", "stage", "outcome"],
    "an offer comes to its end: `done`, `failed` (the handler panicked), `expired`, `dropped` (by a full queue), or refused as `full`, `shed` or `closed`",
);
pub(super) const SHED: Metric = metric(
    "seda_stage_shed_total",
    Counter,
    "events",
    &["pipeline", "stage", "reason"],
    "the admission policy sheds an offer, by its reason; absent until it first does",
);
pub(super) const IN_HAND: Metric =
    metric("seda_stage_in_hand", Gauge, "events", STAGE, "workers take a batch, and settle it");
pub(super) const DEPTH: Metric =
    metric("seda_stage_queue_depth", Gauge, "events", STAGE, "events come to wait, or are taken");
pub(super) const CAPACITY: Metric =
    metric("seda_stage_queue_capacity", Gauge, "events", STAGE, "the bound of the queue is changed");
pub(super) const BYTES: Metric = metric(
    "seda_stage_queue_bytes",
    Gauge,
    "bytes",
    STAGE,
    "events that say their weight come to wait, or are taken; 0 where they do not say it",
);
pub(super) const CAPACITY_BYTES: Metric =
    metric("seda_stage_queue_capacity_bytes", Gauge, "bytes", STAGE, "never; only where the queue is bounded in bytes");
pub(super) const OLDEST: Metric = metric(
    "seda_stage_queue_oldest_seconds",
    Gauge,
    "seconds",
    STAGE,
    "time passes for the event that has waited longest, to within the sampling of stamps; 0 for an empty queue",
);
pub(super) const WAIT: Metric = metric(
    "seda_stage_queue_wait_seconds",
    Histogram,
    "seconds",
    STAGE,
    "a worker takes an event: the time since its offer",
);
pub(super) const SERVICE: Metric = metric(
    "seda_stage_service_seconds",
    Histogram,
    "seconds",
    STAGE,
    "a handler returns: its time for an event, on the mean over the batch",
);
pub(super) const BUSY: Metric = metric(
    "seda_stage_busy_seconds_total",
    Gauge,
    "seconds",
    STAGE,
    "a batch is settled: the time in the handler, summed over the workers",
);
pub(super) const BLOCKED: Metric = metric(
    "seda_stage_blocked_seconds_total",
    Gauge,
    "seconds",
    &["pipeline", "stage", "on"],
    "a worker's place stands still as the stage `on` has no room; absent until it first does",
);
pub(super) const IDLE: Metric = metric(
    "seda_stage_idle_seconds_total",
    Gauge,
    "seconds",
    STAGE,
    "threads of the stage's own have nothing to do; with busy and blocked its rate adds up to the workers; absent in a shared domain",
);
pub(super) const WORKERS: Metric = metric(
    "seda_stage_workers",
    Gauge,
    "places",
    STAGE,
    "the stage is given more or fewer places for workers: its concurrency limit",
);
pub(super) const WORKERS_BUSY: Metric = metric(
    "seda_stage_workers_busy",
    Gauge,
    "places",
    STAGE,
    "a place comes to be used, or free; one that stands still for want of room is used",
);
pub(super) const THREADS: Metric = metric(
    "seda_domain_threads",
    Gauge,
    "threads",
    &["pipeline", "domain"],
    "threads of a domain, or of a stage's own, start or leave",
);
pub(super) const EDGE_EVENTS: Metric = metric(
    "seda_edge_events_total",
    Counter,
    "events",
    &["pipeline", "from", "to"],
    "an event that left the port `from` is offered to the stage `to`",
);
pub(super) const OUTBOX: Metric = metric(
    "seda_edge_outbox_depth",
    Gauge,
    "events",
    &["pipeline", "from", "to"],
    "events wait behind the port `from` for room at `to`",
);
pub(super) const ANSWERS: Metric = metric(
    "seda_ask_answers_total",
    Counter,
    "events",
    &["pipeline", "ask", "outcome"],
    "a reply comes to the end of an ask: `done` reached who asked, `dropped` was late, second or not asked for",
);
pub(super) const DECISIONS: Metric = metric(
    "seda_control_decisions_total",
    Counter,
    "1",
    &["pipeline", "key", "direction"],
    "a controller turns the knob of that key, `up` or `down`; only for what is given as a range",
);
pub(super) const BUILD: Metric =
    metric("seda_build_info", Gauge, "1", &["version"], "never: it is 1, and its label says which seda this is");

/// Every metric that is exported through the facade, in the order of the documentation.
///
/// ```
/// for metric in seda_core::METRICS {
///     assert!(metric.name.starts_with("seda_"));
/// }
/// ```
pub const METRICS: &[Metric] = &[
    OFFERED,
    EVENTS,
    SHED,
    IN_HAND,
    DEPTH,
    CAPACITY,
    BYTES,
    CAPACITY_BYTES,
    OLDEST,
    WAIT,
    SERVICE,
    BUSY,
    BLOCKED,
    IDLE,
    WORKERS,
    WORKERS_BUSY,
    THREADS,
    EDGE_EVENTS,
    OUTBOX,
    ANSWERS,
    DECISIONS,
    BUILD,
];

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    decision::{self, Decision, KnobSnapshot},
    figures::{fit, short},
};
use crate::{name::cut, units::as_ns};

/// Offers to one stage by how they ended. `offered = refused + done + failed + expired + dropped + left`, where what is
/// left is still queued or in hand.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Events that were offered.
    pub offered: u64,
    /// Refused: the queue was at its bound.
    pub full: u64,
    /// Refused: the admission policy shed them; the sum over the reasons.
    pub shed: u64,
    /// The same by reason.
    pub shed_by: Vec<ShedCount>,
    /// Refused: the pipeline took no more offers.
    pub closed: u64,
    /// The handler answered.
    pub done: u64,
    /// The handler panicked.
    pub failed: u64,
    /// They outlived their deadline or time to live; no handler saw them.
    pub expired: u64,
    /// A full queue dropped them, as its policy says.
    pub dropped: u64,
}

impl Counts {
    /// So many were offered and shed, for that reason.
    pub(crate) fn sheds(&mut self, reason: &'static str, events: u64) {
        self.offered += events;
        self.shed += events;
        ShedCount::add(&mut self.shed_by, reason, events);
    }

    /// Offers that came back.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.full + self.shed + self.closed
    }

    /// Events that have come to their end here.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.done + self.failed + self.expired + self.dropped
    }
}

/// Offers shed for one reason.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct ShedCount {
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub events: u64,
}

impl ShedCount {
    /// Counts so many more for a reason; there are as many reasons as policies in the code give.
    pub(crate) fn add(by: &mut Vec<ShedCount>, reason: &'static str, events: u64) {
        match by.iter_mut().find(|shed| shed.reason == reason) {
            Some(shed) => shed.events += events,
            None => by.push(ShedCount { reason, events }),
        }
    }
}

/// A distribution of times: right to 1 % in a stage's numbers, to 0.1 % in those of a simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// Events that it stands for.
    pub count: u64,
    /// Mean.
    #[serde(rename = "mean_ns", serialize_with = "as_ns")]
    pub mean: Duration,
    /// Half took at most this.
    #[serde(rename = "p50_ns", serialize_with = "as_ns")]
    pub p50: Duration,
    /// Nine in ten took at most this.
    #[serde(rename = "p90_ns", serialize_with = "as_ns")]
    pub p90: Duration,
    /// All but one in a hundred took at most this.
    #[serde(rename = "p99_ns", serialize_with = "as_ns")]
    pub p99: Duration,
    /// All but one in a thousand took at most this.
    #[serde(rename = "p999_ns", serialize_with = "as_ns")]
    pub p999: Duration,
    /// The longest.
    #[serde(rename = "max_ns", serialize_with = "as_ns")]
    pub max: Duration,
}

/// How many events workers took at once.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct BatchSizes {
    /// Mean, in events.
    pub mean: f64,
    /// Largest, in events.
    pub max: u64,
}

/// Time that a stage stood still because another had no room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Blocked {
    /// The stage without room.
    pub on: String,
    /// Summed over the places for workers.
    #[serde(rename = "time_ns", serialize_with = "as_ns")]
    pub time: Duration,
}

/// One stage at one moment; counters and times since the start.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StageSnapshot {
    /// Its name.
    pub name: String,
    /// The domain that it runs in; its own name for an own pool.
    pub domain: String,
    /// Threads of that domain.
    pub threads: usize,
    /// Places for workers in this stage: its concurrency limit.
    pub limit: usize,
    /// Places that are in use, stalled ones with them.
    pub busy_places: usize,
    /// Events that wait.
    pub queue_len: usize,
    /// Most that may wait.
    pub queue_bound: usize,
    /// Bytes that wait; 0 where events do not say their weight.
    pub queue_bytes: u64,
    /// Most bytes that may wait.
    pub queue_bytes_bound: Option<u64>,
    /// Age of the event that has waited longest, to within the sampling of stamps.
    #[serde(rename = "oldest_ns", serialize_with = "as_ns")]
    pub oldest: Duration,
    /// Events that workers hold.
    pub in_hand: usize,
    /// Events that have come to no end yet: queued, in hand, or left when the pipeline stopped.
    pub left: usize,
    /// What its admission policy has found that it cannot keep: an objective below the service time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concern: Option<String>,
    /// Offers by outcome.
    pub counts: Counts,
    /// From offer to take.
    pub wait: Percentiles,
    /// Handler in to out, per event.
    pub service: Percentiles,
    /// Events taken at once.
    pub batch: BatchSizes,
    /// Time in the handler, summed over the places.
    #[serde(rename = "busy_ns", serialize_with = "as_ns")]
    pub busy: Duration,
    /// Time stalled, summed over the places.
    #[serde(rename = "blocked_ns", serialize_with = "as_ns")]
    pub blocked: Duration,
    /// The same by the stage that had no room.
    pub blocked_on: Vec<Blocked>,
    /// Rest of the threads' time; for an own pool only, where the threads are the stage's.
    #[serde(rename = "idle_ns", serialize_with = "as_ns")]
    pub idle: Duration,
}

/// One edge at one moment.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EdgeSnapshot {
    /// Port that it leaves from: `price`, or `price.fraud`.
    pub from: String,
    /// Stage that it goes to.
    pub to: String,
    /// Events that came out behind the outlet's adapters.
    pub produced: u64,
    /// Events that were offered to the stage.
    pub offered: u64,
    /// Events that wait in the outbox for room: produced − offered.
    pub left: u64,
}

/// A pipeline at one moment. Its size depends on the graph alone but for a bounded list, so one can be taken every 100 ms. Printed, it is a table;
/// with serde it becomes JSON.
///
/// ```
/// # use seda_core::prelude::*;
/// # let mut p = Pipeline::named("orders");
/// # let orders = p.sink("ship", |_: u32| ());
/// # let running = p.start()?;
/// # running.offer(orders, 7)?;
/// let snapshot = running.snapshot();
/// for stage in &snapshot.stages {
///     let full = stage.queue_len as f64 / stage.queue_bound as f64;
///     println!("{}: queue {:.0} % full, p99 of the wait {:?}", stage.name, full * 100.0, stage.wait.p99);
///     for blocked in &stage.blocked_on {
///         println!("  held up by {} for {:?}", blocked.on, blocked.time);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Time since the start.
    #[serde(rename = "elapsed_ns", serialize_with = "as_ns")]
    pub elapsed: Duration,
    /// The stages, in the order of their declaration.
    pub stages: Vec<StageSnapshot>,
    /// The edges, likewise.
    pub edges: Vec<EdgeSnapshot>,
    /// The knobs that were given a range, each with what its controller last said.
    pub knobs: Vec<KnobSnapshot>,
    /// What controllers did, the oldest first: the last 64.
    pub decisions: Vec<Decision>,
}

impl Snapshot {
    /// The stage of that name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageSnapshot> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

impl Snapshot {
    /// As JSON text, on one line: the fields by their names, durations as whole nanoseconds under names that end in `_ns`.
    /// Later versions add fields; none changes its meaning.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn to_json(&self) -> String {
        super::json(self)
    }
}

impl StageSnapshot {
    /// Share of the time in which the stage's handlers worked, 0 to 1, on the mean over its places.
    pub(super) fn busy_share(&self, elapsed: Duration) -> f64 {
        let places = self.limit.min(self.threads).max(1) as f64;
        (self.busy.as_secs_f64() / (elapsed.as_secs_f64() * places).max(1e-9)).min(1.0)
    }
}

/// Decisions that stand below a table.
const SHOWN: usize = 5;

/// A line for each stage, at most 80 columns wide; numbers are shortened where they would not fit. Below, the latest
/// decisions of controllers, and the sentence of the [bottleneck](Snapshot::bottleneck), if there is one.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>11} {:>8} {:>8} {:>5} {:>9} {:>8} {:>8}",
            "stage", "queue", "wait p99", "svc p99", "busy%", "done", "refused", "threads"
        )?;
        for stage in &self.stages {
            writeln!(
                f,
                "{:<16} {:>11} {:>8} {:>8} {:>5.0} {:>9} {:>8} {:>8}",
                cut(&stage.name, 16),
                format!("{}/{}", fit(stage.queue_len as u64, 5), fit(stage.queue_bound as u64, 5)),
                short(stage.wait.p99),
                short(stage.service.p99),
                100.0 * stage.busy_share(self.elapsed),
                fit(stage.counts.done, 9),
                fit(stage.counts.refused(), 8),
                fit(stage.threads as u64, 8),
            )?;
            if let Some(concern) = &stage.concern {
                writeln!(f, "  {concern}")?;
            }
        }
        decision::table(&self.decisions, SHOWN, f)?;
        match self.bottleneck() {
            Some(bottleneck) => bottleneck.lines(f),
            None => Ok(()),
        }
    }
}

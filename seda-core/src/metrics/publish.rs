//! From a look at everything to a recorder of the `metrics` facade. Counters are absolute and gauges are set, so whoever
//! comes late or twice loses nothing; a histogram is told of what was recorded since the last time.
//!
//! Handles are asked for each time: that is a look-up per series, each second, and no handle can be left behind by a
//! recorder that was replaced.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use facade::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};

use super::{
    Distribution, Snapshot, StageSnapshot,
    list::{self, METRICS, Metric, MetricKind},
};
use crate::sync::lock;

/// Most values that a histogram is told at once. Recorders keep each of them until they are read (24 bytes in the usual
/// one for Prometheus), and a stage may have millions of events a second: their distribution is told, not their number.
const VALUES_MOST: u64 = 1000;
const METADATA: Metadata<'_> = Metadata::new("seda", Level::INFO, None);

/// What one pipeline has told its recorder.
#[derive(Default)]
pub(crate) struct Publisher {
    /// Zero: not by itself.
    every_ns: AtomicU64,
    /// Wait and service of each stage, as last told. Held while telling, so that each value is told once.
    told: Mutex<Vec<[Distribution; 2]>>,
}

/// Everything at one moment.
pub(crate) struct Seen {
    pub(crate) snapshot: Snapshot,
    /// Wait and service of each stage.
    pub(crate) tables: Vec<[Distribution; 2]>,
    /// By ask: replies that reached who asked, and those that did not.
    pub(crate) answers: Vec<(String, [u64; 2])>,
}

impl Publisher {
    pub(crate) fn set_every(&self, every: Duration) {
        self.every_ns.store(u64::try_from(every.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// None: not by itself.
    pub(crate) fn every_ns(&self) -> Option<u64> {
        Some(self.every_ns.load(Ordering::Relaxed)).filter(|&every| every > 0)
    }

    pub(crate) fn publish(&self, recorder: &dyn Recorder, look: impl FnOnce() -> Seen) {
        tell(recorder, look(), &mut lock(&self.told));
    }

    pub(crate) fn try_publish(&self, recorder: &dyn Recorder, look: impl FnOnce() -> Seen) {
        if let Ok(mut told) = self.told.try_lock() {
            tell(recorder, look(), &mut told);
        }
    }
}

fn tell(recorder: &dyn Recorder, seen: Seen, told: &mut Vec<[Distribution; 2]>) {
    METRICS.iter().for_each(|metric| describe(recorder, metric));
    let to = Telling { recorder, pipeline: SharedString::from_owned(seen.snapshot.pipeline.clone()) };
    to.put(&list::BUILD, &[env!("CARGO_PKG_VERSION")], 1.0);
    told.resize_with(seen.tables.len(), Default::default);
    for ((stage, tables), told) in seen.snapshot.stages.iter().zip(seen.tables).zip(told) {
        offers(&to, stage);
        state(&to, stage);
        times(&to, stage);
        for ((metric, now), before) in [list::WAIT, list::SERVICE].iter().zip(&tables).zip(&*told) {
            to.values(metric, &stage.name, &now.since(before, VALUES_MOST));
        }
        *told = tables;
    }
    for edge in &seen.snapshot.edges {
        to.count(&list::EDGE_EVENTS, &[&edge.from, &edge.to], edge.offered);
        to.put(&list::OUTBOX, &[&edge.from, &edge.to], edge.left as f64);
    }
    for knob in &seen.snapshot.knobs {
        to.count(&list::DECISIONS, &[&knob.key, "up"], knob.ups);
        to.count(&list::DECISIONS, &[&knob.key, "down"], knob.downs);
    }
    for (ask, [done, dropped]) in &seen.answers {
        to.count(&list::ANSWERS, &[ask, "done"], *done);
        to.count(&list::ANSWERS, &[ask, "dropped"], *dropped);
    }
}

fn offers(to: &Telling<'_>, stage: &StageSnapshot) {
    let counts = &stage.counts;
    to.count(&list::OFFERED, &[&stage.name], counts.offered);
    let outcomes = [
        ("done", counts.done),
        ("failed", counts.failed),
        ("expired", counts.expired),
        ("dropped", counts.dropped),
        ("full", counts.full),
        ("shed", counts.shed),
        ("closed", counts.closed),
    ];
    outcomes.iter().for_each(|&(outcome, n)| to.count(&list::EVENTS, &[&stage.name, outcome], n));
    counts.shed_by.iter().for_each(|shed| to.count(&list::SHED, &[&stage.name, shed.reason], shed.events));
}

fn state(to: &Telling<'_>, stage: &StageSnapshot) {
    let name = stage.name.as_str();
    to.put(&list::IN_HAND, &[name], stage.in_hand as f64);
    to.put(&list::DEPTH, &[name], stage.queue_len as f64);
    to.put(&list::CAPACITY, &[name], stage.queue_bound as f64);
    to.put(&list::BYTES, &[name], stage.queue_bytes as f64);
    if let Some(bound) = stage.queue_bytes_bound {
        to.put(&list::CAPACITY_BYTES, &[name], bound as f64);
    }
    to.put(&list::WORKERS, &[name], stage.limit as f64);
    to.put(&list::WORKERS_BUSY, &[name], stage.busy_places as f64);
    to.put(&list::THREADS, &[&stage.domain], stage.threads as f64);
}

fn times(to: &Telling<'_>, stage: &StageSnapshot) {
    let name = stage.name.as_str();
    to.put(&list::OLDEST, &[name], stage.oldest.as_secs_f64());
    to.put(&list::BUSY, &[name], stage.busy.as_secs_f64());
    for blocked in &stage.blocked_on {
        to.put(&list::BLOCKED, &[name, &blocked.on], blocked.time.as_secs_f64());
    }
    // Its own pool bears its name.
    if stage.domain == stage.name {
        to.put(&list::IDLE, &[name], stage.idle.as_secs_f64());
    }
}

/// One recorder, for one pipeline.
struct Telling<'a> {
    recorder: &'a dyn Recorder,
    pipeline: SharedString,
}

impl Telling<'_> {
    /// `values` are those of the labels, in the order of the list, without the pipeline.
    fn key(&self, metric: &Metric, values: &[&str]) -> Key {
        let pipeline = metric.labels.first() == Some(&"pipeline");
        debug_assert_eq!(metric.labels.len(), values.len() + usize::from(pipeline), "labels of {}", metric.name);
        let own = pipeline.then(|| Label::new("pipeline", self.pipeline.clone()));
        let names = metric.labels.iter().skip(usize::from(pipeline));
        let rest = names.zip(values).map(|(&name, &value)| Label::new(name, value.to_string()));
        Key::from_parts(metric.name, own.into_iter().chain(rest).collect::<Vec<_>>())
    }

    fn count(&self, metric: &Metric, labels: &[&str], n: u64) {
        debug_assert_eq!(metric.kind, MetricKind::Counter, "{}", metric.name);
        self.recorder.register_counter(&self.key(metric, labels), &METADATA).absolute(n);
    }

    fn put(&self, metric: &Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(metric.kind, MetricKind::Gauge, "{}", metric.name);
        self.recorder.register_gauge(&self.key(metric, labels), &METADATA).set(value);
    }

    fn values(&self, metric: &Metric, stage: &str, values: &[(u64, u64)]) {
        let histogram = self.recorder.register_histogram(&self.key(metric, &[stage]), &METADATA);
        for &(ns, times) in values {
            histogram.record_many(ns as f64 / 1e9, times as usize);
        }
    }
}

fn describe(recorder: &dyn Recorder, metric: &Metric) {
    let (name, text) = (KeyName::from_const_str(metric.name), SharedString::const_str(metric.moves));
    let unit = Some(match metric.unit {
        "seconds" => Unit::Seconds,
        "bytes" => Unit::Bytes,
        _ => Unit::Count,
    });
    match metric.kind {
        MetricKind::Counter => recorder.describe_counter(name, unit, text),
        MetricKind::Gauge => recorder.describe_gauge(name, unit, text),
        MetricKind::Histogram => recorder.describe_histogram(name, unit, text),
    }
}

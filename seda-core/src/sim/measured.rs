//! What a pipeline at work has measured of its stages, for a simulation to go by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::Service;
use crate::{drive::Looked, metrics::StageSnapshot, runtime::Running, settings::Settings, test::Virtual};

/// A pipeline's stages as they were measured since its start: taken from one at work by `Measured::from(&running)`, given to
/// [`Run::like`](super::Run::like). With serde it can be kept, and simulated elsewhere.
///
/// Service times are those of single events, except where workers take batches: there each event has its share of the
/// batch. What slowed handlers down while it was measured, such as a lack of cores, is in the times.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measured {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Its stages, in the order of their declaration.
    pub stages: Vec<MeasuredStage>,
}

/// One stage as it was measured.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MeasuredStage {
    /// Its name.
    pub name: String,
    /// The domain that it runs in; its own name for an own pool.
    pub domain: String,
    /// Threads of that domain.
    pub threads: usize,
    /// Its concurrency limit.
    pub limit: usize,
    /// Most events that may wait.
    pub queue_bound: usize,
    /// Events per second that were offered, from the start on.
    pub offered_per_s: f64,
    /// Service times in ns, to 1 %, each with how many events it stands for.
    pub service_ns: Vec<(u64, u64)>,
}

impl Measured {
    fn of(looked: Looked) -> Self {
        let elapsed = looked.snapshot.elapsed;
        let tables = looked.tables.into_iter().map(|[_, service]| service.buckets());
        let stages = looked.snapshot.stages.into_iter().zip(tables);
        let stages = stages.map(|(stage, service_ns)| MeasuredStage::new(stage, service_ns, elapsed)).collect();
        Measured { pipeline: looked.snapshot.pipeline, stages }
    }

    /// The stage of that name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&MeasuredStage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

impl From<&Running> for Measured {
    fn from(running: &Running) -> Self {
        Measured::of(running.look())
    }
}

impl From<&Virtual> for Measured {
    fn from(sim: &Virtual) -> Self {
        Measured::of(sim.look())
    }
}

impl MeasuredStage {
    fn new(stage: StageSnapshot, service_ns: Vec<(u64, u64)>, elapsed: Duration) -> Self {
        MeasuredStage {
            name: stage.name,
            domain: stage.domain,
            threads: stage.threads,
            limit: stage.limit,
            queue_bound: stage.queue_bound,
            offered_per_s: stage.counts.offered as f64 / elapsed.as_secs_f64().max(1e-9),
            service_ns,
        }
    }

    /// Its service times, to be drawn from; none where nothing was handled.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let times = self.service_ns.iter().map(|&(ns, times)| (Duration::from_nanos(ns), times));
        (!self.service_ns.is_empty()).then(|| Service::recorded(times))
    }

    pub(super) fn settings(&self, settings: Settings) -> Settings {
        let own = self.domain == self.name;
        let settings =
            if own { settings } else { settings.domain(&self.domain, |domain| domain.threads(self.threads)) };
        settings.stage(&self.name, |stage| {
            let stage = stage.queue(self.queue_bound);
            if own { stage.threads(self.threads) } else { stage.limit(self.limit) }
        })
    }
}

//! What a pipeline at work has measured of its stages, for a simulation to go by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::service::Service;
use crate::{
    drive::{Looked, SpentBy},
    metrics::StageSnapshot,
    runtime::Running,
    settings::Settings,
    test::Virtual,
};

/// Threads also wait for a core outside of handlers, so that more than this of the handlers' time says nothing of them.
const QUEUED_MOST: f64 = 0.9;

/// A pipeline's stages as they were measured since its start: taken from one at work by `Measured::from(&running)`, given to
/// [`Run::like`](super::Run::like). With serde it can be kept, and simulated elsewhere.
///
/// Service times are those of single events, except where workers take batches: there each event has its share of the
/// batch. Where the kernel tells what threads computed (Linux does), a simulation shares the cores among them as they were
/// shared, and what they waited for a core is taken out of the times: by the same factor for all of a domain, as it is not
/// known of each event. Other programs on those cores are not known of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measured {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Cores that its threads share; none where that is not known.
    #[serde(default)]
    pub cores: Option<f64>,
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
    /// Service times in ns, to 1 %, each with how many events it stands for; waits for a core are in them.
    pub service_ns: Vec<(u64, u64)>,
    /// Of the time in its handlers, without waits for a core, the share in which they computed, 0 to 1; in a shared domain
    /// that of all its stages. None where it is not known: async stages, domains that callers run, other systems than Linux.
    #[serde(default)]
    pub computes: Option<f64>,
    /// Of the time in its handlers the share in which they waited for a core, 0 to 1; in a shared domain that of all its
    /// stages. 0 where it is not known.
    #[serde(default)]
    pub queued: f64,
}

impl Measured {
    fn of(looked: Looked, spent: &SpentBy) -> Self {
        let elapsed = looked.snapshot.elapsed;
        let shares: Vec<Shares> = looked.snapshot.stages.iter().map(|of| shares(&looked, spent, &of.domain)).collect();
        let tables = looked.tables.into_iter().map(|[_, service]| service.buckets());
        let stages = looked.snapshot.stages.into_iter().zip(tables).zip(shares);
        let stages = stages.map(|((stage, service_ns), shares)| {
            let (computes, queued) = shares.map_or((None, 0.0), |(computes, queued)| (Some(computes), queued));
            MeasuredStage { computes, queued, ..MeasuredStage::new(stage, service_ns, elapsed) }
        });
        Measured { stages: stages.collect(), pipeline: looked.snapshot.pipeline, cores: spent.cores }
    }

    /// The stage of that name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&MeasuredStage> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

impl From<&Running> for Measured {
    fn from(running: &Running) -> Self {
        Measured::of(running.look(), &running.spent())
    }
}

impl From<&Virtual> for Measured {
    fn from(sim: &Virtual) -> Self {
        Measured::of(sim.look(), &sim.spent())
    }
}

/// Of a domain's time in handlers: that in which it computed, without the waits for a core; and those waits.
type Shares = Option<(f64, f64)>;

fn shares(looked: &Looked, spent: &SpentBy, domain: &str) -> Shares {
    let (_, spent) = spent.domains.iter().find(|(name, _)| name == domain)?;
    let stages = looked.snapshot.stages.iter().filter(|stage| stage.domain == domain);
    let busy_ns = stages.map(|stage| stage.busy).sum::<Duration>().as_nanos() as f64;
    let queued_ns = (spent.queued_ns as f64).min(QUEUED_MOST * busy_ns);
    (busy_ns > 0.0).then(|| ((spent.computed_ns as f64 / (busy_ns - queued_ns)).min(1.0), queued_ns / busy_ns))
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
            computes: None,
            queued: 0.0,
        }
    }

    /// Its service times, to be drawn from, without waits for a core, and the share of them that it computes; none where
    /// nothing was handled.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let alone = (1.0 - self.queued).clamp(0.0, 1.0);
        let times = self.service_ns.iter().map(|&(ns, times)| (Duration::from_nanos(ns).mul_f64(alone), times));
        let computes = self.computes.unwrap_or_default();
        (!self.service_ns.is_empty()).then(|| Service::recorded(times).computing(computes))
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

//! What is measured, with a bounded memory: counters by outcome, and distributions of wait, service and batch size.

mod bottleneck;
mod decision;
mod distribution;
mod figures;
#[cfg(feature = "metrics")]
mod list;
#[cfg(feature = "metrics")]
mod publish;
mod snapshot;

pub use bottleneck::Bottleneck;
pub(crate) use decision::Decisions;
pub use decision::{Decision, KnobSnapshot};
pub(crate) use distribution::Distribution;
pub(crate) use figures::{fit, short};
#[cfg(feature = "metrics")]
pub use list::{METRICS, Metric, MetricKind};
#[cfg(feature = "metrics")]
pub(crate) use publish::{Publisher, Seen};
pub use snapshot::{BatchSizes, Blocked, Counts, EdgeSnapshot, Percentiles, ShedCount, Snapshot, StageSnapshot};

/// Our types are plain: they cannot fail to be written.
#[cfg(feature = "json")]
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("names are strings and numbers are finite")
}

//! What is measured, with a bounded memory: counters by outcome, and distributions of wait, service and batch size.

mod distribution;
mod snapshot;

pub(crate) use distribution::Distribution;
pub(crate) use snapshot::short;
pub use snapshot::{BatchSizes, Blocked, Counts, EdgeSnapshot, Percentiles, ShedCount, Snapshot, StageSnapshot};

//! A pipeline at work on threads, seen by whoever does not stop it.

use std::sync::{Arc, Weak};

use crate::{drive::keeper::Keeper, graph::Health, metrics::Snapshot};

/// Looks at a running pipeline from anywhere, for as long as it runs: what a health endpoint or a dashboard holds while
/// another thread drains it. Small, to be cloned; it keeps nothing alive. Made by [`Running::watch`](crate::Running::watch).
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("orders");
/// let price = p.sink("price", |_cents: u64| ());
/// let running = p.start().unwrap();
/// let watch = running.watch();
/// assert!(watch.health().ready && watch.snapshot().is_some());
/// running.drain(Deadlines::default());
/// assert_eq!(watch.health().to_string(), "orders: not live, not ready\nit has ended");
/// # let _ = price;
/// ```
#[derive(Clone)]
pub struct Watch {
    pub(crate) pipeline: Arc<str>,
    pub(crate) keeper: Weak<Keeper>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({})", self.pipeline)
    }
}

impl Watch {
    /// Whether it is alive and ready, and which stage is not. An ended pipeline is neither. Does not block.
    #[must_use]
    pub fn health(&self) -> Health {
        self.keeper.upgrade().map_or_else(|| Health::ended(self.pipeline.to_string()), |keeper| keeper.health())
    }

    /// Everything measured, at this moment; none once the pipeline is gone.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.keeper.upgrade().map(|keeper| keeper.look().snapshot)
    }

    /// Publishes everything measured now, as [`Running::publish`](crate::Running::publish) does; nothing once it is gone,
    /// as its end has published a last time.
    #[cfg(feature = "metrics")]
    pub fn publish(&self) {
        if let Some(keeper) = self.keeper.upgrade() {
            keeper.publish();
        }
    }
}

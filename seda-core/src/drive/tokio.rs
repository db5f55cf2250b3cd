//! tokio as what runs async handlers: the host's runtime, never one of our own.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    graph::Pipeline,
    stage::flight::{Spawn, Task},
};

struct Tokio(Handle);

impl Spawn for Tokio {
    fn spawn(&self, task: Task) {
        drop(self.0.spawn(task));
    }

    fn workers(&self) -> usize {
        self.0.metrics().num_workers()
    }
}

impl Pipeline {
    /// The tokio runtime for async handlers. Default: the one in which the pipeline is started.
    pub fn runtime(&mut self, handle: Handle) -> &mut Self {
        self.runtime = Some(Arc::new(Tokio(handle)));
        self
    }
}

/// The runtime of the calling thread.
pub(crate) fn current() -> Option<Arc<dyn Spawn>> {
    let handle = Handle::try_current().ok()?;
    Some(Arc::new(Tokio(handle)))
}

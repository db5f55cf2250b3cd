//! What came of a batch.

/// What a worker did with a batch.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) taken: usize,
    /// Of a batch, the events that went on their way, to be settled by themselves.
    pub(crate) detached: u64,
    /// One of those: its time is no worker's.
    pub(crate) flown: bool,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    pub(crate) weight: u64,
    pub(crate) service_ns: u64,
    /// Events made by a source: offered and done at once.
    pub(crate) pulled: u64,
    /// The longest wait of any.
    pub(crate) wait_ns: u64,
    /// Waits in ns, each with the number of events that it stands for.
    pub(crate) waits: Vec<(u64, u32)>,
}

impl Account {
    /// Events after the last stamp share its wait.
    pub(crate) fn waits_end(&mut self, since_stamp: u32, measures: bool) {
        if let Some(last) = self.waits.last_mut() {
            last.1 += since_stamp;
        }
        if !measures {
            self.waits.clear();
        }
    }

    /// What came of a batch on the data-parallel pool.
    pub(crate) fn spread(&mut self, done: u64, failed: u64, service_ns: u64) {
        (self.done, self.failed, self.service_ns) = (done, failed, service_ns);
    }

    /// So many that the handler had answered have failed in an adapter behind it. What an iterator gave in a run before is
    /// settled already.
    pub(crate) fn fails_behind(&mut self, events: u64) {
        let events = events.min(self.done);
        self.done -= events;
        self.failed += events;
    }
}

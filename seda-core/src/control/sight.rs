use std::time::Duration;

use crate::options::Threads;

/// What a controller sees: its knob, and what the stage, or the stages of the domain, did since the last look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sight<'a> {
    /// The knob, as configuration calls it: `stage.price.threads`.
    pub key: &'a str,
    /// Where it stands.
    pub value: usize,
    /// Where it may stand.
    pub range: Threads,
    /// Time since the last look.
    pub window: Duration,
    /// The stage, or all stages of the domain.
    pub stages: &'a [StageSight],
    /// What the threads had of the processor; none where that is not known.
    pub processor: Option<Processor>,
}

/// One stage in a window.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StageSight {
    /// Its name.
    pub name: String,
    /// Offers, those that were shed or found it full with them; not those after its close.
    pub offered: u64,
    /// Events that came to nothing: shed, full, dropped, or expired in the queue.
    pub lost: u64,
    /// Events that the handler gave back, done or failed.
    pub settled: u64,
    /// Time in the handler, summed over the workers.
    pub busy: Duration,
    /// Time in which places stood still as another stage had no room.
    pub blocked: Duration,
    /// Nine in ten of those that were taken had waited at most so long; zero where that is not measured.
    pub wait_p90: Duration,
    /// Standard deviation of the service time over its mean, since the start.
    pub deviation: f64,
    /// Events that wait now.
    pub queue_len: usize,
    /// Most that may wait.
    pub queue_bound: usize,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// The objective of its admission policy, where that has one.
    pub objective: Option<Duration>,
    /// Its batches.
    pub batches: BatchSums,
}

/// Sums over batches, for a fit of their time by their size.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct BatchSums {
    /// How many batches.
    pub batches: f64,
    /// Events in them.
    pub events: f64,
    /// Squares of their sizes.
    pub squares: f64,
    /// Seconds that the handler took for them.
    pub secs: f64,
    /// Sizes times seconds.
    pub events_secs: f64,
}

/// What threads had of the processor in a window.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Processor {
    /// Cores of the machine, as far as the process may use them.
    pub cores: f64,
    /// Time that the threads computed.
    pub computed: Duration,
    /// Time that they could have, and waited for a core.
    pub queued: Duration,
}

impl Processor {
    pub(crate) fn new(cores: f64, computed: Duration, queued: Duration) -> Self {
        Processor { cores, computed, queued }
    }
}

impl Sight<'_> {
    /// The nearest that the range allows.
    #[must_use]
    pub fn clamp(&self, to: usize) -> usize {
        to.clamp(self.range.min, self.range.max.max(self.range.min))
    }

    /// Of the time of as many workers as the knob stands at, the share that they spent in handlers, 0 to 1.
    #[must_use]
    pub fn busy_share(&self) -> f64 {
        self.share(self.stages.iter().map(|stage| stage.busy).sum())
    }

    /// The same of the time in which their places stood still.
    #[must_use]
    pub fn blocked_share(&self) -> f64 {
        self.share(self.stages.iter().map(|stage| stage.blocked).sum())
    }

    fn share(&self, time: Duration) -> f64 {
        (time.as_secs_f64() / (self.window.as_secs_f64() * self.value.max(1) as f64).max(1e-9)).min(1.0)
    }

    /// Of the time in handlers, the share in which they computed, where they did not wait for a core: 1 for a stage that
    /// spins, 0 for one that sleeps.
    #[must_use]
    pub fn computing(&self) -> Option<f64> {
        let processor = self.processor?;
        let busy: Duration = self.stages.iter().map(|stage| stage.busy).sum();
        let alone = busy.saturating_sub(processor.queued).max(processor.computed);
        (!alone.is_zero()).then(|| processor.computed.as_secs_f64() / alone.as_secs_f64())
    }
}

impl BatchSums {
    /// Adds a batch, for the test of a controller that goes by them.
    pub fn batch(&mut self, events: u64, took: Duration) {
        self.add(events, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn add(&mut self, events: u64, service_ns: u64) {
        let (events, secs) = (events as f64, service_ns as f64 / 1e9);
        self.batches += 1.0;
        self.events += events;
        self.squares += events * events;
        self.secs += secs;
        self.events_secs += events * secs;
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        BatchSums {
            batches: self.batches - before.batches,
            events: self.events - before.events,
            squares: self.squares - before.squares,
            secs: self.secs - before.secs,
            events_secs: self.events_secs - before.events_secs,
        }
    }

    /// The older ones count for less.
    pub(crate) fn fade(&mut self, keep: f64) {
        for sum in [&mut self.batches, &mut self.events, &mut self.squares, &mut self.secs, &mut self.events_secs] {
            *sum *= keep;
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.batches += other.batches;
        self.events += other.events;
        self.squares += other.squares;
        self.secs += other.secs;
        self.events_secs += other.events_secs;
    }
}

//! Settings in code.

use std::time::Duration;

use super::{
    ChangeError, Entry, Origin, Place, Settings, cannot_be,
    keys::{Knob, OWN, key_of},
    split,
    value::{Raw, Value},
};
use crate::{
    admission::{MAX_CONCURRENCY, SLO, TOKEN_BUCKET},
    control::Control,
    options::{Threads, WhenFull},
};

impl Settings {
    /// Nothing is set.
    pub fn new() -> Self {
        Settings::default()
    }

    /// Most bytes that all queues together may hold; `None` takes the budget away.
    pub fn byte_budget(self, bytes: impl Into<Option<u64>>) -> Self {
        let bytes = bytes.into().map_or(Value::None, Value::Bytes);
        self.with(Place::Pipeline, Knob::ByteBudget, bytes)
    }

    /// A handler that has not returned for so long is named through tracing.
    pub fn watchdog(self, after: Duration) -> Self {
        self.with(Place::Pipeline, Knob::Watchdog, Value::Time(after))
    }

    /// Whether controllers turn what is given as a range.
    pub fn control(self, control: Control) -> Self {
        self.with(Place::Pipeline, Knob::Control, Value::Word(control.word().to_string()))
    }

    /// Most threads that controllers give to all domains together; `None` takes the ceiling away.
    pub fn threads_max(self, threads: impl Into<Option<usize>>) -> Self {
        let threads = threads.into().map_or(Value::None, |threads| Value::Count(threads as u64));
        self.with(Place::Pipeline, Knob::ThreadsMax, threads)
    }

    /// The objective of what comes from outside, for entry stages that say no admission of their own; while running, only
    /// for a pipeline that started with one.
    pub fn slo(self, objective: Duration) -> Self {
        self.with(Place::Pipeline, Knob::PipelineSlo, Value::Time(objective))
    }

    /// Whether waits and service times are recorded.
    pub fn metrics(self, on: bool) -> Self {
        self.with(Place::Pipeline, Knob::Metrics, Value::Flag(on))
    }

    /// The share of the events that spans follow: as [`Pipeline::trace`](crate::Pipeline::trace).
    #[cfg(feature = "tracing")]
    pub fn trace(self, share: f64) -> Self {
        self.with(Place::Pipeline, Knob::Trace, Value::Rate(share))
    }

    /// How often what is measured is published, or never by itself: as
    /// [`Pipeline::publish_every`](crate::Pipeline::publish_every).
    #[cfg(feature = "metrics")]
    pub fn publish_every(self, every: impl Into<Option<Duration>>) -> Self {
        let every = every.into().filter(|every| !every.is_zero());
        self.with(Place::Pipeline, Knob::PublishEvery, every.map_or(Value::None, Value::Time))
    }

    /// Numbers of a declared domain.
    pub fn domain(self, name: &str, set: impl FnOnce(DomainSettings) -> DomainSettings) -> Self {
        set(DomainSettings { settings: self, name: name.to_string() }).settings
    }

    /// Numbers of a stage.
    pub fn stage(self, name: &str, set: impl FnOnce(StageSettings) -> StageSettings) -> Self {
        set(StageSettings { settings: self, name: name.to_string() }).settings
    }

    /// Sets a key from text, as an operator writes it: `set("stage.price.queue.bytes", "64 MiB")`.
    ///
    /// # Errors
    /// A key that does not exist, or a value that it does not take.
    pub fn set(mut self, key: &str, value: &str) -> Result<Self, ChangeError> {
        let (place, key) = split(key).map_err(ChangeError::one)?;
        let raw = Raw::Word(value.to_string());
        let value = key.kind.read(&raw, key.optional);
        let value = value.map_err(|why| ChangeError::one(cannot_be(&place.path(key.name), key, &raw, &why)))?;
        self.entries.push(Entry { place, key, value, origin: Origin::Code, excerpt: None });
        Ok(self)
    }

    fn with(mut self, place: Place, knob: Knob, value: Value) -> Self {
        self.entries.push(Entry { place, key: key_of(knob), value, origin: Origin::Code, excerpt: None });
        self
    }
}

/// Numbers of a domain, within [`Settings::domain`].
#[derive(Debug)]
#[must_use]
pub struct DomainSettings {
    settings: Settings,
    name: String,
}

impl DomainSettings {
    /// Threads, or a range of them; while running, within the range that it started with.
    pub fn threads(self, threads: impl Into<Threads>) -> Self {
        self.with(Knob::DomainThreads, Value::Threads(threads.into()))
    }

    /// Whether a controller turns its threads, where they are a range; `None` for as the pipeline's.
    pub fn control(self, control: impl Into<Option<Control>>) -> Self {
        self.with(Knob::DomainControl, of_control(control.into()))
    }

    /// Whether callers do its work; not while running.
    pub fn caller_runs(self, on: bool) -> Self {
        self.with(Knob::CallerRuns, Value::Flag(on))
    }

    fn with(self, knob: Knob, value: Value) -> Self {
        let place = Place::Domain(self.name.clone());
        DomainSettings { settings: self.settings.with(place, knob, value), name: self.name }
    }
}

/// Numbers of a stage, within [`Settings::stage`]; they read as the options of a handler do.
#[derive(Debug)]
#[must_use]
pub struct StageSettings {
    settings: Settings,
    name: String,
}

impl StageSettings {
    /// Threads of its own, or a range of them; while running, within the range that it started with.
    pub fn threads(self, threads: impl Into<Threads>) -> Self {
        self.with(Knob::Threads, Value::Threads(threads.into()))
    }

    /// Moves it onto a declared domain; not while running.
    pub fn domain(self, name: &str) -> Self {
        self.with(Knob::Domain, Value::Word(name.to_string()))
    }

    /// Moves it to threads of its own; not while running.
    pub fn own_threads(self) -> Self {
        self.with(Knob::Domain, Value::Word(OWN.to_string()))
    }

    /// Most workers of its domain that may be in it at once, or a range.
    pub fn limit(self, workers: impl Into<Threads>) -> Self {
        self.with(Knob::Limit, Value::Threads(workers.into()))
    }

    /// All workers of its domain may be in it at once.
    pub fn no_limit(self) -> Self {
        self.with(Knob::Limit, Value::None)
    }

    /// Bound of the queue, in events.
    pub fn queue(self, events: usize) -> Self {
        self.with(Knob::QueueEvents, Value::Count(events as u64))
    }

    /// Bound of the queue in bytes, or none; for stages whose code says what an event weighs.
    pub fn queue_bytes(self, bytes: impl Into<Option<u64>>) -> Self {
        self.with(Knob::QueueBytes, bytes.into().map_or(Value::None, Value::Bytes))
    }

    /// Time to live in the queue, or none. Changed while running, it holds for events that are offered from then on.
    pub fn max_age(self, age: impl Into<Option<Duration>>) -> Self {
        self.with(Knob::MaxAge, age.into().map_or(Value::None, Value::Time))
    }

    /// What an offer to a full queue does.
    pub fn when_full(self, when_full: WhenFull) -> Self {
        self.with(Knob::WhenFull, Value::Word(when_full.to_string()))
    }

    /// Most events that a worker takes at once, or a range.
    pub fn batch_max(self, events: impl Into<Threads>) -> Self {
        self.with(Knob::BatchMax, Value::Threads(events.into()))
    }

    /// Whether controllers turn what is given as a range of it; `None` for as the pipeline's.
    pub fn control(self, control: impl Into<Option<Control>>) -> Self {
        self.with(Knob::StageControl, of_control(control.into()))
    }

    /// An [`Slo`](crate::Slo); while running, only for a stage that has one.
    pub fn slo(self, objective: Duration) -> Self {
        self.with(Knob::Policy, Value::Word(SLO.to_string())).with(Knob::Slo, Value::Time(objective))
    }

    /// A [`TokenBucket`](crate::TokenBucket); while running, only for a stage that has one.
    pub fn token_bucket(self, rate: f64, burst: usize) -> Self {
        self.with(Knob::Policy, Value::Word(TOKEN_BUCKET.to_string()))
            .with(Knob::Rate, Value::Rate(rate))
            .with(Knob::Burst, Value::Count(burst as u64))
    }

    /// A [`MaxConcurrency`](crate::MaxConcurrency); while running, only for a stage that has one.
    pub fn max_concurrency(self, events: usize) -> Self {
        self.with(Knob::Policy, Value::Word(MAX_CONCURRENCY.to_string()))
            .with(Knob::Concurrency, Value::Count(events as u64))
    }

    /// Admits all; not while running.
    pub fn admit_all(self) -> Self {
        self.with(Knob::Policy, Value::None)
    }

    fn with(self, knob: Knob, value: Value) -> Self {
        let place = Place::Stage(self.name.clone());
        StageSettings { settings: self.settings.with(place, knob, value), name: self.name }
    }
}

fn of_control(control: Option<Control>) -> Value {
    control.map_or(Value::None, |control| Value::Word(control.word().to_string()))
}

//! The numbers of one pipeline as data: set in code, read from layers, changed while it runs, explained.
//!
//! `keys.rs` is the one list of what there is; `table.rs` holds the value of each key of one pipeline, with who set it.

mod explain;
pub(crate) mod keys;
pub(crate) mod near;
mod schema;
pub(crate) mod table;
pub(crate) mod value;

pub use explain::Explained;
pub use keys::{Key, Scope, keys};
pub(crate) use schema::schema;

use std::{fmt, sync::Arc, time::Duration};

use self::{
    keys::{Knob, OWN, key_of},
    near::did_you_mean,
    value::{Raw, Value},
};
use crate::{
    finding::{Finding, list},
    options::{Threads, WhenFull},
};

/// Numbers for one pipeline, any of them: for [`Pipeline::configure`](crate::Pipeline::configure) before the start, and for
/// [`Running::change`](crate::Running::change) after it. Of two that say the same, the later holds.
///
/// ```
/// use seda_core::{Settings, prelude::*};
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>);
/// p.configure(&Settings::new().watchdog(secs(5)).stage("price", |price| price.threads(2..=8).queue(500)));
/// let running = p.start().unwrap();
/// running.change(&Settings::new().stage("price", |price| price.threads(4))).unwrap();
/// assert_eq!(running.explain("stage.price.threads").unwrap().value, "4");
/// ```
///
/// What can be set (`NAME` stands for the name of a stage or domain):
///
#[doc = include_str!("keys.md")]
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing before they are given to a pipeline"]
pub struct Settings {
    pub(crate) entries: Vec<Entry>,
    /// What was wrong where they were read.
    pub(crate) findings: Vec<Finding>,
}

/// One value, for one place.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    /// The lines that say so.
    pub(crate) excerpt: Option<Excerpt>,
}

/// Lines of a file, shown when somebody reads them.
#[derive(Clone)]
pub(crate) struct Excerpt(Arc<dyn Fn() -> String + Send + Sync>);

impl Excerpt {
    #[cfg(feature = "config")]
    pub(crate) fn new(show: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Excerpt(Arc::new(show))
    }

    pub(crate) fn show(&self) -> String {
        self.0()
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Excerpt")
    }
}

/// What a value is set for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Pipeline,
    Domain(String),
    Stage(String),
}

impl Place {
    /// A key of it in full: `stage.price.queue.events`.
    pub(crate) fn path(&self, key: &str) -> String {
        match self {
            Place::Pipeline => key.to_string(),
            Place::Domain(name) => format!("domain.{name}.{key}"),
            Place::Stage(name) => format!("stage.{name}.{key}"),
        }
    }
}

/// Which layer set a value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The program.
    Code,
    /// A configuration file.
    File {
        /// As it was named.
        path: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A change while running.
    Live,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Code => f.write_str("code"),
            Origin::File { path, line } => write!(f, "{path}:{line}"),
            Origin::Variable(name) => f.write_str(name),
            Origin::Live => f.write_str("live"),
        }
    }
}

/// What configures a pipeline: [`Settings`], or what was read from files and the environment.
pub trait Configure {
    /// The settings for the pipeline with these names.
    #[doc(hidden)]
    fn settings(&self, names: &Names) -> Settings;
    /// A copy to be read when all names are known.
    #[doc(hidden)]
    fn keep(&self) -> Box<dyn Configure + Send + Sync>;
}

/// The names of one pipeline.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Names {
    pub(crate) pipeline: String,
    pub(crate) domains: Vec<String>,
    pub(crate) stages: Vec<String>,
}

impl Configure for Settings {
    fn settings(&self, _: &Names) -> Settings {
        self.clone()
    }

    fn keep(&self) -> Box<dyn Configure + Send + Sync> {
        Box::new(self.clone())
    }
}

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

    /// Whether waits and service times are recorded.
    pub fn metrics(self, on: bool) -> Self {
        self.with(Place::Pipeline, Knob::Metrics, Value::Flag(on))
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

    /// Most events that a worker takes at once.
    pub fn batch_max(self, events: usize) -> Self {
        self.with(Knob::BatchMax, Value::Count(events as u64))
    }

    /// A [`TokenBucket`](crate::TokenBucket); while running, only for a stage that has one.
    pub fn token_bucket(self, rate: f64, burst: usize) -> Self {
        self.with(Knob::Policy, Value::Word(keys::TOKEN_BUCKET.to_string()))
            .with(Knob::Rate, Value::Rate(rate))
            .with(Knob::Burst, Value::Count(burst as u64))
    }

    /// A [`MaxConcurrency`](crate::MaxConcurrency); while running, only for a stage that has one.
    pub fn max_concurrency(self, events: usize) -> Self {
        self.with(Knob::Policy, Value::Word(keys::MAX_CONCURRENCY.to_string()))
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

/// Why nothing was changed, or nothing could be said: every finding, not the first alone.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeError {
    /// At least one.
    pub findings: Vec<Finding>,
}

impl ChangeError {
    pub(crate) fn one(finding: Finding) -> Self {
        ChangeError { findings: vec![finding] }
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.findings[..] {
            [Finding { what, cure, excerpt: None }] => write!(f, "{what}; {cure}"),
            findings => list(f, "nothing was changed", findings),
        }
    }
}

/// Reads as [`Display`](fmt::Display) does, since `main` and `unwrap` show this form.
impl fmt::Debug for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ChangeError {}

/// What a change did.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Changed {
    /// The keys whose value is another now, with what it was and what it is.
    pub keys: Vec<(String, String, String)>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.keys.is_empty() {
            return f.write_str("nothing is different");
        }
        for (at, (key, from, to)) in self.keys.iter().enumerate() {
            write!(f, "{}{key}: {from} -> {to}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// The finding of a value that its key does not take.
pub(crate) fn cannot_be(path: &str, key: &Key, shown: impl fmt::Display, why: &str) -> Finding {
    let colon = if why.is_empty() { "" } else { ": " };
    Finding::new(format!("`{path}` cannot be {shown}{colon}{why}"), format!("give {}", key.takes()))
}

/// The place and the key of a path: the name in the middle may hold dots itself.
pub(crate) fn split(path: &str) -> Result<(Place, &'static Key), Finding> {
    let (scope, rest) = match path.split_once('.') {
        Some(("stage", rest)) => (Scope::Stage, rest),
        Some(("domain", rest)) => (Scope::Domain, rest),
        _ => (Scope::Pipeline, path),
    };
    let place = |name: &str| match scope {
        Scope::Pipeline => Place::Pipeline,
        Scope::Domain => Place::Domain(name.to_string()),
        Scope::Stage => Place::Stage(name.to_string()),
    };
    let ends = |key: &&Key| match scope {
        Scope::Pipeline => rest == key.name,
        _ => rest.strip_suffix(key.name).is_some_and(|name| name.len() > 1 && name.ends_with('.')),
    };
    if let Some(key) = keys::of(scope).find(ends) {
        let name = &rest[..rest.len() - key.name.len()];
        return Ok((place(name.trim_end_matches('.')), key));
    }
    let (name, key) = match scope {
        Scope::Pipeline => ("", rest),
        _ => rest.split_once('.').unwrap_or((rest, "")),
    };
    let whole: Vec<String> = keys::of(scope).map(|key| place(name).path(key.name)).collect();
    let what = format!("there is no key `{path}`");
    let near = near::nearest(key, keys::of(scope).map(|key| key.name)).map(|near| place(name).path(near));
    let cure = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => did_you_mean(path, "keys", whole.iter().map(String::as_str)),
    };
    Err(Finding::new(what, cure))
}

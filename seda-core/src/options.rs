//! What can be said about a stage beside its code. Every knob has a bound and a default.

use std::{
    fmt,
    ops::{RangeInclusive, RangeToInclusive},
    sync::Mutex,
    time::Duration,
};

use serde::Serialize;

use crate::admission::{Admission, Numbers};

/// Default bound of a queue, in events.
pub const QUEUE_EVENTS: usize = 1000;
/// Default largest batch, in events: where a batch's fixed costs are spread over enough events to vanish
/// (`cargo xtask bench chain`).
pub const BATCH_MAX: usize = 64;

/// Most threads of one domain: beyond it is a slip of the pen.
pub(crate) const THREADS_MOST: usize = 1024;
/// Most events of one async stage on their way at once, likewise.
pub(crate) const TASKS_MOST: usize = 1 << 16;
/// Longest queue, for the same reason.
pub(crate) const QUEUE_MOST: usize = 1 << 30;

/// What an offer to a full queue does.
///
/// ```
/// use seda_core::{prelude::*, test::Virtual};
/// let mut p = Pipeline::named("prices");
/// let show = |_: u32| ();
/// let prices = p.sink("show", show.queue(1).when_full(WhenFull::DropOldest)); // the newest price counts
/// let sim = Virtual::start(p, 1)?;
/// sim.offer(prices, 100)?;
/// sim.offer(prices, 101)?; // 100 is dropped, and counted
/// assert_eq!(sim.ledger().stage("show").map(|row| row.dropped), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// The offerer waits for room; an upstream stage is set aside until there is some. Nobody loses an event.
    #[default]
    Block,
    /// The offer comes back as [`Refusal::Full`](crate::Refusal::Full); on an inner edge the event goes to the edge's
    /// overflow outlet.
    Reject,
    /// The newest loses: the offered event is dropped and counted.
    DropNewest,
    /// The oldest loses: the event that waited longest is dropped and counted.
    DropOldest,
}

impl fmt::Display for WhenFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WhenFull::Block => "block",
            WhenFull::Reject => "reject",
            WhenFull::DropNewest => "drop-newest",
            WhenFull::DropOldest => "drop-oldest",
        })
    }
}

/// How many threads, workers at once, or events of a batch: a number, or a range within which a
/// [controller](crate::Controller) turns it, and it can be changed while running. A range starts at its least.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Threads {
    /// Least, and how many there are at the start.
    pub min: usize,
    /// Most.
    pub max: usize,
}

impl From<usize> for Threads {
    fn from(n: usize) -> Self {
        Threads { min: n, max: n }
    }
}

impl From<RangeInclusive<usize>> for Threads {
    fn from(range: RangeInclusive<usize>) -> Self {
        Threads { min: *range.start(), max: *range.end() }
    }
}

impl From<RangeToInclusive<usize>> for Threads {
    fn from(range: RangeToInclusive<usize>) -> Self {
        Threads { min: 1, max: range.end }
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(f, "{}", self.min) } else { write!(f, "{}..{}", self.min, self.max) }
    }
}

/// The two deadlines of a drain, each counted from the signal before it.
///
/// ```
/// use seda_core::{Deadlines, secs};
/// let usual = Deadlines::default();
/// let short = Deadlines::within(secs(10));
/// let both = Deadlines { finish: secs(20), cancel: secs(2) };
/// # let _ = (usual, short, both);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// How long queued work may take after offers are refused. Default 30 s.
    pub finish: Duration,
    /// How long handlers may take to return after they were told to cancel; then their threads are abandoned and named
    /// in the report. Default 5 s.
    pub cancel: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines { finish: Duration::from_secs(30), cancel: Duration::from_secs(5) }
    }
}

impl Deadlines {
    /// Finish within `finish`; the default for cancelling.
    #[must_use]
    pub fn within(finish: Duration) -> Self {
        Deadlines { finish, ..Deadlines::default() }
    }

    /// What is queued is left where it is; handlers are told to cancel at once.
    #[must_use]
    pub fn now() -> Self {
        Deadlines { finish: Duration::ZERO, ..Deadlines::default() }
    }
}

/// Marks of one event that is offered from outside; they stay with what becomes of it.
///
/// ```
/// use seda_core::{OfferOptions, ms};
/// let urgent = OfferOptions::new().deadline(ms(50)).class(2);
/// # let _ = urgent;
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[must_use]
pub struct OfferOptions {
    pub(crate) deadline: Option<Duration>,
    pub(crate) class: u8,
}

impl OfferOptions {
    /// No deadline, the lowest class.
    pub fn new() -> Self {
        OfferOptions::default()
    }

    /// No handler of any stage sees the event later than this after the offer; it ends as expired.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// The priority class, 0 being the lowest; for stages that declare [`classes`](crate::StageOptionsExt::classes).
    pub fn class(mut self, class: u8) -> Self {
        self.class = class;
        self
    }
}

/// Where a stage runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Placement {
    /// Threads of its own: a domain of one stage.
    Own(Threads),
    /// In a declared domain, with at most so many workers in it at once.
    Domain { domain: DomainId, limit: Option<Threads> },
    /// On the host's async runtime, at most so many events on their way at once.
    Tasks { limit: Threads },
}

/// A declared domain of one pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DomainId {
    pub(crate) pipeline: u32,
    pub(crate) index: u32,
}

/// The numbers of a stage, as declared.
pub(crate) struct StageOptions {
    pub(crate) placement: Placement,
    pub(crate) queue_events: usize,
    pub(crate) queue_bytes: Option<u64>,
    pub(crate) when_full: WhenFull,
    pub(crate) max_age: Option<Duration>,
    pub(crate) classes: u8,
    pub(crate) batch_max: Threads,
    /// In a mutex for `Sync` alone: options are values that a handler carries.
    pub(crate) admission: Mutex<Option<Box<dyn Admission>>>,
    /// The same as numbers, where it is one of our own.
    pub(crate) policy: Numbers,
    pub(crate) uses: Vec<(u32, u32)>,
    pub(crate) limit_without_domain: bool,
    /// What an async handler was told about threads.
    pub(crate) threads_for_tasks: Option<&'static str>,
    /// What [`Pipeline::add`](crate::Pipeline::add) calls the stage.
    pub(crate) name: Option<String>,
    /// Options given twice, by name: a finding.
    pub(crate) twice: Vec<&'static str>,
    given: Vec<&'static str>,
    /// What stands with the handler's code.
    by_default: Vec<&'static str>,
}

impl Default for StageOptions {
    fn default() -> Self {
        StageOptions {
            placement: Placement::Own(Threads { min: 1, max: 1 }),
            queue_events: QUEUE_EVENTS,
            queue_bytes: None,
            when_full: WhenFull::default(),
            max_age: None,
            classes: 1,
            batch_max: Threads { min: BATCH_MAX, max: BATCH_MAX },
            admission: Mutex::new(None),
            policy: Numbers::default(),
            uses: Vec::new(),
            limit_without_domain: false,
            threads_for_tasks: None,
            name: None,
            twice: Vec::new(),
            given: Vec::new(),
            by_default: Vec::new(),
        }
    }
}

impl StageOptions {
    pub(crate) fn given(&mut self, option: &'static str) {
        if self.given.contains(&option) {
            self.twice.push(option);
        }
        self.given.push(option);
    }

    /// An async handler has no threads to be placed on.
    pub(crate) fn place(&mut self, option: &'static str, to: impl FnOnce(Placement) -> Placement) {
        match self.placement {
            Placement::Tasks { .. } => self.threads_for_tasks = Some(option),
            before => self.placement = to(before),
        }
    }

    pub(crate) fn take_admission(&mut self) -> Option<Box<dyn Admission>> {
        self.admission.get_mut().ok().and_then(Option::take)
    }

    /// What was given so far stands with the code, and gives way to what is given where the stage is added.
    pub(crate) fn become_defaults(&mut self) {
        self.by_default.append(&mut self.given);
    }

    /// By the code, or where the stage is added.
    pub(crate) fn was_given(&self, option: &str) -> bool {
        self.given.contains(&option) || self.by_default.contains(&option)
    }
}

type Reading<T, N> = Option<Box<dyn Fn(&T) -> N + Send + Sync>>;

/// What is read off an event when it is offered, on the offerer's thread and outside of any lock.
pub(crate) struct Extract<T> {
    pub(crate) key: Reading<T, u64>,
    pub(crate) weight: Reading<T, u64>,
    pub(crate) class: Reading<T, u8>,
    pub(crate) tenant: Reading<T, u64>,
    /// Counted from the offer.
    pub(crate) deadline: Reading<T, Option<Duration>>,
}

impl<T> Default for Extract<T> {
    fn default() -> Self {
        Extract { key: None, weight: None, class: None, tenant: None, deadline: None }
    }
}

impl<T> Extract<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.key.is_none()
            && self.weight.is_none()
            && self.class.is_none()
            && self.tenant.is_none()
            && self.deadline.is_none()
    }
}

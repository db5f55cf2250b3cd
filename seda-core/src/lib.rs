//! The runtime of [seda](https://docs.rs/seda-rt): stages linked by bounded queues, each with its own threads and its own
//! admission; on threads, or on virtual time.
//!
//! Read an event's life in two files: `stage/inlet.rs` (offer, decide, enqueue) and `stage/activation.rs` (take a batch,
//! handle, emit, settle, record). What both look at under the stage's lock is `stage/inbox.rs`, its numbers `stage/book.rs`.
//!
//! Layers, lowest first; a module names only lower ones, and a test reads the imports:
//!
//! | | |
//! |---|---|
//! | 0 | `sync`, `clock`, `rng`, `units`, `name`, `trace`: std or loom; the only file that asks for the time |
//! | 1 to 3 | `outcome`, `timer`, `finding`; `ticket`, `ready`; `event`, `admission` (sees numbers, not a queue) |
//! | 4, 5 | `options`, `metrics`; `queue`, `control` (what was seen in, advice out) |
//! | 6 | `settings` (numbers as data: set, explained) |
//! | 7 | `stage`: inlet, activation, outlet, handler; `config`: layers of files and environment (a feature) |
//! | 8 | `graph`: checks, drain, ledger |
//! | 9 | `drive`: threads, virtual time |
//! | 10 to 14 | `stopping`, `watch`; `runtime`; `test`; `sim`: load and service times by seed; `lab`: overload, compared (features) |
#![forbid(unsafe_code)]

mod admission;
mod clock;
#[cfg(feature = "config")]
mod config;
mod control;
mod drive;
mod event;
mod finding;
mod graph;
#[cfg(feature = "lab")]
pub mod lab;
mod metrics;
mod name;
mod options;
mod outcome;
mod queue;
mod ready;
mod rng;
mod runtime;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
mod stage;
mod stopping;
mod sync;
pub mod test;
mod ticket;
mod timer;
mod trace;
mod units;
mod watch;

#[cfg(feature = "config")]
pub use self::config::{Config, ConfigError, Layers};
pub use admission::{
    Admission, AdmitAll, Ahead, Aimd, CoDel, Deadline, Defer, Degrade, Fair, Fresh, Gradient, Load, MaxConcurrency,
    Offer, Order, Priority, Quality, ResponseTime, Settle, Slo, Take, TokenBucket, Vegas, Verdict,
};
pub use control::{Advice, BatchCost, BatchSums, Control, Controller, Demand, Processor, SedaQueue, Sight, StageSight};
pub use event::{Concurrent, Event};
pub use finding::Finding;
pub use graph::{
    Answer, Drawing, Health, Ledger, LedgerEdge, LedgerRow, LinkTo, Pipeline, Report, StartError, ThreadBudget, Trouble,
};
pub use metrics::{
    BatchSizes, Blocked, Bottleneck, Counts, Decision, EdgeSnapshot, KnobSnapshot, Percentiles, ShedCount, Snapshot,
    StageSnapshot,
};
#[cfg(feature = "metrics")]
pub use metrics::{METRICS, Metric, MetricKind};
pub use options::{BATCH_MAX, Deadlines, OfferOptions, QUEUE_EVENTS, Threads, WhenFull};
pub use outcome::{AskError, Reason, Refusal, Refused};
pub use runtime::Running;
pub use settings::{
    ChangeError, Changed, Configure, DomainSettings, Explained, Key, Origin, Scope, Settings, StageSettings, keys,
};
pub use stage::{
    ask::{Ask, Reply},
    async_handler::AsyncHandler,
    cx::Cx,
    described::{Described, Description, EventKey},
    fitting::{IntoSink, SinkFn, StepFn},
    handler::{BoxError, Handler, HandlerMut, IntoStage, IntoWorker, PerWorker, StageParts, per_worker},
    inlet::Inlet,
    named::Stage,
    offer::{Entry, Permit},
    offering::{Offering, Reserving},
    outlet::Outlet,
    parallel::{Parallel, parallel},
    route::{Branches, Give, Given, IsOption, IsResult, Open, Route, To},
    source::{IntoSource, Pull, PullAsync, Pulled, SourceParts, pull, pull_async},
    task::{TASKS, TaskCx, TaskFn, task},
    tune::{Domain, StageOptionsExt},
    whole::{Answers, Batch, Batched, batch},
};
pub use stopping::Stopping;
pub use units::{kib, mib, ms, secs, us};
pub use watch::Watch;

/// What most programs name, for one `use`.
pub mod prelude {
    pub use crate::{
        Ask, AskError, AsyncHandler, Batch, Branches, Cx, Deadlines, Domain, Entry, Handler, HandlerMut, Inlet, Open,
        Outlet, Pipeline, Pulled, Refusal, Refused, Report, Route, Running, StageOptionsExt, TaskCx, WhenFull, batch,
        kib, mib, ms, parallel, per_worker, pull, secs, task, us,
    };
}

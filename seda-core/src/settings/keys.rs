//! The list of keys: what can be set, of what kind, with which default. Parser, checks, `explain`, schema and documents
//! all read it.

use std::fmt;

use super::value::Kind;
use crate::{
    admission::NAMES,
    control::{DEMAND, SEDA_QUEUE},
    options::{QUEUE_MOST, TASKS_MOST, THREADS_MOST},
};

/// What a key belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The pipeline as a whole.
    Pipeline,
    /// A declared domain.
    Domain,
    /// A stage.
    Stage,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Pipeline => "pipeline",
            Scope::Domain => "domain",
            Scope::Stage => "stage",
        })
    }
}

/// One number that can be set, in code, in a file, by the environment, or while running.
#[derive(Debug)]
#[non_exhaustive]
pub struct Key {
    /// Its name within its scope, dots between its parts: `queue.events`.
    pub name: &'static str,
    /// What it belongs to.
    pub scope: Scope,
    /// What it says.
    pub what: &'static str,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What holds where nobody says anything.
    pub default: &'static str,
    /// Whether it can be changed while running.
    pub live: bool,
    pub(crate) knob: Knob,
    pub(crate) kind: Kind,
    /// `none` takes it away.
    pub(crate) optional: bool,
}

impl Key {
    /// What values it takes, in words: `a number of events, 1 to 1073741824`.
    #[must_use]
    pub fn takes(&self) -> String {
        let takes = self.kind.takes(self.unit);
        if self.optional { format!("{takes}, or `none`") } else { takes }
    }
}

/// The same as a number in code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Knob {
    ByteBudget,
    Watchdog,
    Metrics,
    Trace,
    PublishEvery,
    Control,
    ThreadsMax,
    PipelineSlo,
    DomainThreads,
    DomainControl,
    DomainController,
    CallerRuns,
    Domain,
    Threads,
    Limit,
    QueueEvents,
    QueueBytes,
    MaxAge,
    WhenFull,
    BatchMax,
    StageControl,
    StageController,
    Policy,
    Rate,
    Burst,
    Concurrency,
    Slo,
    Deadline,
    Fair,
    Priority,
    Defer,
}

/// Value of `domain` for a stage with threads of its own.
pub(crate) const OWN: &str = "own";
/// The same for an async stage; it is shown, and cannot be set.
pub(crate) const ASYNC: &str = "async";

const THREADS: Kind = Kind::Threads { most: THREADS_MOST };
const EVENTS: Kind = Kind::Count { most: QUEUE_MOST as u64 };
const CONTROL: Kind = Kind::Word(&["on", "shadow", "off"]);
const CONTROLLER: Kind = Kind::Word(&[DEMAND, SEDA_QUEUE]);

/// All keys, by scope, in the order in which they are shown.
pub(crate) static KEYS: [Key; 31] = [
    Key {
        what: "most bytes that all queues together may hold, of events that say their weight",
        unit: "bytes",
        optional: true,
        ..key(Scope::Pipeline, "byte_budget", Knob::ByteBudget, Kind::Bytes, "none")
    },
    Key {
        what: "a handler that has not returned for so long is named through tracing",
        unit: "time",
        ..key(Scope::Pipeline, "watchdog", Knob::Watchdog, Kind::Time, "10 s")
    },
    Key {
        what: "whether waits and service times are recorded; counters always are",
        ..key(Scope::Pipeline, "metrics", Knob::Metrics, Kind::Flag, "true")
    },
    Key {
        what: "share of the events from outside and of sources that spans of `tracing` follow; with the feature `tracing`",
        ..key(Scope::Pipeline, "trace", Knob::Trace, Kind::Share, "0")
    },
    Key {
        what: "how often what is measured goes to the recorder of the `metrics` facade, `none` for only when asked; with \
               the feature `metrics`",
        unit: "time",
        optional: true,
        ..key(Scope::Pipeline, "publish_every", Knob::PublishEvery, Kind::Time, "1 s")
    },
    Key {
        what: "whether controllers turn what is given as a range: `on`; `shadow`, they say what they would do; `off`, each \
               stays where it is",
        ..key(Scope::Pipeline, "control", Knob::Control, CONTROL, "on")
    },
    Key {
        what: "most threads that controllers give to all domains together, the stages' own with them",
        unit: "threads",
        optional: true,
        ..key(Scope::Pipeline, "threads_max", Knob::ThreadsMax, Kind::Count { most: 1 << 20 }, "none")
    },
    Key {
        what: "objective of what comes from outside: the default of `admission.slo` for entry stages, where the code or \
               configuration says no admission of their own",
        unit: "time",
        optional: true,
        ..key(Scope::Pipeline, "slo", Knob::PipelineSlo, Kind::Time, "none")
    },
    Key {
        what: "threads that the domain's stages share: a number, or a range that a controller, and live changes, stay within",
        unit: "threads",
        ..key(Scope::Domain, "threads", Knob::DomainThreads, THREADS, "as declared")
    },
    Key {
        what: "the same as `control`, for the threads of this domain; `none` for as the pipeline's",
        optional: true,
        ..key(Scope::Domain, "control", Knob::DomainControl, CONTROL, "none")
    },
    Key {
        what: "which controller turns its threads where they are a range",
        ..key(Scope::Domain, "controller", Knob::DomainController, CONTROLLER, DEMAND)
    },
    Key {
        what: "whether callers from outside may do the domain's work on their own thread",
        live: false,
        ..key(Scope::Domain, "caller_runs", Knob::CallerRuns, Kind::Flag, "false")
    },
    Key {
        what: "where it runs: on a declared domain, or on threads of its `own`",
        live: false,
        ..key(Scope::Stage, "domain", Knob::Domain, Kind::Domain, OWN)
    },
    Key {
        what: "threads of its own: a number, or a range that a controller, and live changes, stay within",
        unit: "threads",
        ..key(Scope::Stage, "threads", Knob::Threads, THREADS, "1")
    },
    Key {
        what: "most workers of its domain that may be in it at once, by default all of them; of an async handler, most \
               events on their way, by default 64: a number, or a range that a controller, and live changes, stay within",
        unit: "workers or events",
        optional: true,
        ..key(Scope::Stage, "limit", Knob::Limit, Kind::Threads { most: TASKS_MOST }, "none")
    },
    Key {
        what: "most events that may wait in its queue",
        unit: "events",
        ..key(Scope::Stage, "queue.events", Knob::QueueEvents, EVENTS, "1000")
    },
    Key {
        what: "most bytes that may wait in its queue, by the weight of each event",
        unit: "bytes",
        optional: true,
        ..key(Scope::Stage, "queue.bytes", Knob::QueueBytes, Kind::Bytes, "none")
    },
    Key {
        what: "time to live in the queue: what waited longer expires, counted and unseen",
        unit: "time",
        optional: true,
        ..key(Scope::Stage, "queue.max_age", Knob::MaxAge, Kind::Time, "none")
    },
    Key {
        what: "what an offer to a full queue does",
        ..key(
            Scope::Stage,
            "queue.when_full",
            Knob::WhenFull,
            Kind::Word(&["block", "reject", "drop-newest", "drop-oldest"]),
            "block",
        )
    },
    Key {
        what: "most events that a worker takes at once; it never waits for more than are there: a number, or a range that \
               a controller stays within",
        unit: "events",
        ..key(Scope::Stage, "batch_max", Knob::BatchMax, Kind::Threads { most: QUEUE_MOST }, "64")
    },
    Key {
        what: "the same as `control`, for what is given as a range of this stage; `none` for as the pipeline's",
        optional: true,
        ..key(Scope::Stage, "control", Knob::StageControl, CONTROL, "none")
    },
    Key {
        what: "which controller turns its threads, or its limit, where they are a range; batches have one alone",
        ..key(Scope::Stage, "controller", Knob::StageController, CONTROLLER, DEMAND)
    },
    Key {
        what: "which policy decides on each offer",
        live: false,
        optional: true,
        ..key(Scope::Stage, "admission.policy", Knob::Policy, Kind::Word(&NAMES), "none")
    },
    Key {
        what: "objective of the policies that have one, a time from the offer to the end; by itself it sets the policy `slo`, \
               which admits what is predicted to end within it",
        unit: "time",
        ..key(Scope::Stage, "admission.slo", Knob::Slo, Kind::Time, "none")
    },
    Key {
        what: "of a token bucket: events admitted per second on average",
        unit: "events/s",
        ..key(Scope::Stage, "admission.rate", Knob::Rate, Kind::Rate, "none")
    },
    Key {
        what: "of a token bucket: events admitted at once",
        unit: "events",
        ..key(Scope::Stage, "admission.burst", Knob::Burst, EVENTS, "none")
    },
    Key {
        what: "of a maximum of concurrency: most events that may wait or be worked on",
        unit: "events",
        ..key(Scope::Stage, "admission.events", Knob::Concurrency, EVENTS, "none")
    },
    Key {
        what: "whether an offer that cannot meet its deadline is shed at once, for policies that do not look at deadlines",
        live: false,
        ..key(Scope::Stage, "admission.deadline", Knob::Deadline, Kind::Flag, "false")
    },
    Key {
        what: "whether the policy is shared out between tenants, for stages whose code says who an event is for",
        live: false,
        ..key(Scope::Stage, "admission.fair", Knob::Fair, Kind::Flag, "false")
    },
    Key {
        what: "whether the highest levels go in first, by the class of each offer, for policies that do not look at classes",
        live: false,
        ..key(Scope::Stage, "admission.priority", Knob::Priority, Kind::Flag, "false")
    },
    Key {
        what: "whether what the policy does not admit comes back later instead of being shed: sources and callers that can wait do",
        live: false,
        ..key(Scope::Stage, "admission.defer", Knob::Defer, Kind::Flag, "false")
    },
];

const fn key(scope: Scope, name: &'static str, knob: Knob, kind: Kind, default: &'static str) -> Key {
    Key { name, scope, what: "", unit: "", default, live: true, knob, kind, optional: false }
}

/// Every key that there is, by scope: what can be set, its unit, its default, and whether it can be changed while running.
///
/// ```
/// let batch = seda_core::keys().iter().find(|key| key.name == "batch_max").unwrap();
/// assert_eq!((batch.default, batch.unit, batch.live), ("64", "events", true));
/// ```
#[must_use]
pub fn keys() -> &'static [Key] {
    &KEYS
}

/// The keys of one scope, in their order.
pub(crate) fn of(scope: Scope) -> impl Iterator<Item = &'static Key> + Clone {
    KEYS.iter().filter(move |key| key.scope == scope)
}

/// The key of a knob.
pub(crate) fn key_of(knob: Knob) -> &'static Key {
    KEYS.iter().find(|key| key.knob == knob).expect("each knob has a key")
}

/// The key of that name in a scope.
#[cfg(feature = "config")]
pub(crate) fn named(scope: Scope, name: &str) -> Option<&'static Key> {
    of(scope).find(|key| key.name == name)
}

/// The list as a table in Markdown, as it stands in `keys.md` for the documents.
#[cfg(test)]
fn table() -> String {
    let mut table = "| key | what | takes | default | while running |\n|---|---|---|---|---|\n".to_string();
    for key in &KEYS {
        let place = match key.scope {
            Scope::Pipeline => String::new(),
            scope => format!("{scope}.NAME."),
        };
        let live = if key.live { "yes" } else { "no" };
        let row = format!("| `{place}{}` | {} | {} | {} | {live} |\n", key.name, key.what, key.takes(), key.default);
        table.push_str(&row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_documents_is_this_list() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/settings/keys.md");
        if std::env::var_os("SEDA_KEYS").is_some_and(|to_do| to_do == "write") {
            std::fs::write(&file, table()).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap();
        assert_eq!(there, table(), "write it anew: SEDA_KEYS=write cargo test -p seda-core --lib keys");
    }

    #[test]
    fn every_knob_has_one_key_and_defaults_read_as_values() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(KEYS[..at].iter().all(|other| other.knob != key.knob), "{}", key.name);
            let word = super::super::value::Raw::Word(key.default.to_string());
            let read = key.kind.read(&word, key.optional);
            assert!(read.is_ok() || matches!(key.default, "none" | "as declared"), "{}: {read:?}", key.name);
        }
    }
}

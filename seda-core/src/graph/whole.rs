//! The numbers of the whole, as the code says them, and the configuration that lies over them.

use std::time::Duration;

use super::{ThreadBudget, numbers, pipeline::Pipeline};
use crate::{
    control::{Control, Controller},
    options::{DomainId, Threads},
    settings::{ChangeError, Configure, Explained, schema},
    stage::tune::Domain,
};

/// Default time between two publications.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// Default time after which a handler that has not returned is named.
pub(super) const WATCHDOG: Duration = Duration::from_secs(10);

/// Numbers of the whole, as far as the code gives them.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) byte_budget: Option<u64>,
    pub(super) control: Option<Control>,
    pub(super) threads_max: Option<usize>,
    pub(super) slo: Option<Duration>,
    pub(super) watchdog: Option<Duration>,
    pub(super) metrics: Option<bool>,
    /// A share of the events.
    pub(super) trace: Option<f64>,
    /// Zero: never by itself.
    pub(super) publish_every: Option<Duration>,
}

/// A domain as declared.
pub(super) struct DeclaredDomain {
    pub(super) name: String,
    pub(super) threads: Threads,
    pub(super) caller_runs: bool,
}

/// Numbers of the whole.
impl Pipeline {
    /// Whether waits and service times are recorded. Default true; counters always are.
    pub fn metrics(&mut self, on: bool) -> &mut Self {
        self.numbers.metrics = Some(on);
        self
    }

    /// Follows a share of the events that are offered from outside, or made by sources, by spans of `tracing`: `event` from the
    /// offer to its last end, as a child of the offerer's span, and in it for each stage `wait` and `work`. From 0.0, the
    /// default, for none, to 1.0 for all; one in every `1 / share` offers of each thread. In configuration the key `trace`.
    #[cfg(feature = "tracing")]
    pub fn trace(&mut self, share: f64) -> &mut Self {
        self.numbers.trace = Some(share);
        self
    }

    /// How often what is measured goes to the recorder of the `metrics` facade that the host has installed, from the
    /// pipeline's timer thread: by default each second while any worker is awake, and once more when all have come to
    /// rest, so that an idle pipeline has no wake-ups. Zero: never by itself, only by
    /// [`publish`](crate::Running::publish) and once at the end. In configuration the key `publish_every`, `none` for zero. Without a recorder nothing is looked at; one of a type
    /// without size counts as none here, as the facade's own empty one is.
    ///
    /// Nothing is lost on a recorder that is installed late, or on one that takes another's place: counters are absolute,
    /// and what a histogram was not yet told goes to whichever is there at the next time.
    #[cfg(feature = "metrics")]
    pub fn publish_every(&mut self, every: Duration) -> &mut Self {
        self.numbers.publish_every = Some(every);
        self
    }

    /// Whether controllers turn what is given as a range. Default [`Control::On`]; a stage or domain of its own says it by its
    /// key `control`.
    pub fn control(&mut self, control: Control) -> &mut Self {
        self.numbers.control = Some(control);
        self
    }

    /// Most threads that controllers give to all domains together, the stages' own with them. Default: no ceiling but the
    /// ranges. Threads that are given as a number count, and are never taken away. A ceiling below the least that is declared is
    /// a finding at start.
    pub fn threads_max(&mut self, threads: usize) -> &mut Self {
        self.numbers.threads_max = Some(threads);
        self
    }

    /// Takes its threads out of a budget that several pipelines share: see [`ThreadBudget`]. Beside it, `threads_max` still
    /// holds. Default: none.
    pub fn thread_budget(&mut self, budget: &ThreadBudget) -> &mut Self {
        self.thread_budget = Some(budget.clone());
        self
    }

    /// The objective of what comes from outside: from the offer at an entry to the last end of what became of it. It is the
    /// default of all entry stages, those that are offered to from outside and those that sources feed alone: what is
    /// predicted to be late is shed there by an [`Slo`](crate::Slo), and sources are paused instead. A stage that says its own
    /// `.slo(..)` or `.admission(..)` keeps that; stages further in obey the deadline that comes with the event. Default: no
    /// objective, and all is admitted. In configuration the key `slo`.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("pages");
    /// p.slo(ms(50));
    /// let (requests, pages) = p.stage("render", (|path: String| path.len()).threads(4));
    /// p.end("send", pages, drop);
    /// let slo = p.explain("stage.render.admission.slo")?;
    /// assert_eq!((&*slo.value, slo.note.as_deref()), ("50 ms", Some("the pipeline's `slo`, as the stage says none")));
    /// # p.start()?.offer(requests, "/".to_string())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn slo(&mut self, objective: Duration) -> &mut Self {
        self.numbers.slo = Some(objective);
        self
    }

    /// Puts a controller in the place of ours, for the knob of that key: `stage.price.threads`, `domain.quick.threads`,
    /// `stage.price.limit`, `stage.price.batch_max`. It turns the knob while that is given as a range. A key that is not one of
    /// these is a finding at start.
    pub fn controller(&mut self, key: impl Into<String>, controller: impl Controller) -> &mut Self {
        self.controllers.push((key.into(), Box::new(controller)));
        self
    }

    /// A handler that has not returned for so long is named through tracing. Default 10 s.
    pub fn watchdog(&mut self, after: Duration) -> &mut Self {
        self.numbers.watchdog = Some(after.max(Duration::from_nanos(1)));
        self
    }

    /// Most bytes that all queues together may hold, of the events that say their weight. Entries and sources wait, or
    /// refuse, above it; inner edges may exceed it by a batch each. Default: none.
    pub fn byte_budget(&mut self, bytes: u64) -> &mut Self {
        if self.numbers.byte_budget.replace(bytes).is_some() {
            self.find("the byte budget is given twice", "give it once");
        }
        self
    }

    /// Threads that several stages share: an event runs on from stage to stage on the same worker. Stages are put on it
    /// by [`on`](crate::StageOptionsExt::on).
    pub fn domain(&mut self, name: impl Into<String>, threads: impl Into<Threads>) -> Domain {
        self.domains.push(DeclaredDomain { name: name.into(), threads: threads.into(), caller_runs: false });
        Domain(DomainId { pipeline: self.shared.id, index: self.domains.len() as u32 - 1 })
    }

    /// Lets code outside do a domain's work: an offer or an ask for which a worker would be woken runs on from stage to
    /// stage on its own thread, for some 50 µs, before it returns; then, and for what comes to the domain from inside, the
    /// domain's own threads take over. An answer from a few microseconds of work is then there without a thread hop.
    ///
    /// Bounds, limits, admission and ledger hold as ever; beside the domain's threads, at most as many callers are in it
    /// at once. For stages that never block: their time is the caller's, who may be a task of an async runtime. Handlers
    /// that offer to it are no callers; on virtual time there are none.
    pub fn caller_runs(&mut self, domain: &Domain) -> &mut Self {
        let Domain(id) = domain;
        if id.pipeline == self.shared.id {
            self.domains[id.index as usize].caller_runs = true;
        } else {
            self.find("callers are to run a domain of another pipeline", "use a domain of this one");
        }
        self
    }
}

/// Configuration.
impl Pipeline {
    /// Takes numbers from [`Settings`](crate::Settings), or from a configuration read from files and the environment. At any time before the
    /// start, before or after the stages that it names; they hold over what the code says, and later ones over earlier
    /// ones. What is wrong with them is told at start, with all other findings.
    pub fn configure(&mut self, from: &impl Configure) -> &mut Self {
        self.configured.push(from.keep());
        self
    }

    /// What a key is, its value as things stand, and which layer set it: `explain("stage.price.threads")`.
    ///
    /// # Errors
    /// A key, stage or domain that does not exist, with the nearest that does.
    pub fn explain(&self, key: &str) -> Result<Explained, ChangeError> {
        numbers::table(self).0.explain(key, numbers::note)
    }

    /// The same of every key.
    #[must_use]
    pub fn explain_all(&self) -> Vec<Explained> {
        numbers::table(self).0.explain_all(numbers::note)
    }

    /// A JSON Schema (draft 2020-12) of a configuration file for this very pipeline: it knows its stages and domains, so
    /// that an editor can complete their names and mark what does not fit.
    #[must_use]
    pub fn schema(&self) -> String {
        schema(&numbers::names(self))
    }
}

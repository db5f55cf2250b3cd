//! Admission: whether an offer is taken. A policy is arithmetic on numbers that it is handed; it holds no clock, lock,
//! thread or queue, and what it decides is enforced elsewhere. Policies: `slo` first, the others for comparison or for what an
//! objective does not know. Wrappers hold a policy and leave to it what they do not decide: `deadline`, `degrade`, `defer`, `fair`,
//! `priority`.

mod aimd;
mod capacity;
mod codel;
mod deadline;
mod defer;
mod degrade;
mod fair;
mod fresh;
mod gradient;
mod max_concurrency;
mod numbers;
mod path;
mod priority;
mod quality;
mod response_time;
mod slo;
mod token_bucket;
mod vegas;
mod wrapping;

pub use aimd::Aimd;
pub use codel::CoDel;
pub use deadline::Deadline;
pub use defer::Defer;
pub use degrade::Degrade;
pub use fair::Fair;
pub(crate) use fair::tenant_of;
pub use fresh::Fresh;
pub use gradient::Gradient;
pub use max_concurrency::MaxConcurrency;
pub(crate) use numbers::{IN_CODE, KNOWN, MAX_CONCURRENCY, NAMES, Need, Numbers, SLO, TOKEN_BUCKET, WRAPPERS, known};
pub use path::Ahead;
pub(crate) use path::{Behind, Gauge, Path, Reading};
pub use priority::Priority;
pub use quality::Quality;
pub use response_time::ResponseTime;
pub use slo::Slo;
pub use token_bucket::TokenBucket;
pub use vegas::Vegas;

use std::time::Duration;

use crate::outcome::Reason;

/// What a policy knows of one offer, and of the stage at that moment. Times are ns on the pipeline's clock.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Offer {
    /// When.
    pub now_ns: u64,
    /// How many events are offered; they are admitted or shed together.
    pub events: usize,
    /// Priority class of the offer, 0 being the lowest.
    pub class: u8,
    /// Who it is for, as a hash; 0 where the stage says no [tenant](crate::StageOptionsExt::tenant).
    pub tenant: u64,
    /// What kind of event it is, as a hash; 0 where the stage says no [kind](crate::StageOptionsExt::kind).
    pub kind: u64,
    /// Deadline of the offer, if it has one.
    pub deadline_ns: Option<u64>,
    /// The stage's numbers.
    pub load: Load,
}

/// The numbers of a stage at one moment.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Load {
    /// Events that wait in the queue.
    pub backlog: usize,
    /// Of those, the ones of lower classes than the offer's: it is taken before them.
    pub behind: usize,
    /// And those of its own class.
    pub beside: usize,
    /// Events that workers hold.
    pub in_hand: usize,
    /// Places that are in use, from the take until the place is free again; a stalled one counts.
    pub busy: usize,
    /// Places: most workers that may be in the stage at once; of an async one, most events on their way.
    pub limit: usize,
    /// Its threads serve other stages of their [domain](crate::Pipeline::domain) too: a free place need not have a worker.
    pub shared: bool,
    /// Mean service time per event; 0 until the first was measured.
    pub service_ns: u64,
    /// What the event will meet downstream; for the policy of a stage with an objective, where that leads to others.
    pub ahead: Option<Ahead>,
    /// Events that a stage upstream has shed since the last offer, as this one would have refused them: demand all the same.
    pub shed_before: usize,
}

/// Events left the queue for a worker.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Take {
    /// When.
    pub now_ns: u64,
    /// How many.
    pub events: usize,
    /// The stage's numbers, after the take.
    pub load: Load,
}

/// A worker's batch has been settled.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Settle<'a> {
    /// When.
    pub now_ns: u64,
    /// How many events.
    pub events: usize,
    /// How many of them did not end as done.
    pub failed: usize,
    /// How many of these expired, unseen by the handler.
    pub expired: usize,
    /// How long the one that had waited longest had waited; 0 where that was not measured.
    pub wait_ns: u64,
    /// How long the handler took for all of them.
    pub service_ns: u64,
    /// Who they were for, one for each; empty where the stage says no [tenant](crate::StageOptionsExt::tenant).
    pub tenants: &'a [u64],
    /// Their priority classes, one for each; empty where the stage has none or one.
    pub classes: &'a [u8],
    /// The stage's numbers, after the settle.
    pub load: Load,
}

/// The answer to an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Take it, if the queue has room.
    Admit,
    /// Refuse it; both go back to the offerer.
    Shed {
        /// Why, for the offerer and as a counter.
        reason: Reason,
        /// When another try may be admitted, if the policy can tell.
        retry_after: Option<Duration>,
    },
}

/// Which of those that wait goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The one that waits longest.
    OldestFirst,
    /// The one that came last.
    NewestFirst,
}

/// Decides on each offer to one stage, and is told of each take and settle.
///
/// It is called under the stage's lock, by the offerer or a worker: it must be short and must not block. It is asked
/// only for offers that the queue has room for, so what it counts as admitted was admitted.
///
/// Most stages need none but [`Slo`], by [`.slo(..)`](crate::StageOptionsExt::slo). Which one when is a table in
/// [the guide](https://docs.rs/seda-rt/latest/seda/guide/concepts/overload/index.html#which-to-use).
///
/// ```
/// use seda_core::{Admission, Offer, Reason, Verdict};
///
/// /// Sheds the lowest class when half of the workers are busy.
/// struct HalfForLow;
///
/// impl Admission for HalfForLow {
///     fn offer(&mut self, offer: &Offer) -> Verdict {
///         if offer.class == 0 && offer.load.busy * 2 >= offer.load.limit {
///             return Verdict::Shed { reason: Reason::new("low"), retry_after: None };
///         }
///         Verdict::Admit
///     }
/// }
/// ```
pub trait Admission: Send {
    /// Admit or shed.
    fn offer(&mut self, offer: &Offer) -> Verdict;

    /// Events were taken by a worker.
    fn take(&mut self, take: &Take) {
        let _ = take;
    }

    /// The longest wait, in ns, with which an event is still worth starting: what has waited longer when a worker takes it
    /// ends as expired, unseen. Asked at each take; with any, every event is stamped. Default: none.
    fn patience_ns(&self) -> Option<u64> {
        None
    }

    /// Which end of the queue a worker takes from: asked at each take, and where it says any, events have no order among each
    /// other, so that a [keyed](crate::StageOptionsExt::keyed) stage does not start. With [`Order::NewestFirst`] it has a
    /// [patience](Admission::patience_ns) too: what has waited longer leaves from the other end. Default: none, and always the
    /// oldest.
    fn order(&self) -> Option<Order> {
        None
    }

    /// Whether what it sheds waits instead, and is offered again: at the time that it said, or where it said none, when something
    /// was taken or settled. Asked at the start. Default: no; see [`Defer`].
    fn defers(&self) -> bool {
        false
    }

    /// The objective that it keeps, in ns from the offer to the end. With any, a batch takes a small part of it, as its events
    /// are handed on together, and it is the deadline of what is offered from outside, for the stages downstream. Default: none.
    fn objective_ns(&self) -> Option<u64> {
        None
    }

    /// Most events that may wait as it judges now, for the stages upstream: they shed what would be more. Asked at each take and
    /// settle where a stage upstream has an objective, or says [kinds](crate::StageOptionsExt::kind). Default: not known; what it
    /// sheds is seen then, and as many as it takes are let through.
    fn room(&self, load: &Load) -> Option<usize> {
        let _ = load;
        None
    }

    /// The objective was changed while running.
    fn aim(&mut self, objective: Duration) {
        let _ = objective;
    }

    /// A batch was settled.
    fn settle(&mut self, settle: &Settle<'_>) {
        let _ = settle;
    }

    /// What it has found, while running, that its parameters cannot keep: told in the snapshot, with the numbers.
    fn concern(&self) -> Option<String> {
        None
    }

    /// What does not make sense in its parameters, told at start with the other findings.
    fn check(&self) -> Option<String> {
        None
    }
}

/// Everything is admitted: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn offer(&mut self, _: &Offer) -> Verdict {
        Verdict::Admit
    }
}

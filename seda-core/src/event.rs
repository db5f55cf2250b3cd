//! An event on its way: the user's value plus the runtime's marks.

use std::{cell::Cell, fmt, sync::Arc};

use crate::{
    outcome::Refusal,
    ticket::{Loss, Ticket},
    trace::Trace,
};

/// What can travel between stages: a value that moves between threads and owns its data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an event: it must move between threads and own its data",
    label = "not `Send + 'static`",
    note = "replace `Rc` by `Arc` and `RefCell` by `Mutex`, and give owned values (`String` for `&str`)"
)]
pub trait Event: Send + 'static {}

impl<T: Send + 'static> Event for T {}

/// What a handler is, as many threads call it: it moves between them, is shared by them, and owns what it captured.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler: many threads call it at once, so they must be able to share what it captured",
    label = "not `Send + Sync + 'static`",
    note = "replace `Rc` by `Arc` and `RefCell` or `Cell` by `Mutex`, and `move` owned values into the closure",
    note = "for state of its own in every worker give a factory, `per_worker(|| ..)`"
)]
pub trait Concurrent: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Concurrent for T {}

/// An event with what stands beside it, while it is looked at: a batch keeps only what is there.
#[derive(Debug)]
pub(crate) struct Envelope<T> {
    pub(crate) event: T,
    /// Time of the offer to the present stage in ns; 0 when this one was not sampled.
    pub(crate) stamp_ns: u64,
    pub(crate) marks: Option<Box<Marks>>,
}

impl<T> Envelope<T> {
    pub(crate) fn new(event: T) -> Self {
        Envelope { event, stamp_ns: 0, marks: None }
    }
}

/// The rarer marks. They stay with what becomes of an event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// After this time no handler sees the event; ns on the pipeline's clock, 0 for none.
    pub(crate) deadline_ns: u64,
    pub(crate) class: u8,
    /// What kind it is, where the stage that it was offered to tells kinds apart.
    pub(crate) kind: Kind,
    /// Whose deadline that is, if it is an objective's.
    pub(crate) aim: Aim,
    /// Why it was refused on an inner edge, on its way to who wants to know.
    pub(crate) refused: Option<Box<Refusal>>,
    /// Who asked, if the event is a question.
    pub(crate) ticket: Option<Ticket>,
    /// Its spans, if it is followed.
    pub(crate) trace: Option<Trace>,
    /// What it descends from, in a simulation.
    pub(crate) lineage: Option<Arc<dyn Lineage>>,
}

/// A kind of event, by the place that it has with the stage which tells it from others. One counts, the latest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Kind {
    /// The stage, from 1; 0 for none.
    by: u32,
    place: u8,
}

impl Kind {
    pub(crate) fn new(stage: u32, place: u8) -> Self {
        Kind { by: stage + 1, place }
    }

    /// The stage, and its place there.
    pub(crate) fn told(self) -> Option<(u32, u8)> {
        (self.by != 0).then(|| (self.by - 1, self.place))
    }
}

/// An objective that gave an event its deadline, and the deadline that it has beside that; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Aim {
    pub(crate) objective_ns: u64,
    pub(crate) beside_ns: u64,
}

/// An event that a simulation offered, with everything that it became: dropped when the last of it has come to its end.
pub(crate) trait Lineage: Send + Sync + fmt::Debug {
    /// A handler begins with it: how long that takes is added to what is `spent_ns`. It may unwind in the handler's place.
    fn begins(&self, stage: u32, spent_ns: &Cell<u64>);

    /// Why a copy of it ended other than done.
    fn lost(&self, loss: &Loss);
}

impl Marks {
    pub(crate) fn is_default(&self) -> bool {
        self.deadline_ns == 0
            && self.class == 0
            && self.kind == Kind::default()
            && self.refused.is_none()
            && self.ticket.is_none()
            && self.trace.is_none()
            && self.lineage.is_none()
    }
}

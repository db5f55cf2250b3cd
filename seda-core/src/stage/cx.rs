use std::{cell::Cell, collections::VecDeque, sync::Arc, time::Duration};

use super::{core::StageCore, inlet::Inlet, offer::Entry};
use crate::{
    clock::ns,
    event::{Event, Marks},
    outcome::{Refusal, Refused},
    ticket::Loss,
    trace::WorkSpan,
};

thread_local! {
    /// Pipeline and stage whose handler runs on this thread.
    static HANDLING: Cell<Option<(u32, u32)>> = const { Cell::new(None) };
}

/// The stage whose handler runs on this thread, as (pipeline, stage).
pub(crate) fn handling() -> Option<(u32, u32)> {
    HANDLING.get()
}

/// Runs `f` as a handler of the stage.
pub(crate) fn as_handler<R>(core: &StageCore, f: impl FnOnce() -> R) -> R {
    let before = HANDLING.replace(Some((core.shared.id, core.id)));
    // Put back on a panic too: the thread goes on to other stages.
    let _back = Restore(before);
    f()
}

struct Restore(Option<(u32, u32)>);

impl Drop for Restore {
    fn drop(&mut self) {
        HANDLING.set(self.0);
    }
}

/// What a handler may ask of the runtime, as its second argument.
///
/// ```
/// use seda_core::Cx;
/// fn crawl(url: String, cx: &Cx) -> Vec<String> {
///     let mut found = Vec::new();
///     while found.len() < 10 && !cx.is_cancelled() {
///         found.push(format!("{url}/{}", found.len()));
///     }
///     found
/// }
/// # let _: fn(String, &Cx) -> Vec<String> = crawl;
/// ```
pub struct Cx {
    pub(crate) core: Arc<StageCore>,
    /// Of the event in hand.
    pub(crate) marks: Option<Box<Marks>>,
    /// Of a batch that is handled in one call.
    pub(crate) batch_marks: VecDeque<Option<Box<Marks>>>,
    /// Events answered since the batch was taken.
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    /// Virtual time that the handler said it took.
    pub(crate) spent_ns: Cell<u64>,
    /// A source has made events in this pull that are not handed on yet.
    pub(crate) keeps: Cell<bool>,
}

impl Cx {
    pub(crate) fn new(core: Arc<StageCore>) -> Self {
        Cx {
            core,
            marks: None,
            batch_marks: VecDeque::new(),
            answered: 0,
            failed: 0,
            expired: 0,
            spent_ns: Cell::new(0),
            keeps: Cell::new(false),
        }
    }

    /// True from the second signal of a drain on: return as soon as you can, what you return still counts.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.core.shared.is_cancelled()
    }

    /// True from the first signal of a drain on: no more offers come from outside.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.core.shared.is_draining()
    }

    /// Whether a wait here holds up nobody but this stage: it has threads of its own, time is real, and, in a source, no
    /// event that it made just before would wait with it.
    #[must_use]
    pub fn may_block(&self) -> bool {
        let own = self.core.home.get().is_some_and(|home| home.own);
        own && !self.keeps.get() && !self.is_virtual()
    }

    /// True on virtual time: nothing happens outside while a handler waits, so it should not.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.core.shared.clock.is_virtual()
    }

    /// Time until the deadline of the event in hand; zero when it has passed, `None` when it has none.
    #[must_use]
    pub fn deadline_left(&self) -> Option<Duration> {
        let deadline_ns = self.marks.as_ref().map_or(0, |marks| marks.deadline_ns);
        let left = || Duration::from_nanos(deadline_ns.saturating_sub(self.core.shared.clock.now_ns()));
        (deadline_ns != 0).then(left)
    }

    /// Priority class of the event in hand.
    #[must_use]
    pub fn class(&self) -> u8 {
        self.marks.as_ref().map_or(0, |marks| marks.class)
    }

    /// Name of the stage.
    #[must_use]
    pub fn stage(&self) -> &str {
        &self.core.name
    }

    /// On virtual time: the event in hand takes this long, beside what the test kit says. Nothing on threads, where
    /// time passes by itself.
    pub fn spend(&self, time: Duration) {
        self.spent_ns.set(self.spent_ns.get() + ns(time));
    }

    /// Offers to another stage of this pipeline, declared with [`uses`](crate::StageOptionsExt::uses); blocks while
    /// its queue is full and its policy is to block.
    ///
    /// # Errors
    /// As [`Entry::offer`]; [`Refusal::WouldDeadlock`] where the stage is upstream or in the same domain.
    pub fn offer<T: Event>(&self, inlet: Inlet<T>, event: T) -> Result<(), Refused<T>> {
        match entry_from(&self.core, inlet) {
            Some(entry) => entry.offer(event),
            None => Err(Refused { event, why: Refusal::Closed }),
        }
    }

    /// Offers without waiting.
    ///
    /// # Errors
    /// As [`Entry::try_offer`].
    pub fn try_offer<T: Event>(&self, inlet: Inlet<T>, event: T) -> Result<(), Refused<T>> {
        match entry_from(&self.core, inlet) {
            Some(entry) => entry.try_offer(event),
            None => Err(Refused { event, why: Refusal::Closed }),
        }
    }

    /// The event in hand outlived its deadline while its batch was handled: it ends here, unseen.
    pub(crate) fn has_expired(&mut self) -> bool {
        let expired = self.deadline_left().is_some_and(|left| left.is_zero());
        if expired {
            self.expired += 1;
            self.lose(&Loss::Expired);
        }
        expired
    }

    /// Begins the work on the event in hand, if it is followed.
    pub(crate) fn work(&self) -> Option<WorkSpan> {
        let marks = self.marks.as_ref()?;
        self.simulate(marks);
        Some(marks.trace.as_ref()?.work(&self.core.name))
    }

    /// The same for a batch that is handled in one call.
    pub(crate) fn simulate_batch(&self) {
        self.batch_marks.iter().flatten().for_each(|marks| self.simulate(marks));
    }

    fn simulate(&self, marks: &Marks) {
        if let Some(lineage) = &marks.lineage {
            lineage.begins(self.core.id, &self.spent_ns);
        }
    }

    /// The event in hand will not be answered.
    pub(crate) fn lose(&mut self, loss: &Loss) {
        let marks = self.marks.take().into_iter().chain(self.batch_marks.drain(..).flatten());
        marks.for_each(|marks| note(&marks, loss));
    }
}

/// A stage's way to another one of its pipeline.
pub(crate) fn entry_from<T: Event>(core: &StageCore, inlet: Inlet<T>) -> Option<Entry<T>> {
    let shared = &core.shared;
    if inlet.pipeline != shared.id {
        return None;
    }
    let inbox = shared.wiring.get()?.inboxes.get(inlet.stage as usize)?.upgrade()?;
    let declared = core.uses.contains(&inlet.stage);
    Some(if declared { Entry::inside(inbox) } else { Entry::new(inbox) })
}

/// Tells the ticket, and the simulation, if there is one, why this copy ends.
pub(crate) fn note(marks: &Marks, loss: &Loss) {
    if let Some(ticket) = &marks.ticket {
        ticket.note(loss.clone());
    }
    if let Some(lineage) = &marks.lineage {
        lineage.lost(loss);
    }
}

//! What an activation runs: the loop of a handler over a batch. Handlers see their events' types here, and nothing above
//! this does.

use std::sync::Arc;

use super::{
    activation::Run,
    core::StageCore,
    cx::Cx,
    handler::BoxError,
    places::{Hand, Places},
};
use crate::{
    event::{Envelope, Event},
    queue::{Batch, Opened},
    trace::within,
};

/// The state of one place for a worker, and its loop over a batch. The handler's type ends here.
pub(crate) trait Work<I, O>: Send {
    fn start(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Handles the batch. On a panic the batch keeps what was not begun, and `cx` the marks of what was in hand.
    fn run(&mut self, batch: &mut Opened<'_, I>, outs: &mut Opened<'_, O>, cx: &mut Cx);

    fn flush(&mut self, emit: &mut dyn FnMut(O)) {
        let _ = emit;
    }

    /// Sources only: makes up to `most` events.
    fn pull(&mut self, most: usize, outs: &mut Opened<'_, O>, cx: &mut Cx) -> Pulling {
        let _ = (most, outs, cx);
        Pulling::End
    }

    /// Async handlers only: how many events the last run left unfinished.
    fn pending(&self) -> usize {
        0
    }

    /// Async handlers only: sends those on their way. A method, so that it is compiled for async stages alone.
    fn launch(&mut self, places: &Arc<Places>, hand: &mut Hand, place: u32, run: &Run<'_>)
    where
        O: Event,
    {
        let _ = (places, hand, place, run);
    }

    /// Data-parallel handlers only: what a whole batch is given to on the pool.
    fn parallel(&self) -> Option<Arc<dyn Spread>>
    where
        I: Event,
        O: Event,
    {
        None
    }
}

/// A [`Work`] on batches whose type nobody else knows.
pub(crate) trait AnyWork: Send {
    fn start(&mut self) -> Result<(), BoxError>;
    fn run(&mut self, batch: &mut Batch, outs: &mut Batch, cx: &mut Cx);
    fn flush(&mut self, outs: &mut Batch);
    fn pull(&mut self, most: usize, outs: &mut Batch, cx: &mut Cx) -> Pulling;
    fn pending(&self) -> usize;
    fn launch(&mut self, places: &Arc<Places>, hand: &mut Hand, place: u32, run: &Run<'_>);
    fn parallel(&self) -> Option<Arc<dyn Spread>>;
}

impl<I: Event, O: Event> AnyWork for Box<dyn Work<I, O>> {
    fn start(&mut self) -> Result<(), BoxError> {
        (**self).start()
    }

    fn run(&mut self, batch: &mut Batch, outs: &mut Batch, cx: &mut Cx) {
        (**self).run(&mut batch.open(), &mut outs.open(), cx);
    }

    fn flush(&mut self, outs: &mut Batch) {
        let mut outs = outs.open();
        (**self).flush(&mut |event| outs.push_bare(event));
    }

    fn pull(&mut self, most: usize, outs: &mut Batch, cx: &mut Cx) -> Pulling {
        (**self).pull(most, &mut outs.open(), cx)
    }

    fn pending(&self) -> usize {
        (**self).pending()
    }

    fn launch(&mut self, places: &Arc<Places>, hand: &mut Hand, place: u32, run: &Run<'_>) {
        (**self).launch(places, hand, place, run);
    }

    fn parallel(&self) -> Option<Arc<dyn Spread>> {
        (**self).parallel()
    }
}

/// A whole batch on the pool of the calling thread. A trait, so that rayon is compiled for the stages that use it alone.
pub(crate) trait Spread: Send + Sync {
    fn run(&self, core: &StageCore, batch: Batch) -> Outcome;
}

/// What came of a batch on the pool.
pub(crate) struct Outcome {
    pub(crate) outs: Batch,
    pub(crate) failed: u64,
}

/// How far a source has come.
pub(crate) enum Pulling {
    More,
    WaitUntil(u64),
    /// Until its waker is woken.
    Pending,
    End,
}

/// Makes the state of a place; called at start, for an added worker, and after a panic.
pub(crate) type Factory<I, O> = Box<dyn Fn() -> Box<dyn Work<I, O>> + Send + Sync>;

/// The same for who does not know the types.
pub(crate) type Make = Box<dyn Fn() -> Box<dyn AnyWork> + Send + Sync>;

pub(crate) fn make<I: Event, O: Event>(factory: Factory<I, O>) -> Make {
    Box::new(move || Box::new(factory()))
}

/// The loop of every shape that handles one event at a time.
pub(super) fn each<I, O>(
    batch: &mut Opened<'_, I>,
    outs: &mut Opened<'_, O>,
    cx: &mut Cx,
    mut handle: impl FnMut(I, &Cx) -> O,
) {
    outs.reserve(batch.len());
    // The first one's deadline was looked at when it was taken.
    let mut looks = false;
    while let Some(Envelope { event, marks, .. }) = batch.pop() {
        let looked = std::mem::replace(&mut looks, true);
        // Most events have no marks, and `cx` has none then: nothing is moved or dropped for them.
        if marks.is_none() {
            let event = handle(event, cx);
            cx.answered += 1;
            outs.push_bare(event);
            continue;
        }
        // In `cx` while the handler has the event, so that a panic leaves it to be told of.
        cx.marks = marks;
        if looked && cx.has_expired() {
            continue;
        }
        let work = cx.work();
        let event = within(work.as_ref(), || handle(event, cx));
        cx.answered += 1;
        outs.push(Envelope { event, stamp_ns: 0, marks: cx.marks.take() });
    }
}

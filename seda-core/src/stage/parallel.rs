//! Data-parallel batches, on a rayon pool of the pipeline's own.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use rayon::prelude::*;

use super::{
    core::StageCore,
    cx::{Cx, as_handler, note},
    handler::{IntoStage, StageParts, shape},
    panics::{message, told},
    places::{Hand, Places},
    waiter::Resume,
    work::{Outcome, Spread, Work},
};
use crate::{
    event::{Envelope, Event, Marks},
    queue::{Batch, Opened},
    ticket::Loss,
    trace::within,
};

/// A handler whose batches are spread over a pool of threads; what comes out keeps the order of what went in.
///
/// For work that is heavy on the processor. The pool is the pipeline's own, with as many threads as the machine has
/// processors, and is only made if a stage needs it. While a batch is out the stage's worker is free for other stages.
/// A panic fails its event alone.
///
/// ```
/// use seda_core::{Pipeline, parallel};
/// let mut p = Pipeline::named("pictures");
/// let (pictures, thumbs) = p.stage("shrink", parallel(|pixels: Vec<u8>| pixels.len() / 2));
/// # p.end("end", thumbs, drop);
/// # let _ = pictures;
/// ```
#[must_use]
pub fn parallel<F>(f: F) -> Parallel<F> {
    Parallel(f)
}

/// See [`parallel`].
#[derive(Clone, Debug)]
pub struct Parallel<F>(F);

/// Whole batches of it, with the types of its events.
struct Typed<F, I, O>(Arc<Parallel<F>>, PhantomData<fn(I) -> O>);

impl<F: Fn(I) -> O, I: Event, O: Event> Spread for Typed<F, I, O>
where
    Parallel<F>: Send + Sync,
{
    fn run(&self, core: &StageCore, batch: Batch) -> Outcome {
        // Captured whole: the wrapper is what is known to be `Sync`.
        run(core, &|event: I| (self.0.0)(event), batch)
    }
}

struct ParallelWork<F>(Arc<Parallel<F>>);

#[diagnostic::do_not_recommend]
impl<F, I, O> IntoStage<shape::Parallel<I, O>> for Parallel<F>
where
    F: Fn(I) -> O,
{
    type In = I;
    type Out = O;

    fn into_parts(self) -> StageParts<I, O>
    where
        Self: Send + Sync + 'static,
    {
        let f = Arc::new(self);
        let mut parts = StageParts::new(Box::new(move || Box::new(ParallelWork(f.clone()))));
        parts.whole_batches = true;
        parts.data_parallel = true;
        parts
    }
}

impl<F: Fn(I) -> O, I, O> Work<I, O> for ParallelWork<F>
where
    Parallel<F>: Send + Sync + 'static,
{
    /// Where there is no pool, as on virtual time: in order.
    fn run(&mut self, batch: &mut Opened<'_, I>, outs: &mut Opened<'_, O>, cx: &mut Cx) {
        while let Some(envelope) = batch.pop() {
            cx.marks = envelope.marks;
            let work = cx.work();
            let event = within(work.as_ref(), || (self.0.0)(envelope.event));
            cx.answered += 1;
            outs.push(Envelope { event, stamp_ns: 0, marks: cx.marks.take() });
        }
    }

    fn parallel(&self) -> Option<Arc<dyn Spread>>
    where
        I: Event,
        O: Event,
    {
        Some(Arc::new(Typed(self.0.clone(), PhantomData::<fn(I) -> O>)))
    }
}

/// Sends a batch out to the data-parallel pool, if that is what the handler wants and there is one.
#[cold]
pub(super) fn spread(places: &Arc<Places>, hand: &mut Hand, place: u32) -> bool {
    let Places { inbox, .. } = &**places;
    let shared = &inbox.core.shared;
    let (Some(work), Some(pool)) = (&hand.work, shared.parallel.get()) else { return false };
    let Some(f) = work.parallel() else { return false };
    let batch = std::mem::take(&mut hand.batch);
    places.place(place).watch.begins_outside();
    inbox.set_place_aside(place);
    shared.spread.fetch_add(1, Ordering::SeqCst);
    let places = places.clone();
    let out = move || {
        let core = &places.inbox.core;
        let outcome = f.run(core, batch);
        core.shared.spread.fetch_sub(1, Ordering::SeqCst);
        let mut hand = places.hand(place);
        if !places.place(place).watch.returned() {
            return;
        }
        let service_ns = core.shared.clock.now_ns().saturating_sub(hand.sheet.began_ns);
        hand.sheet.account.spread(outcome.outs.len() as u64, outcome.failed, service_ns);
        hand.outs = outcome.outs;
        drop(hand);
        places.inbox.resume(place);
    };
    pool.spawn(out);
    true
}

fn run<I: Event, O: Event>(core: &StageCore, f: &(impl Fn(I) -> O + Sync), mut batch: Batch) -> Outcome {
    let one = |envelope: Envelope<I>| -> Result<Envelope<O>, (Option<Box<Marks>>, Loss)> {
        let Envelope { event, marks, .. } = envelope;
        let trace = marks.as_ref().and_then(|marks| marks.trace.as_ref());
        let work = trace.map(|trace| trace.work(&core.name));
        match catch_unwind(AssertUnwindSafe(|| as_handler(core, || within(work.as_ref(), || f(event))))) {
            Ok(event) => Ok(Envelope { event, stamp_ns: 0, marks }),
            Err(panic) => Err((marks, Loss::Failed(message(&*panic)))),
        }
    };
    let mut events = batch.open();
    let events: Vec<_> = std::iter::from_fn(|| events.pop()).collect();
    let results: Vec<_> = events.into_par_iter().map(one).collect();
    let mut outcome = Outcome { outs: Batch::default(), failed: 0 };
    let mut outs = outcome.outs.open();
    outs.reserve(results.len());
    for result in results {
        match result {
            Ok(envelope) => outs.push(envelope),
            Err((marks, loss)) => {
                outcome.failed += 1;
                told(core, &loss);
                marks.iter().for_each(|marks| note(marks, &loss));
            }
        }
    }
    drop(outs);
    outcome
}

//! Data-parallel batches, on a rayon pool of the pipeline's own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    core::StageCore,
    cx::{Cx, as_handler},
    handler::{IntoStage, Outcome, Spread, StageParts, Work, shape},
};
use crate::{
    event::{Envelope, Event, Marks},
    queue::Batch,
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

impl<F: Fn(I) -> O, I: Event, O: Event> Spread<I, O> for Parallel<F>
where
    Parallel<F>: Send + Sync,
{
    fn run(&self, core: &StageCore, batch: Batch<I>) -> Outcome<O> {
        // Captured whole: the wrapper is what is known to be `Sync`.
        run(core, &|event| (self.0)(event), batch)
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
    fn run(&mut self, batch: &mut Batch<I>, outs: &mut Batch<O>, cx: &mut Cx) {
        while let Some(envelope) = batch.pop_front() {
            cx.marks = envelope.marks;
            let work = cx.work();
            let event = within(work.as_ref(), || (self.0.0)(envelope.event));
            cx.answered += 1;
            outs.push_back(Envelope { event, stamp_ns: 0, marks: cx.marks.take() });
        }
    }

    fn parallel(&self) -> Option<Arc<dyn Spread<I, O>>>
    where
        I: Event,
        O: Event,
    {
        Some(self.0.clone())
    }
}

/// Sends work out to the pool.
pub(crate) fn spawn(pool: &rayon::ThreadPool, work: Box<dyn FnOnce() + Send>) {
    pool.spawn(work);
}

fn run<I: Event, O: Event>(core: &StageCore, f: &(impl Fn(I) -> O + Sync), batch: Batch<I>) -> Outcome<O> {
    let one = |envelope: Envelope<I>| -> Result<Envelope<O>, (Option<Box<Marks>>, Loss)> {
        let Envelope { event, marks, .. } = envelope;
        let trace = marks.as_ref().and_then(|marks| marks.trace.as_ref());
        let work = trace.map(|trace| trace.work(&core.name));
        match catch_unwind(AssertUnwindSafe(|| as_handler(core, || within(work.as_ref(), || f(event))))) {
            Ok(event) => Ok(Envelope { event, stamp_ns: 0, marks }),
            Err(panic) => Err((marks, Loss::Failed(super::activation::message(&*panic)))),
        }
    };
    let results: Vec<_> = Vec::from(batch).into_par_iter().map(one).collect();
    let mut outcome = Outcome { outs: Batch::with_capacity(results.len()), failed: 0 };
    for result in results {
        match result {
            Ok(envelope) => outcome.outs.push_back(envelope),
            Err((marks, loss)) => {
                outcome.failed += 1;
                super::activation::told(core, &loss);
                marks.iter().for_each(|marks| super::cx::note(marks, &loss));
            }
        }
    }
    outcome
}

//! Handlers of whole batches.

use std::{collections::VecDeque, sync::Arc};

use super::{
    cx::Cx,
    handler::{IntoStage, StageParts, shape},
    work::Work,
};
use crate::{event::Envelope, queue::Opened};

/// A handler of whole batches, as an external call is often cheaper for many events at once.
///
/// The function gets a [`Batch`], and a [`&Cx`](Cx) if it wants one, and gives [`Answers`], which only the batch can make:
/// one for each event, none forgotten. A panic fails the whole batch.
///
/// ```
/// use seda_core::{Batch, Pipeline, batch};
/// let mut p = Pipeline::named("users");
/// let (ids, names) = p.stage("look-up", batch(|ids: Batch<u32>| {
///     let rows: Vec<String> = ids.iter().map(|id| format!("user {id}")).collect(); // one query
///     let mut rows = rows.into_iter();
///     ids.answer(|_| rows.next())
/// }));
/// # p.end("end", names, drop);
/// # let _ = ids;
/// ```
#[must_use]
pub fn batch<F>(f: F) -> Batched<F> {
    Batched(f)
}

/// See [`batch`](fn@batch).
#[derive(Clone, Debug)]
pub struct Batched<F>(F);

/// Events that a worker took at once, in order; at least one.
#[derive(Debug)]
pub struct Batch<T>(Vec<T>);

impl<T> Batch<T> {
    /// How many.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The events, to be read before they are answered.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Answers each event.
    pub fn answer<U>(self, f: impl FnMut(T) -> U) -> Answers<U> {
        Answers(self.0.into_iter().map(f).collect())
    }

    /// Answers all events by a function of all of them, which gives as many answers, in the same order.
    ///
    /// # Panics
    /// If it gives another number: the batch then fails as a whole.
    pub fn answer_all<U>(self, f: impl FnOnce(Vec<T>) -> Vec<U>) -> Answers<U> {
        let events = self.0.len();
        let answers = f(self.0);
        assert_eq!(answers.len(), events, "a batch of {events} events got {} answers", answers.len());
        Answers(answers)
    }
}

impl<'a, T> IntoIterator for &'a Batch<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One answer for each event of a [`Batch`].
#[derive(Debug)]
#[must_use]
pub struct Answers<U>(Vec<U>);

struct BatchWork<F>(Arc<F>);

#[diagnostic::do_not_recommend]
impl<F, I, O> IntoStage<shape::Whole<I, O>> for Batched<F>
where
    F: Fn(Batch<I>) -> Answers<O>,
{
    type In = I;
    type Out = O;

    fn into_parts(self) -> StageParts<I, O>
    where
        Self: Send + Sync + 'static,
    {
        let me = self;
        whole(move |events: Batch<I>, _: &Cx| {
            // The wrapper is captured whole: it is what is known to be `Send` and `Sync`.
            let me = &me;
            (me.0)(events)
        })
    }
}

#[diagnostic::do_not_recommend]
impl<F, I, O> IntoStage<shape::WholeWithCx<I, O>> for Batched<F>
where
    F: Fn(Batch<I>, &Cx) -> Answers<O>,
{
    type In = I;
    type Out = O;

    fn into_parts(self) -> StageParts<I, O>
    where
        Self: Send + Sync + 'static,
    {
        let me = self;
        whole(move |events: Batch<I>, cx: &Cx| {
            let me = &me;
            (me.0)(events, cx)
        })
    }
}

fn whole<I, O>(f: impl Fn(Batch<I>, &Cx) -> Answers<O> + Send + Sync + 'static) -> StageParts<I, O> {
    let f = Arc::new(f);
    let mut parts = StageParts::new(Box::new(move || Box::new(BatchWork(f.clone()))));
    parts.whole_batches = true;
    parts
}

impl<F: Fn(Batch<I>, &Cx) -> Answers<O> + Send + Sync, I, O> Work<I, O> for BatchWork<F> {
    fn run(&mut self, batch: &mut Opened<'_, I>, outs: &mut Opened<'_, O>, cx: &mut Cx) {
        let mut events = Vec::with_capacity(batch.len());
        let mut marks = VecDeque::with_capacity(batch.len());
        while let Some(envelope) = batch.pop() {
            events.push(envelope.event);
            marks.push_back(envelope.marks);
        }
        cx.batch_marks = marks;
        cx.simulate_batch();
        let followed = cx.batch_marks.iter().flatten().filter_map(|marks| marks.trace.as_ref());
        let _works: Vec<_> = followed.map(|trace| trace.work(&cx.core.name)).collect();
        let answers = (self.0)(Batch(events), cx);
        cx.answered += answers.0.len() as u64;
        for (event, marks) in answers.0.into_iter().zip(cx.batch_marks.drain(..)) {
            outs.push(Envelope { event, stamp_ns: 0, marks });
        }
    }
}

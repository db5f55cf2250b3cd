//! Stages that make their events themselves: pulled by the runtime, or ticking.

use std::time::Duration;

use super::{
    cx::Cx,
    handler::{Pulling, StageParts, Work},
};
use crate::{
    clock::ns,
    event::{Envelope, Event},
    queue::Batch,
};

/// What a pulled source has to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pulled<T> {
    /// An event.
    Event(T),
    /// Nothing now: ask again after this time.
    Wait(Duration),
    /// Nothing any more.
    End,
}

/// What can be a source: any iterable, or [`pull`] around a function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source",
    note = "a source is any `IntoIterator`, or `pull(|| Pulled::..)` around a function"
)]
pub trait IntoSource<M> {
    /// The event that it makes.
    type Event;

    #[doc(hidden)]
    fn into_source(self) -> SourceParts<Self::Event>
    where
        Self: Send + 'static,
        Self::Event: Event;
}

/// A source, ready to be a stage.
pub struct SourceParts<T>(pub(crate) Box<dyn Work<(), T>>);

/// A source from a function that is asked for one event at a time. It may block where its stage has threads of its own.
///
/// ```
/// use seda_core::{Pipeline, Pulled, pull};
/// let mut n = 0;
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("count", pull(move || {
///     n += 1;
///     if n <= 3 { Pulled::Event(n) } else { Pulled::End }
/// }));
/// p.end("print", numbers, |n| println!("{n}"));
/// assert_eq!(p.start().unwrap().finish().ledger().stage("print").unwrap().done, 3);
/// ```
#[must_use]
pub fn pull<F>(f: F) -> Pull<F> {
    Pull(f)
}

/// See [`pull`].
#[derive(Clone, Debug)]
pub struct Pull<F>(F);

#[doc(hidden)]
#[allow(unreachable_pub, missing_debug_implementations, reason = "only ever inferred; public for the compiler alone")]
pub mod shape {
    pub struct Iterable;
    pub struct Function;
}

impl<I> IntoSource<shape::Iterable> for I
where
    I: IntoIterator<IntoIter: Send + 'static>,
{
    type Event = I::Item;

    fn into_source(self) -> SourceParts<I::Item>
    where
        I: Send + 'static,
        I::Item: Event,
    {
        let mut items = self.into_iter();
        SourceParts(Box::new(PullWork(move || items.next().map_or(Pulled::End, Pulled::Event))))
    }
}

impl<F, T> IntoSource<shape::Function> for Pull<F>
where
    F: FnMut() -> Pulled<T>,
{
    type Event = T;

    fn into_source(self) -> SourceParts<T>
    where
        Self: Send + 'static,
        T: Event,
    {
        let mut me = self;
        SourceParts(Box::new(PullWork(move || {
            // The wrapper is captured whole: it is what is known to be `Send`.
            let me = &mut me;
            (me.0)()
        })))
    }
}

struct PullWork<F>(F);

impl<F: FnMut() -> Pulled<T> + Send, T: Event> Work<(), T> for PullWork<F> {
    fn run(&mut self, batch: &mut Batch<()>, _: &mut Batch<T>, _: &mut Cx) {
        batch.clear();
    }

    fn pull(&mut self, most: usize, outs: &mut Batch<T>, cx: &mut Cx) -> Pulling {
        for _ in 0..most {
            match (self.0)() {
                Pulled::Event(event) => outs.push_back(Envelope::new(event)),
                Pulled::Wait(time) => {
                    return Pulling::WaitUntil(cx.core.shared.clock.now_ns().saturating_add(ns(time).max(1)));
                }
                Pulled::End => return Pulling::End,
            }
        }
        Pulling::More
    }
}

/// Gives an event each time `every` has passed. Ticks that a stalled pipeline missed are not made up for.
pub(crate) struct Tick<F> {
    pub(crate) every: Duration,
    pub(crate) count: u64,
    pub(crate) next_ns: u64,
    pub(crate) make: F,
}

impl<F: FnMut(u64) -> T + Send, T: Event> Work<(), T> for Tick<F> {
    fn run(&mut self, batch: &mut Batch<()>, _: &mut Batch<T>, _: &mut Cx) {
        batch.clear();
    }

    fn pull(&mut self, _: usize, outs: &mut Batch<T>, cx: &mut Cx) -> Pulling {
        let (now_ns, every_ns) = (cx.core.shared.clock.now_ns(), ns(self.every).max(1));
        if self.next_ns == 0 {
            self.next_ns = now_ns + every_ns;
        }
        if now_ns >= self.next_ns {
            outs.push_back(Envelope::new((self.make)(self.count)));
            self.count += 1;
            let missed = (now_ns - self.next_ns) / every_ns;
            self.next_ns += (missed + 1) * every_ns;
        }
        Pulling::WaitUntil(self.next_ns)
    }
}

/// A source has one state, so its factory gives it once.
pub(crate) fn parts<T: Event>(work: Box<dyn Work<(), T>>) -> StageParts<(), T> {
    let once = std::sync::Mutex::new(Some(work));
    StageParts::new(Box::new(move || {
        crate::sync::lock(&once).take().unwrap_or_else(|| Box::new(PullWork(|| Pulled::End)))
    }))
}

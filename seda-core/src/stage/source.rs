//! Stages that make their events themselves: pulled by the runtime, or ticking.

use std::{
    sync::{Arc, Weak},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{
    cx::Cx,
    handler::StageParts,
    inbox::Inbox,
    work::{Pulling, Work},
};
use crate::{clock::ns, event::Event, queue::Opened};

/// What a pulled source has to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pulled<T> {
    /// An event.
    Event(T),
    /// Nothing now: ask again after this time; after none at all, as soon as what was made has been handed on.
    Wait(Duration),
    /// Nothing any more.
    End,
}

/// What can be a source: any iterable, or [`pull`] or [`pull_async`] around a function.
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
///
/// A function that waits for what others make takes `&Cx` and asks it whether it [may](Cx::may_block):
///
/// ```
/// use std::sync::mpsc::{RecvTimeoutError, channel};
/// use seda_core::{Cx, Pipeline, Pulled, ms, pull};
/// let (send, made) = channel();
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("made", pull(move |cx: &Cx| {
///     // A short wait, so that a drain need not wait for the next number.
///     let most = if cx.may_block() { ms(20) } else { ms(0) };
///     match made.recv_timeout(most) {
///         Ok(n) => Pulled::Event(n),
///         Err(RecvTimeoutError::Timeout) => Pulled::Wait(ms(1)),
///         Err(RecvTimeoutError::Disconnected) => Pulled::End,
///     }
/// }));
/// p.end("print", numbers, |n: u32| println!("{n}"));
/// let running = p.start().unwrap();
/// send.send(7).unwrap();
/// drop(send);
/// assert_eq!(running.finish().ledger().stage("print").unwrap().done, 1);
/// ```
#[must_use]
pub fn pull<F>(f: F) -> Pull<F> {
    Pull(f)
}

/// A source from a function that is polled as a future is: it gives an event, `None` at its end, or keeps the waker and
/// says [`Pending`](Poll::Pending). Nothing runs until that waker is woken, from any thread; the source may stand on
/// threads of its own or in a shared domain. It must not block.
///
/// ```
/// use std::task::Poll;
/// use seda_core::{Pipeline, pull_async};
/// let mut made = Some(7);
/// let mut p = Pipeline::named("one");
/// let one = p.source("one", pull_async(move |_| Poll::Ready(made.take())));
/// p.end("print", one, |n: i32| println!("{n}"));
/// assert_eq!(p.start().unwrap().finish().ledger().stage("print").unwrap().done, 1);
/// ```
#[must_use]
pub fn pull_async<F, T>(f: F) -> PullAsync<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<T>>,
{
    PullAsync(f)
}

/// See [`pull`].
#[derive(Clone, Debug)]
pub struct Pull<F>(F);

/// See [`pull_async`].
#[derive(Clone, Debug)]
pub struct PullAsync<F>(F);

#[doc(hidden)]
#[allow(unreachable_pub, missing_debug_implementations, reason = "only ever inferred; public for the compiler alone")]
pub mod shape {
    pub struct Iterable;
    pub struct Function;
    pub struct WithCx;
    pub struct Polled;
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
        SourceParts(Box::new(PullWork(move |_: &Cx| items.next().map_or(Pulled::End, Pulled::Event))))
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
        SourceParts(Box::new(PullWork(move |_: &Cx| {
            // The wrapper is captured whole: it is what is known to be `Send`.
            let me = &mut me;
            (me.0)()
        })))
    }
}

impl<F, T> IntoSource<shape::WithCx> for Pull<F>
where
    F: FnMut(&Cx) -> Pulled<T>,
{
    type Event = T;

    fn into_source(self) -> SourceParts<T>
    where
        Self: Send + 'static,
        T: Event,
    {
        let mut me = self;
        SourceParts(Box::new(PullWork(move |cx: &Cx| {
            let me = &mut me;
            (me.0)(cx)
        })))
    }
}

impl<F, T> IntoSource<shape::Polled> for PullAsync<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<T>>,
{
    type Event = T;

    fn into_source(self) -> SourceParts<T>
    where
        Self: Send + 'static,
        T: Event,
    {
        SourceParts(Box::new(PollWork { poll: self, waker: None }))
    }
}

struct PullWork<F>(F);

impl<F: FnMut(&Cx) -> Pulled<T> + Send, T: Event> Work<(), T> for PullWork<F> {
    fn run(&mut self, batch: &mut Opened<'_, ()>, _: &mut Opened<'_, T>, _: &mut Cx) {
        while batch.pop().is_some() {}
    }

    fn pull(&mut self, most: usize, outs: &mut Opened<'_, T>, cx: &mut Cx) -> Pulling {
        for _ in 0..most {
            cx.keeps.set(!outs.is_empty());
            match (self.0)(cx) {
                Pulled::Event(event) => outs.push_bare(event),
                // On virtual time something has to pass, or nothing else would ever happen.
                Pulled::Wait(time) if time.is_zero() && !cx.is_virtual() => return Pulling::More,
                Pulled::Wait(time) => {
                    return Pulling::WaitUntil(cx.core.shared.clock.now_ns().saturating_add(ns(time).max(1)));
                }
                Pulled::End => return Pulling::End,
            }
        }
        Pulling::More
    }
}

struct PollWork<F> {
    poll: PullAsync<F>,
    /// Made when it is first polled.
    waker: Option<Waker>,
}

impl<F, T> Work<(), T> for PollWork<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<T>>,
    PullAsync<F>: Send,
    T: Event,
{
    fn run(&mut self, batch: &mut Opened<'_, ()>, _: &mut Opened<'_, T>, _: &mut Cx) {
        while batch.pop().is_some() {}
    }

    fn pull(&mut self, most: usize, outs: &mut Opened<'_, T>, cx: &mut Cx) -> Pulling {
        let waker = self.waker.get_or_insert_with(|| SourceWaker::of(cx));
        let mut context = Context::from_waker(waker);
        for _ in 0..most {
            match (self.poll.0)(&mut context) {
                Poll::Ready(Some(event)) => outs.push_bare(event),
                Poll::Ready(None) => return Pulling::End,
                Poll::Pending => return Pulling::Pending,
            }
        }
        Pulling::More
    }
}

/// Makes a source ready that said that it is pending. Whoever keeps the waker keeps nothing of the pipeline alive.
///
/// The race that matters: 1. a worker takes the source to pull it, and the books say `Waiting` from then on; 2. the
/// function keeps the waker; 3. that is woken, before the worker has said `Pending` or after. The books are `Ready` then in
/// either case, and saying `Pending` changes nothing in them.
struct SourceWaker(Option<Weak<Inbox>>);

impl SourceWaker {
    fn of(cx: &Cx) -> Waker {
        let wiring = cx.core.shared.wiring.get();
        let inbox = wiring.and_then(|wiring| wiring.inboxes.get(cx.core.id as usize).cloned());
        Waker::from(Arc::new(SourceWaker(inbox)))
    }
}

impl Wake for SourceWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let inbox = self.0.as_ref().and_then(Weak::upgrade);
        if let Some(inbox) = inbox {
            inbox.pull_again();
        }
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
    fn run(&mut self, batch: &mut Opened<'_, ()>, _: &mut Opened<'_, T>, _: &mut Cx) {
        while batch.pop().is_some() {}
    }

    fn pull(&mut self, _: usize, outs: &mut Opened<'_, T>, cx: &mut Cx) -> Pulling {
        let (now_ns, every_ns) = (cx.core.shared.clock.now_ns(), ns(self.every).max(1));
        if self.next_ns == 0 {
            self.next_ns = now_ns + every_ns;
        }
        if now_ns >= self.next_ns {
            outs.push_bare((self.make)(self.count));
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
        crate::sync::lock(&once).take().unwrap_or_else(|| Box::new(PullWork(|_: &Cx| Pulled::End)))
    }))
}

//! An outlet's events as a stream.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use seda_core::{Cx, Event, Handler};

use crate::{
    channel::BEAT,
    undelivered::{Obstacle, Undelivered},
};

/// A sink, and the stream of what comes to it; between them wait at most `bound` events (at least one).
///
/// The stream ends when the pipeline has: what was handed over before can still be read. While nobody reads and `bound`
/// events wait, the sink blocks its worker, and so holds back what is behind it: leave it on threads of its own, which is
/// the default.
///
/// The sink gives back what the stream did not take, as [`Undelivered`], so open its outlet by `.some()`: after the stream
/// was dropped, every event, and at the drain those that were handed over and not read; when the pipeline's time to drain
/// passes while the stream is full, the one in hand. On virtual time what finds it full comes back at once.
///
/// ```
/// use futures_util::StreamExt;
/// use seda::{prelude::*, stages::{Undelivered, to_stream}};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let (sink, mut squares) = to_stream(100);
/// let mut p = Pipeline::named("squares");
/// let numbers = p.source("numbers", 1..=3);
/// let squared = p.then("square", numbers, |n: u32| n * n);
/// let lost = p.then_with("out", squared, sink).some();
/// p.end("lost", lost, |lost: Undelivered<u32>| eprintln!("{} {lost}", lost.event));
/// let running = p.start()?;
/// assert_eq!(squares.next().await, Some(1));
/// running.finish_async().await;
/// assert_eq!(squares.collect::<Vec<_>>().await, [4, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn to_stream<T: Event>(bound: usize) -> (ToStream<T>, EventStream<T>) {
    let between = Arc::new(Between { bound: bound.max(1), state: Mutex::new(State::default()), room: Condvar::new() });
    (ToStream(between.clone()), EventStream(between))
}

/// The sink's side of [`to_stream`].
pub struct ToStream<T>(Arc<Between<T>>);

/// The events of an outlet: see [`to_stream`].
pub struct EventStream<T>(Arc<Between<T>>);

struct Between<T> {
    bound: usize,
    state: Mutex<State<T>>,
    /// Room came, or nobody will read any more.
    room: Condvar,
}

struct State<T> {
    events: VecDeque<T>,
    reader: Option<Waker>,
    /// The pipeline gives no more.
    ended: bool,
    /// The stream is gone; what it had not read is still there.
    unread: bool,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        State { events: VecDeque::new(), reader: None, ended: false, unread: false }
    }
}

impl<T> Between<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing of the user's runs under it, so a panic leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl<T: Event> Handler for ToStream<T> {
    type In = T;
    type Out = Option<Undelivered<T>>;

    fn handle(&self, event: T, cx: &Cx) -> Self::Out {
        let mut state = self.0.lock();
        while state.events.len() >= self.0.bound && !state.unread {
            let why = if cx.is_virtual() { Obstacle::Full } else { Obstacle::Cancelled };
            if cx.is_virtual() || cx.is_cancelled() {
                return Some(Undelivered { event, why });
            }
            // Nobody wakes it at the second signal of a drain, so it looks.
            state = self.0.room.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.unread {
            return Some(Undelivered { event, why: Obstacle::Gone });
        }
        state.events.push_back(event);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        None
    }

    fn flush(&self, emit: &mut dyn FnMut(Self::Out)) {
        let mut state = self.0.lock();
        let lost = if state.unread { std::mem::take(&mut state.events) } else { VecDeque::new() };
        drop(state);
        self.0.end();
        lost.into_iter().for_each(|event| emit(Some(Undelivered { event, why: Obstacle::Gone })));
    }
}

impl<T> Drop for ToStream<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<T> Stream for EventStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock();
        if let Some(event) = state.events.pop_front() {
            drop(state);
            self.0.room.notify_one();
            return Poll::Ready(Some(event));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        if !state.reader.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let state = self.0.lock();
        (state.events.len(), state.ended.then_some(state.events.len()))
    }
}

impl<T> Drop for EventStream<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.unread = true;
        let reader = state.reader.take();
        drop(state);
        drop(reader);
        self.0.room.notify_all();
    }
}

impl<T> fmt::Debug for ToStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToStream({} of {} wait)", self.0.lock().events.len(), self.0.bound)
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventStream({} of {} wait)", self.0.lock().events.len(), self.0.bound)
    }
}

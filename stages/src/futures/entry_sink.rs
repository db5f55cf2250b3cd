//! An entry of a pipeline as a `Sink`.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_sink::Sink;
use seda_core::{Entry, Event, Permit, Refused, Reserving};

/// An entry as a `futures` [`Sink`], for `forward` and `send`.
///
/// `poll_ready` reserves one place, and waits for it where the queue's policy is to block; it never fails. `start_send`
/// offers, and is where each refusal comes out, with its event. An event that was sent is in the queue, so to flush or
/// close waits for nothing. Closing it leaves the pipeline running.
///
/// A sink that is ready keeps its place until it is used or dropped, and a drain waits for it as long as its deadline says:
/// be ready only with an event in hand, as `forward` and `send` are. A queue that is full and drops its oldest or newest
/// does so by `start_send`.
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use seda::{prelude::*, stages::entry_sink};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.sink("print", |n: u32| println!("{n}"));
/// let running = p.start()?;
/// stream::iter(1..=3).map(Ok).forward(entry_sink(running.entry(numbers))).await?;
/// let report = running.drain_async(Deadlines::default()).await;
/// assert_eq!(report.ledger().stage("print").unwrap().done, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn entry_sink<T: Event>(entry: Entry<T>) -> EntrySink<T> {
    EntrySink { entry, reserving: None, permit: None }
}

/// See [`entry_sink`].
#[must_use = "a sink does nothing before something is sent"]
pub struct EntrySink<T: Event> {
    entry: Entry<T>,
    reserving: Option<Reserving<T>>,
    permit: Option<Permit<T>>,
}

impl<T: Event> EntrySink<T> {
    /// The entry.
    #[must_use]
    pub fn entry(&self) -> &Entry<T> {
        &self.entry
    }
}

/// Ready with no place of its own, as its original.
impl<T: Event> Clone for EntrySink<T> {
    fn clone(&self) -> Self {
        entry_sink(self.entry.clone())
    }
}

impl<T: Event> fmt::Debug for EntrySink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EntrySink").field(&self.entry).finish()
    }
}

impl<T: Event> Sink<T> for EntrySink<T> {
    type Error = Refused<T>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refused<T>>> {
        if self.permit.is_some() {
            return Poll::Ready(Ok(()));
        }
        let me = &mut *self;
        let reserving = me.reserving.get_or_insert_with(|| me.entry.reserve_async(1));
        let Poll::Ready(reserved) = Pin::new(reserving).poll(cx) else { return Poll::Pending };
        me.reserving = None;
        // Without a place the event is offered, and what refuses the one refuses the other, with the event.
        me.permit = reserved.ok();
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, event: T) -> Result<(), Refused<T>> {
        match self.permit.take() {
            Some(mut permit) => permit.commit(event),
            None => self.entry.try_offer(event),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Refused<T>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Refused<T>>> {
        (self.permit, self.reserving) = (None, None);
        Poll::Ready(Ok(()))
    }
}

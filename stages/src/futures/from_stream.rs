//! A stream as a source.

use std::task::{Context, Poll};

use futures_core::Stream;
use seda_core::{Event, PullAsync, pull_async};

/// A source of what a stream gives; it ends with the stream.
///
/// The stream is polled on a worker of the source's stage while those behind it have room, and after it said that nothing
/// is there, not before it wakes that worker: no looking again and again, and no async runtime. So it may stand in a shared
/// domain too. A stream that needs a runtime of its own around it, as tokio's sockets and timers do, must have been made
/// inside that runtime; when the runtime ends, so does the stream, by its end or by a panic, which is counted as one
/// failure of the source.
///
/// At a drain it stops at once; the stream is dropped with the pipeline, and what it would still have given with it.
///
/// ```
/// use futures_util::stream;
/// use seda::{prelude::*, stages::from_stream};
///
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("numbers", from_stream(stream::iter(1..=3)));
/// p.end("print", numbers, |n| println!("{n}"));
/// assert_eq!(p.start()?.finish().ledger().stage("print").unwrap().done, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn from_stream<S>(stream: S) -> PullAsync<impl FnMut(&mut Context<'_>) -> Poll<Option<S::Item>> + Send + 'static>
where
    S: Stream<Item: Event> + Send + 'static,
{
    let mut stream = Box::pin(stream);
    pull_async(move |cx: &mut Context<'_>| stream.as_mut().poll_next(cx))
}

//! A `Sink` as the sink of a pipeline.

use std::{
    fmt::Display,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use futures_sink::Sink;
use seda_core::{Batch, Cx, Event, StageOptionsExt, StageParts, batch};

use crate::{
    channel::BEAT,
    undelivered::{Obstacle, Undelivered},
};

/// Nothing, or what was not sent; without the event, where the sink had taken it.
type Unsent<T> = Option<Undelivered<Option<T>>>;

/// A sink of a pipeline from a `futures` [`Sink`]: a batch is sent, then flushed once.
///
/// It gives back what the sink did not take, as [`Undelivered`], so open its outlet by `.some()`. Each has the event if the
/// sink had not taken it yet, and `None` in its place if it had, and failed before all was flushed. After an error the sink
/// is tried again with the next batch; most will fail again.
///
/// It blocks its worker while the sink is not ready, woken by the sink, with no runtime behind it: leave it on threads of
/// its own, which is the default. A sink that needs a runtime around it must have been made inside of that. When the
/// pipeline's time to drain passes meanwhile, what is in hand comes back; on virtual time, what finds it not ready does.
/// At the pipeline's end, when the last batch has been flushed, the sink is closed; an error of that is not told, as no event
/// is lost by it. A pipeline that is cancelled before only drops it.
///
/// ```
/// use futures_util::StreamExt;
/// use seda::{prelude::*, stages::{Undelivered, to_sink}};
///
/// let (sender, receiver) = futures_channel::mpsc::channel(10);
/// let mut p = Pipeline::named("numbers");
/// let numbers = p.source("numbers", 1..=3);
/// let lost = p.then_with("out", numbers, to_sink(sender)).some();
/// p.end("lost", lost, |lost: Undelivered<Option<u32>>| eprintln!("{lost}"));
/// p.start()?.finish();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// assert_eq!(receiver.collect::<Vec<u32>>().await, [1, 2, 3]);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn to_sink<S, T>(sink: S) -> StageParts<T, Unsent<T>>
where
    S: Sink<T, Error: Display> + Send + 'static,
    T: Event,
{
    let sink = Arc::new(Mutex::new(Box::pin(sink)));
    let last = sink.clone();
    let sending = batch(move |events: Batch<T>, cx: &Cx| {
        // A sink that panicked says by itself what it can still do.
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        events.answer_all(|events| send(sink.as_mut(), events, cx))
    });
    sending.at_end(move |cx| {
        let mut sink = last.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut wait = Wait { task: Context::from_waker(&waker), cx };
        let _ = wait.until(|task| sink.as_mut().poll_close(task));
    })
}

/// One answer for each event, in their order.
fn send<S, T>(mut sink: Pin<&mut S>, events: Vec<T>, cx: &Cx) -> Vec<Unsent<T>>
where
    S: Sink<T, Error: Display>,
{
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut wait = Wait { task: Context::from_waker(&waker), cx };
    let mut answers = Vec::with_capacity(events.len());
    let mut stopped = None;
    for event in events {
        let ready = match &stopped {
            Some(why) => Err(Obstacle::clone(why)),
            None => wait.until(|task| sink.as_mut().poll_ready(task)),
        };
        let lost = match ready {
            Err(why) => Some(Undelivered { event: Some(event), why }),
            Ok(()) => match sink.as_mut().start_send(event) {
                Ok(()) => None,
                Err(error) => Some(Undelivered { event: None, why: Obstacle::Failed(error.to_string()) }),
            },
        };
        if let Some(lost) = &lost {
            stopped.get_or_insert_with(|| lost.why.clone());
        }
        answers.push(lost);
    }
    if let Err(why) = wait.until(|task| sink.as_mut().poll_flush(task)) {
        // The sink has them, and nobody can say how far they came.
        let sent = answers.iter_mut().filter(|answer| answer.is_none());
        sent.for_each(|answer| *answer = Some(Undelivered { event: None, why: why.clone() }));
    }
    answers
}

/// Waits for a sink on the worker's own thread.
struct Wait<'a> {
    task: Context<'a>,
    cx: &'a Cx,
}

impl Wait<'_> {
    fn until<E: Display>(
        &mut self,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<(), E>>,
    ) -> Result<(), Obstacle> {
        loop {
            match poll(&mut self.task) {
                Poll::Ready(Ok(())) => return Ok(()),
                Poll::Ready(Err(error)) => return Err(Obstacle::Failed(error.to_string())),
                Poll::Pending if self.cx.is_virtual() => return Err(Obstacle::Full),
                Poll::Pending if self.cx.is_cancelled() => return Err(Obstacle::Cancelled),
                // The sink wakes it; nobody does at the second signal of a drain, so it looks.
                Poll::Pending => thread::park_timeout(BEAT),
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

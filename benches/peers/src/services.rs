//! tower: a service per stage behind a buffer, on two tokio workers. A call is a request with an answer, so each event
//! has a future in flight until the last stage has seen it; as many are in flight as our queue holds.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream};
use seda_bench::{BOUND, Counter, Event, Sink, pass, tokio_runtime};
use tokio::runtime::Runtime;
use tower::{BoxError, Service, ServiceExt, buffer::Buffer, buffer::future::ResponseFuture};

/// What a relay's call answers with: room in the next buffer, then the next stage's answer.
type Answer = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
type Buffered<F> = Buffer<Event, F>;

/// Three running services.
pub(crate) struct Chain {
    runtime: Runtime,
    first: Buffered<Answer>,
}

impl Chain {
    pub(crate) fn start(sink: Counter) -> Self {
        let runtime = tokio_runtime();
        let entered = runtime.enter();
        let last = Buffer::new(Last(sink), BOUND);
        let b = Buffer::new(Relay(last), BOUND);
        let first = Buffer::new(Relay(b), BOUND);
        drop(entered);
        Self { runtime, first }
    }

    pub(crate) fn offer_all(&self, events: u64) {
        let first = self.first.clone();
        let call = move |event| first.clone().oneshot(event);
        let source = stream::iter((0..events).map(Event::numbered)).map(call).buffer_unordered(BOUND);
        let all = source.for_each(async |answer| answer.expect("the chain is open"));
        self.runtime.block_on(self.runtime.spawn(all)).expect("the source ends");
    }
}

/// Passes each event on to the next service.
struct Relay<F>(Buffered<F>);

impl<F> Service<Event> for Relay<F>
where
    F: Future<Output = Result<(), BoxError>> + Send + 'static,
    ResponseFuture<F>: Send,
{
    type Response = ();
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: Event) -> Answer {
        Box::pin(self.0.clone().oneshot(pass(event)))
    }
}

/// Counts each event.
struct Last(Counter);

impl Service<Event> for Last {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: Event) -> Self::Future {
        self.0.take(pass(event));
        ready(Ok(()))
    }
}

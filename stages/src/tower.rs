//! Pipelines and tower services, both ways.

use std::{
    future::poll_fn,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use seda_core::{Ask, AskError, Event, IntoStage, Reply, StageParts, task};
use tower_service::Service;

/// A pipeline's ask as a tower [`Service`]: a request is a question, the answer its response.
///
/// Each question has `deadline` to be answered; later its caller hears [`Late`](AskError::Late), and no handler begins on
/// it any more. A dropped future withdraws: an answer that comes is counted as unheard.
///
/// It is always ready, as the pipeline decides on each question with the question in hand, and says why it refuses and when
/// to come again, which a service that is not ready cannot. So no load-shed layer is needed: a head stage with
/// [`WhenFull::Reject`](seda_core::WhenFull::Reject), or with an admission policy, refuses at once; one that blocks, which
/// is the default, waits for room within the deadline.
///
/// ```
/// use seda::{prelude::*, stages::service_of};
/// use tower::{Service, ServiceExt};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let mut p = Pipeline::named("squares");
/// let (square, squared) = p.stage("square", |n: u64| n * n);
/// let (ask, answer) = p.ask(square);
/// p.link(squared, answer);
/// let running = p.start()?;
/// let mut squares = service_of(ask, secs(1));
/// assert_eq!(squares.ready().await?.call(12).await?, 144);
/// # drop(running);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn service_of<E: Event, R: Event>(ask: Ask<E, R>, deadline: Duration) -> AskService<E, R> {
    AskService { ask, deadline }
}

/// See [`service_of`].
#[derive(Debug)]
#[must_use = "a service does nothing before it is called"]
pub struct AskService<E, R> {
    ask: Ask<E, R>,
    deadline: Duration,
}

impl<E, R> Clone for AskService<E, R> {
    fn clone(&self) -> Self {
        AskService { ask: self.ask.clone(), deadline: self.deadline }
    }
}

impl<E: Event, R: Event> Service<E> for AskService<E, R> {
    type Response = R;
    type Error = AskError<E>;
    type Future = Reply<E, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AskError<E>>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: E) -> Reply<E, R> {
        self.ask.ask(question, self.deadline)
    }
}

/// A stage that calls a tower [`Service`]: each event is a request, and the response or the service's error comes out, so
/// open its outlet by `.tried()`.
///
/// An async handler, as [`task`](seda_core::task) makes them: it needs the feature `tokio`, and runs on the runtime in which
/// the pipeline is started. Each event calls a clone of the service, once that is ready; at most
/// [`limit`](seda_core::StageOptionsExt::limit) wait or are called at once, default 64, and the others wait in the queue.
/// At the second signal of a drain what is on its way is dropped, and its events are left.
///
/// ```
/// use seda::{prelude::*, stages::to_service};
/// use tower::{ServiceBuilder, service_fn};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let fetch = service_fn(async |id: u32| if id > 0 { Ok(format!("page {id}")) } else { Err("no page 0") });
/// let fetch = ServiceBuilder::new().concurrency_limit(8).service(fetch);
///
/// let mut p = Pipeline::named("pages");
/// let (ids, pages, failed) = p.stage("fetch", to_service(fetch).limit(100)).tried();
/// p.end("print", pages, |page| println!("{page}"));
/// p.end("complain", failed, |why| eprintln!("{why}"));
/// let running = p.start()?; // in the runtime
/// running.entry(ids).offer_async(7).await?;
/// let report = running.drain_async(Deadlines::default()).await;
/// assert_eq!(report.ledger().stage("print").unwrap().done, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a stage does nothing outside of a pipeline"]
pub fn to_service<S, Q>(service: S) -> StageParts<Q, Result<S::Response, S::Error>>
where
    S: Service<Q, Response: Event, Error: Event, Future: Send + 'static> + Clone + Send + 'static,
    Q: Event,
{
    // Most services are not `Sync`, and a clone is cheap: that is what tower makes them for.
    let service = Mutex::new(service);
    let call = move |request: Q| {
        let mut service = service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        }
    };
    task(call).into_parts()
}

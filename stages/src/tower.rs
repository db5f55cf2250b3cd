//! Pipelines and tower services, both ways.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use seda_core::{Ask, AskError, Event, Reply};
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

//! kameo: an actor per stage on two tokio workers, each telling the next; mailboxes bounded like our queues.

use kameo::{
    Actor,
    actor::{ActorRef, Spawn},
    error::Infallible,
    mailbox,
    message::{Context, Message},
};
use seda_bench::{BOUND, Counter, Event, Sink, pass, tokio_runtime};
use tokio::runtime::Runtime;

/// Three running actors.
pub(crate) struct Chain {
    runtime: Runtime,
    first: ActorRef<Relay<Relay<Last>>>,
}

impl Chain {
    pub(crate) fn start(sink: Counter) -> Self {
        let runtime = tokio_runtime();
        let entered = runtime.enter();
        let last = Last::spawn_with_mailbox(Last(sink), mailbox::bounded(BOUND));
        let b = Relay::spawn_with_mailbox(Relay(last), mailbox::bounded(BOUND));
        let first = Relay::spawn_with_mailbox(Relay(b), mailbox::bounded(BOUND));
        drop(entered);
        Self { runtime, first }
    }

    /// The source is a task, which favours them: no thread outside has to be woken.
    pub(crate) fn offer_all(&self, events: u64) {
        let first = self.first.clone();
        let source = async move {
            for event in (0..events).map(Event::numbered) {
                first.tell(event).await.expect("the chain is open");
            }
        };
        self.runtime.block_on(self.runtime.spawn(source)).expect("the source ends");
    }
}

/// Passes each event on to the next actor.
pub(crate) struct Relay<N: Actor>(ActorRef<N>);

impl<N: Actor> Actor for Relay<N> {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl<N: Message<Event>> Message<Event> for Relay<N> {
    type Reply = ();

    async fn handle(&mut self, event: Event, _: &mut Context<Self, ()>) {
        self.0.tell(pass(event)).await.expect("the next actor is alive");
    }
}

/// Counts each event.
pub(crate) struct Last(Counter);

impl Actor for Last {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl Message<Event> for Last {
    type Reply = ();

    async fn handle(&mut self, event: Event, _: &mut Context<Self, ()>) {
        self.0.take(pass(event));
    }
}

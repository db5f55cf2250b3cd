//! gasket: three stages, each a thread with a tokio runtime of its own; its ports are tokio mpsc channels.

use gasket::{
    framework::{AsWorkError, Stage, WorkSchedule, Worker, WorkerError},
    messaging::{
        InputPort, Message, OutputPort,
        tokio::{ChannelSendAdapter, connect_ports, mpsc_channel},
    },
    runtime::{Policy, Tether, spawn_stage},
};
use seda_bench::{BOUND, Counter, Event, Sink, pass};
use tokio::sync::mpsc::Sender;

/// Three running stages.
pub(crate) struct Chain {
    first: Sender<Message<Event>>,
    /// A dropped tether would leave its thread unnamed; they end with the process.
    _tethers: Vec<Tether>,
}

impl Chain {
    pub(crate) fn start(sink: Counter) -> Self {
        let (mut a, mut b, mut c) = (Relay::default(), Relay::default(), Last { input: InputPort::default(), sink });
        let (first, receiver) = mpsc_channel(BOUND);
        a.input.connect(receiver);
        connect_ports(&mut a.output, &mut b.input, BOUND);
        connect_ports(&mut b.output, &mut c.input, BOUND);
        let tethers = vec![
            spawn_stage(a, Policy::default()),
            spawn_stage(b, Policy::default()),
            spawn_stage(c, Policy::default()),
        ];
        let ChannelSendAdapter::Mpsc(first) = first else { unreachable!("an mpsc channel was asked for") };
        Self { first, _tethers: tethers }
    }

    pub(crate) fn offer_all(&self, events: u64) {
        for event in (0..events).map(Event::numbered) {
            self.first.blocking_send(event.into()).expect("the chain is open");
        }
    }
}

#[derive(Default)]
struct Relay {
    input: InputPort<Event>,
    output: OutputPort<Event>,
}

struct Last {
    input: InputPort<Event>,
    sink: Counter,
}

/// Neither stage keeps anything in its worker.
struct Nothing;

impl Stage for Relay {
    type Unit = Event;
    type Worker = Nothing;

    fn name(&self) -> &str {
        "relay"
    }
}

impl Stage for Last {
    type Unit = Event;
    type Worker = Nothing;

    fn name(&self) -> &str {
        "last"
    }
}

#[async_trait::async_trait(?Send)]
impl Worker<Relay> for Nothing {
    async fn bootstrap(_: &Relay) -> Result<Self, WorkerError> {
        Ok(Self)
    }

    async fn schedule(&mut self, stage: &mut Relay) -> Result<WorkSchedule<Event>, WorkerError> {
        Ok(WorkSchedule::Unit(stage.input.recv().await.or_panic()?.payload))
    }

    async fn execute(&mut self, event: &Event, stage: &mut Relay) -> Result<(), WorkerError> {
        stage.output.send(pass(*event).into()).await.or_panic()
    }
}

#[async_trait::async_trait(?Send)]
impl Worker<Last> for Nothing {
    async fn bootstrap(_: &Last) -> Result<Self, WorkerError> {
        Ok(Self)
    }

    async fn schedule(&mut self, stage: &mut Last) -> Result<WorkSchedule<Event>, WorkerError> {
        Ok(WorkSchedule::Unit(stage.input.recv().await.or_panic()?.payload))
    }

    async fn execute(&mut self, event: &Event, stage: &mut Last) -> Result<(), WorkerError> {
        stage.sink.take(pass(*event));
        Ok(())
    }
}

//! The way out of a stage: a port, and what it is wired to.
//!
//! An outlet is wired once, by moving it. What it becomes is made anew for each place of the stage, so that a lane has
//! one owner and needs no lock; calls go through one `dyn` per adapter and batch, not per event.

use std::{
    any::type_name,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, OnceLock},
};

use super::{
    core::EdgeCore,
    emit::{Emit, Nothing},
    inbox::Inbox,
    lane::{AnswerCounts, AnswerLane, Lane},
};
use crate::{event::Event, sync::lock};

/// Makes the way behind a port, for one place.
pub(crate) type MakeEmit = Box<dyn Fn() -> Box<dyn Emit> + Send + Sync>;

/// A port: open until it is wired.
#[derive(Clone, Default)]
pub(crate) struct Port(Arc<OnceLock<MakeEmit>>);

impl Port {
    pub(crate) fn make(&self) -> Box<dyn Emit> {
        self.0.get().expect("the check before the start found every port wired")()
    }

    fn wire(&self, make: MakeEmit) {
        assert!(self.0.set(make).is_ok(), "an outlet is moved when it is wired");
    }
}

/// What outlets tell the pipeline while it is being built.
#[derive(Default)]
pub(crate) struct Sketch {
    pub(crate) ports: Vec<PortSketch>,
    pub(crate) edges: Vec<EdgeSketch>,
}

pub(crate) struct PortSketch {
    pub(crate) stage: u32,
    pub(crate) name: String,
    pub(crate) event: &'static str,
    pub(crate) wired: bool,
}

pub(crate) struct EdgeSketch {
    pub(crate) edge: Arc<EdgeCore>,
    pub(crate) to: Target,
    pub(crate) has_overflow: bool,
}

/// Where an edge goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Stage(u32),
    Answer(u32),
}

/// The typed way out of a stage. It is moved when it is wired, so wiring it twice does not compile; left open, it is in
/// the list of findings at start.
#[must_use = "an outlet that is not linked is an open port, and the pipeline will not start"]
pub struct Outlet<T> {
    port: Port,
    stub: Stub,
    overflow: Option<Port>,
    event: PhantomData<fn() -> T>,
}

/// An outlet without its type.
struct Stub {
    sketch: Arc<Mutex<Sketch>>,
    id: usize,
    from: Origin,
}

#[derive(Clone)]
struct Origin {
    pipeline: u32,
    stage: u32,
    name: String,
}

impl Stub {
    fn new(sketch: Arc<Mutex<Sketch>>, from: Origin, event: &'static str) -> Self {
        let id = {
            let mut drawn = lock(&sketch);
            drawn.ports.push(PortSketch { stage: from.stage, name: from.name.clone(), event, wired: false });
            drawn.ports.len() - 1
        };
        Stub { sketch, id, from }
    }

    fn branch(&self, label: &str, event: &'static str) -> Self {
        let name = if label.is_empty() { self.from.name.clone() } else { format!("{}.{label}", self.from.name) };
        Stub::new(self.sketch.clone(), Origin { name, ..self.from }, event)
    }

    fn wired(&self) {
        lock(&self.sketch).ports[self.id].wired = true;
    }

    fn draw(&self, to: Target, to_name: &str, has_overflow: bool) -> Arc<EdgeCore> {
        let edge = Arc::new(EdgeCore::new(self.from.stage, self.from.name.clone(), to_name.to_string()));
        let drawn = EdgeSketch { edge: edge.clone(), to, has_overflow };
        lock(&self.sketch).edges.push(drawn);
        edge
    }
}

impl<T> fmt::Debug for Outlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outlet({})", self.name())
    }
}

impl<T> Outlet<T> {
    /// What open ports, edges and metrics call it.
    pub(crate) fn name(&self) -> &str {
        &self.stub.from.name
    }

    pub(crate) fn pipeline(&self) -> u32 {
        self.stub.from.pipeline
    }
}

impl<T: Event> Outlet<T> {
    pub(crate) fn of_stage(port: Port, sketch: Arc<Mutex<Sketch>>, pipeline: u32, stage: u32, name: &str) -> Self {
        let from = Origin { pipeline, stage, name: name.to_string() };
        Outlet { port, stub: Stub::new(sketch, from, type_name::<T>()), overflow: None, event: PhantomData }
    }

    /// Another port of the same stage, behind an adapter.
    pub(crate) fn branch<U: Event>(&self, label: &str) -> (Port, Outlet<U>) {
        let (port, stub) = (Port::default(), self.stub.branch(label, type_name::<U>()));
        (port.clone(), Outlet { port, stub, overflow: None, event: PhantomData })
    }

    pub(crate) fn wire(self, make: MakeEmit) {
        self.stub.wired();
        self.port.wire(make);
    }

    pub(crate) fn with_overflow(mut self) -> (Outlet<T>, Outlet<T>) {
        let (port, outlet) = self.branch("overflow");
        self.overflow = Some(port);
        (self, outlet)
    }

    pub(crate) fn link(self, inbox: Arc<Inbox>) {
        let edge = self.stub.draw(Target::Stage(inbox.core.id), &inbox.core.name, self.overflow.is_some());
        let overflow = self.overflow.clone();
        self.wire(Box::new(move || {
            Box::new(Lane::new(edge.clone(), inbox.clone(), overflow.as_ref().map(Port::make)))
        }));
    }

    pub(crate) fn answer(self, ask: u32, name: &str, counts: Arc<AnswerCounts>) {
        let edge = self.stub.draw(Target::Answer(ask), name, self.overflow.is_some());
        self.wire(Box::new(move || {
            let (edge, counts) = (edge.clone(), counts.clone());
            Box::new(AnswerLane { ask, edge, counts, event: PhantomData::<fn(T)> })
        }));
    }
}

impl Outlet<()> {
    /// The end of a sink.
    pub(crate) fn nowhere(self) {
        self.wire(Box::new(|| Box::new(Nothing)));
    }
}

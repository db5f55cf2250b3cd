//! A stage as it is declared: what its parts say, with and without the types of its events.

use std::{
    any::TypeId,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use super::pipeline::Pipeline;
use crate::{
    event::{Concurrent, Event},
    options::{Placement, StageOptions},
    queue::Store,
    stage::{
        activation::Activation,
        book::Book,
        core::StageCore,
        flight::Spawn,
        handler::{AtEnd, IntoStage, StageParts},
        inbox::{Inbox, Reads},
        inlet::Inlet,
        outlet::{Outlet, Port},
        work::{self, Make},
    },
};

/// One stage.
pub(super) struct Declared {
    pub(super) name: String,
    /// What its code says; from the checks on, what it and configuration say together.
    pub(super) options: StageOptions,
    pub(super) is_source: bool,
    pub(super) keyed: bool,
    pub(super) weighs: bool,
    pub(super) uses: Vec<(u32, u32)>,
    pub(super) activation: Arc<Activation>,
    /// What its handler takes and gives, for a model in its place.
    pub(super) types: [TypeId; 2],
    pub(super) data_parallel: bool,
}

/// What a stage's parts say, without its types.
struct Shape {
    keyed: bool,
    weighs: bool,
    /// Keys, weights or classes are read off its events.
    read: bool,
    whole_batches: bool,
    data_parallel: bool,
    source: bool,
    types: [TypeId; 2],
    at_end: Mutex<Option<AtEnd>>,
}

impl Pipeline {
    pub(super) fn outlet<T: Event>(&self, port: Port, stage: u32) -> Outlet<T> {
        Outlet::of_stage(port, self.sketch.clone(), self.shared.id, stage, &self.stages[stage as usize].name)
    }

    pub(super) fn declare<I: Event, O: Event>(
        &mut self,
        name: String,
        parts: StageParts<I, O>,
        source: bool,
    ) -> (Inlet<I>, Port) {
        let StageParts { factory, options, extract, whole_batches, data_parallel, at_end } = parts;
        let (keyed, weighs, read) = (extract.key.is_some(), extract.weight.is_some(), !extract.is_empty());
        let types = types::<I, O>();
        let shape = Shape { keyed, weighs, read, whole_batches, data_parallel, source, types, at_end };
        let reads = read.then(|| Box::new(extract) as Box<dyn Reads>);
        let port = self.declare_untyped(name, options, shape, (work::make(factory), reads));
        (Inlet { pipeline: self.shared.id, stage: self.stages.len() as u32 - 1, event: PhantomData }, port)
    }

    /// What is the same for every type of event.
    fn declare_untyped(
        &mut self,
        name: String,
        mut options: StageOptions,
        shape: Shape,
        (make, reads): (Make, Option<Box<dyn Reads>>),
    ) -> Port {
        if let Placement::Domain { domain, .. } = options.placement
            && domain.pipeline != self.shared.id
        {
            self.find(format!("stage `{name}` is put on a domain of another pipeline"), "use a domain of this one");
            options.placement = StageOptions::default().placement;
        }
        let uses = std::mem::take(&mut options.uses);
        let own = uses.iter().filter(|(pipeline, _)| *pipeline == self.shared.id).map(|(_, stage)| *stage).collect();
        let core = Arc::new(StageCore::new(self.stages.len() as u32, name.clone(), self.shared.clone(), own));
        let marked = shape.read || options.queue_bytes.is_some() || options.classes > 1;
        let store = if marked { Store::marked(options.classes) } else { Store::plain() };
        let book = Book::new(&options, shape.whole_batches, shape.source);
        let inbox = Arc::new(Inbox::new(core, reads, store, book));
        let port = Port::default();
        let activation = Arc::new(Activation::new(inbox, make, port.clone(), shape.at_end));
        let Shape { source, keyed, weighs, data_parallel, types, .. } = shape;
        self.stages.push(Declared {
            name,
            options,
            is_source: source,
            keyed,
            weighs,
            uses,
            activation,
            types,
            data_parallel,
        });
        port
    }
}

/// For tests, simulation and who runs it.
impl Pipeline {
    /// Puts a model in the place of a stage's handler, for tests and simulation: another handler of the same events, which
    /// may say by [`Cx::spend`](crate::Cx::spend) how long it takes. A name or type that does not fit is a finding at start.
    pub fn model<M, H>(&mut self, stage: &str, model: H) -> &mut Self
    where
        H: IntoStage<M> + Concurrent,
        H::In: Event,
        H::Out: Event,
    {
        let found = self.stages.iter().find(|declared| declared.name == stage);
        match found {
            Some(declared) if declared.types == types::<H::In, H::Out>() => {
                declared.activation.replace(work::make(model.into_parts().factory));
            }
            Some(_) => self.find(
                format!("the model of `{stage}` takes or gives other events than its handler"),
                "write it for the same `In` and `Out`",
            ),
            None => self.find(format!("there is no stage `{stage}` to put a model in"), "name a declared stage"),
        }
        self
    }

    /// Async handlers, by their stages' names.
    pub(crate) fn async_stages(&self) -> Vec<String> {
        let tasks = |declared: &&Declared| matches!(declared.options.placement, Placement::Tasks { .. });
        self.stages.iter().filter(tasks).map(|declared| format!("`{}`", declared.name)).collect()
    }

    /// What runs its async handlers.
    pub(crate) fn run_tasks_on(&self, runtime: Arc<dyn Spawn>) {
        let _ = self.shared.tasks.set(runtime);
    }

    /// Stages that have a queue.
    #[cfg(feature = "sim")]
    pub(crate) fn queue_names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().filter(|stage| !stage.is_source).map(|stage| stage.name.as_str())
    }

    /// From now on, its time is virtual.
    pub(crate) fn make_virtual(&self) {
        self.shared.clock.make_virtual();
    }
}

pub(super) fn types<I: 'static, O: 'static>() -> [TypeId; 2] {
    [TypeId::of::<I>(), TypeId::of::<O>()]
}

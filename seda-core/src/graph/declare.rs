//! A stage as it is declared: what its parts say, with and without the types of its events.

use std::{
    any::TypeId,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use super::pipeline::Pipeline;
use crate::{
    event::Event,
    options::{Placement, StageOptions},
    queue::Store,
    stage::{
        activation::Activation,
        book::Book,
        core::StageCore,
        handler::{AtEnd, StageParts},
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

pub(super) fn types<I: 'static, O: 'static>() -> [TypeId; 2] {
    [TypeId::of::<I>(), TypeId::of::<O>()]
}

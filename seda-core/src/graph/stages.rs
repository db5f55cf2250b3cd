//! How stages are added to a pipeline, each by its handler or source.

use std::time::Duration;

use super::{link::short_type, pipeline::Pipeline};
use crate::{
    event::{Concurrent, Event},
    options::Placement,
    stage::{
        fitting::{IntoSink, SinkFn, StepFn},
        handler::{IntoStage, StageParts},
        inlet::Inlet,
        named::Stage,
        outlet::Outlet,
        source::{self, IntoSource, Tick},
        tune::Domain,
    },
};

/// Stages.
impl Pipeline {
    /// A stage, by its handler: a function or closure, a value with [`Handler`](crate::Handler), or one of
    /// [`per_worker`](crate::per_worker), [`batch`](fn@crate::batch), [`parallel`](crate::parallel),
    /// [`task`](crate::task); with options from
    /// [`StageOptionsExt`](crate::StageOptionsExt). Gives its inlet and its outlet.
    ///
    /// A closure is called by many workers at once, so it cannot change what it captures: for that see `per_worker`.
    pub fn stage<M, H>(&mut self, name: impl Into<String>, handler: H) -> (Inlet<H::In>, Outlet<H::Out>)
    where
        H: IntoStage<M> + Concurrent,
        H::In: Event,
        H::Out: Event,
    {
        let mut parts = handler.into_parts();
        parts.options.given("named");
        let (inlet, port) = self.declare(name.into(), parts, false);
        let outlet = self.outlet(port, inlet.stage);
        (inlet, outlet)
    }

    /// A stage whose name stands with its code, and its options too: see [`Stage`]. Gives its inlet and its outlet.
    pub fn add<M, S>(&mut self, stage: S) -> (Inlet<S::In>, Outlet<S::Out>)
    where
        S: Stage<M>,
        S::In: Event,
        S::Out: Event,
    {
        let mut parts = stage.into_stage();
        let name = parts.options.name.take().unwrap_or_else(|| {
            let event = short_type(std::any::type_name::<S::In>());
            self.find(
                format!("the stage that takes `{event}` is added without a name"),
                "name it where it is added, `p.stage(\"name\", ..)`, or in its code, `stage.named(\"name\")`",
            );
            format!("stage-{}", self.stages.len())
        });
        let (inlet, port) = self.declare(name, parts, false);
        let outlet = self.outlet(port, inlet.stage);
        (inlet, outlet)
    }

    /// A stage behind an outlet, by a function or closure of its event, whose type need not be written. For every other
    /// handler, with options, `&Cx` or a wrapper, see [`then_with`](Self::then_with); there a closure says its event.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("prices");
    /// let orders = p.source("orders", [(7, 250), (8, 0)]);
    /// let cents = p.then("cents", orders, |order| order.1);
    /// let dear = p.then_with("dear", cents, (|cents: u64| cents * 2).threads(2));
    /// p.end("print", dear, |cents| println!("{cents}"));
    /// # assert!(p.start().unwrap().finish().balanced());
    /// ```
    pub fn then<T, O, F>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: F) -> Outlet<O>
    where
        F: StepFn<T, O> + Concurrent,
        T: Event,
        O: Event,
    {
        self.then_with(name, from, handler)
    }

    /// A stage behind an outlet, by any handler with any options.
    pub fn then_with<T, M, H>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: H) -> Outlet<H::Out>
    where
        H: IntoStage<M, In = T> + Concurrent,
        T: Event,
        H::Out: Event,
    {
        let (inlet, outlet) = self.stage(name, handler);
        self.link(from, inlet);
        outlet
    }

    /// A sink behind an outlet, by a function or closure that gives nothing. For every other handler, with options, `&Cx` or
    /// a wrapper, see [`end_with`](Self::end_with).
    ///
    /// A function that gives something is a stage: see [`then`](Self::then). Where nobody needs what it gives, drop it in
    /// words: `|event| drop(ship(event))`. Of a closure, rustc says that it expected `()`, and offers a semicolon: that would
    /// drop a `Result` with its error.
    pub fn end<T, F>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: F)
    where
        F: SinkFn<T> + Concurrent,
        T: Event,
    {
        self.end_with(name, from, handler);
    }

    /// A sink behind an outlet, by any handler with any options.
    pub fn end_with<T, M, H>(&mut self, name: impl Into<String>, from: Outlet<T>, handler: H)
    where
        H: IntoSink<M, In = T> + Concurrent,
        T: Event,
    {
        let inlet = self.sink(name, handler);
        self.link(from, inlet);
    }

    /// A stage without an outlet.
    pub fn sink<M, H>(&mut self, name: impl Into<String>, handler: H) -> Inlet<H::In>
    where
        H: IntoSink<M> + Concurrent,
        H::In: Event,
    {
        let mut parts = handler.into_parts();
        parts.options.given("named");
        let (inlet, port) = self.declare(name.into(), parts, false);
        self.outlet(port, inlet.stage).nowhere();
        inlet
    }

    /// A stage that is pulled: any iterable, or [`pull`](crate::pull) around a function. It is asked for events only
    /// while those behind it have room.
    pub fn source<M, S>(&mut self, name: impl Into<String>, source: S) -> Outlet<S::Event>
    where
        S: IntoSource<M> + Send + 'static,
        S::Event: Event,
    {
        self.source_on(name, source, None)
    }

    /// The same on the threads of a domain; what it calls must not block there.
    pub fn source_in<M, S>(&mut self, name: impl Into<String>, domain: &Domain, source: S) -> Outlet<S::Event>
    where
        S: IntoSource<M> + Send + 'static,
        S::Event: Event,
    {
        self.source_on(name, source, Some(domain))
    }

    fn source_on<M, S>(&mut self, name: impl Into<String>, source: S, domain: Option<&Domain>) -> Outlet<S::Event>
    where
        S: IntoSource<M> + Send + 'static,
        S::Event: Event,
    {
        self.add_source(name.into(), source::parts(source.into_source().0), domain)
    }

    /// A stage that makes an event each time `every` has passed, from the number of the tick, which begins at 0. Ticks that
    /// a stalled pipeline missed are not made up for.
    ///
    /// ```
    /// use seda_core::{prelude::*, test::{Virtual, collect}};
    /// let mut p = Pipeline::named("clock");
    /// let ticks = p.tick("tick", secs(1), |n| n);
    /// let seen = collect(&mut p, "seen", ticks);
    /// let mut sim = Virtual::start(p, 1)?;
    /// sim.advance(secs(3));
    /// assert_eq!(seen.take(), [0, 1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tick<T: Event>(
        &mut self,
        name: impl Into<String>,
        every: Duration,
        make: impl FnMut(u64) -> T + Send + 'static,
    ) -> Outlet<T> {
        let tick = Tick { every, count: 0, next_ns: 0, make };
        self.add_source(name.into(), source::parts(Box::new(tick)), None)
    }

    fn add_source<T: Event>(
        &mut self,
        name: String,
        mut parts: StageParts<(), T>,
        domain: Option<&Domain>,
    ) -> Outlet<T> {
        if let Some(domain) = domain {
            parts.options.placement = Placement::Domain { domain: domain.0, limit: None };
        }
        let (inlet, port) = self.declare(name, parts, true);
        self.outlet(port, inlet.stage)
    }
}

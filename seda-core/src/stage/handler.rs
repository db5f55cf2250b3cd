//! The shapes of a handler. A shape is named by a wrapper; the value that comes back stays what it is.

use std::{
    marker::PhantomData,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    cx::Cx,
    fitting::{EachCxFn, EachFn},
    work::{Factory, Work, each},
};
use crate::{
    options::{Extract, StageOptions},
    queue::Opened,
};

/// Why a handler could not start.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A handler as a value: many workers call it at once, so it takes `&self`. For state without a lock see
/// [`HandlerMut`] and [`per_worker`].
///
/// ```
/// use seda_core::{Cx, Handler, Pipeline};
///
/// struct Greet { greeting: String }
///
/// impl Handler for Greet {
///     type In = String;
///     type Out = String;
///     fn handle(&self, name: String, _: &Cx) -> String {
///         format!("{}, {name}", self.greeting)
///     }
/// }
///
/// let mut p = Pipeline::named("hello");
/// let (greet, greeted) = p.stage("greet", Greet { greeting: "hello".into() });
/// p.end("print", greeted, |line: String| println!("{line}"));
/// # let running = p.start().unwrap();
/// # running.offer(greet, "you".into()).unwrap();
/// # running.drain(Default::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler is `Fn(In) -> Out`, `Fn(In, &Cx) -> Out`, a value with `Handler`, or `per_worker(..)`, `batch(..)`, `parallel(..)`"
)]
pub trait Handler {
    /// The event that it takes.
    type In;
    /// What it makes of it.
    type Out;

    /// Handles one event, on a worker's thread. It may block: that holds one worker of its domain.
    fn handle(&self, event: Self::In, cx: &Cx) -> Self::Out;

    /// Once, before the pipeline takes offers.
    ///
    /// # Errors
    /// Any error stops the start of the pipeline and is in its list of findings.
    fn start(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Once, when a drain has brought everything upstream to its end: the last chance to give events on.
    fn flush(&self, emit: &mut dyn FnMut(Self::Out)) {
        let _ = emit;
    }

    /// The name and the options that stand with the code, for [`Pipeline::add`](crate::Pipeline::add):
    /// `stage.named("greet").threads(2)`. They are defaults: what is said where the stage is added wins.
    #[must_use]
    fn options(stage: StageParts<Self::In, Self::Out>) -> StageParts<Self::In, Self::Out>
    where
        Self: Sized,
    {
        stage
    }
}

/// A handler with state of its own in every worker, so it takes `&mut self` and needs no lock. Given as a factory, to
/// [`per_worker`].
///
/// ```
/// use seda_core::prelude::*;
///
/// #[derive(Default)]
/// struct Sum(u64);
///
/// impl HandlerMut for Sum {
///     type In = u64;
///     type Out = Option<u64>;
///     fn handle(&mut self, n: u64, _: &Cx) -> Option<u64> {
///         self.0 += n;
///         None // nothing to give on yet
///     }
///     fn flush(&mut self, emit: &mut dyn FnMut(Option<u64>)) {
///         emit(Some(self.0)); // at the end of the pipeline
///     }
/// }
///
/// let mut p = Pipeline::named("sum");
/// let numbers = p.source("numbers", 1..=4);
/// let sum = p.then_with("sum", numbers, per_worker(Sum::default)).some();
/// p.end("print", sum, |sum| println!("{sum}")); // 10
/// # assert_eq!(p.start().unwrap().finish().ledger().stage("print").unwrap().done, 1);
/// ```
pub trait HandlerMut {
    /// The event that it takes.
    type In;
    /// What it makes of it.
    type Out;

    /// Handles one event, on a worker's thread.
    fn handle(&mut self, event: Self::In, cx: &Cx) -> Self::Out;

    /// Once for each state, before it sees an event.
    ///
    /// # Errors
    /// At the start of the pipeline, an error stops it. Later, for a worker that was added or rebuilt, it is told
    /// through tracing and the stage goes on with one worker less.
    fn start(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Once for each state, when a drain has brought everything upstream to its end.
    fn flush(&mut self, emit: &mut dyn FnMut(Self::Out)) {
        let _ = emit;
    }

    /// The name and the options that stand with the code, as for [`Handler::options`].
    #[must_use]
    fn options(stage: StageParts<Self::In, Self::Out>) -> StageParts<Self::In, Self::Out>
    where
        Self: Sized,
    {
        stage
    }
}

impl<H: Handler + ?Sized> Handler for Box<H> {
    type In = H::In;
    type Out = H::Out;

    fn handle(&self, event: H::In, cx: &Cx) -> H::Out {
        (**self).handle(event, cx)
    }

    fn start(&self) -> Result<(), BoxError> {
        (**self).start()
    }

    fn flush(&self, emit: &mut dyn FnMut(H::Out)) {
        (**self).flush(emit);
    }
}

/// A factory of handlers: one for each worker of the stage, built again after a panic.
///
/// ```
/// use seda_core::{Pipeline, StageOptionsExt, per_worker};
/// let mut p = Pipeline::named("numbers");
/// let counting = per_worker(|| {
///     let mut seen = 0u64;
///     move |n: u64| { seen += 1; n + seen }
/// });
/// let (numbers, sums) = p.stage("count", counting.threads(2));
/// # p.end("end", sums, drop);
/// # let _ = numbers;
/// ```
#[must_use]
pub fn per_worker<F>(factory: F) -> PerWorker<F> {
    PerWorker(factory)
}

/// See [`per_worker`].
#[derive(Clone, Debug)]
pub struct PerWorker<F>(F);

/// A handler with its options, ready to be a stage.
pub struct StageParts<I, O> {
    pub(crate) factory: Factory<I, O>,
    pub(crate) options: StageOptions,
    pub(crate) extract: Extract<I>,
    pub(crate) whole_batches: bool,
    /// Called at once by many workers on events of one batch.
    pub(crate) data_parallel: bool,
    /// The last that the stage does. In a mutex for `Sync` alone.
    pub(crate) at_end: Mutex<Option<AtEnd>>,
}

/// What is done once, at a stage's end.
pub(crate) type AtEnd = Box<dyn FnOnce(&Cx) + Send>;

impl<I, O> StageParts<I, O> {
    pub(crate) fn new(factory: Factory<I, O>) -> Self {
        StageParts {
            factory,
            options: StageOptions::default(),
            extract: Extract::default(),
            whole_batches: false,
            data_parallel: false,
            at_end: Mutex::new(None),
        }
    }

    /// With what the handler's type says of itself.
    pub(crate) fn by_default(self, options: impl FnOnce(Self) -> Self) -> Self {
        let mut parts = options(self);
        parts.options.become_defaults();
        parts
    }
}

/// What can be a stage: `Fn(In) -> Out`, `Fn(In, &Cx) -> Out`, a value with [`Handler`] or
/// [`AsyncHandler`](crate::AsyncHandler), and [`per_worker`], [`batch`](fn@crate::batch), [`parallel`](crate::parallel),
/// [`task`](crate::task); each with options from [`StageOptionsExt`](crate::StageOptionsExt).
///
/// `M` only tells the shapes apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is `Fn(In) -> Out`, `Fn(In, &Cx) -> Out`, or a value whose type has `Handler` (`&self`)",
    note = "an `async fn` is wrapped in `task(..)`",
    note = "a handler with `&mut self`, or a closure that changes what it captured, needs a value of its own in every worker: give a factory, `per_worker(|| ..)`",
    note = "for whole batches use `batch(..)`, for data-parallel ones `parallel(..)`"
)]
pub trait IntoStage<M> {
    /// The event that it takes.
    type In;
    /// What it makes of it.
    type Out;

    /// The parts.
    fn into_parts(self) -> StageParts<Self::In, Self::Out>
    where
        Self: Send + Sync + 'static;
}

/// Marks of the shapes.
#[doc(hidden)]
#[allow(unreachable_pub, missing_debug_implementations, reason = "only ever inferred; public for the compiler alone")]
pub mod shape {
    use std::marker::PhantomData;

    pub struct Plain<I, O>(PhantomData<(I, O)>);
    pub struct WithCx<I, O>(PhantomData<(I, O)>);
    pub struct Value;
    pub struct AsyncValue;
    pub struct Each<M>(PhantomData<M>);
    pub struct Whole<I, O>(PhantomData<(I, O)>);
    pub struct WholeWithCx<I, O>(PhantomData<(I, O)>);
    pub struct Parallel<I, O>(PhantomData<(I, O)>);
    pub struct Tuned;
}

struct SharedWork<F>(Arc<F>);

#[diagnostic::do_not_recommend]
impl<F, I, O> IntoStage<shape::Plain<I, O>> for F
where
    F: EachFn<I, O>,
{
    type In = I;
    type Out = O;

    fn into_parts(self) -> StageParts<I, O>
    where
        F: Send + Sync + 'static,
    {
        let f = Arc::new(self);
        StageParts::new(Box::new(move || Box::new(SharedWork(f.clone()))))
    }
}

impl<F: Fn(I) -> O + Send + Sync, I, O> Work<I, O> for SharedWork<F> {
    fn run(&mut self, batch: &mut Opened<'_, I>, outs: &mut Opened<'_, O>, cx: &mut Cx) {
        each(batch, outs, cx, |event, _| (self.0)(event));
    }
}

struct CxWork<F>(Arc<F>);

#[diagnostic::do_not_recommend]
impl<F, I, O> IntoStage<shape::WithCx<I, O>> for F
where
    F: EachCxFn<I, O>,
{
    type In = I;
    type Out = O;

    fn into_parts(self) -> StageParts<I, O>
    where
        F: Send + Sync + 'static,
    {
        let f = Arc::new(self);
        StageParts::new(Box::new(move || Box::new(CxWork(f.clone()))))
    }
}

impl<F: Fn(I, &Cx) -> O + Send + Sync, I, O> Work<I, O> for CxWork<F> {
    fn run(&mut self, batch: &mut Opened<'_, I>, outs: &mut Opened<'_, O>, cx: &mut Cx) {
        each(batch, outs, cx, |event, cx| (self.0)(event, cx));
    }
}

struct ValueWork<H> {
    handler: Arc<H>,
    /// One value serves all places, so its start and its flush are done by the first that comes.
    started: Arc<AtomicBool>,
    flushed: Arc<AtomicBool>,
}

#[diagnostic::do_not_recommend]
impl<H: Handler> IntoStage<shape::Value> for H {
    type In = H::In;
    type Out = H::Out;

    fn into_parts(self) -> StageParts<H::In, H::Out>
    where
        H: Send + Sync + 'static,
    {
        let handler = Arc::new(self);
        let (started, flushed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        StageParts::new(Box::new(move || {
            Box::new(ValueWork { handler: handler.clone(), started: started.clone(), flushed: flushed.clone() })
        }))
        .by_default(H::options)
    }
}

impl<H: Handler + Send + Sync> Work<H::In, H::Out> for ValueWork<H> {
    fn start(&mut self) -> Result<(), BoxError> {
        if self.started.swap(true, Ordering::AcqRel) { Ok(()) } else { self.handler.start() }
    }

    fn run(&mut self, batch: &mut Opened<'_, H::In>, outs: &mut Opened<'_, H::Out>, cx: &mut Cx) {
        each(batch, outs, cx, |event, cx| self.handler.handle(event, cx));
    }

    fn flush(&mut self, emit: &mut dyn FnMut(H::Out)) {
        if !self.flushed.swap(true, Ordering::AcqRel) {
            self.handler.flush(emit);
        }
    }
}

/// What a factory given to [`per_worker`] can make: `FnMut(In) -> Out`, `FnMut(In, &Cx) -> Out` or a [`HandlerMut`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler with state",
    note = "`per_worker` takes a factory of `FnMut(In) -> Out`, `FnMut(In, &Cx) -> Out` or of values with `HandlerMut`"
)]
pub trait IntoWorker<M> {
    /// The event that it takes.
    type In;
    /// What it makes of it.
    type Out;

    #[doc(hidden)]
    fn handle(&mut self, event: Self::In, cx: &Cx) -> Self::Out;

    #[doc(hidden)]
    fn start(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    #[doc(hidden)]
    fn flush(&mut self, emit: &mut dyn FnMut(Self::Out)) {
        let _ = emit;
    }

    #[doc(hidden)]
    fn options(stage: StageParts<Self::In, Self::Out>) -> StageParts<Self::In, Self::Out>
    where
        Self: Sized,
    {
        stage
    }
}

impl<F: FnMut(I) -> O, I, O> IntoWorker<shape::Plain<I, O>> for F {
    type In = I;
    type Out = O;

    fn handle(&mut self, event: I, _: &Cx) -> O {
        self(event)
    }
}

impl<F: FnMut(I, &Cx) -> O, I, O> IntoWorker<shape::WithCx<I, O>> for F {
    type In = I;
    type Out = O;

    fn handle(&mut self, event: I, cx: &Cx) -> O {
        self(event, cx)
    }
}

impl<H: HandlerMut> IntoWorker<shape::Value> for H {
    type In = H::In;
    type Out = H::Out;

    fn handle(&mut self, event: H::In, cx: &Cx) -> H::Out {
        HandlerMut::handle(self, event, cx)
    }

    fn start(&mut self) -> Result<(), BoxError> {
        HandlerMut::start(self)
    }

    fn flush(&mut self, emit: &mut dyn FnMut(H::Out)) {
        HandlerMut::flush(self, emit);
    }

    fn options(stage: StageParts<H::In, H::Out>) -> StageParts<H::In, H::Out> {
        <H as HandlerMut>::options(stage)
    }
}

struct OwnWork<W, M>(W, PhantomData<fn() -> M>);

#[diagnostic::do_not_recommend]
impl<F, W, M> IntoStage<shape::Each<M>> for PerWorker<F>
where
    F: Fn() -> W,
    W: IntoWorker<M> + Send + 'static,
    M: 'static,
{
    type In = W::In;
    type Out = W::Out;

    fn into_parts(self) -> StageParts<W::In, W::Out>
    where
        Self: Send + Sync + 'static,
    {
        StageParts::new(Box::new(move || {
            let factory = &self;
            Box::new(OwnWork::<W, M>((factory.0)(), PhantomData))
        }))
        .by_default(W::options)
    }
}

impl<W: IntoWorker<M> + Send, M> Work<W::In, W::Out> for OwnWork<W, M> {
    fn start(&mut self) -> Result<(), BoxError> {
        self.0.start()
    }

    fn run(&mut self, batch: &mut Opened<'_, W::In>, outs: &mut Opened<'_, W::Out>, cx: &mut Cx) {
        each(batch, outs, cx, |event, cx| self.0.handle(event, cx));
    }

    fn flush(&mut self, emit: &mut dyn FnMut(W::Out)) {
        self.0.flush(emit);
    }
}

#[diagnostic::do_not_recommend]
impl<I, O> IntoStage<shape::Tuned> for StageParts<I, O> {
    type In = I;
    type Out = O;

    fn into_parts(self) -> StageParts<I, O> {
        self
    }
}

impl<I, O> std::fmt::Debug for StageParts<I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StageParts")
    }
}

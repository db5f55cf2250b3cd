//! An async handler as a value, with a name and options of its own.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    activation::Run,
    cx::Cx,
    handler::{BoxError, IntoStage, StageParts, shape},
    places::{Hand, Places},
    task::{TaskCx, task},
    work::Work,
};
use crate::{event::Event, queue::Opened};

/// An async handler as a value: what [`task`](crate::task) is to a function. It is shared by all its futures, so it comes in an
/// [`Arc`]. As there, at most [`limit`](crate::StageOptionsExt::limit) events are on their way at once, on the host's tokio
/// runtime.
///
/// ```
/// use std::sync::Arc;
/// use seda_core::{StageParts, prelude::*};
///
/// struct Fetch { base: String }
///
/// impl AsyncHandler for Fetch {
///     type In = u32;
///     type Out = String;
///
///     async fn handle(self: Arc<Self>, id: u32, _: TaskCx) -> String {
///         format!("{}/{id}", self.base) // an await or two
///     }
///
///     fn options(stage: StageParts<u32, String>) -> StageParts<u32, String> {
///         stage.named("fetch").limit(100)
///     }
/// }
///
/// let mut p = Pipeline::named("pages");
/// let (ids, pages) = p.add(Fetch { base: "https://example.org".into() });
/// p.end("print", pages, |page| println!("{page}"));
/// # let _ = ids;
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not an async handler")]
pub trait AsyncHandler {
    /// The event that it takes.
    type In;
    /// What it makes of it.
    type Out;

    /// Handles one event. The future is dropped where its event's deadline passes and at the second signal of a stop.
    fn handle(self: Arc<Self>, event: Self::In, cx: TaskCx) -> impl Future<Output = Self::Out> + Send + 'static;

    /// Once, before the pipeline takes offers; blocking.
    ///
    /// # Errors
    /// Any error stops the start of the pipeline and is in its list of findings.
    fn start(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Once, when a drain has brought everything upstream, and every future of this stage, to its end.
    fn flush(&self, emit: &mut dyn FnMut(Self::Out)) {
        let _ = emit;
    }

    /// The name and the options that stand with the code, as for [`Handler::options`](crate::Handler::options).
    #[must_use]
    fn options(stage: StageParts<Self::In, Self::Out>) -> StageParts<Self::In, Self::Out>
    where
        Self: Sized,
    {
        stage
    }
}

#[diagnostic::do_not_recommend]
impl<H: AsyncHandler> IntoStage<shape::AsyncValue> for H {
    type In = H::In;
    type Out = H::Out;

    fn into_parts(self) -> StageParts<H::In, H::Out>
    where
        H: Send + Sync + 'static,
    {
        let handler = Arc::new(self);
        let shared = handler.clone();
        let mut parts = task(move |event, cx| shared.clone().handle(event, cx));
        let begun: [Arc<AtomicBool>; 2] = Default::default();
        let tasks = parts.factory;
        parts.factory = Box::new(move || {
            let [started, flushed] = begun.clone();
            Box::new(AsyncWork { tasks: tasks(), handler: handler.clone(), started, flushed })
        });
        parts.by_default(H::options)
    }
}

/// The tasks of a handler, with its own start and flush.
struct AsyncWork<H: AsyncHandler> {
    tasks: Box<dyn Work<H::In, H::Out>>,
    handler: Arc<H>,
    /// One value serves all places, so its start and its flush are done by the first that comes.
    started: Arc<AtomicBool>,
    flushed: Arc<AtomicBool>,
}

impl<H: AsyncHandler + Send + Sync> Work<H::In, H::Out> for AsyncWork<H> {
    fn start(&mut self) -> Result<(), BoxError> {
        if self.started.swap(true, Ordering::AcqRel) { Ok(()) } else { self.handler.start() }
    }

    fn run(&mut self, batch: &mut Opened<'_, H::In>, outs: &mut Opened<'_, H::Out>, cx: &mut Cx) {
        self.tasks.run(batch, outs, cx);
    }

    fn flush(&mut self, emit: &mut dyn FnMut(H::Out)) {
        if !self.flushed.swap(true, Ordering::AcqRel) {
            self.handler.flush(emit);
        }
    }

    fn pending(&self) -> usize {
        self.tasks.pending()
    }

    fn launch(&mut self, places: &Arc<Places>, hand: &mut Hand, place: u32, run: &Run<'_>)
    where
        H::Out: Event,
    {
        self.tasks.launch(places, hand, place, run);
    }
}

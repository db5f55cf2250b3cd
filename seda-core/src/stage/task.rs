//! Async handlers: many events of a stage on their way at once, on the host's runtime.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    activation::Run,
    core::StageCore,
    cx::{Cx, entry_from},
    flight::{self, Pending},
    handler::{StageParts, shape},
    inlet::Inlet,
    places::{Hand, Places},
    work::Work,
};
use crate::{
    event::{Envelope, Event, Marks},
    options::Placement,
    outcome::{Refusal, Refused},
    queue::{Batch, Opened},
    trace::{WorkSpan, within},
};

/// Default of how many events of an async stage are on their way at once.
pub const TASKS: usize = 64;

/// An async handler: an `async fn` or closure that takes the event, or the event and a [`TaskCx`].
///
/// Its futures run on the tokio runtime in which the pipeline is started, or that
/// `Pipeline::runtime` names. At most [`limit`](crate::StageOptionsExt::limit) of them are on
/// their way at once, default 64; the others wait in the queue. A future is dropped where its event's deadline passes (the
/// event expires), and at the second signal of a stop or where the runtime is shut down (the event is left). A panic fails
/// its event alone.
///
/// ```
/// use seda_core::{prelude::*, task};
/// async fn fetch(id: u32) -> Result<String, String> {
///     Ok(format!("page {id}")) // an await or two
/// }
///
/// # #[cfg(feature = "tokio")]
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let mut p = Pipeline::named("pages");
/// let (ids, pages, failed) = p.stage("fetch", task(fetch).limit(100)).tried();
/// p.end("print", pages, |page| println!("{page}"));
/// p.end("complain", failed, |why| eprintln!("{why}"));
/// let running = p.start().unwrap(); // in the runtime
/// running.entry(ids).offer_async(7).await.unwrap();
/// let report = running.drain_async(Deadlines::default()).await;
/// assert_eq!(report.ledger().stage("print").unwrap().done, 1);
/// # });
/// ```
#[must_use]
pub fn task<F, M>(f: F) -> StageParts<F::In, <F::Future as Future>::Output>
where
    F: TaskFn<M> + Send + Sync + 'static,
    F::Future: Send + 'static,
    M: 'static,
{
    let f = Arc::new(f);
    let make = move || TaskWork { f: f.clone(), slot: None, pending: Vec::new(), shape: PhantomData };
    let mut parts = StageParts::new(Box::new(move || Box::new(make())));
    parts.options.placement = Placement::Tasks { limit: TASKS.into() };
    parts
}

/// What [`task`] takes: `Fn(In) -> Future`, or `Fn(In, TaskCx) -> Future`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async handler",
    label = "not an async handler",
    note = "`task` takes an `async fn(In) -> Out` or `async fn(In, TaskCx) -> Out`, or a closure that gives such a future"
)]
pub trait TaskFn<M> {
    /// The event that it takes.
    type In;
    /// What it makes of it, some time.
    type Future: Future;

    #[doc(hidden)]
    fn call(&self, event: Self::In, cx: &Cx) -> Self::Future;
}

impl<F: Fn(I) -> Fut, I, Fut: Future> TaskFn<shape::Plain<I, Fut>> for F {
    type In = I;
    type Future = Fut;

    fn call(&self, event: I, _: &Cx) -> Fut {
        self(event)
    }
}

impl<F: Fn(I, TaskCx) -> Fut, I, Fut: Future> TaskFn<shape::WithCx<I, Fut>> for F {
    type In = I;
    type Future = Fut;

    fn call(&self, event: I, cx: &Cx) -> Fut {
        self(event, TaskCx::of(cx))
    }
}

/// A future that is polled where it was made; most end there, and the next one takes its memory.
type Slot<F> = Pin<Box<Option<F>>>;

struct TaskWork<F: TaskFn<M>, M> {
    f: Arc<F>,
    slot: Option<Slot<F::Future>>,
    pending: Vec<Unfinished<F::Future>>,
    shape: PhantomData<fn() -> M>,
}

impl<F, M> Work<F::In, <F::Future as Future>::Output> for TaskWork<F, M>
where
    F: TaskFn<M> + Send + Sync,
    F::Future: Send + 'static,
{
    fn run(
        &mut self,
        batch: &mut Opened<'_, F::In>,
        outs: &mut Opened<'_, <F::Future as Future>::Output>,
        cx: &mut Cx,
    ) {
        while let Some(envelope) = batch.pop() {
            cx.marks = envelope.marks;
            if cx.has_expired() {
                continue;
            }
            let mut slot = self.slot.take().unwrap_or_else(|| Box::pin(None));
            let work = cx.work();
            let polled = within(work.as_ref(), || {
                slot.set(Some(self.f.call(envelope.event, cx)));
                // Who is not ready is polled again at once, by the runtime, with a waker that wakes.
                poll(&mut slot, &mut Context::from_waker(Waker::noop()))
            });
            match polled {
                Poll::Ready(event) => {
                    slot.set(None);
                    self.slot = Some(slot);
                    cx.answered += 1;
                    outs.push(Envelope { event, stamp_ns: 0, marks: cx.marks.take() });
                }
                Poll::Pending => {
                    self.pending.push(Unfinished { slot, marks: cx.marks.take(), work });
                }
            }
        }
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }

    fn launch(&mut self, places: &Arc<Places>, hand: &mut Hand, place: u32, run: &Run<'_>)
    where
        <F::Future as Future>::Output: Event,
    {
        let pending = self.pending.drain(..);
        let pending = pending.map(|Unfinished { slot, marks, work }| {
            let future: Pin<Box<dyn Future<Output = Batch> + Send>> = Box::pin(Gives(slot));
            Pending { future, marks, work }
        });
        flight::launch(places, (hand, place), pending.collect(), run);
    }
}

fn poll<F: Future>(slot: &mut Slot<F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    slot.as_mut().as_pin_mut().expect("a future that has ended is not polled again").poll(cx)
}

/// What was not ready where it was made.
struct Unfinished<F> {
    slot: Slot<F>,
    marks: Option<Box<Marks>>,
    work: Option<WorkSpan>,
}

/// Gives its event as a batch of one.
struct Gives<F>(Slot<F>);

impl<F: Future<Output: Event>> Future for Gives<F> {
    type Output = Batch;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Batch> {
        poll(&mut self.0, cx).map(|event| Batch::of(vec![event]))
    }
}

/// What an async handler may ask of the runtime, as its second argument: by value, as the future outlives the call.
///
/// ```
/// use seda_core::TaskCx;
/// async fn crawl(url: String, cx: TaskCx) -> Vec<String> {
///     let left = cx.deadline_left(); // `None`: no deadline
///     vec![format!("{url} within {left:?}")]
/// }
/// # let _ = crawl;
/// ```
#[derive(Clone)]
pub struct TaskCx {
    core: Arc<StageCore>,
    deadline_ns: u64,
    class: u8,
}

impl fmt::Debug for TaskCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskCx({})", self.core.name)
    }
}

impl TaskCx {
    fn of(cx: &Cx) -> Self {
        let deadline_ns = cx.marks.as_ref().map_or(0, |marks| marks.deadline_ns);
        TaskCx { core: cx.core.clone(), deadline_ns, class: cx.class() }
    }

    /// True from the first signal of a drain on: no more offers come from outside. At the second one the future is dropped.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.core.shared.is_draining()
    }

    /// Time until the event's deadline, at which the future is dropped; `None` when it has none.
    #[must_use]
    pub fn deadline_left(&self) -> Option<Duration> {
        let left = || Duration::from_nanos(self.deadline_ns.saturating_sub(self.core.shared.clock.now_ns()));
        (self.deadline_ns != 0).then(left)
    }

    /// Priority class of the event.
    #[must_use]
    pub fn class(&self) -> u8 {
        self.class
    }

    /// Name of the stage.
    #[must_use]
    pub fn stage(&self) -> &str {
        &self.core.name
    }

    /// Offers to another stage of this pipeline, declared with [`uses`](crate::StageOptionsExt::uses); waits while its
    /// queue is full and its policy is to block.
    ///
    /// # Errors
    /// As [`Entry::offer_async`](crate::Entry::offer_async); [`Refusal::WouldDeadlock`] where the stage is upstream.
    pub async fn offer<T: Event>(&self, inlet: Inlet<T>, event: T) -> Result<(), Refused<T>> {
        match entry_from(&self.core, inlet) {
            Some(entry) => entry.offer_async(event).await,
            None => Err(Refused { event, why: Refusal::Closed }),
        }
    }
}

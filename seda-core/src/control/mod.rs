//! Controllers: arithmetic from what a stage, or the stages of a domain, did since the last look to what a knob should
//! stand at, with the reason in words. Nothing here knows a clock, a lock or a thread; a driver calls, at its own times.

mod batch;
mod demand;
mod seda_queue;
mod sight;
mod slope;
mod spare;
mod stream;
mod turn;
mod which;

pub(crate) use batch::BATCH_PART;
pub use batch::BatchCost;
pub use demand::Demand;
pub use seda_queue::SedaQueue;
pub use sight::{BatchSums, Processor, Sight, StageSight};
pub(crate) use spare::Spare;
pub use turn::{Advice, Control};
pub(crate) use which::{DEMAND, SEDA_QUEUE, Which};

/// What turns one knob that was given a range: threads, a limit, a batch size.
///
/// By default threads and limits are turned by [`Demand`], batch sizes by [`BatchCost`]; configuration may name another of ours,
/// `controller = "seda-queue"`. A controller of your own takes their place by [`Pipeline::controller`](crate::Pipeline::controller),
/// and is tested without a pipeline by a [`test::Window`](crate::test::Window):
///
/// ```
/// use seda_core::{Advice, Controller, Sight, prelude::*};
///
/// /// One thread for every ten events that wait.
/// #[derive(Debug)]
/// struct OneForTen;
///
/// impl Controller for OneForTen {
///     fn look(&mut self, sight: &Sight<'_>) -> Advice {
///         let waiting: usize = sight.stages.iter().map(|stage| stage.queue_len).sum();
///         let to = sight.clamp(1 + waiting / 10);
///         if to == sight.value { Advice::hold("as many as wait") } else { Advice::turn(to, format!("{waiting} wait")) }
///     }
/// }
///
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>.threads(1..=8));
/// p.controller("stage.price.threads", OneForTen);
/// # p.start()?;
/// # Ok::<(), seda_core::StartError>(())
/// ```
pub trait Controller: Send + 'static {
    /// What the knob should stand at. Called about ten times a second while any worker is awake, on the pipeline's timer
    /// thread, so it must not block; a window in which nothing was settled is not shown, but goes on. What is out of the
    /// range is brought into it. A controller that panics is not asked any more.
    fn look(&mut self, sight: &Sight<'_>) -> Advice;
}

//! Stages whose name stands with their code.

use super::{
    async_handler::AsyncHandler,
    handler::{Handler, HandlerMut, IntoStage, PerWorker, StageParts, shape},
};

/// What [`Pipeline::add`](crate::Pipeline::add) takes: a handler that says its name, and the options that stand with it, in
/// its `options`: a value with [`Handler`] or [`AsyncHandler`], or [`per_worker`](crate::per_worker) around a factory of
/// [`HandlerMut`]; with or without options from [`StageOptionsExt`](crate::StageOptionsExt) at the place of use, which win.
/// `#[stage]` writes such a type beside a function. `M` only tells the shapes apart; it is always inferred.
///
/// By hand:
///
/// ```
/// use seda_core::{StageParts, prelude::*};
///
/// struct Order { id: u64, cents: u64 }
/// struct Rates { percent: u64 }
///
/// fn price(order: Order, rates: &Rates) -> u64 {
///     order.cents * (100 + rates.percent) / 100
/// }
///
/// struct Price { rates: Rates }
///
/// impl Handler for Price {
///     type In = Order;
///     type Out = u64;
///
///     fn handle(&self, order: Order, _: &Cx) -> u64 {
///         price(order, &self.rates)
///     }
///
///     fn options(stage: StageParts<Order, u64>) -> StageParts<Order, u64> {
///         stage.named("price").threads(2).keyed(|order| order.id)
///     }
/// }
///
/// let mut p = Pipeline::named("orders");
/// let (price, priced) = p.add(Price { rates: Rates { percent: 19 } }.queue(100));
/// p.end("print", priced, |cents| println!("{cents}"));
/// # let running = p.start().unwrap();
/// # running.offer(price, Order { id: 1, cents: 100 }).unwrap();
/// # assert_eq!(running.drain(Default::default()).ledger().stage("price").unwrap().done, 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added: it has no name of its own",
    label = "a handler without a name",
    note = "name it here: `p.stage(\"name\", handler)`",
    note = "or put `#[stage(Look)]` above the function and add the type of that name: `p.add(Look)`"
)]
pub trait Stage<M>: IntoStage<M> {}

impl<H: Handler> Stage<shape::Value> for H {}

impl<H: AsyncHandler> Stage<shape::AsyncValue> for H {}

impl<F, H> Stage<shape::Each<shape::Value>> for PerWorker<F>
where
    F: Fn() -> H,
    H: HandlerMut + Send + 'static,
{
}

impl<I, O> Stage<shape::Tuned> for StageParts<I, O> {}

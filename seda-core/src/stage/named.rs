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
    note = "or put `#[stage(Look)]` above the function and add the type of that name: `p.add(Look)`",
    note = "a handler with `&mut self` is added as a factory: `p.add(per_worker(|| ..))`"
)]
pub trait Stage<M> {
    /// The event that it takes.
    type In;
    /// What it makes of it.
    type Out;

    #[doc(hidden)]
    fn into_stage(self) -> StageParts<Self::In, Self::Out>;
}

/// A shape of a handler that has a name.
macro_rules! named {
    ($shape:ty, $stage:ty, [$($param:ident),*], $($bounds:tt)*) => {
        #[diagnostic::do_not_recommend]
        impl<$($param),*> Stage<$shape> for $stage
        where
            $($bounds)*
        {
            type In = <$stage as IntoStage<$shape>>::In;
            type Out = <$stage as IntoStage<$shape>>::Out;

            fn into_stage(self) -> StageParts<Self::In, Self::Out> {
                self.into_parts()
            }
        }
    };
}

named!(shape::Value, H, [H], H: Handler + Send + Sync + 'static);
named!(shape::AsyncValue, H, [H], H: AsyncHandler + Send + Sync + 'static);
named!(shape::Each<shape::Value>, PerWorker<F>, [F, H], F: Fn() -> H + Send + Sync + 'static, H: HandlerMut + Send + 'static);
named!(shape::Tuned, StageParts<I, O>, [I, O], I: 'static, O: 'static);

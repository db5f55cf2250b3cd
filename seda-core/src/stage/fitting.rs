//! What functions fit where, as traits of our own above the function traits, so that what does not fit is told in our
//! words. That the function traits stand above them is what a closure's argument is inferred from.

use super::{cx::Cx, handler::IntoStage};

/// A function or closure of `T` that gives `O`: what [`then`](crate::Pipeline::then) takes. Every `Fn(T) -> O` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function or closure of `{T}`",
    label = "`then` takes `Fn({T}) -> ..` alone",
    note = "a handler with options, with `&Cx` or in a wrapper goes with `then_with`: `p.then_with(\"name\", outlet, handler)`",
    note = "for a function of another event convert the outlet first: `.map(..)`, or open it: `.tried()`, `.route()`, `.some()`, `.each()`"
)]
pub trait StepFn<T, O>: Fn(T) -> O {}

#[diagnostic::do_not_recommend]
impl<T, O, F: Fn(T) -> O> StepFn<T, O> for F {}

/// A function or closure of `T` that gives nothing: what [`end`](crate::Pipeline::end) takes. Every `Fn(T)` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function or closure of `{T}` that gives nothing",
    label = "`end` takes `Fn({T})` alone",
    note = "what gives a value is a stage, whose outlet leads on: `let outlet = p.then(\"name\", outlet, handler)`; open a `Result` with `.tried()`, an enum with `.route()`",
    note = "a value that nobody needs is dropped in words: `|event| drop(handler(event))`",
    note = "a handler with options, with `&Cx` or in a wrapper goes with `end_with`: `p.end_with(\"name\", outlet, handler)`; an `async fn` too, in `task(..)`"
)]
pub trait SinkFn<T>: Fn(T) {}

#[diagnostic::do_not_recommend]
impl<T, F: Fn(T)> SinkFn<T> for F {}

/// A handler of any shape that gives nothing: what [`sink`](crate::Pipeline::sink) and
/// [`end_with`](crate::Pipeline::end_with) take. `M` only tells the shapes apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler that gives nothing",
    label = "not the handler of a sink",
    note = "what gives a value is a stage, whose outlet leads on: `p.stage(..)`, `p.then_with(..)`; open a `Result` with `.tried()`, an enum with `.route()`",
    note = "an `async fn` is wrapped in `task(..)`",
    note = "a handler with `&mut self`, or a closure that changes what it captured, needs a value of its own in every worker: give a factory, `per_worker(|| ..)`"
)]
pub trait IntoSink<M>: IntoStage<M, Out = ()> {}

#[diagnostic::do_not_recommend]
impl<M, H: IntoStage<M, Out = ()>> IntoSink<M> for H {}

/// The bound of a plain handler: a closure that changes what it captured is told of here, where it has options.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is called by many workers at once; a closure that changes what it captured needs a value of its own in every worker: give a factory, `per_worker(|| ..)`"
)]
pub trait EachFn<I, O>: Fn(I) -> O {}

#[diagnostic::do_not_recommend]
impl<I, O, F: Fn(I) -> O> EachFn<I, O> for F {}

/// The same with its context.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is called by many workers at once; a closure that changes what it captured needs a value of its own in every worker: give a factory, `per_worker(|| ..)`"
)]
pub trait EachCxFn<I, O>: Fn(I, &Cx) -> O {}

#[diagnostic::do_not_recommend]
impl<I, O, F: Fn(I, &Cx) -> O> EachCxFn<I, O> for F {}

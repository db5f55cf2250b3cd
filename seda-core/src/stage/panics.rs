//! The user's code is run here, past its panics.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    adapting,
    core::StageCore,
    cx::{self},
    handler::BoxError,
};
use crate::ticket::Loss;

/// A handler's start, where a panic is an error like any other.
pub(super) fn started(f: &mut dyn FnMut() -> Result<(), BoxError>) -> Result<(), BoxError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| Err(message(&*panic).into()))
}

pub(super) fn not_built(core: &StageCore, error: &BoxError) {
    tracing::error!(stage = %core.name, %error, "a worker's handler could not be built");
}

/// Runs a handler; a panic is told, and is what its event was lost to.
pub(super) fn guarded(core: &StageCore, f: &mut dyn FnMut()) -> Result<(), Loss> {
    catch_unwind(AssertUnwindSafe(|| cx::as_handler(core, f))).map_err(|panic| {
        let loss = Loss::Failed(message(&*panic));
        told(core, &loss);
        loss
    })
}

pub(super) fn past_one_panic(f: &mut dyn FnMut()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

/// Until it comes through: a panic in an adapter's function ends its event there, which has failed, and the rest goes on.
/// Gives how many have.
pub(super) fn past_panics(core: &StageCore, f: &mut dyn FnMut()) -> u64 {
    let mut failed = 0;
    while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut *f)) {
        let loss = Loss::Failed(message(&*panic));
        told(core, &loss);
        adapting::lost().iter().for_each(|marks| cx::note(marks, &loss));
        failed += 1;
    }
    failed
}

/// What a panic said.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_string())
}

/// A panic is the host's to know of.
pub(super) fn told(core: &StageCore, loss: &Loss) {
    if let Loss::Failed(message) = loss {
        tracing::error!(pipeline = %core.shared.name, stage = %core.name, %message, "a handler panicked");
    }
}

//! A source is pulled, and what comes after.

use std::sync::{Arc, atomic::Ordering};

use super::{
    core::StageCore,
    inbox::Inbox,
    panics::guarded,
    places::Hand,
    waiter::{Resume, Waiter},
    work::Pulling,
};
use crate::{queue::Batch, trace::Trace};

/// Has a source make at most so many events; its own panic ends it.
#[inline(never)]
pub(super) fn pull(hand: &mut Hand, core: &StageCore, most: usize) {
    let Hand { work: Some(work), outs, sheet, .. } = hand else { return };
    let mut pulling = Pulling::End;
    let ran = guarded(core, &mut || pulling = work.pull(most, outs, &mut sheet.cx));
    if core.shared.traces() {
        follow(outs, core);
    }
    if ran.is_err() {
        core.ails.source_failed.store(true, Ordering::Relaxed);
    }
    sheet.pulled(outs.len(), pulling, ran.is_err());
}

/// Events that a source has made begin here.
fn follow(made: &mut Batch, core: &StageCore) {
    let shared = &core.shared;
    for at in 0..made.len() {
        if let Some(trace) = Trace::sample(shared.trace_every.load(Ordering::Relaxed), &shared.name) {
            made.apart(at).marks.get_or_insert_default().trace = Some(trace);
        }
    }
}

/// Where a source goes from here.
pub(super) fn after_pull(books: &Inbox, resume: &Arc<dyn Resume>, pulling: Pulling) {
    let shared = &books.core.shared;
    match pulling {
        Pulling::End => books.end_source(),
        _ if shared.is_draining() => books.end_source(),
        Pulling::More => {
            let budget = &shared.budget;
            if budget.has_room(1) || !budget.wait(1, Waiter::Source(resume.clone())) {
                resume.source_ready();
            }
        }
        Pulling::Pending => {}
        Pulling::WaitUntil(at_ns) => {
            let resume = Arc::downgrade(resume);
            shared.timers.at(at_ns, move || {
                if let Some(resume) = resume.upgrade() {
                    resume.source_ready();
                }
            });
        }
    }
}

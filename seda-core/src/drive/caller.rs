//! Callers that run a domain themselves: who brings an event does the work for which a sleeping worker would have been
//! woken. A wake-up and the way back cost more than a stage of a few microseconds (the "caller runs" of thread pools).

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use super::{
    keeper::Keeper,
    threads::{Doing, DomainThreads, run_stage},
};
use crate::{graph::Graph, stage::core::Host};

/// Batches that a caller does at most: what is left then is worth a wake-up.
const CALL_BATCHES: u32 = 64;
/// Who has been with one batch for so long has lost its processor, or is in a slow handler: the next caller does not leave
/// its event to it.
const HELD_UP_NS: u64 = 10_000;

/// One domain that its callers run.
pub(super) struct CallerRuns {
    pub(super) graph: Arc<Graph>,
    pub(super) domain: Arc<DomainThreads>,
    pub(super) keeper: Arc<Keeper>,
}

impl Host for CallerRuns {
    fn run(&self) -> bool {
        let now_ns = self.graph.shared.clock.now_ns().max(1);
        if self.domain.doing.iter().any(|doing| doing.gets_on(now_ns)) {
            return false;
        }
        let ready = &*self.domain.ready;
        ready.enter();
        let Some(call) = Call::begin(&self.domain, now_ns) else {
            ready.leave();
            return true;
        };
        self.keeper.arm_for_call(&self.domain);
        let mut left = CALL_BATCHES;
        loop {
            // Outside of the handlers only a `Drop` of the user's can panic: it is told of, as a worker does.
            if catch_unwind(AssertUnwindSafe(|| self.work(&call, now_ns, &mut left))).is_err() {
                tracing::error!(domain = %self.domain.name(), "a caller's run panicked outside of its handlers");
            }
            if left == 0 || self.domain.is_stopping() {
                ready.leave();
                return true;
            }
            if !ready.leave_unless_work() {
                return true;
            }
        }
    }
}

impl CallerRuns {
    fn work(&self, call: &Call<'_>, mut now_ns: u64, left: &mut u32) {
        let mut batches = 0;
        while *left > 0 && !self.domain.is_stopping() {
            let Some(bit) = self.domain.ready.pick() else { return };
            *left -= 1;
            call.0.bit.store(bit as u32, Ordering::Relaxed);
            now_ns = run_stage(&self.graph, &self.domain, bit, call.0, || false, now_ns, &mut batches);
        }
    }
}

/// A caller at work, to be seen by the watchdog and waited for by a stop.
struct Call<'a>(&'a Doing);

impl<'a> Call<'a> {
    /// None where as many callers as the domain has threads are at work, or it stops.
    fn begin(domain: &'a DomainThreads, now_ns: u64) -> Option<Self> {
        let doing = domain.callers().iter().find(|doing| doing.claim(now_ns))?;
        let call = Call(doing);
        // Looked at after the claim: a stop waits for it, or is seen here.
        (!domain.is_stopping()).then_some(call)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.since_ns.store(0, Ordering::SeqCst);
    }
}

impl Doing {
    /// For a caller: true if no other one has it.
    fn claim(&self, now_ns: u64) -> bool {
        self.since_ns.compare_exchange(0, now_ns, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    fn gets_on(&self, now_ns: u64) -> bool {
        let since_ns = self.since_ns.load(Ordering::Relaxed);
        since_ns != 0 && now_ns.saturating_sub(since_ns) < HELD_UP_NS
    }
}

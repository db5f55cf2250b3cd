//! The timer thread: calls what is due; and, while any worker is awake, looks now and then for work that nobody takes and
//! for handlers that do not return. On an idle pipeline it sleeps as the workers do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::threads::DomainThreads;
use crate::stage::core::Shared;

/// How long an event may wait beside an idle worker when a handler that is usually brief turns out long.
const RESCUE_EVERY: Duration = Duration::from_millis(10);

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    domains: Vec<Arc<DomainThreads>>,
    /// Only timers are waited for: somebody who wakes says so.
    dozing: AtomicBool,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>, domains: Vec<Arc<DomainThreads>>) -> Self {
        Keeper { shared, domains, dozing: AtomicBool::new(false) }
    }

    /// A worker has woken.
    pub(crate) fn arm(&self) {
        if self.dozing.load(Ordering::SeqCst) && self.dozing.swap(false, Ordering::SeqCst) {
            self.shared.timers.poke();
        }
    }

    /// A caller runs a domain. One that comes and goes between two looks counts as awake in the second.
    pub(super) fn arm_for_call(&self, domain: &DomainThreads) {
        if !domain.called.load(Ordering::Relaxed) {
            domain.called.store(true, Ordering::SeqCst);
            self.arm();
        }
    }

    fn all_asleep(&self) -> bool {
        let asleep = |domain: &Arc<DomainThreads>| {
            !domain.called.swap(false, Ordering::SeqCst) && domain.ready.all_asleep(domain.threads())
        };
        // Each is asked, as a look forgets the calls before it.
        self.domains.iter().filter(|domain| !asleep(domain)).count() == 0
    }

    /// Where a second worker could take what the first is kept from.
    fn looks_often(&self) -> bool {
        self.domains.iter().any(|domain| domain.threads() > 1 || domain.caller_runs())
    }
}

pub(crate) fn run(keeper: &Keeper) {
    let mut told = vec![Vec::new(); keeper.domains.len()];
    loop {
        let now_ns = keeper.shared.clock.now_ns();
        keeper.shared.timers.run_due(now_ns);
        let watchdog = Duration::from_nanos(keeper.shared.watchdog_ns() / 4).max(RESCUE_EVERY);
        let most = if keeper.looks_often() { RESCUE_EVERY } else { watchdog };
        // Said before it is looked at: a worker that wakes after the look sees it.
        keeper.dozing.store(true, Ordering::SeqCst);
        let asleep = keeper.all_asleep();
        let most = if asleep { None } else { Some(most) };
        if !asleep {
            keeper.dozing.store(false, Ordering::SeqCst);
        }
        let stay = || asleep && !keeper.dozing.load(Ordering::SeqCst);
        if !keeper.shared.timers.wait(now_ns, most, stay) {
            return;
        }
        for (domain, told) in keeper.domains.iter().zip(&mut told) {
            domain.ready.rescue();
            watch(keeper, domain, told);
        }
    }
}

/// Names each handler that has not returned for too long, once.
fn watch(keeper: &Keeper, domain: &DomainThreads, told: &mut Vec<(usize, u64)>) {
    let now_ns = keeper.shared.clock.now_ns();
    for (worker, doing) in domain.doing.iter().enumerate() {
        let since_ns = doing.since_ns.load(Ordering::Relaxed);
        if since_ns == 0
            || now_ns.saturating_sub(since_ns) < keeper.shared.watchdog_ns()
            || told.contains(&(worker, since_ns))
        {
            continue;
        }
        told.retain(|(other, _)| *other != worker);
        told.push((worker, since_ns));
        let stage = domain.stage_name(doing.bit.load(Ordering::Relaxed) as usize);
        let secs = (now_ns - since_ns) as f64 / 1e9;
        tracing::warn!(pipeline = %keeper.shared.name, stage, secs, "a handler has not returned");
    }
}

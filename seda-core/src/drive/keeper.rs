//! The timer thread: calls what is due; and, while any worker is awake, looks now and then for work that nobody takes and
//! for handlers that do not return. On an idle pipeline it sleeps as the workers do.

#[cfg(feature = "metrics")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    Looked,
    concerns::Concerns,
    control::{self, Controllers, Hands, Spent},
    processor,
    threads::{DomainThreads, Hire},
};
use crate::{
    graph::{
        Graph, Health,
        health::{self, AtWork},
    },
    stage::core::Shared,
};

/// How long an event may wait beside an idle worker when a handler that is usually brief turns out long.
const RESCUE_EVERY: Duration = Duration::from_millis(10);

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    pub(super) graph: Arc<Graph>,
    pub(super) domains: Vec<Arc<DomainThreads>>,
    pub(super) hire: Hire,
    /// Only timers are waited for: somebody who wakes says so.
    dozing: AtomicBool,
}

impl Keeper {
    pub(super) fn new(graph: Arc<Graph>, domains: Vec<Arc<DomainThreads>>, hire: Hire) -> Self {
        let shared = graph.shared.clone();
        Keeper { shared, graph, domains, hire, dozing: AtomicBool::new(false) }
    }

    pub(crate) fn look(&self) -> Looked {
        super::look(&self.graph, self.shared.clock.now_ns(), |domain| self.domains[domain].threads())
    }

    /// A look at what the kernel says of each thread: for who asks, and not for each snapshot.
    #[cfg(feature = "sim")]
    pub(crate) fn spent(&self) -> super::SpentBy {
        let of = |domain: &Arc<DomainThreads>| Some((domain.name().to_string(), domain.spent()?));
        super::SpentBy { cores: Some(cores()), domains: self.domains.iter().filter_map(of).collect() }
    }

    fn at_work(&self) -> Vec<AtWork> {
        let at_work = self.domains.iter().zip(&self.graph.domains).flat_map(|(domain, plan)| {
            domain.doing.iter().enumerate().filter_map(|(worker, doing)| {
                let since_ns = doing.since_ns.load(Ordering::Relaxed);
                let stage = *plan.stages.get(doing.bit.load(Ordering::Relaxed) as usize)?;
                (since_ns != 0).then_some(AtWork { stage, since_ns, is_thread: worker < domain.threads_most() })
            })
        });
        at_work.collect()
    }

    pub(crate) fn health(&self) -> Health {
        let threads = |domain: usize| self.domains[domain].threads();
        health::judge(&self.graph, self.shared.clock.now_ns(), &self.at_work(), threads)
    }

    /// On the calling thread, to its recorder.
    #[cfg(feature = "metrics")]
    pub(crate) fn publish(&self) {
        super::publish(&self.graph, || self.look());
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

pub(super) fn run(keeper: &Arc<Keeper>, mut control: Controllers) {
    let mut hands = KeepersHands { keeper, accounts: Accounts::default() };
    let mut told = vec![Vec::new(); keeper.domains.len()];
    let mut publishing = Publishing::new(keeper);
    let mut concerns = Concerns::default();
    loop {
        let now_ns = keeper.shared.clock.now_ns();
        keeper.shared.timers.run_due(now_ns);
        let watchdog = Duration::from_nanos(keeper.shared.watchdog_ns() / 4).max(RESCUE_EVERY);
        let most = if keeper.looks_often() { RESCUE_EVERY } else { watchdog };
        // Said before it is looked at: a worker that wakes after the look sees it.
        let woken = !keeper.dozing.swap(true, Ordering::SeqCst);
        let asleep = keeper.all_asleep();
        if !asleep {
            keeper.dozing.store(false, Ordering::SeqCst);
        }
        let publish = publishing.look(keeper, now_ns, woken, asleep);
        let control = look_at_knobs(&mut control, &mut hands, now_ns).filter(|_| !asleep);
        let most = if asleep { None } else { Some(most) };
        let most = most.into_iter().chain(publish).chain(control).min();
        let stay = || asleep && !keeper.dozing.load(Ordering::SeqCst);
        if !keeper.shared.timers.wait(now_ns, most, stay) {
            return;
        }
        concerns.look(&keeper.graph, now_ns);
        for (domain, told) in keeper.domains.iter().zip(&mut told) {
            domain.ready.rescue();
            watch(keeper, domain, told);
        }
    }
}

/// Lets the controllers look if it is time, asleep or awake; says when it will be.
fn look_at_knobs(control: &mut Controllers, hands: &mut KeepersHands<'_>, now_ns: u64) -> Option<Duration> {
    let graph = hands.keeper.graph.clone();
    let due_ns = control.due_ns(&graph)?;
    if due_ns > now_ns {
        return Some(Duration::from_nanos(due_ns - now_ns));
    }
    control.look(&graph, now_ns, hands);
    Some(Duration::from_nanos(control::PERIOD_NS))
}

/// What controllers need of the threads.
struct KeepersHands<'a> {
    keeper: &'a Arc<Keeper>,
    accounts: Accounts,
}

/// What the threads of each domain had of the processor.
#[derive(Default)]
struct Accounts {
    of: Vec<processor::Account>,
    cores: f64,
}

impl Hands for KeepersHands<'_> {
    fn threads(&self, domain: usize) -> usize {
        self.keeper.domains[domain].target()
    }

    fn at_work(&self) -> Vec<AtWork> {
        self.keeper.at_work()
    }

    fn spent(&mut self, domain: usize) -> Option<(f64, Spent)> {
        let Accounts { of, cores } = &mut self.accounts;
        if of.is_empty() {
            of.resize_with(self.keeper.domains.len(), Default::default);
            *cores = self::cores();
        }
        let threads = self.keeper.domains[domain].doing.iter().map(|doing| doing.thread.load(Ordering::Relaxed));
        of[domain].look(threads).map(|spent| (*cores, spent))
    }

    fn resize(&mut self, domain: usize, threads: usize) -> std::io::Result<()> {
        self.keeper.resize(domain, threads)
    }
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
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

/// When to publish by itself: at most so often, while anything moves and once after that.
struct Publishing {
    #[cfg(feature = "metrics")]
    last_ns: u64,
    /// Something may have moved since the last time.
    #[cfg(feature = "metrics")]
    due: bool,
    /// A recorder that panics is not told again: it would take the timers with it.
    #[cfg(feature = "metrics")]
    broken: bool,
}

#[cfg(feature = "metrics")]
impl Publishing {
    fn new(keeper: &Keeper) -> Self {
        Publishing { last_ns: keeper.shared.clock.now_ns(), due: false, broken: false }
    }

    /// Publishes if it is time; says when it will be.
    fn look(&mut self, keeper: &Keeper, now_ns: u64, woken: bool, asleep: bool) -> Option<Duration> {
        self.due |= woken || !asleep;
        let every_ns = keeper.shared.publisher.every_ns().filter(|_| !self.broken)?;
        // Without anybody to tell, no look and no wake-up.
        if !super::anyone_listens() {
            return None;
        }
        if self.due && now_ns.saturating_sub(self.last_ns) >= every_ns {
            self.last_ns = now_ns;
            self.due = !asleep;
            let publish = || super::publish_by_itself(&keeper.graph, || keeper.look());
            self.broken = catch_unwind(AssertUnwindSafe(publish)).is_err();
            if self.broken {
                tracing::error!(pipeline = %keeper.shared.name, "the metrics recorder panicked and is not told any more");
            }
        }
        let left_ns = self.last_ns.saturating_add(every_ns).saturating_sub(now_ns);
        self.due.then(|| Duration::from_nanos(left_ns.max(1)))
    }
}

#[cfg(not(feature = "metrics"))]
impl Publishing {
    fn new(_: &Keeper) -> Self {
        Publishing {}
    }

    fn look(&mut self, _: &Keeper, _: u64, _: bool, _: bool) -> Option<Duration> {
        None
    }
}

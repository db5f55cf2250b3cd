//! Workers: threads that look for the most downstream stage that can run, run it, and park when there is none.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use crossbeam_utils::CachePadded;

use super::{
    caller::CallerRuns,
    control::{Controllers, Spent},
    keeper::{self, Keeper},
    processor,
    pump::Pump,
};
use crate::{
    graph::{Graph, Node, drain::Drain},
    options::Threads,
    ready::ReadySet,
    stage::{
        activation::{Activation, Begun, Run},
        books::Turn,
        core::Host,
    },
    sync::lock,
};

/// Batches since it last slept from which a worker counts as busy: it then makes way before it parks, which at saturation
/// saves most wake-ups, and when paced would only cost the time.
const BUSY_BATCHES: u32 = 4;
/// So often: each time, whoever fills its queue may get on by a few batches.
const YIELDS: u32 = 4;
/// A busy worker that gets fewer events at once keeps pace with its offerers, and each event pays for a cache line there
/// and back: it makes way for them once, so that batches form.
const SMALL_BATCH: usize = 16;
/// Only where they offer faster than one in this time: slower ones would be kept waiting for nothing.
const RUSH_NS: u64 = 1_000;
/// How often a drain looks by itself, should no stage tell it of its end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The threads of one pipeline.
pub(crate) struct Crew {
    pub(crate) graph: Arc<Graph>,
    domains: Vec<Arc<DomainThreads>>,
    pub(crate) keeper: Arc<Keeper>,
    /// Kept for the callers, who know them weakly.
    _hosts: Vec<Arc<CallerRuns>>,
    exits: Receiver<()>,
}

/// What starts threads, and knows those that were started: for the handle of the pipeline, and for its controllers.
pub(super) struct Hire {
    pub(super) exit: Sender<()>,
    pub(super) handles: Mutex<Vec<JoinHandle<()>>>,
    /// Held while a domain is given another number of threads; true from the stop on, after which none is.
    pub(super) stopped: Mutex<bool>,
}

/// One domain at work.
pub(crate) struct DomainThreads {
    name: String,
    own: bool,
    pub(crate) ready: Arc<ReadySet>,
    stages: Vec<Arc<Activation>>,
    index: u32,
    range: Threads,
    /// How many there should be; the ones with the higher numbers leave.
    target: AtomicUsize,
    /// How many there are.
    pub(crate) alive: AtomicUsize,
    /// By worker: what it is doing since when. Then, where callers run the domain, as many of them.
    pub(crate) doing: Box<[CachePadded<Doing>]>,
    /// Its workers are tasks of the host's runtime.
    tasks: bool,
    /// A caller has run it since the keeper last looked.
    pub(super) called: AtomicBool,
    /// Numbers of threads that run.
    taken: Mutex<Vec<bool>>,
    /// What threads that have left had of the processor.
    left: Mutex<Spent>,
}

/// What a worker or caller is doing; written by it alone.
#[derive(Default)]
pub(crate) struct Doing {
    /// 0 while it is in no handler.
    pub(crate) since_ns: AtomicU64,
    pub(crate) bit: AtomicU32,
    /// The thread's number for the kernel, by which its time is asked for; 0 where there is none.
    pub(super) thread: AtomicU32,
}

impl DomainThreads {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn threads_most(&self) -> usize {
        self.range.max
    }

    /// What its threads had of the processor, those that have left with them; none where it is not known, as others run it.
    #[cfg(feature = "sim")]
    pub(super) fn spent(&self) -> Option<Spent> {
        if self.tasks || self.caller_runs() {
            return None;
        }
        let now = processor::spent_by(self.doing.iter().map(|doing| doing.thread.load(Ordering::Relaxed)))?;
        Some(now.and(*lock(&self.left)))
    }

    pub(super) fn callers(&self) -> &[CachePadded<Doing>] {
        &self.doing[self.range.max..]
    }

    pub(super) fn caller_runs(&self) -> bool {
        !self.callers().is_empty()
    }

    /// Who may be in a handler, as far as a stop waits for them. A task that sleeps need not be run again to leave: its
    /// runtime may be waiting for this very stop.
    fn at_work(&self) -> usize {
        let in_handlers = |doing: &[CachePadded<Doing>]| {
            doing.iter().filter(|doing| doing.since_ns.load(Ordering::SeqCst) != 0).count()
        };
        if self.tasks { in_handlers(&self.doing) } else { self.threads() + in_handlers(self.callers()) }
    }

    /// Refuses offers from outside.
    pub(super) fn close(&self) {
        self.stages.iter().for_each(|stage| stage.inbox.close());
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.target.load(Ordering::SeqCst) == 0
    }

    /// That there should be.
    pub(super) fn target(&self) -> usize {
        self.target.load(Ordering::Acquire)
    }

    fn should_leave(&self, worker: usize) -> bool {
        worker >= self.target.load(Ordering::Acquire)
    }

    pub(crate) fn stage_name(&self, bit: usize) -> &str {
        &self.stages[bit].inbox.core.name
    }

    pub(crate) fn threads(&self) -> usize {
        self.alive.load(Ordering::Acquire)
    }
}

/// Starts all threads. Every check has been passed and every handler has started.
pub(crate) fn start(graph: Graph) -> std::io::Result<Crew> {
    if graph.needs_pool {
        let name = graph.shared.name.clone();
        let pool = rayon::ThreadPoolBuilder::new().thread_name(move |n| format!("{name}-parallel-{n}")).build();
        let pool = pool.map_err(std::io::Error::other)?;
        let _ = graph.shared.parallel.set(pool);
    }
    let sets = super::settle_in(&graph);
    let domains = graph.domains.iter().zip(sets).enumerate().map(|(index, (plan, ready))| {
        Arc::new(DomainThreads {
            name: plan.name.clone(),
            own: plan.own,
            ready,
            stages: plan.stages.iter().map(|&stage| graph.stages[stage].activation.clone()).collect(),
            index: index as u32,
            range: plan.threads,
            target: AtomicUsize::new(plan.threads.min),
            alive: AtomicUsize::new(0),
            doing: (0..plan.threads.max << u32::from(plan.caller_runs)).map(|_| CachePadded::default()).collect(),
            tasks: plan.tasks,
            called: AtomicBool::new(false),
            taken: Mutex::new(vec![false; plan.threads.max]),
            left: Mutex::default(),
        })
    });
    let domains: Vec<_> = domains.collect();
    let (exit, exits) = crossbeam_channel::unbounded();
    let hire = Hire { exit, handles: Mutex::default(), stopped: Mutex::new(false) };
    let control = Controllers::new(&graph);
    let graph = Arc::new(graph);
    let keeper = Arc::new(Keeper::new(graph.clone(), domains.clone(), hire));
    let hosts =
        domains.iter().filter(|domain| domain.caller_runs()).map(|domain| host(&graph, domain, &keeper)).collect();
    let crew = Crew { graph, domains, keeper, _hosts: hosts, exits };
    crew.keeper.spawn(control)?;
    for domain in 0..crew.domains.len() {
        if let Err(error) = crew.keeper.fill(domain) {
            crew.stop_threads(Duration::ZERO);
            return Err(error);
        }
    }
    Ok(crew)
}

/// Lets callers run a domain.
fn host(graph: &Arc<Graph>, domain: &Arc<DomainThreads>, keeper: &Arc<Keeper>) -> Arc<CallerRuns> {
    let host = Arc::new(CallerRuns { graph: graph.clone(), domain: domain.clone(), keeper: keeper.clone() });
    let weak: Weak<dyn Host> = Arc::downgrade(&(host.clone() as Arc<dyn Host>));
    for stage in &domain.stages {
        let _ = stage.inbox.core.home.get().map(|home| home.host.set(weak.clone()));
    }
    host
}

impl Keeper {
    /// Its own thread.
    fn spawn(self: &Arc<Self>, control: Controllers) -> std::io::Result<()> {
        let (keeper, exit) = (self.clone(), self.hire.exit.clone());
        let name = format!("{}-timer", self.graph.shared.name);
        let handle = std::thread::Builder::new().name(name).spawn(move || {
            keeper::run(&keeper, control);
            let _ = exit.send(());
        })?;
        lock(&self.hire.handles).push(handle);
        Ok(())
    }

    /// Starts the threads that a domain lacks.
    fn fill(self: &Arc<Self>, domain: usize) -> std::io::Result<()> {
        let domain = &self.domains[domain];
        if domain.tasks {
            self.fill_with_tasks(domain);
            return Ok(());
        }
        let mut taken = lock(&domain.taken);
        for worker in 0..domain.target.load(Ordering::Acquire) {
            if std::mem::replace(&mut taken[worker], true) {
                continue;
            }
            let (domain, keeper, exit) = (domain.clone(), self.clone(), self.hire.exit.clone());
            let graph = self.graph.clone();
            let name = format!("{}-{worker}", domain.name);
            domain.alive.fetch_add(1, Ordering::AcqRel);
            let spawned = std::thread::Builder::new().name(name).spawn({
                let domain = domain.clone();
                move || {
                    live(&graph, &domain, &keeper, worker);
                    let _ = exit.send(());
                }
            });
            match spawned {
                Ok(handle) => lock(&self.hire.handles).push(handle),
                Err(error) => {
                    domain.alive.fetch_sub(1, Ordering::AcqRel);
                    taken[worker] = false;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn fill_with_tasks(self: &Arc<Self>, domain: &Arc<DomainThreads>) {
        let Some(runtime) = self.graph.shared.tasks.get() else { return };
        for worker in domain.threads()..domain.range.max {
            domain.alive.fetch_add(1, Ordering::AcqRel);
            let pump = Pump::new(self.graph.clone(), domain.clone(), self.clone(), worker);
            runtime.spawn(Box::pin(pump));
        }
    }

    /// Changes the number of threads of a domain, within its range.
    pub(super) fn resize(self: &Arc<Self>, index: usize, threads: usize) -> std::io::Result<()> {
        let stopped = lock(&self.hire.stopped);
        if *stopped {
            return Ok(());
        }
        let domain = &self.domains[index];
        let before = domain.target.swap(threads, Ordering::AcqRel);
        // Those that are too many leave; a thread that is still on its way out counts again if it is wanted again.
        domain.ready.wake_all();
        lock(&self.hire.handles).retain(|handle| !handle.is_finished());
        let filled = self.fill(index);
        if filled.is_err() {
            domain.target.store(before, Ordering::Release);
            domain.ready.wake_all();
        }
        let target = domain.target.load(Ordering::Acquire);
        if domain.own {
            domain.stages.iter().for_each(|stage| stage.inbox.turn(Turn::Limit(target)));
        }
        filled
    }
}

impl Crew {
    /// Changes the number of threads of a domain, within its range.
    pub(crate) fn resize(&self, index: usize, threads: usize) -> std::io::Result<()> {
        self.keeper.resize(index, threads)
    }

    /// Waits for everything to come to its end; false if that is not so by `until`.
    pub(crate) fn await_end(&self, until: Option<Instant>) -> bool {
        let progress = &self.graph.shared.progress;
        let mut drain = Drain::new(&self.graph);
        loop {
            let seen = progress.seen();
            if drain.look(&self.graph) {
                return true;
            }
            let left = until.map_or(LOOK_EVERY, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() || self.waits_for_the_dead() {
                return false;
            }
            progress.wait(seen, left.min(LOOK_EVERY));
        }
    }

    /// All that is not at its end is of stages whose runtime was shut down.
    fn waits_for_the_dead(&self) -> bool {
        let dead = |domain: usize| self.domains[domain].tasks && self.domains[domain].threads() == 0;
        let at_rest = |node: &Node| {
            let probe = node.activation.inbox.probe();
            probe.empty && !probe.source_running
        };
        (0..self.domains.len()).any(dead) && self.graph.stages.iter().all(|node| dead(node.domain) || at_rest(node))
    }

    /// Tells all threads to leave and waits for them; names the stages whose handlers did not return.
    pub(crate) fn stop_threads(&self, patience: Duration) -> Vec<String> {
        let until = Instant::now().checked_add(patience);
        *lock(&self.keeper.hire.stopped) = true;
        for domain in &self.domains {
            domain.target.store(0, Ordering::SeqCst);
            domain.ready.wake_all();
        }
        self.graph.shared.timers.close();
        let spread = || self.graph.shared.spread.load(Ordering::SeqCst);
        let at_work = || self.domains.iter().map(|domain| domain.at_work()).sum::<usize>() + spread();
        while at_work() > 0 && until.is_none_or(|until| Instant::now() < until) {
            let left = until.map_or(LOOK_EVERY, |until| until.saturating_duration_since(Instant::now()));
            let _ = self.exits.recv_timeout(left.min(LOOK_EVERY));
        }
        let mut handles = std::mem::take(&mut *lock(&self.keeper.hire.handles));
        let mut stuck = Vec::new();
        if at_work() > 0 {
            for node in &self.graph.stages {
                if node.activation.fence() > 0 {
                    stuck.push(node.name.clone());
                }
            }
            // Whose handler came back between the deadline and the fence will leave by itself.
            handles.retain(JoinHandle::is_finished);
        }
        handles.into_iter().for_each(|handle| drop(handle.join()));
        if stuck.is_empty() {
            self.graph.share.release();
        }
        stuck
    }
}

/// A worker's lives: it begins again after a panic that no handler's guard caught, in a `Drop` of the user's, and if it is
/// wanted again by the time that it has left.
fn live(graph: &Graph, domain: &DomainThreads, keeper: &Keeper, worker: usize) {
    let thread = processor::thread_number();
    domain.doing[worker].thread.store(thread, Ordering::Relaxed);
    loop {
        if catch_unwind(AssertUnwindSafe(|| work(graph, domain, keeper, worker))).is_err() {
            tracing::error!(domain = %domain.name, "a worker panicked outside of its handlers");
            continue;
        }
        // Under the lock that a resize fills the domain under: it sees the number free, or this sees the new target.
        let mut taken = lock(&domain.taken);
        if domain.should_leave(worker) {
            taken[worker] = false;
            domain.doing[worker].thread.store(0, Ordering::Relaxed);
            let mut left = lock(&domain.left);
            *left = left.and(processor::own(thread));
            drop(left);
            domain.alive.fetch_sub(1, Ordering::AcqRel);
            return;
        }
    }
}

/// Awake, as the domain counts; until it is dropped, whatever happened.
struct Awake<'a>(&'a ReadySet);

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A worker's life.
fn work(graph: &Graph, domain: &DomainThreads, keeper: &Keeper, worker: usize) {
    let ready = &*domain.ready;
    let clock = &graph.shared.clock;
    let doing = &domain.doing[worker];
    ready.enter();
    let _awake = Awake(ready);
    keeper.arm();
    let mut batches = 0;
    let mut yields = 0;
    let mut now_ns = clock.now_ns();
    while !domain.should_leave(worker) {
        if let Some(bit) = ready.pick() {
            doing.bit.store(bit as u32, Ordering::Relaxed);
            now_ns = run_stage(graph, domain, bit, doing, || domain.should_leave(worker), now_ns, &mut batches);
            continue;
        }
        doing.since_ns.store(0, Ordering::Relaxed);
        // Where callers run the domain, the next event comes with one.
        if std::mem::take(&mut batches) >= BUSY_BATCHES && !domain.caller_runs() {
            yields = YIELDS;
        }
        if yields > 0 {
            yields -= 1;
            std::thread::yield_now();
            now_ns = clock.now_ns();
            continue;
        }
        if ready.sleep(worker, || domain.should_leave(worker)) {
            keeper.arm();
        }
        now_ns = clock.now_ns();
    }
    doing.since_ns.store(0, Ordering::Relaxed);
}

/// Runs a stage for a batch; one that has the domain to itself, for as long as it has work. Gives the time.
pub(super) fn run_stage(
    graph: &Graph,
    domain: &DomainThreads,
    bit: usize,
    doing: &Doing,
    leaves: impl Fn() -> bool,
    mut now_ns: u64,
    batches: &mut u32,
) -> u64 {
    let stage = &domain.stages[bit];
    let run = |now_ns| Run { now_ns, domain: domain.index, ready: Some(&domain.ready) };
    doing.since_ns.store(now_ns, Ordering::Relaxed);
    let mut begun = stage.begin(&run(now_ns));
    while let Some(next) = begun {
        let (place, events) = match next {
            Begun::Handled { place, events, .. } => (place, events),
            Begun::Resumed { place } => (place, SMALL_BATCH),
            Begun::Working => break,
        };
        *batches = batches.saturating_add(1);
        let before_ns = std::mem::replace(&mut now_ns, graph.shared.clock.now_ns());
        let rush = now_ns.saturating_sub(before_ns) < RUSH_NS * events as u64;
        doing.since_ns.store(now_ns, Ordering::Relaxed);
        // A task makes way by its runtime.
        let keeps_pace = events < SMALL_BATCH && rush && *batches > BUSY_BATCHES && !domain.tasks;
        let again = domain.own && !keeps_pace && !leaves();
        begun = stage.finish(place, &run(now_ns), again);
        if keeps_pace {
            std::thread::yield_now();
            now_ns = graph.shared.clock.now_ns();
        }
    }
    now_ns
}

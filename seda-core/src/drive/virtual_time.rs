//! One thread, one heap of (time, sequence): the same queues, admission, books and handlers as on threads, with time
//! that passes only when nothing can run.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use super::{
    Looked,
    control::{Controllers, Hands, Spent},
    cores::Cores,
};
use crate::{
    clock::ns,
    graph::{
        Graph, Health,
        drain::Drain,
        health::{self, AtWork},
    },
    ready::ReadySet,
    rng::Rng,
    stage::{
        activation::{Begun, Run},
        books::Turn,
        flight::{Spawn, Task},
    },
    sync::lock,
};

/// How long the handler of a stage takes for one event, on virtual time.
///
/// ```
/// use seda_core::{ms, test::Takes};
/// let quick = Takes::fixed(ms(2));
/// let varied = Takes::exponential(ms(2));
/// # let _ = (quick, varied);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Takes {
    /// The same for every event.
    Fixed(Duration),
    /// Exponentially distributed, by the seed.
    Exponential(Duration),
}

impl Takes {
    /// The same for every event.
    #[must_use]
    pub fn fixed(time: Duration) -> Self {
        Takes::Fixed(time)
    }

    /// Exponentially distributed about a mean, by the seed.
    #[must_use]
    pub fn exponential(mean: Duration) -> Self {
        Takes::Exponential(mean)
    }

    fn draw_ns(self, rng: &mut Rng) -> u64 {
        match self {
            Takes::Fixed(time) => ns(time),
            Takes::Exponential(mean) => rng.exponential(ns(mean) as f64) as u64,
        }
    }
}

/// Async handlers on virtual time: polled when they are woken, in the order of their wake-ups. They may await whatever
/// wakes them without a runtime, as offers and asks do.
#[derive(Default)]
struct Tasks(Mutex<VecDeque<Arc<Woken>>>);

struct Woken {
    task: Mutex<Option<Task>>,
    tasks: Weak<Tasks>,
}

impl Tasks {
    fn spawn(self: &Arc<Self>, task: Task) {
        let woken = Woken { task: Mutex::new(Some(task)), tasks: Arc::downgrade(self) };
        lock(&self.0).push_back(Arc::new(woken));
    }

    /// Polls those that were woken; false where none was.
    fn poll(&self) -> bool {
        let mut any = false;
        loop {
            let next = lock(&self.0).pop_front();
            let Some(woken) = next else { return any };
            any = true;
            let mut task = lock(&woken.task);
            let waker = Waker::from(woken.clone());
            let polled = task.as_mut().map(|task| task.as_mut().poll(&mut Context::from_waker(&waker)));
            if polled.is_some_and(|polled| polled.is_ready()) {
                *task = None;
            }
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if let Some(tasks) = self.tasks.upgrade() {
            lock(&tasks.0).push_back(self);
        }
    }
}

struct VirtualRuntime(Arc<Tasks>);

impl Spawn for VirtualRuntime {
    fn spawn(&self, task: Task) {
        self.0.spawn(task);
    }

    fn workers(&self) -> usize {
        1
    }
}

pub(crate) struct VirtualTime {
    pub(crate) graph: Arc<Graph>,
    now: Arc<AtomicU64>,
    ready: Vec<Arc<ReadySet>>,
    free: Vec<usize>,
    threads: Vec<usize>,
    /// After a resize fewer may be wanted than there are; they leave when their handler's time has passed.
    wanted: Vec<usize>,
    takes: Vec<Takes>,
    tasks: Arc<Tasks>,
    /// There may be some: otherwise they are not looked for at each step.
    has_tasks: bool,
    heap: BinaryHeap<Reverse<Due>>,
    sequence: u64,
    rng: Rng,
    model: Option<Box<dyn Model>>,
    cores: Option<Cores>,
    control: Controllers,
    /// Of the cores, by domain.
    spent: Vec<Spent>,
}

/// What a simulation knows of a stage beyond what [`Takes`] says.
pub(crate) trait Model: Send {
    /// A batch has been handled, so many events of it: the time that it takes beside what its events said as they began.
    fn beside_ns(&mut self, stage: usize, events: usize) -> u64;

    /// The share of its time, 0 to 1, in which a handler needs a core; the rest it sleeps.
    fn computes(&self, stage: usize) -> f64;
}

/// A handler whose time will have passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ns: u64,
    sequence: u64,
    job: Job,
}

/// A handler at work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Job {
    stage: usize,
    place: u32,
    began_ns: u64,
    /// What it needs of a core.
    computes_ns: u64,
    /// What it sleeps after its time on a core.
    sleeps_ns: u64,
}

impl VirtualTime {
    /// `graph` was laid out on a clock that has been made virtual.
    pub(crate) fn new(graph: Graph, seed: u64) -> Self {
        let now = graph.shared.clock.make_virtual();
        let tasks: Arc<Tasks> = Arc::default();
        let _ = graph.shared.tasks.set(Arc::new(VirtualRuntime(tasks.clone())));
        for plan in graph.domains.iter().filter(|plan| plan.tasks) {
            // Each takes its own time, so none waits for others of a batch.
            plan.stages.iter().for_each(|&stage| graph.stages[stage].activation.inbox.turn(Turn::BatchMax(1)));
        }
        let has_tasks = graph.domains.iter().any(|plan| plan.tasks);
        let ready = super::settle_in(&graph);
        let threads: Vec<usize> = graph.domains.iter().map(|plan| plan.threads.min).collect();
        VirtualTime {
            now,
            tasks,
            has_tasks,
            ready,
            free: threads.clone(),
            wanted: threads.clone(),
            threads,
            takes: vec![Takes::Fixed(Duration::ZERO); graph.stages.len()],
            heap: BinaryHeap::new(),
            sequence: 0,
            rng: Rng::new(seed),
            model: None,
            cores: None,
            control: Controllers::new(&graph),
            spent: vec![Spent::default(); graph.domains.len()],
            graph: Arc::new(graph),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn look(&self) -> Looked {
        super::look(&self.graph, self.now_ns(), |domain| self.threads[domain])
    }

    pub(crate) fn health(&self) -> Health {
        health::judge(&self.graph, self.now_ns(), &self.at_work(), |domain| self.threads[domain])
    }

    #[cfg(feature = "sim")]
    pub(crate) fn spent(&self) -> super::SpentBy {
        let domains = self.graph.domains.iter().zip(&self.spent);
        let domains = domains.map(|(plan, spent)| (plan.name.clone(), *spent)).collect();
        super::SpentBy { cores: self.cores.as_ref().map(Cores::count), domains }
    }

    pub(crate) fn takes(&mut self, stage: usize, takes: Takes) {
        self.takes[stage] = takes;
    }

    /// Puts a simulation's model beside what [`Takes`] says; `cores` are shared by the handlers that compute, all alike.
    #[cfg(feature = "sim")]
    pub(crate) fn model(&mut self, model: Box<dyn Model>, cores: Option<f64>) {
        self.model = Some(model);
        self.cores = cores.map(Cores::new);
    }

    /// The word that says the time.
    #[cfg(feature = "sim")]
    pub(crate) fn clock(&self) -> Arc<AtomicU64> {
        self.now.clone()
    }

    pub(crate) fn resize(&mut self, domain: usize, threads: usize) {
        let busy = self.threads[domain] - self.free[domain];
        self.wanted[domain] = threads;
        self.threads[domain] = threads.max(busy);
        self.free[domain] = threads.saturating_sub(busy);
        let plan = &self.graph.domains[domain];
        if plan.own {
            let stage = plan.stages[0];
            self.graph.stages[stage].activation.inbox.turn(Turn::Limit(threads));
        }
    }

    /// Runs everything that can begin now.
    fn begin_all(&mut self) -> bool {
        let mut any = false;
        loop {
            let mut again = self.has_tasks && self.tasks.poll();
            for domain in 0..self.ready.len() {
                while self.free[domain] > 0
                    && let Some(bit) = self.ready[domain].pick()
                {
                    again = true;
                    self.begin(domain, bit);
                }
            }
            if !again {
                return any;
            }
            any = true;
        }
    }

    fn begin(&mut self, domain: usize, bit: usize) {
        let stage = self.graph.domains[domain].stages[bit];
        let run = Run { now_ns: self.now_ns(), domain: domain as u32, ready: None };
        let activation = &self.graph.stages[stage].activation;
        match activation.begin(&run) {
            Some(Begun::Handled { place, events, spent_ns }) => {
                let takes = self.takes[stage];
                let drawn: u64 = match takes {
                    Takes::Fixed(time) => ns(time) * events as u64,
                    Takes::Exponential(_) => (0..events).map(|_| takes.draw_ns(&mut self.rng)).sum(),
                };
                let beside = self.model.as_mut().map_or(0, |model| model.beside_ns(stage, events));
                let time_ns = drawn + spent_ns + beside;
                if time_ns == 0 {
                    // No time passes: it is handed on at once, as on a thread, without a way over the heap.
                    activation.finish(place, &run, false);
                    return;
                }
                self.free[domain] -= 1;
                self.work(Job { stage, place, began_ns: run.now_ns, computes_ns: 0, sleeps_ns: time_ns });
            }
            Some(Begun::Resumed { place }) => {
                activation.finish(place, &run, false);
            }
            Some(Begun::Working) | None => {}
        }
    }

    /// A job of so much time begins: on the cores first, where it computes and they are shared.
    fn work(&mut self, mut job: Job) {
        let (now_ns, time_ns) = (self.now_ns(), job.sleeps_ns);
        self.sequence += 1;
        let share = self.model.as_ref().map_or(0.0, |model| model.computes(job.stage));
        let computes_ns = (time_ns as f64 * share).round();
        job.computes_ns = computes_ns as u64;
        job.sleeps_ns = time_ns.saturating_sub(job.computes_ns);
        match &mut self.cores {
            Some(cores) if computes_ns > 0.0 => cores.begin(now_ns, computes_ns, self.sequence, job),
            _ => self.heap.push(Reverse(Due { at_ns: now_ns + time_ns, sequence: self.sequence, job })),
        }
    }

    fn next_job_ns(&self) -> Option<u64> {
        let sleeping = self.heap.peek().map(|Reverse(due)| due.at_ns);
        sleeping.into_iter().chain(self.cores.as_ref().and_then(Cores::next_ns)).min()
    }

    /// Ends the jobs that are due.
    fn finish_due(&mut self, at_ns: u64) {
        while let Some((sequence, job)) = self.cores.as_mut().and_then(|cores| cores.take_done(at_ns)) {
            self.heap.push(Reverse(Due { at_ns: at_ns + job.sleeps_ns, sequence, job }));
        }
        while let Some(Reverse(due)) = self.heap.peek().copied() {
            if due.at_ns > at_ns {
                break;
            }
            self.heap.pop();
            self.finish(due.job);
        }
    }

    /// One step: all that can begin now, or else the next thing in time, if that is not after `until_ns`. False when
    /// there is nothing.
    pub(crate) fn step(&mut self, until_ns: u64) -> bool {
        if self.begin_all() {
            return true;
        }
        let timer_ns = self.graph.shared.timers.next_ns();
        let job_ns = self.next_job_ns();
        let next_ns = job_ns.into_iter().chain(timer_ns).min();
        // Controllers look while anything is at work, and then at their times.
        let look_ns = job_ns.and_then(|_| self.control.due_ns(&self.graph));
        if let Some(look_ns) = look_ns.map(|look_ns| look_ns.max(self.now_ns()))
            && look_ns <= until_ns
            && next_ns.is_none_or(|next_ns| look_ns < next_ns)
        {
            self.now.store(look_ns, Ordering::Relaxed);
            self.control_look();
            return true;
        }
        let Some(at_ns) = next_ns.filter(|&at| at <= until_ns) else { return false };
        let at_ns = at_ns.max(self.now_ns());
        self.now.store(at_ns, Ordering::Relaxed);
        if timer_ns.is_some_and(|timer_ns| timer_ns <= at_ns) {
            self.graph.shared.timers.run_due(at_ns);
        }
        self.finish_due(at_ns);
        true
    }

    fn control_look(&mut self) {
        let (graph, now_ns) = (self.graph.clone(), self.now_ns());
        let mut control = std::mem::take(&mut self.control);
        control.look(&graph, now_ns, self);
        self.control = control;
    }

    fn finish(&mut self, job: Job) {
        let domain = self.graph.stages[job.stage].domain;
        let took_ns = self.now_ns().saturating_sub(job.began_ns);
        self.spent[domain].computed_ns += job.computes_ns;
        self.spent[domain].queued_ns += took_ns.saturating_sub(job.computes_ns + job.sleeps_ns);
        // A thread that a resize took away leaves here.
        if self.threads[domain] > self.wanted[domain] {
            self.threads[domain] -= 1;
        } else {
            self.free[domain] += 1;
        }
        let run = Run { now_ns: self.now_ns(), domain: domain as u32, ready: None };
        self.graph.stages[job.stage].activation.finish(job.place, &run, false);
    }

    pub(crate) fn advance_to(&mut self, at_ns: u64) {
        while self.step(at_ns) {}
        self.rest_until(at_ns);
    }

    /// Nothing happens up to that time.
    pub(crate) fn rest_until(&self, at_ns: u64) {
        self.now.store(at_ns.max(self.now_ns()), Ordering::Relaxed);
    }

    /// After the second signal: handlers return as their time passes, nothing new begins, what they made is handed on as
    /// far as there is room.
    pub(crate) fn settle_hands(&mut self, until_ns: u64) {
        while let Some(at_ns) = self.next_job_ns().filter(|&at_ns| at_ns <= until_ns) {
            let at_ns = at_ns.max(self.now_ns());
            self.now.store(at_ns, Ordering::Relaxed);
            self.finish_due(at_ns);
        }
    }

    /// Runs until everything has come to its end; false if that is not so by `until_ns`, or by itself never will be.
    pub(crate) fn run_to_end(&mut self, until_ns: u64) -> bool {
        let mut drain = Drain::new(&self.graph);
        loop {
            while self.begin_all() {}
            if drain.look(&self.graph) {
                return true;
            }
            if !self.begin_all() && !self.step(until_ns) {
                return drain.look(&self.graph) && drain.look(&self.graph);
            }
        }
    }
}

impl Hands for VirtualTime {
    fn threads(&self, domain: usize) -> usize {
        self.wanted[domain]
    }

    fn at_work(&self) -> Vec<AtWork> {
        let jobs = self.heap.iter().map(|Reverse(due)| &due.job).chain(self.cores.iter().flat_map(Cores::jobs));
        jobs.map(|job| AtWork { stage: job.stage, since_ns: job.began_ns, is_thread: true }).collect()
    }

    fn spent(&mut self, domain: usize) -> Option<(f64, Spent)> {
        self.cores.as_ref().map(|cores| (cores.count(), self.spent[domain]))
    }

    fn resize(&mut self, domain: usize, threads: usize) -> std::io::Result<()> {
        VirtualTime::resize(self, domain, threads);
        Ok(())
    }
}

//! One stage in a closed loop: what does it do per second when there is always more?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::{Entry, Running, Threads, ms, prelude::*};

use super::job::{Job, Kind};

const QUEUE: usize = 64;
/// From the first offer until as many are under way as there can be.
const RAMP: Duration = ms(100);

/// A pool with its job, for as long as it is asked.
pub(crate) struct Pool {
    pub(crate) running: Running,
    entry: Entry<()>,
    job: Arc<Job>,
    done: Arc<AtomicU64>,
}

impl Pool {
    pub(crate) fn new(mean: Duration, kind: Kind, threads: impl Into<Threads>) -> Self {
        let (job, done) = (Arc::new(Job::new(mean, kind, 1)), Arc::new(AtomicU64::new(0)));
        let handle = {
            let (job, done) = (job.clone(), done.clone());
            move |()| {
                job.spend(1.0);
                done.fetch_add(1, Relaxed);
            }
        };
        let mut p = Pipeline::named("pool");
        let inlet = p.sink("work", handle.threads(threads).queue(QUEUE).batch_max(1));
        let running = p.start().expect("one stage passes the checks");
        let entry = running.entry(inlet);
        Pool { running, entry, job, done }
    }

    /// Keeps its queue full for so long; events per second after the ramp, without the luck of the draws.
    pub(crate) fn saturated(&self, time: Duration) -> f64 {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let go_on = |_: &u64| !stop.load(Relaxed);
            scope.spawn(move || (0..).take_while(go_on).try_for_each(|_| self.entry.offer(())));
            thread::sleep(RAMP);
            let (began, done, drawn) = (Instant::now(), self.done.load(Relaxed), self.job.drawn());
            thread::sleep(time);
            let rate = (self.done.load(Relaxed) - done) as f64 / began.elapsed().as_secs_f64();
            stop.store(true, Relaxed);
            rate * self.job.drawn().luck_since(drawn)
        })
    }
}

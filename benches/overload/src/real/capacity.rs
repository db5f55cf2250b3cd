//! What the service can do: closed loop, with the generator at its work beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::prelude::*;

use super::{
    generator::offer_all,
    job::{Job, Kind},
    work::Work,
};

const LASTS: Duration = Duration::from_secs(2);
const QUEUE: usize = 64;

/// Events per second. The luck of the draws is taken out: some thousand exponential times are off by 2 % in their mean,
/// and the mean is known.
pub(crate) fn measured(mean: Duration, places: usize, kind: Kind) -> f64 {
    let rough = places as f64 / mean.as_secs_f64();
    let lasts = if seda_bench::quick() { LASTS / 4 } else { LASTS };
    // As many offers beside it as a load of twice that makes.
    let work = Arc::new(Work::steady(2.0 * rough, lasts, Job::new(mean, kind, 1), 1).begun());
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut p = Pipeline::named("capacity");
    let handle = {
        let (work, done) = (work.clone(), done.clone());
        move |_: u64| {
            work.spend();
            done.fetch_add(1, Relaxed);
        }
    };
    let inlet = p.sink("work", handle.threads(places).queue(QUEUE));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let (began, drawn) = (Instant::now(), work.drawn());
    let rate = thread::scope(|scope| {
        let (stop, entry) = (&stop, &entry);
        scope.spawn(move || (0..).take_while(|_| !stop.load(Relaxed)).try_for_each(|n| entry.offer(n)));
        // It offers to nobody: what it costs the handlers is its waking up.
        offer_all(&work, Duration::ZERO, |_| ());
        let rate = done.load(Relaxed) as f64 / began.elapsed().as_secs_f64();
        stop.store(true, Relaxed);
        rate
    });
    let luck = work.drawn().luck_since(drawn);
    running.drain(Deadlines::default());
    rate * luck
}

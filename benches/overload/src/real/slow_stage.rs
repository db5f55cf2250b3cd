//! SEDA's slow stage (SOSP 2001, section 5.2 and figure 8): 15 % of the events sleep 20 ms, on a stage of 1 to 20 threads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use seda::{Threads, prelude::*};
use seda_bench::{Better, Row, Table, percentile, quick};

use super::{
    generator::offer_all,
    job::{Job, Kind},
    knob::{Track, decisions, tracked},
    place::seeds,
    work::{Work, ms_of},
};

const QUEUE: usize = 100_000;
/// Of a run on one thread, and of one with the controller, which is judged from some time on.
const FIXED: Duration = secs(5);
const LASTS: Duration = secs(12);
const DRAINED: Duration = secs(5);
/// Those that take longer slept.
const SLEPT: Duration = ms(10);
/// One thread can do 333 a second. What waits then for more than this has no end to wait for: 25 times the longest service.
const COLLAPSED_MS: f64 = 500.0;
const SETTLED_S: f64 = 2.0;
const FAST_MS: f64 = 40.0;

pub(crate) fn run(table: &mut Table) {
    for rate in [100.0, 200.0, 400.0] {
        let late = |seed| late_ms(&offered(1, rate, shortened(FIXED), seed).0);
        let id = format!("threads/slow-stage/one-thread-{rate}");
        let asks = format!("one thread, {rate}/s: nine in ten of the last second's took at most so long");
        let row = match rate {
            400.0 => Row::single(id, format!("{asks}; it is to collapse"), "ms", Better::Higher, COLLAPSED_MS),
            _ => Row::aside(id, asks, "ms", Better::Lower),
        };
        table.row(row.values([late(1)]));
    }
    let (mut settled, mut fast) = (Vec::new(), Vec::new());
    for seed in 1..=seeds() {
        let (work, track) = offered(1..=20, 1_000.0, shortened(LASTS), seed);
        settled.push(track.settled(|threads| (4..=5).contains(&threads)).as_secs_f64());
        let drained = work.all_done().filter(|done| done.due >= shortened(DRAINED) && done.busy < SLEPT);
        let drained: Vec<f64> = drained.map(|done| ms_of(done.latency)).collect();
        fast.push(percentile(&drained, 0.99));
    }
    let asks = "1,000/s: after so long the controller's threads are 4 or 5, and stay so";
    table.row(Row::single("threads/slow-stage/settled", asks, "s", Better::Lower, SETTLED_S).values(settled));
    let asks = "the same: p99 of the events that do not sleep, once it has settled and drained";
    table.row(Row::single("threads/slow-stage/p99", asks, "ms", Better::Lower, FAST_MS).values(fast));
}

fn shortened(time: Duration) -> Duration {
    if quick() { time / 4 } else { time }
}

fn offered(threads: impl Into<Threads>, rate: f64, lasts: Duration, seed: u64) -> (Arc<Work>, Track) {
    let work = Arc::new(Work::steady(rate, lasts, Job::new(Duration::ZERO, Kind::Router, seed), seed).begun());
    let handle = {
        let work = work.clone();
        move |number: usize| work.handle(number)
    };
    let mut p = Pipeline::named("router");
    let inlet = p.sink("route", handle.threads(threads).queue(QUEUE));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let began = Instant::now();
    let offer = |number| entry.try_offer(number).unwrap_or_else(|refused| panic!("{refused}"));
    let (_, track) = tracked(&running, || offer_all(&work, Duration::ZERO, offer));
    eprint!("slow stage, {rate}/s for {:.0} s:\n{}", began.elapsed().as_secs_f64(), decisions(&running));
    running.drain(Deadlines::within(secs(20)));
    (work, track)
}

fn late_ms(work: &Work) -> f64 {
    let last = work.due.last().copied().unwrap_or_default().saturating_sub(secs(1));
    let lates: Vec<f64> = work.all_done().filter(|done| done.due >= last).map(|done| ms_of(done.latency)).collect();
    percentile(&lates, 0.9)
}

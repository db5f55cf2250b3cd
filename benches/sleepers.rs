//! Does a pool of 32 whose handler sleeps get as much done as 32 bare threads that sleep?
//!
//! Row: sleepers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::prelude::*;
use seda_bench::{Better, Event, Row, Sink, Table, Tally, interleave, quick, rounds};

const THREADS: usize = 32;
const NAP: Duration = Duration::from_millis(1);
/// Before the window opens, so that neither the start nor the filling of the queue is in it.
const WARM_UP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_millis(400);

fn main() {
    let tally = Tally::new();
    let sink = tally.counters();
    let mut p = Pipeline::named("sleepers");
    let inlet = p.sink("nap", per_worker(move || nap_then(sink())).threads(THREADS));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let offer = |stop: &AtomicBool| {
        (0..).map(Event::numbered).take_while(|_| !stop.load(Relaxed)).for_each(|event| {
            entry.offer(event).expect("the stage is open");
        });
    };
    let samples =
        interleave(rounds(), &mut [&mut || window(&tally, offer), &mut || window(&tally, |stop| bare(&tally, stop))]);
    let pairs = samples[0].iter().copied().zip(samples[1].iter().copied());
    let mut table = Table::new("sleepers");
    table.row(
        Row::paired(
            "sleepers",
            "a pool of 32 whose handler sleeps 1 ms, saturated",
            "events/s",
            "32 bare threads that sleep in a loop",
            Better::Higher,
            0.98,
        )
        .rounds(pairs),
    );
    table.finish();
}

/// Events per second that reach the tally in a window of steady state, while `work` goes on until told to stop.
fn window(tally: &Arc<Tally>, work: impl FnOnce(&AtomicBool) + Send) -> f64 {
    let stop = AtomicBool::new(false);
    let rate = thread::scope(|scope| {
        scope.spawn(|| work(&stop));
        thread::sleep(WARM_UP);
        let (before, began) = (tally.count(), Instant::now());
        thread::sleep(if quick() { WINDOW / 4 } else { WINDOW });
        let rate = (tally.count() - before) as f64 / began.elapsed().as_secs_f64();
        stop.store(true, Relaxed);
        rate
    });
    settle(tally);
    rate
}

/// Waits until nothing reaches the sink any more: a queue of 1,000 naps takes a moment.
fn settle(tally: &Tally) {
    let mut before = u64::MAX;
    while before != tally.count() {
        before = tally.count();
        thread::sleep(100 * NAP);
    }
}

fn bare(tally: &Arc<Tally>, stop: &AtomicBool) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let nap = nap_then(tally.counter());
            scope.spawn(move || {
                (0..).map(Event::numbered).take_while(|_| !stop.load(Relaxed)).for_each(nap);
            });
        }
    });
}

fn nap_then(mut sink: impl Sink) -> impl FnMut(Event) + Send + 'static {
    move |event| {
        thread::sleep(NAP);
        sink.take(event);
    }
}

//! What do ten idle stages take of a core?
//!
//! Row: idle.

use std::{
    thread,
    time::{Duration, Instant},
};

use seda::prelude::*;
use seda_bench::{Better, Event, Row, Table, Tally, cpu_time, pass, pass_to, quick, rounds, switches};

const STAGES: usize = 10;
/// Used first, then left alone: a stage that has worked should come to rest as one that never did.
const EVENTS: u64 = 10_000;
const REST: Duration = Duration::from_millis(500);
const WINDOW: Duration = Duration::from_millis(500);

fn main() {
    let tally = Tally::new();
    let mut p = Pipeline::named("idle");
    let (first, mut out) = p.stage("s0", pass);
    for index in 1..STAGES - 1 {
        out = p.then_with(format!("s{index}"), out, pass);
    }
    let sink = tally.counters();
    p.end_with("last", out, per_worker(move || pass_to(sink())));
    let running = p.start().expect("the chain passes the checks");
    let entry = running.entry(first);
    tally.time(EVENTS, || {
        (0..EVENTS).map(Event::numbered).for_each(|event| entry.offer(event).expect("the chain is open"));
    });
    thread::sleep(REST);
    let (shares, wakes): (Vec<f64>, Vec<f64>) = (0..rounds()).map(|_| window()).unzip();
    let mut table = Table::new("idle");
    let ask = "ten idle stages on own pools, after 10,000 events: share of a core";
    table.row(Row::single("idle", ask, "cores", Better::Lower, 0.01).values(shares));
    table.row(Row::aside("idle/wakes", "the same: times a second any thread woke", "", Better::Lower).values(wakes));
    table.finish();
}

/// The share of a core, and wake-ups per second, of one window. This thread's own one sleep is in both.
fn window() -> (f64, f64) {
    let (cpu, woken, began) = (cpu_time(), switches(), Instant::now());
    thread::sleep(if quick() { WINDOW / 5 } else { WINDOW });
    let seconds = began.elapsed().as_secs_f64();
    let share = (cpu_time() - cpu).as_secs_f64() / seconds;
    let wakes = woken.zip(switches()).map_or(f64::NAN, |(before, after)| (after - before) as f64 / seconds);
    (share, wakes)
}

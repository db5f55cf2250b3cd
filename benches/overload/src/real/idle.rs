//! Does anything wake while nothing is offered, with an objective and with controllers of threads, limits and batches armed?

use std::{thread, time::Duration};

use seda::prelude::*;
use seda_bench::{Better, Event, Row, Table, Tally, pass, pass_to, quick, switches};

/// Used first, so that the controllers have looked.
const EVENTS: u64 = 10_000;
const REST: Duration = ms(500);
const WINDOW: Duration = secs(1);
const ROUNDS: usize = 5;

pub(crate) fn run(table: &mut Table) {
    let tally = Tally::new();
    let sink = tally.counters();
    let mut p = Pipeline::named("idle");
    let domain = p.domain("shared", 1..=4);
    let (first, out) = p.stage("objective", pass.threads(1..=4).slo(secs(1)));
    let out = p.then_with("limited", out, pass.on(&domain).limit(1..=4));
    p.end_with("batched", out, per_worker(move || pass_to(sink())).threads(1..=4).batch_max(1..=256));
    let running = p.start().expect("the chain passes the checks");
    let entry = running.entry(first);
    tally.time(EVENTS, || {
        for number in 0..EVENTS {
            // Shed ones come again: an objective has no room for all of them at once.
            while entry.offer(Event::numbered(number)).is_err() {
                thread::yield_now();
            }
        }
    });
    thread::sleep(REST);
    let wakes: Vec<f64> = (0..ROUNDS).map(|_| wakes()).collect();
    let asks = "times a second that any thread wakes, nothing being offered, with an objective and controllers";
    table.row(Row::single("threads/idle/wakes", asks, "", Better::Lower, 0.0).values(wakes));
}

/// Of all threads but this one's one sleep.
fn wakes() -> f64 {
    let window = if quick() { WINDOW / 5 } else { WINDOW };
    let before = switches();
    thread::sleep(window);
    let woken = before.zip(switches()).map_or(f64::NAN, |(before, after)| (after - before) as f64);
    (woken - 1.0).max(0.0) / window.as_secs_f64()
}

//! How many visits a second does the virtual driver simulate on one core?
//!
//! Row: sim-speed.

use std::time::{Duration, Instant};

use seda::{
    prelude::*,
    test::{Takes, Virtual},
};
use seda_bench::{BOUND, Better, Event, Row, Table, pass, rounds, scaled};

const EVENTS: u64 = 100_000;
/// Offered in lots that the queue takes, each run until nothing is left.
const LOT: u64 = 500;
const STAGES: [&str; 3] = ["a", "b", "c"];
const TAKES: Duration = Duration::from_micros(100);

fn main() {
    let rates: Vec<f64> = (0..rounds()).map(|round| visits_per_second(round as u64)).collect();
    let mut table = Table::new("sim_speed");
    let ask = "virtual driver, three stages, exponential service times for handlers, trace off: visits per second";
    table.row(Row::single("sim-speed", ask, "visits/s", Better::Higher, 1e6).values(rates));
    table.finish();
}

fn visits_per_second(seed: u64) -> f64 {
    let mut p = Pipeline::named("simulated");
    let (a, out) = p.stage("a", pass.threads(1).queue(BOUND));
    let out = p.then_with("b", out, pass.threads(1).queue(BOUND));
    p.end_with("c", out, (|event: Event| _ = pass(event)).threads(1).queue(BOUND));
    let mut sim = Virtual::start(p, seed).expect("three stages pass the checks");
    for stage in STAGES {
        sim.takes(stage, Takes::exponential(TAKES));
    }
    let lots = scaled(EVENTS as usize) as u64 / LOT;
    let began = Instant::now();
    for lot in 0..lots {
        for number in 0..LOT {
            sim.offer(a, Event::numbered(lot * LOT + number)).expect("the queue takes a lot");
        }
        sim.run();
    }
    let seconds = began.elapsed().as_secs_f64();
    let report = sim.drain(Deadlines::default());
    assert!(report.balanced(), "{report}");
    (lots * LOT * STAGES.len() as u64) as f64 / seconds
}

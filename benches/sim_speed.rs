//! How many visits does the virtual driver simulate in a second of one core, bare and as `seda::sim`?
//!
//! A simulation is one thread that never waits, so a second is one of processor time: whoever shares the machine is left out.
//!
//! Rows: sim-speed, sim-visits.

use std::time::Duration;

use seda::{
    prelude::*,
    sim::{Arrivals, Run, Service},
    test::{Takes, Virtual},
};
use seda_bench::{BOUND, Better, Event, Row, Table, cpu_time, pass, rounds, scaled};

const EVENTS: u64 = 100_000;
/// Offered in lots that the queue takes, each run until nothing is left.
const LOT: u64 = 500;
const STAGES: [&str; 3] = ["a", "b", "c"];
const VISITS: usize = 500_000;
const SLO: Duration = Duration::from_millis(50);
const TAKES: Duration = Duration::from_micros(100);

fn main() {
    let rates: Vec<f64> = (0..rounds()).map(|round| visits_per_second(round as u64)).collect();
    let mut table = Table::new("sim_speed");
    let ask =
        "virtual driver, three stages, exponential service times for handlers, trace off: visits per second of a core";
    table.row(Row::single("sim-speed", ask, "visits/s", Better::Higher, 1e6).values(rates));
    let rates: Vec<f64> = (0..rounds()).map(|round| simulated_per_second(round as u64)).collect();
    let ask = "seda::sim, one stage of four threads at 0.95 of its capacity, Poisson arrivals, exponential service, an \
               objective, figures by lineage and window, trace off: visits per second of a core";
    table.row(Row::single("sim-visits", ask, "visits/s", Better::Higher, 1e6).values(rates));
    table.finish();
}

fn simulated_per_second(seed: u64) -> f64 {
    let mut p = Pipeline::named("simulated");
    let station = (|event: Event| _ = pass(event)).threads(4).queue(BOUND).slo(SLO);
    let station = p.sink("station", station);
    let time = Duration::from_secs(scaled(VISITS) as u64 / 950);
    let run = Run::new(p)
        .entry(station, Arrivals::poisson(950.0), Event::numbered)
        .service("station", Service::exponential(Duration::from_millis(4)))
        .slo(SLO)
        .seed(seed);
    let began = cpu_time();
    let results = run.during(time).expect("one stage passes the checks");
    let seconds = (cpu_time() - began).as_secs_f64();
    assert!(results.all.answered_share() > 0.9, "{results}");
    results.visits() as f64 / seconds
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
    let began = cpu_time();
    for lot in 0..lots {
        for number in 0..LOT {
            sim.offer(a, Event::numbered(lot * LOT + number)).expect("the queue takes a lot");
        }
        sim.run();
    }
    let seconds = (cpu_time() - began).as_secs_f64();
    let report = sim.drain(Deadlines::default());
    assert!(report.balanced(), "{report}");
    (lots * LOT * STAGES.len() as u64) as f64 / seconds
}

//! Simulation against reality: three stages, one that sleeps, one that computes, one that does both, calibrated from what they
//! measured of themselves at half of their load, and then asked what 0.9 of it and twice as much would do.

use std::{sync::Arc, time::Duration};

use seda::{
    Event, Running,
    lab::{Demand, Outcome, Scenario, Step},
    prelude::*,
    sim::{Arrivals, Measured, Run},
};
use seda_bench::{Better, Row, Table, quick};

use super::{
    generator::offer_all,
    job::{Job, Kind},
    place::seeds,
    work::Work,
};

/// Mean times, and threads.
const FETCH: (Duration, usize) = (us(1600), 4);
const PRICE: (Duration, usize) = (us(700), 1);
/// Computes half of the time: with this one the cores have some time left at the knee, with the second none.
const STORE: (Duration, usize) = (us(700), 4);
const STORE_CROWDED: Duration = us(1400);
/// By the stage that computes; the figures are relative to what the simulation says.
const ROUGHLY: f64 = 1350.0;
const OBJECTIVE: Duration = ms(40);
/// Of the stretches, in objectives; the first few are not judged.
const WARM_UP: f64 = 20.0;
const CALIBRATED: f64 = 250.0;
const JUDGED: f64 = 350.0;
const KNEE_OFF: f64 = 0.10;
const P99_OFF: f64 = 0.25;

/// Goodput in rough capacities, and p99 of the latency in objectives: foretold, and found.
struct Pair {
    goodput: (f64, f64),
    p99: (f64, f64),
}

pub(crate) fn run(table: &mut Table) {
    judged(table, "reality", STORE.0, [KNEE_OFF, P99_OFF].map(Some));
    judged(table, "reality/crowded", STORE_CROWDED, [None; 2]);
}

fn judged(table: &mut Table, id: &str, store: Duration, bars: [Option<f64>; 2]) {
    let (mut full, mut over) = (Vec::new(), Vec::new());
    for seed in 1..=seeds() {
        let measured = play(&demand(0.5, CALIBRATED), store, seed, |_, running| Measured::from(running));
        for stage in &measured.stages {
            let share = |share: f64| 100.0 * share;
            let computes = stage.computes.map_or(f64::NAN, share);
            eprintln!("  {}: computes {computes:.0} %, waits for a core {:.0} %", stage.name, share(stage.queued));
        }
        full.push(compared(&measured, store, 0.9, 10 + seed));
        over.push(compared(&measured, store, 2.0, 20 + seed));
    }
    let mut row = |measure: &str, asks: &str, bar: Option<f64>, pairs: Vec<(f64, f64)>| {
        let off = pairs.into_iter().map(|(foretold, found)| (foretold / found - 1.0).abs());
        let id = format!("threads/{id}/{measure}");
        let row = match bar {
            Some(bar) => Row::single(id, asks, "", Better::Lower, bar),
            None => Row::aside(id, format!("{asks}; with no time of the cores left"), "", Better::Lower),
        };
        table.row(row.values(off));
    };
    let asks = "three stages at twice their load: by what share the goodput that the simulation foretells is off";
    row("knee", asks, bars[0], over.iter().map(|pair| pair.goodput).collect());
    let asks = "the same at 0.9 of the load: p99 of the latency";
    row("p99-full", asks, bars[1], full.iter().map(|pair| pair.p99).collect());
    let asks = "the same at twice the load: p99 of the latency of the admitted";
    row("p99-over", asks, bars[1], over.iter().map(|pair| pair.p99).collect());
}

fn demand(load: f64, slos: f64) -> Demand {
    let slos = if quick() { slos / 4.0 } else { slos };
    let scenario = Scenario::new("reality", "three stages").step(Step::load(load).lasting(slos + WARM_UP));
    scenario.judged("all", 0, WARM_UP).demand(ROUGHLY, OBJECTIVE)
}

/// The three stages, whatever they do.
fn stages<T: Event>(
    fetch: impl Fn(T) -> T + Send + Sync + 'static,
    price: impl Fn(T) -> T + Send + Sync + 'static,
    store: impl Fn(T) + Send + Sync + 'static,
) -> (Pipeline, Inlet<T>) {
    let mut p = Pipeline::named("three");
    let (inlet, out) = p.stage("fetch", fetch.threads(FETCH.1).batch_max(1).slo(OBJECTIVE));
    let out = p.then_with("price", out, price.threads(PRICE.1).batch_max(1));
    p.end_with("store", out, store.threads(STORE.1).batch_max(1));
    (p, inlet)
}

/// On threads; `seen` looks at it before it is stopped.
fn play<R>(demand: &Demand, store: Duration, seed: u64, seen: impl FnOnce(&Work, &Running) -> R) -> R {
    let job = |mean, kind, nth: u64| Job::new(mean, kind, 100 * nth + seed);
    let (price, store) = (job(PRICE.0, Kind::Spinning, 2), job(store, Kind::Mixed, 3));
    let work = Arc::new(Work::new(demand, FETCH.0, Kind::Sleeping, seed).begun());
    let (first, last) = (work.clone(), work.clone());
    let fetch = move |number: usize| {
        first.spend();
        number
    };
    let price = move |number| {
        price.spend(1.0);
        number
    };
    let store = move |number| {
        store.spend(1.0);
        last.done(number, Duration::ZERO);
    };
    let (p, inlet) = stages(fetch, price, store);
    let running = p.start().expect("three stages pass the checks");
    let entry = running.entry(inlet);
    offer_all(&work, demand.slo(), |number| {
        if entry.try_offer(number).is_err() {
            work.refused(number, Duration::ZERO);
        }
    });
    let seen = seen(&work, &running);
    running.drain(Deadlines::now());
    seen
}

/// The same arrivals for both.
fn compared(measured: &Measured, store: Duration, load: f64, seed: u64) -> Pair {
    let demand = demand(load, JUDGED);
    let (due, offers) = play(&demand, store, seed, |work, _| (work.due.clone(), work.measured()));
    let found = Outcome::measured("found", demand.clone(), vec![offers]).measures("all")[0];
    let (p, inlet) = stages(|n: u64| n, |n| n, |_| ());
    let run = Run::new(p).like(measured).entry(inlet, Arrivals::recorded(due), |n| n).seed(seed).slo(OBJECTIVE);
    let all = demand.step(0).start + OBJECTIVE.mul_f64(WARM_UP)..demand.lasts();
    let seconds = (all.end - all.start).as_secs_f64();
    let results = run.phase("all", all).during(demand.lasts()).expect("three stages pass the checks");
    let foretold = results.phase("all").expect("it was asked for");
    let goodput = (foretold.good as f64 / seconds / ROUGHLY, found.goodput);
    let p99 = (foretold.latency.p99.as_secs_f64() / OBJECTIVE.as_secs_f64(), found.p99);
    eprintln!("reality at {load}: foretold and found goodput {goodput:.3?}, p99 {p99:.2?}");
    Pair { goodput, p99 }
}

//! Against the best number that is fixed, found by trying all that may be it.

use std::ops::RangeInclusive;

use seda::{
    SedaQueue, StartError,
    lab::{Demand, Outcome, Report, Scenario},
    ms,
    prelude::*,
    sim::{Run, Service},
    us,
};
use seda_bench::{Better, Row, Table};

use super::{OURS, between, both, lab, most, of, settled, steady};

const CORES: f64 = 4.0;
/// Threads that are tried, and the most that the controller may have.
const THREADS: [usize; 9] = [1, 2, 3, 4, 6, 8, 10, 12, 16];
const THREADS_MOST: usize = 16;
/// Bounds of batches that are tried.
const BATCHES: [usize; 8] = [1, 4, 16, 64, 100, 128, 256, 512];
/// When the controller is to be there, in seconds, and what is measured after that.
const THERE_S: f64 = 10.0;
const MEASURED_S: f64 = 20.0;
const SHARE: f64 = 0.95;

/// What is done once settled, of each run.
fn done(outcome: &Outcome) -> Vec<f64> {
    settled(outcome).map(|figures| figures.done as f64).collect()
}

/// The one that gets most done, by one seed; the least of those that are as good.
fn search(
    capacity: f64,
    scenario: &Scenario,
    tried: &[usize],
    build: impl Fn(&Demand, usize) -> Run + Send + Sync + Copy,
) -> Result<usize, StartError> {
    let mut lab = lab(capacity, scenario).seeds(1);
    for &n in tried {
        lab = lab.contender(n.to_string(), move |demand| build(demand, n));
    }
    let report = lab.run()?;
    let best = report
        .outcomes()
        .iter()
        .zip(tried)
        .max_by(|(one, n), (other, m)| done(one)[0].total_cmp(&done(other)[0]).then(m.cmp(n)));
    Ok(*best.expect("something was tried").1)
}

/// Handlers that sleep, that compute, and that do half of each, on four cores; offered half of what they can do, and half more.
pub(super) fn threads(table: &mut Table) -> Result<Report, StartError> {
    let mut all = Report::default();
    for (name, computing, capacity) in [("sleeping", 0.0, 4000.0), ("spinning", 1.0, 1000.0), ("mixed", 0.5, 2000.0)] {
        for load in [0.5, 1.5] {
            all.extend(threads_of(table, name, computing, capacity, load)?);
        }
    }
    Ok(all)
}

fn threads_of(table: &mut Table, name: &str, computing: f64, capacity: f64, load: f64) -> Result<Report, StartError> {
    let about = "1 to 16 threads on four cores, 4 ms each; handlers that sleep, compute, or half of each";
    let scenario = steady(format!("{name} threads at {load}x"), about, load, THERE_S, MEASURED_S);
    let stage = move |demand: &Demand, mut p: Pipeline, threads: RangeInclusive<usize>| {
        let inlet = p.sink("work", drop::<u64>.threads(threads).queue(50).when_full(WhenFull::Reject));
        let service = Service::exponential(ms(4)).computing(computing);
        Run::new(p).entry(inlet, demand.arrivals(), |n| n).service("work", service).cores(CORES)
    };
    let fixed = move |demand: &Demand, n: usize| stage(demand, Pipeline::named("overload"), n..=n);
    let best = search(capacity, &scenario, &THREADS, fixed)?;
    let seda = SedaQueue::default().threshold(25);
    let lab = both(lab(capacity, &scenario), seda, move |demand, p| stage(demand, p, 1..=THREADS_MOST));
    let name_of_best = format!("{best} threads, the best");
    let report = lab.contender(&*name_of_best, move |demand| fixed(demand, best)).run()?;
    let (ours, id) = (of(&report, OURS), |measure: &str| format!("workers/{name}-{load}x/{measure}"));
    let rounds = done(ours).into_iter().zip(done(of(&report, &name_of_best)));
    let asks = "done once settled, beside the best fixed number of threads";
    table.row(Row::paired(id("done"), asks, "", name_of_best, Better::Higher, SHARE).rounds(rounds));
    let demand = ours.demand();
    let moved = ours.runs().iter().map(|run| {
        let there = between(run, "threads", demand.step(1).start..demand.step(1).start + us(1)).0;
        let (least, most) = between(run, "threads", demand.step(1).start..demand.lasts());
        there.abs_diff(least).max(there.abs_diff(most)) as f64
    });
    most(table, id("moved"), "threads more or fewer than at 10 s, from then on", 1.0, moved);
    Ok(report)
}

/// A batch costs 200 us, and each event in it 50 us more: 4,000 a second by ones, 20,000 at most.
fn store(demand: &Demand, mut p: Pipeline, sizes: RangeInclusive<usize>) -> Run {
    let work = batch(|rows: Batch<u64>| rows.answer(drop));
    let (inlet, out) = p.stage("work", work.batch_max(sizes).queue(1_000).when_full(WhenFull::Reject));
    p.end("end", out, drop);
    let service = Service::fixed(us(50)).per_batch(us(200));
    Run::new(p).entry(inlet, demand.arrivals(), |n| n).service("work", service)
}

pub(super) fn batches(table: &mut Table) -> Result<Report, StartError> {
    let about = "a batch costs 200 us, and each event in it 50 us more; batches of 1 to 512";
    let fixed = |demand: &Demand, n: usize| store(demand, Pipeline::named("overload"), n..=n);
    let ours = |demand: &Demand| store(demand, Pipeline::named("overload"), 1..=512);
    let much = steady("batches, saturated", about, 1.5, THERE_S, 5.0);
    let best = search(20_000.0, &much, &BATCHES, fixed)?;
    let name = format!("batches of {best}, the best");
    let report =
        lab(20_000.0, &much).contender(OURS, ours).contender(&*name, move |demand| fixed(demand, best)).run()?;
    let rounds = done(of(&report, OURS)).into_iter().zip(done(of(&report, &name)));
    let asks = "done once settled, beside the best fixed bound of batches";
    table.row(Row::paired("batches/saturated", asks, "", name, Better::Higher, SHARE).rounds(rounds));
    let mut all = report;
    let little = steady("batches, little load", about, 0.04, THERE_S, 30.0);
    let one = "batches of 1";
    let report = lab(20_000.0, &little).contender(OURS, ours).contender(one, move |demand| fixed(demand, 1)).run()?;
    let p99 = |contender| settled(of(&report, contender)).map(|figures| figures.latency.p99.as_secs_f64() * 1e3);
    let asks = "p99 at a fifth of what batches of one can do, in ms";
    let rounds: Vec<(f64, f64)> = p99(OURS).zip(p99(one)).collect();
    table.row(Row::paired("batches/little", asks, "ms", one, Better::Lower, 1.1).rounds(rounds));
    all.extend(report);
    Ok(all)
}

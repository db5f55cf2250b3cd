//! What demand needs: SEDA's slow stage, and demand that shedding hides.

use std::ops::RangeInclusive;

use seda::{
    Admission, MaxConcurrency, SedaQueue, Slo, StartError,
    lab::{Demand, Played, Report},
    ms,
    prelude::*,
    sim::{Figures, Run, Service},
    us,
};
use seda_bench::Table;

use super::{OURS, SEDA, SLO, aside, between, both, kind, lab, least, most, of, settled, stays_s, steady};

/// Rates of the slow stage, per second; a worker can do 333 of its events.
const RATES: [f64; 4] = [100.0, 200.0, 400.0, 1000.0];
const FIXED: &str = "one thread";
/// When controllers are to have settled, and the queue that they found is gone, in seconds.
const SOON_S: f64 = 2.0;
const DRAINED_S: f64 = 5.0;

/// Of SOSP 2001, section 5.2: 15 % of the events sleep 20 ms, the others take next to nothing.
fn slow(demand: &Demand, mut p: Pipeline, threads: RangeInclusive<usize>) -> Run {
    let inlet = p.sink("work", drop::<u64>.threads(threads).queue(100_000));
    Run::new(p)
        .entry(inlet, demand.arrivals_of(0.85).kind("fast"), |n| n)
        .entry(inlet, demand.arrivals_of(0.15).kind("slow"), |n| n)
        .service_of("work", "fast", Service::fixed(us(1)))
        .service_of("work", "slow", Service::fixed(ms(20)))
        .warm_up(demand.step(1).start)
}

fn p99_ms(figures: &Figures) -> f64 {
    (figures.latency.p99.as_secs_f64() * 1e3).min(1e9)
}

pub(super) fn slow_stage(table: &mut Table) -> Result<Report, StartError> {
    let mut all = Report::default();
    for rate in RATES {
        let about = "15 % of the events sleep 20 ms, the others take next to nothing; 1 to 20 threads (SOSP 2001)";
        let scenario = steady(format!("slow stage, {rate} a second"), about, rate / 1000.0, DRAINED_S, 25.0);
        let lab = both(lab(1000.0, &scenario), SedaQueue::default(), |demand, p| slow(demand, p, 1..=20));
        let report = lab.contender(FIXED, |demand| slow(demand, Pipeline::named("overload"), 1..=1)).run()?;
        let (ours, id) = (of(&report, OURS), |measure: &str| format!("slow-stage/{rate}/{measure}"));
        let threads = |contender| of(&report, contender).runs().iter().map(|run| ends_with(run) as f64);
        let asks = "p99 of the fast events once settled and drained, in ms";
        if rate == 1000.0 {
            let within = "seconds until there are 4 or 5 threads, and stay";
            most(table, id("settled"), within, SOON_S, ours.runs().iter().map(|run| stays_s(run, "threads", 4..6)));
            most(table, id("fast-p99"), asks, 40.0, kind(ours, "fast").map(p99_ms));
        } else {
            aside(table, id("fast-p99"), asks, kind(ours, "fast").map(p99_ms));
        }
        if rate == 400.0 {
            let collapses = "the same with one thread, which collapses";
            least(table, id("fixed-p99"), collapses, 1000.0, kind(of(&report, FIXED), "fast").map(p99_ms));
        }
        aside(table, id("threads"), "threads in the end", threads(OURS));
        aside(table, id("seda-threads"), "the same by SEDA's queue threshold", threads(SEDA));
        aside(
            table,
            id("seda-fast-p99"),
            "and its p99 of the fast events, in ms",
            kind(of(&report, SEDA), "fast").map(p99_ms),
        );
        all.extend(report);
    }
    Ok(all)
}

fn ends_with(run: &Played) -> usize {
    run.stood("work", "threads").last().map_or(0, |(_, threads)| *threads)
}

/// Six times what one thread can do, of which a policy sheds what there is no room for.
pub(super) fn hidden(table: &mut Table) -> Result<Report, StartError> {
    let mut all = hidden_by(table, "at most 16", 0.005, |_| MaxConcurrency::new(16))?;
    all.extend(hidden_by(table, "slo", 0.001, |demand| Slo::new(demand.slo()))?);
    Ok(all)
}

/// `chance`: the share that such a policy sheds of a load that is served.
fn hidden_by<A: Admission + 'static>(
    table: &mut Table,
    by: &str,
    chance: f64,
    policy: fn(&Demand) -> A,
) -> Result<Report, StartError> {
    let about = "a sleeping service of 10 ms is offered six times what one thread can do; 1 to 8 threads";
    let scenario = steady(format!("demand hidden by {by}"), about, 0.75, SOON_S, 18.0);
    let build = move |demand: &Demand, mut p: Pipeline| {
        let inlet = p.sink("work", drop::<u64>.threads(1..=8).admission(policy(demand)));
        Run::new(p).entry(inlet, demand.arrivals(), |n| n).service("work", Service::fixed(SLO / 10))
    };
    let report = both(lab(800.0, &scenario), SedaQueue::default(), build).run()?;
    let id = |measure: &str| format!("hidden/{}/{measure}", by.replace(' ', "-"));
    let (ours, seda) = (of(&report, OURS), of(&report, SEDA));
    let threads = |run: &Played| {
        let demand = ours.demand();
        between(run, "threads", demand.step(1).start..demand.lasts()).0 as f64
    };
    least(table, id("threads"), "least threads from 2 s on; 6 are busy", 6.0, ours.runs().iter().map(threads));
    let asks = "share of the offers that is shed from 2 s on";
    most(table, id("shed"), asks, chance, settled(ours).map(Figures::refused_share));
    aside(table, id("seda-shed"), "the same by SEDA's queue threshold", settled(seda).map(Figures::refused_share));
    Ok(report)
}

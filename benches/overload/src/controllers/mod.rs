//! Controllers on virtual time: what they settle at, how soon, and how near to the best number that is fixed.

mod best;
mod demands;

use std::{ops::Range, time::Duration};

use seda::{
    SedaQueue, StartError,
    lab::{Demand, Lab, Outcome, Played, Report, Scenario, Step},
    ms,
    prelude::*,
    sim::{Figures, Run},
};
use seda_bench::{Better, Row, Table};

/// The scale of these scenarios: two seconds are 20 of it.
const SLO: Duration = ms(100);
/// As contenders are called; the other one is the thread controller of SOSP 2001.
const OURS: &str = "controller";
const SEDA: &str = "seda's queue *";
/// What is measured once controllers have settled.
const SETTLED: &str = "settled";

pub(crate) fn run(table: &mut Table, report: &mut Report) -> Result<(), StartError> {
    for judge in [demands::slow_stage, demands::hidden, best::threads, best::batches] {
        report.extend(judge(table)?);
    }
    Ok(())
}

/// A load for so many seconds, and then for so many more that are measured.
fn steady(name: impl Into<String>, about: &str, load: f64, before: f64, measured: f64) -> Scenario {
    let measured = if seda_bench::quick() { measured / 5.0 } else { measured };
    let slos = |seconds: f64| seconds / SLO.as_secs_f64();
    Scenario::new(name, format!("{about}; ten objectives are a second"))
        .step(Step::load(load).lasting(slos(before)))
        .step(Step::load(load).lasting(slos(measured)))
        .judged(SETTLED, 1, 0.0)
}

fn lab<'a>(capacity: f64, scenario: &Scenario) -> Lab<'a> {
    let lab = Lab::new("overload", capacity, SLO).scenario(scenario.clone());
    if seda_bench::quick() { lab.seeds(2) } else { lab }
}

/// Ours, and that of SEDA, on the same pipeline; `work` is the stage whose threads they turn.
fn both<'a>(
    lab: Lab<'a>,
    seda: SedaQueue,
    build: impl Fn(&Demand, Pipeline) -> Run + Send + Sync + Copy + 'a,
) -> Lab<'a> {
    let lab = lab.contender(OURS, move |demand| build(demand, Pipeline::named("overload")));
    lab.contender(SEDA, move |demand| {
        let mut p = Pipeline::named("overload");
        p.controller("stage.work.threads", seda.clone());
        build(demand, p)
    })
}

fn of<'a>(report: &'a Report, contender: &str) -> &'a Outcome {
    let found = report.outcomes().iter().find(|outcome| outcome.contender() == contender);
    found.expect("it is among the contenders")
}

/// Figures of what is measured, of each run.
fn settled(outcome: &Outcome) -> impl Iterator<Item = &Figures> {
    outcome.runs().iter().map(|run| &run.judged[0].1)
}

/// Figures of one kind, of each run.
fn kind<'a>(outcome: &'a Outcome, name: &'a str) -> impl Iterator<Item = &'a Figures> {
    outcome.runs().iter().map(move |run| {
        let found = run.kinds.iter().find(|(kind, _)| kind == name);
        found.map(|(_, figures)| figures).expect("the run has events of that kind")
    })
}

/// Least and most of a knob between two times.
fn between(run: &Played, what: &str, during: Range<Duration>) -> (usize, usize) {
    let stood = run.stood("work", what);
    let until = |at: usize| stood.get(at + 1).map_or(Duration::MAX, |(until, _)| *until);
    let within = stood.iter().enumerate().filter(|(at, (from, _))| *from < during.end && until(*at) > during.start);
    within.fold((usize::MAX, 0), |(least, most), (_, (_, value))| (least.min(*value), most.max(*value)))
}

/// Seconds until it stays within such a range; many where it does not in the end.
fn stays_s(run: &Played, what: &str, within: Range<usize>) -> f64 {
    let stood = run.stood("work", what);
    match stood.iter().rposition(|(_, value)| !within.contains(value)) {
        None => 0.0,
        Some(at) => stood.get(at + 1).map_or(1e9, |(from, _)| from.as_secs_f64()),
    }
}

fn least(table: &mut Table, id: String, asks: &str, bar: f64, values: impl IntoIterator<Item = f64>) {
    table.row(Row::single(id, asks, "", Better::Higher, bar).values(values));
}

fn most(table: &mut Table, id: String, asks: &str, bar: f64, values: impl IntoIterator<Item = f64>) {
    table.row(Row::single(id, asks, "", Better::Lower, bar).values(values));
}

fn aside(table: &mut Table, id: String, asks: &str, values: impl IntoIterator<Item = f64>) {
    table.row(Row::aside(id, asks, "", Better::Lower).values(values));
}

//! What do spans cost that follow one event in a hundred?
//!
//! Row: tracing. A subscriber that keeps the spans and writes nothing is installed for both sides.

use seda::{Running, prelude::*};
use seda_bench::{
    BOUND, Better, Event, Row, Sample, StagedChain, Table, Tally, interleave_sliced, pairs, pass, pass_to, rounds,
    scaled,
};

/// A slice; four make a round of about 0.2 s.
const EVENTS: usize = 400_000;
const SHARE: f64 = 0.01;

fn main() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("nobody else has set one");
    let tally = Tally::new();
    let (on, off) = (chain(&tally, SHARE), chain(&tally, 0.0));
    let samples = interleave_sliced(rounds(), &mut [&mut || saturated(&tally, &on), &mut || saturated(&tally, &off)]);
    let ask = "saturated chain of 3 no-op stages on own pools, spans of 1 % of the events against none";
    let mut table = Table::new("spans");
    let figure = |figure: fn(&Sample) -> f64| pairs(&samples[0], &samples[1], figure);
    table.row(Row::paired("tracing", ask, "events/s", "off", Better::Higher, 0.95).rounds(figure(Sample::rate)));
    let ask = "the same: processor time per event";
    table.row(Row::beside("tracing/cpu", ask, "ns", "off", Better::Lower).rounds(figure(Sample::cpu_ns)));
    table.finish();
}

fn chain(tally: &std::sync::Arc<Tally>, share: f64) -> StagedChain {
    let counters = tally.counters();
    let mut p = Pipeline::named("followed");
    p.trace(share);
    let (a, out) = p.stage("a", pass.threads(1).queue(BOUND));
    let out = p.then_with("b", out, pass.threads(1).queue(BOUND));
    p.end_with("c", out, per_worker(move || pass_to(counters())).threads(1).queue(BOUND));
    let running: Running = p.start().expect("the chain passes the checks");
    StagedChain { entry: running.entry(a), running }
}

fn saturated(tally: &Tally, chain: &StagedChain) -> Sample {
    let events = scaled(EVENTS) as u64;
    tally.time(events, || {
        for number in 0..events {
            chain.entry.offer(Event::numbered(number)).expect("the chain is open");
        }
    })
}

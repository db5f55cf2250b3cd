//! What do the default metrics cost?
//!
//! Rows: metrics, metrics-cpu.

use seda_bench::{
    Better, Event, Row, Sample, StagedChain, Table, Tally, interleave_sliced, own_chain, pairs, rounds, scaled,
};

/// A slice; four make a round of about 0.25 s.
const EVENTS: usize = 500_000;

fn main() {
    let tally = Tally::new();
    let on = own_chain(true, tally.counters());
    let off = own_chain(false, tally.counters());
    let samples = interleave_sliced(rounds(), &mut [&mut || saturated(&tally, &on), &mut || saturated(&tally, &off)]);
    let ask = "saturated chain of 3 no-op stages on own pools, default metrics on against off";
    let mut table = Table::new("metrics");
    table.row(Row::paired("metrics", ask, "events/s", "metrics off", Better::Higher, 0.95).rounds(pairs(
        &samples[0],
        &samples[1],
        Sample::rate,
    )));
    table.row(
        Row::paired("metrics-cpu", "the same: processor time per event", "ns", "metrics off", Better::Lower, 1.15)
            .rounds(pairs(&samples[0], &samples[1], Sample::cpu_ns)),
    );
    table.finish();
}

fn saturated(tally: &Tally, chain: &StagedChain) -> Sample {
    let events = scaled(EVENTS) as u64;
    tally.time(events, || {
        for number in 0..events {
            chain.entry.offer(Event::numbered(number)).expect("the chain is open");
        }
    })
}

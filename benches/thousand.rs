//! Does a hop cost more with a thousand stages than with three, and what memory does an idle stage take?
//!
//! Rows: thousand, thousand-memory.

use std::hint::black_box;

use seda::prelude::*;
use seda_bench::{
    BOUND, Better, CountingAlloc, Event, Row, Sample, StagedChain, Table, Tally, interleave_sliced, pass, pass_to,
    resident_bytes, rounds, scaled,
};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

const MANY: usize = 1_000;
const FEW: usize = 3;
const DOMAIN_THREADS: usize = 2;
/// Visits of a slice, the same for both lengths: events enough that the filling of a long chain does not count.
const VISITS: usize = 3_000_000;

fn main() {
    let mut table = Table::new("thousand");
    hop(&mut table);
    memory(&mut table);
    table.finish();
}

fn hop(table: &mut Table) {
    let tally = Tally::new();
    let (many, few) = (chain(MANY, &tally), chain(FEW, &tally));
    let samples = interleave_sliced(
        rounds(),
        &mut [&mut || saturated(&tally, &many, MANY), &mut || saturated(&tally, &few, FEW)],
    );
    let hop_ns = |stages: usize| move |sample: &Sample| sample.wall_ns() / stages as f64;
    let pairs = samples[0].iter().map(hop_ns(MANY)).zip(samples[1].iter().map(hop_ns(FEW)));
    let ask = "no-op stages in one domain of 2 threads, saturated: time per hop";
    table.row(Row::paired("thousand", ask, "ns", "3 stages", Better::Lower, 1.5).rounds(pairs));
    let hop_cpu = |stages: usize| move |sample: &Sample| sample.cpu_ns() / stages as f64;
    let pairs = samples[0].iter().map(hop_cpu(MANY)).zip(samples[1].iter().map(hop_cpu(FEW)));
    let ask = "the same: processor time per hop";
    table.row(Row::beside("thousand/cpu", ask, "ns", "3 stages", Better::Lower).rounds(pairs));
}

/// The difference between a thousand stages and three, so that what a pipeline, its domain and its threads take once
/// is not in it.
fn memory(table: &mut Table) {
    let (mut fresh, mut resident, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds() {
        let (few, many) = (footprint(FEW), footprint(MANY));
        let per_stage = |few: f64, many: f64| (many - few) / (MANY - FEW) as f64 / 1024.0;
        fresh.push(per_stage(few.fresh, many.fresh));
        resident.push(per_stage(few.resident, many.resident));
        used.push(per_stage(few.used, many.used));
    }
    let ask = "an idle stage of a domain, started, one event handled: heap bytes asked for";
    table.row(Row::single("thousand-memory", ask, "KiB", Better::Lower, 64.0).values(fresh));
    let ask = "the same as resident pages";
    table.row(Row::aside("thousand-memory/rss", ask, "KiB", Better::Lower).values(resident));
    let ask = "an idle stage after saturation: heap bytes asked for";
    table.row(Row::aside("thousand-memory/after-load", ask, "KiB", Better::Lower).values(used));
}

/// Bytes in use that a pipeline brought.
struct Footprint {
    fresh: f64,
    resident: f64,
    used: f64,
}

fn footprint(stages: usize) -> Footprint {
    let tally = Tally::new();
    let resident = || resident_bytes().map_or(f64::NAN, |bytes| bytes as f64);
    let (live_before, resident_before) = (ALLOC.live() as f64, resident());
    let chain = chain(stages, &tally);
    // One event through all stages: what is made on first use is there.
    tally.time(1, || chain.entry.offer(Event::numbered(0)).expect("the chain is open"));
    let (fresh, resident) = (ALLOC.live() as f64 - live_before, resident() - resident_before);
    saturated(&tally, &chain, stages);
    let used = ALLOC.live() as f64 - live_before;
    drop(black_box(chain));
    Footprint { fresh, resident, used }
}

fn chain(stages: usize, tally: &std::sync::Arc<Tally>) -> StagedChain {
    let mut p = Pipeline::named("long");
    let domain = p.domain("all", DOMAIN_THREADS);
    let (first, mut out) = p.stage("s0", pass.on(&domain).queue(BOUND));
    for index in 1..stages - 1 {
        out = p.then_with(format!("s{index}"), out, pass.on(&domain).queue(BOUND));
    }
    let sink = tally.counters();
    p.end_with("last", out, per_worker(move || pass_to(sink())).on(&domain).queue(BOUND));
    let running = p.start().expect("the chain passes the checks");
    StagedChain { entry: running.entry(first), running }
}

fn saturated(tally: &Tally, chain: &StagedChain, stages: usize) -> Sample {
    let events = (scaled(VISITS) / stages) as u64;
    tally.time(events, || {
        for number in 0..events {
            chain.entry.offer(Event::numbered(number)).expect("the chain is open");
        }
    })
}

//! What an objective costs per event, and what controllers that are armed cost a chain: no-op stages, with and without, in
//! turns. Without either a stage is the same as in the kernel's benches: no policy, no controller, no stamp.
//!
//! Offers come in bursts, each when the one before has been worked off: an objective sheds what comes faster than it is
//! handled, and what is shed costs something else.

use std::{sync::Arc, thread, time::Duration};

use seda::{Entry, Running, Threads, prelude::*};
use seda_bench::{
    Better, Event, Row, Sample, StagedChain, Table, Tally, interleave_sliced, own_chain, pairs, pass, pass_to, quick,
    scaled,
};

/// A slice; with four to a round.
const EVENTS: usize = 400_000;
const ROUNDS: usize = 11;
const QUEUE: usize = 1024;
const BURST: u64 = 512;
/// Between two looks at whether a burst has been worked off.
const LOOK: Duration = us(20);
/// Long enough that nothing is shed.
const OBJECTIVE: Duration = secs(1);
const COST_NS: f64 = 50.0;

pub(crate) fn run(table: &mut Table) {
    let rounds = if quick() { 3 } else { ROUNDS };
    stage(table, rounds);
    chain(table, rounds);
}

/// One stage of a no-op.
struct Stage {
    entry: Entry<Event>,
    _running: Running,
}

/// Who handles what is offered.
#[derive(Clone, Copy)]
enum By {
    /// A thread of the stage's own.
    Worker,
    /// The offering thread itself, so that nothing is handed over and nobody is woken.
    Offerer,
}

fn one(tally: &Arc<Tally>, by: By, with_objective: bool) -> Stage {
    let sink = tally.counters();
    let mut p = Pipeline::named("cost");
    let stage = per_worker(move || pass_to(sink())).queue(QUEUE);
    let stage = match by {
        By::Worker => stage.threads(1),
        By::Offerer => {
            let domain = p.domain("callers", 1);
            p.caller_runs(&domain);
            stage.on(&domain)
        }
    };
    let inlet = p.sink("no-op", if with_objective { stage.slo(OBJECTIVE) } else { stage });
    let running = p.start().expect("one stage passes the checks");
    Stage { entry: running.entry(inlet), _running: running }
}

fn stage(table: &mut Table, rounds: usize) {
    let tally = Tally::new();
    let (on, off) = (one(&tally, By::Worker, true), one(&tally, By::Worker, false));
    let samples =
        interleave_sliced(rounds, &mut [&mut || offered(&tally, &on.entry), &mut || offered(&tally, &off.entry)]);
    let more = |of: fn(&Sample) -> f64| pairs(&samples[0], &samples[1], of).into_iter().map(|(on, off)| on - off);
    let asks = "an objective on a no-op stage, offered in bursts: processor time per event that it adds, of offerer and worker";
    table.row(Row::single("threads/cost/slo", asks, "ns", Better::Lower, COST_NS).values(more(Sample::cpu_ns)));
    alone(table, rounds);
    let asks = "the same: time on the clock per event that it adds";
    table.row(Row::aside("threads/cost/slo/wall", asks, "ns", Better::Lower).values(more(Sample::wall_ns)));
    let asks = "the same: processor time per event, with and without";
    table.row(Row::beside("threads/cost/slo/cpu", asks, "ns", "without an objective", Better::Lower).rounds(pairs(
        &samples[0],
        &samples[1],
        Sample::cpu_ns,
    )));
}

/// The decision and the stamps, each event by itself.
fn alone(table: &mut Table, rounds: usize) {
    let tally = Tally::new();
    let (on, off) = (one(&tally, By::Offerer, true), one(&tally, By::Offerer, false));
    let samples =
        interleave_sliced(rounds, &mut [&mut || offered(&tally, &on.entry), &mut || offered(&tally, &off.entry)]);
    let pairs = pairs(&samples[0], &samples[1], Sample::cpu_ns);
    let asks = "the same where the offering thread handles each event itself: processor time per event that it adds";
    let more = pairs.into_iter().map(|(on, off)| on - off);
    table.row(Row::aside("threads/cost/slo/alone", asks, "ns", Better::Lower).values(more));
}

/// The kernel's chain with an objective at its entry, ranges of threads at each stage, or both.
fn armed_chain(tally: &Arc<Tally>, with_objective: bool, threads: Threads) -> StagedChain {
    let sink = tally.counters();
    let mut p = Pipeline::named("armed");
    let first = pass.threads(threads).queue(QUEUE);
    let (first, out) = p.stage("a", if with_objective { first.slo(OBJECTIVE) } else { first });
    let out = p.then_with("b", out, pass.threads(threads).queue(QUEUE));
    p.end_with("c", out, per_worker(move || pass_to(sink())).threads(threads).queue(QUEUE));
    let running = p.start().expect("the chain passes the checks");
    StagedChain { entry: running.entry(first), running }
}

fn chain(table: &mut Table, rounds: usize) {
    let tally = Tally::new();
    let (fixed, range) = (Threads::from(1), Threads::from(1..=2));
    let plain = own_chain(true, tally.counters());
    let [objective, ranges, both] =
        [(true, fixed), (false, range), (true, range)].map(|(slo, threads)| armed_chain(&tally, slo, threads));
    let samples = interleave_sliced(
        rounds,
        &mut [
            &mut || offered(&tally, &plain.entry),
            &mut || offered(&tally, &objective.entry),
            &mut || offered(&tally, &ranges.entry),
            &mut || offered(&tally, &both.entry),
        ],
    );
    let peer = "neither, as in the kernel's benches";
    let with = [("slo", "an objective"), ("ranges", "ranges of 1 to 2 threads"), ("both", "an objective and ranges")];
    for ((id, with), ours) in with.into_iter().zip(&samples[1..]) {
        let asks = format!("the kernel's chain of 3 no-op stages with {with}, in bursts: processor time per event");
        table.row(Row::beside(format!("threads/cost/chain/{id}"), asks, "ns", peer, Better::Lower).rounds(pairs(
            ours,
            &samples[0],
            Sample::cpu_ns,
        )));
    }
}

/// Where the machine does something else for a while it is shed, and comes again.
fn offer(entry: &Entry<Event>, mut event: Event) {
    while let Err(refused) = entry.offer(event) {
        event = refused.event;
        thread::yield_now();
    }
}

fn offered(tally: &Tally, entry: &Entry<Event>) -> Sample {
    let (bursts, before) = (scaled(EVENTS) as u64 / BURST, tally.count());
    tally.time(bursts * BURST, || {
        for burst in 0..bursts {
            let events = (burst * BURST..(burst + 1) * BURST).map(Event::numbered);
            events.for_each(|event| offer(entry, event));
            tally.wait(before + (burst + 1) * BURST, LOOK);
        }
    })
}

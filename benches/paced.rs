//! What does an event wait, and cost, at 20,000 a second when the source sleeps between events?
//!
//! Rows: paced-own-p50, paced-own-p99, paced-own-cpu and paced-domain-p50, paced-domain-p99, paced-domain-cpu.

use std::{sync::Arc, time::Duration};

use seda_bench::{
    Better, Event, Latencies, Paced, Row, Sink, Table, crossbeam_chain, domain_chain, interleave, own_chain,
    paced_source, pairs, rounds, scaled, tokio_chain, tokio_runtime,
};
use tokio::sync::mpsc::{Sender, error::TrySendError};

/// 20,000 a second.
const EVERY: Duration = Duration::from_micros(50);
/// Three quarters of a second; 150 events lie beyond the 99th percentile.
const EVENTS: usize = 15_000;
/// As many as tokio's workers.
const DOMAIN_THREADS: usize = 2;

fn main() {
    let latencies = Latencies::new(scaled(EVENTS));
    let sinks = latencies.sinks();
    let own = own_chain(true, latencies.sinks());
    let crossbeam = crossbeam_chain(sinks());
    let domain = domain_chain(DOMAIN_THREADS, latencies.sinks());
    let runtime = tokio_runtime();
    let tokio = tokio_chain(&runtime, sinks());
    let mut alone = sinks();
    let samples = interleave(
        rounds(),
        &mut [
            &mut || paced(&latencies, |event| own.entry.offer(event).expect("the chain is open")),
            &mut || paced(&latencies, |event| crossbeam.send(event).expect("the chain is open")),
            &mut || paced(&latencies, |event| domain.entry.offer(event).expect("the chain is open")),
            &mut || paced(&latencies, |event| send(&tokio, event)),
            &mut || paced(&latencies, |event| alone.take(event)),
        ],
    );
    let mut table = Table::new("paced");
    rows(&mut table, "paced-own", "own pools", ("crossbeam-channel(1024)", 1.1), &samples[0], &samples[1]);
    rows(&mut table, "paced-domain", "one domain", ("tokio mpsc(1024), 2 workers", 0.8), &samples[2], &samples[3]);
    let ask = "the source alone, offering to nobody: the floor under every paced -cpu, ours and the peers'";
    table.row(
        Row::aside("paced/source-alone", ask, "ns", Better::Lower)
            .values(samples[4].iter().map(|paced| paced.cost.cpu_ns())),
    );
    table.finish();
}

fn paced(latencies: &Arc<Latencies>, offer: impl FnMut(Event) + Send) -> Paced {
    paced_source(latencies, EVERY, offer)
}

/// Without the detour of a blocking wait, unless the machine stood still for so long that the queue is full.
fn send(tokio: &Sender<Event>, event: Event) {
    let full = |error| matches!(error, TrySendError::Full(_)).then(|| error.into_inner());
    if let Some(event) = tokio.try_send(event).err().and_then(full) {
        tokio.blocking_send(event).expect("the chain is open");
    }
}

/// The three rows of one placement, and its context switches beside them.
fn rows(table: &mut Table, id: &str, place: &str, (peer, bar): (&str, f64), ours: &[Paced], theirs: &[Paced]) {
    let ask =
        |what: &str| format!("20,000 events/s through 3 no-op stages, {place}, the source asleep in between: {what}");
    type Figure = fn(&Paced) -> f64;
    let figures: [(&str, &str, &str, Figure); 3] = [
        ("p50", "end to end, p50", "µs", |paced| paced.p50_us),
        ("p99", "end to end, p99", "µs", |paced| paced.p99_us),
        ("cpu", "processor time per event", "ns", |paced| paced.cost.cpu_ns()),
    ];
    for (suffix, what, unit, figure) in figures {
        table.row(
            Row::paired(format!("{id}-{suffix}"), ask(what), unit, peer, Better::Lower, bar)
                .rounds(pairs(ours, theirs, figure)),
        );
    }
    let switches = |paced: &Paced| paced.switches.unwrap_or(f64::NAN);
    table.row(
        Row::beside(format!("{id}/switches"), ask("context switches per event"), "", peer, Better::Lower)
            .rounds(pairs(ours, theirs, switches)),
    );
}

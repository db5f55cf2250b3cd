//! How fast does a saturated chain of three no-op stages move events of 48 bytes, and what does an event cost?
//!
//! Rows: chain-own, chain-own-cpu, chain-batch, chain-domain, chain-domain-cpu, source-domain.

use std::{sync::Arc, time::Duration};

use seda::Running;
use seda_bench::{
    BATCH, Better, Event, Row, Sample, Table, Tally, crossbeam_batches, crossbeam_batches_in_place, crossbeam_chain,
    domain_chain, flume_chain, interleave_sliced, kanal_chain, own_chain, pairs, pulled_chain, rounds, scaled,
    std_chain, tokio_chain, tokio_runtime,
};

/// A slice; with four to a round about 0.2 s for a contender that moves eight million a second.
const EVENTS: usize = 400_000;
/// For the contenders that take four times as long and more.
const EVENTS_OF_SLOW: usize = EVENTS / 4;
/// Pulled ones come several times as fast, and the start is in their time.
const EVENTS_PULLED: usize = EVENTS * 5;
/// Two threads, as many as tokio's workers.
const DOMAIN_THREADS: usize = 2;

fn main() {
    let mut table = Table::new("chain");
    own(&mut table);
    batch(&mut table);
    domain(&mut table);
    table.finish();
}

fn own(table: &mut Table) {
    let tally = Tally::new();
    let staged = own_chain(true, tally.counters());
    let crossbeam = crossbeam_chain(tally.counter());
    let std = std_chain(tally.counter());
    let flume = flume_chain(tally.counter());
    let kanal = kanal_chain(tally.counter());
    let samples = interleave_sliced(
        rounds(),
        &mut [
            &mut || one_by_one(&tally, EVENTS, |event| staged.entry.offer(event).expect("the chain is open")),
            &mut || one_by_one(&tally, EVENTS, |event| crossbeam.send(event).expect("the chain is open")),
            &mut || one_by_one(&tally, EVENTS, |event| std.send(event).expect("the chain is open")),
            &mut || one_by_one(&tally, EVENTS_OF_SLOW, |event| flume.send(event).expect("the chain is open")),
            &mut || one_by_one(&tally, EVENTS_OF_SLOW, |event| kanal.send(event).expect("the chain is open")),
        ],
    );
    let ask = "saturated chain of 3 no-op stages, 48-byte events offered one by one, a thread each";
    let peer = "crossbeam-channel(1024)";
    let ours = &samples[0];
    table.row(Row::paired("chain-own", ask, "events/s", peer, Better::Higher, 1.0).rounds(pairs(
        ours,
        &samples[1],
        Sample::rate,
    )));
    table.row(
        Row::paired("chain-own-cpu", "the same: processor time per event", "ns", peer, Better::Lower, 1.0)
            .rounds(pairs(ours, &samples[1], Sample::cpu_ns)),
    );
    for (name, theirs) in ["std sync_channel", "flume", "kanal"].into_iter().zip(&samples[2..]) {
        let id = format!("chain-own/{}", name.split(' ').next().expect("a name has a word"));
        table.row(
            Row::beside(id, "chain-own on another channel", "events/s", format!("{name}(1024)"), Better::Higher)
                .rounds(pairs(ours, theirs, Sample::rate)),
        );
    }
}

fn batch(table: &mut Table) {
    let tally = Tally::new();
    let staged = own_chain(true, tally.counters());
    let crossbeam = crossbeam_batches(tally.counter());
    let in_place = crossbeam_batches_in_place(tally.counter());
    let samples = interleave_sliced(
        rounds(),
        &mut [
            &mut || in_batches(&tally, |events| staged.entry.offer_many(events).expect("the chain is open")),
            &mut || in_batches(&tally, |events| crossbeam.send(events).expect("the chain is open")),
            &mut || in_batches(&tally, |events| in_place.send(events).expect("the chain is open")),
        ],
    );
    let ask = "the chain of own pools, offered by offer_many of 64, against Vecs of 64 with the same bound in events";
    let peer = "crossbeam-channel of Vecs";
    table.row(Row::paired("chain-batch", ask, "events/s", peer, Better::Higher, 0.9).rounds(pairs(
        &samples[0],
        &samples[1],
        Sample::rate,
    )));
    table.row(
        Row::beside("chain-batch/cpu", "the same: processor time per event", "ns", peer, Better::Lower).rounds(pairs(
            &samples[0],
            &samples[1],
            Sample::cpu_ns,
        )),
    );
    let ask =
        "the same against stages that write into the Vec that they got, where events go out as the type they came in";
    table.row(Row::beside("chain-batch/in-place", ask, "events/s", "Vecs in place", Better::Higher).rounds(pairs(
        &samples[0],
        &samples[2],
        Sample::rate,
    )));
}

fn domain(table: &mut Table) {
    let tally = Tally::new();
    let staged = domain_chain(DOMAIN_THREADS, tally.counters());
    let staged_one = domain_chain(1, tally.counters());
    let runtime = tokio_runtime();
    let tokio = tokio_chain(&runtime, tally.counter());
    let from_a_task = || {
        let tokio = tokio.clone();
        let source = async move {
            for number in 0..scaled(EVENTS_OF_SLOW) as u64 {
                tokio.send(Event::numbered(number)).await.expect("the chain is open");
            }
        };
        runtime.block_on(runtime.spawn(source)).expect("the source ends");
    };
    let samples = interleave_sliced(
        rounds(),
        &mut [
            &mut || one_by_one(&tally, EVENTS, |event| staged.entry.offer(event).expect("the chain is open")),
            &mut || pulled(&tally),
            &mut || tally.time(scaled(EVENTS_OF_SLOW) as u64, from_a_task),
            &mut || one_by_one(&tally, EVENTS, |event| staged_one.entry.offer(event).expect("the chain is open")),
        ],
    );
    let peer = "tokio mpsc(1024), 2 workers";
    let [offered, pulled, tokio, one] = [0, 1, 2, 3].map(|index| &samples[index]);
    table.row(
        Row::paired(
            "chain-domain",
            "the chain in one domain of 2 threads, offered one by one",
            "events/s",
            peer,
            Better::Higher,
            1.6,
        )
        .rounds(pairs(offered, tokio, Sample::rate)),
    );
    table.row(
        Row::paired("chain-domain-cpu", "the same: processor time per event", "ns", peer, Better::Lower, 0.65)
            .rounds(pairs(offered, tokio, Sample::cpu_ns)),
    );
    table.row(
        Row::paired(
            "source-domain",
            "the chain in one domain of 2 threads, pulled from a source in it",
            "events/s",
            peer,
            Better::Higher,
            2.5,
        )
        .rounds(pairs(pulled, tokio, Sample::rate)),
    );
    table.row(
        Row::beside(
            "chain-domain/one-thread",
            "chain-domain with one thread instead of two",
            "events/s",
            peer,
            Better::Higher,
        )
        .rounds(pairs(one, tokio, Sample::rate)),
    );
}

/// The bench's own thread offers, one event after the other.
fn one_by_one(tally: &Tally, events: usize, offer: impl Fn(Event)) -> Sample {
    let events = scaled(events) as u64;
    tally.time(events, || (0..events).map(Event::numbered).for_each(offer))
}

/// The bench's own thread offers a `Vec` at a time.
fn in_batches(tally: &Tally, offer: impl Fn(Vec<Event>)) -> Sample {
    let batches = (scaled(EVENTS) / BATCH) as u64;
    let batch = |index: u64| (0..BATCH as u64).map(|place| Event::numbered(index * BATCH as u64 + place)).collect();
    tally.time(batches * BATCH as u64, || (0..batches).map(batch).for_each(offer))
}

/// A finite source in the domain, from before the start to the last event at the sink; then the pipeline ends by itself.
fn pulled(tally: &Arc<Tally>) -> Sample {
    let events = scaled(EVENTS_PULLED) as u64;
    let p = pulled_chain(events, DOMAIN_THREADS, tally.counters());
    let target = tally.count() + events;
    let mut running = None;
    let sample = tally.time(events, || {
        running = Some(p.start().expect("the chain passes the checks"));
        // Nobody offers, so the wait lasts for the whole slice: seldom, as each look takes a core from the workers.
        tally.wait(target, Duration::from_millis(1));
    });
    let report = running.map(Running::finish).expect("it was started");
    assert!(report.balanced(), "{report}");
    sample
}

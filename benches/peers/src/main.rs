//! The chain of `chain-own` on frameworks: gasket (a thread per stage), kameo (an actor per stage) and tower's buffer
//! (a service per stage); own pools against each.

mod actors;
mod services;
mod staged;

use seda_bench::{Better, Event, Row, Sample, Table, Tally, interleave_sliced, own_chain, pairs, rounds, scaled};

/// A slice of our own chain; four make a round.
const EVENTS: usize = 400_000;
/// The peers move about a million a second or less.
const EVENTS_OF_PEERS: usize = EVENTS / 10;

fn main() {
    let tally = Tally::new();
    let own = own_chain(true, tally.counters());
    let gasket = staged::Chain::start(tally.counter());
    let kameo = actors::Chain::start(tally.counter());
    let tower = services::Chain::start(tally.counter());
    let of_peers = scaled(EVENTS_OF_PEERS) as u64;
    let samples = interleave_sliced(
        rounds(),
        &mut [
            &mut || {
                let events = scaled(EVENTS) as u64;
                let offer = |event| own.entry.offer(event).expect("the chain is open");
                tally.time(events, || (0..events).map(Event::numbered).for_each(offer))
            },
            &mut || tally.time(of_peers, || gasket.offer_all(of_peers)),
            &mut || tally.time(of_peers, || kameo.offer_all(of_peers)),
            &mut || tally.time(of_peers, || tower.offer_all(of_peers)),
        ],
    );
    let mut table = Table::new("peers");
    for (peer, theirs) in ["gasket", "kameo", "tower"].into_iter().zip(&samples[1..]) {
        let ask = "saturated chain of 3 no-op stages, 48-byte events offered one by one, own pools";
        table.row(Row::beside(format!("peers/{peer}"), ask, "events/s", peer, Better::Higher).rounds(pairs(
            &samples[0],
            theirs,
            Sample::rate,
        )));
        table.row(
            Row::beside(format!("peers/{peer}-cpu"), "the same: processor time per event", "ns", peer, Better::Lower)
                .rounds(pairs(&samples[0], theirs, Sample::cpu_ns)),
        );
    }
    table.finish();
}

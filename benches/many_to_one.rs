//! How fast do four offering threads get events into one stage of two threads?
//!
//! Row: many-to-one.

use std::{sync::Barrier, thread};

use seda::prelude::*;
use seda_bench::{BOUND, Better, Event, Row, Sample, Table, Tally, interleave_sliced, pairs, pass_to, rounds, scaled};

/// A slice, a quarter of it per offering thread; four slices make a round.
const EVENTS: usize = 400_000;
const OFFERERS: u64 = 4;
const WORKERS: usize = 2;

fn main() {
    let tally = Tally::new();
    let mut p = Pipeline::named("many-to-one");
    let counters = tally.counters();
    let inlet = p.sink("one", per_worker(move || pass_to(counters())).threads(WORKERS).queue(BOUND));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let channel = crossbeam(&tally);
    let samples = interleave_sliced(
        rounds(),
        &mut [&mut || many(&tally, |event| entry.offer(event).expect("the stage is open")), &mut || {
            many(&tally, |event| channel.send(event).expect("the workers are alive"))
        }],
    );
    let ask = "four offering threads into one stage of two threads";
    let peer = "crossbeam-channel(1024)";
    let mut table = Table::new("many_to_one");
    table.row(Row::paired("many-to-one", ask, "events/s", peer, Better::Higher, 1.0).rounds(pairs(
        &samples[0],
        &samples[1],
        Sample::rate,
    )));
    table.row(
        Row::beside("many-to-one/cpu", "the same: processor time per event", "ns", peer, Better::Lower).rounds(pairs(
            &samples[0],
            &samples[1],
            Sample::cpu_ns,
        )),
    );
    table.finish();
}

/// Two threads that receive from one channel, until its senders are gone.
fn crossbeam(tally: &Tally) -> crossbeam_channel::Sender<Event> {
    let (sender, receiver) = crossbeam_channel::bounded(BOUND);
    for _ in 0..WORKERS {
        let (receiver, sink) = (receiver.clone(), tally.counter());
        thread::spawn(move || receiver.into_iter().for_each(pass_to(sink)));
    }
    sender
}

/// One slice. The offering threads have started before the clock does.
fn many(tally: &Tally, offer: impl Fn(Event) + Sync) -> Sample {
    let share = scaled(EVENTS) as u64 / OFFERERS;
    let barrier = Barrier::new(OFFERERS as usize + 1);
    thread::scope(|scope| {
        for offerer in 0..OFFERERS {
            let (barrier, offer) = (&barrier, &offer);
            scope.spawn(move || {
                barrier.wait();
                barrier.wait();
                (offerer * share..(offerer + 1) * share).map(Event::numbered).for_each(offer);
            });
        }
        barrier.wait();
        tally.time(share * OFFERERS, || _ = barrier.wait())
    })
}

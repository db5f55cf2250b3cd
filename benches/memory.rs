//! How many bytes beyond its own size does an event take in a full queue of 1,000?
//!
//! Row: memory.

use std::sync::mpsc;

use seda::prelude::*;
use seda_bench::{Better, CountingAlloc, Event, Row, Table, rounds};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

const BOUND: usize = 1_000;

fn main() {
    // Against a queue of one that is empty: whatever the stage takes beside its queue is in both, and a queue that sets
    // its memory aside at the start is not counted as free.
    let per_event = |_| (in_use(BOUND, BOUND) - in_use(1, 0)) / BOUND as f64 - size_of::<Event>() as f64;
    let extra: Vec<f64> = (0..rounds()).map(per_event).collect();
    let mut table = Table::new("memory");
    let ask = "a 48-byte event in a full queue of 1,000: heap bytes beyond its own";
    table.row(Row::single("memory", ask, "bytes", Better::Lower, 48.0).values(extra));
    table.finish();
}

/// Bytes that a pipeline has in use whose queue, of that bound, holds so many events.
fn in_use(bound: usize, queued: usize) -> f64 {
    let before = ALLOC.live() as f64;
    let (holds, held) = mpsc::sync_channel::<()>(0);
    let (go, gate) = mpsc::sync_channel::<()>(0);
    let gate = std::sync::Mutex::new(gate);
    let mut p = Pipeline::named("full");
    let stuck = move |_: Event| {
        // Both ends fail once the measuring is over, and then the handler runs free.
        let _ = holds.send(());
        let _ = gate.lock().expect("nobody panics with the gate").recv();
    };
    let inlet = p.sink("stuck", stuck.threads(1).queue(bound).when_full(WhenFull::Reject));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    entry.try_offer(Event::numbered(0)).expect("the queue is empty");
    held.recv().expect("the handler holds its first event");
    for number in 1..=queued as u64 {
        entry.try_offer(Event::numbered(number)).expect("the bound is not reached");
    }
    let live = ALLOC.live() as f64 - before;
    let full = entry.try_offer(Event::numbered(0)).is_err();
    assert_eq!(full, queued == bound, "the queue takes as many as its bound");
    drop((held, go));
    drop(running);
    live
}

//! A full queue gives the event back: wait for room, try once, or wait a while; nothing is lost in silence.
//!
//! Type:
//! ```sh
//! cargo run --release --example 05_full_queue
//! ```
//! See:
//! ```text
//! 2 wait in a queue of 2
//! try_offer: event 4 came back, the queue is full
//! offer_timeout: event 4 came back, the queue is full
//! offer_many: events [4, 5, 6] came back, more events at once than the queue's bound of 2; offer fewer, or raise the bound
//! offer: waited for room
//! 4 done
//! ```

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use seda::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A worker that we can hold: it says which event it has taken, and goes on when the gate is open.
    let (begin, begun) = sync_channel(9);
    let gate = Arc::new(Mutex::new(()));
    let at_gate = gate.clone();
    let hold = move |event: u32| {
        begin.send(event).expect("main listens until the drain");
        drop(at_gate.lock());
    };

    let mut p = Pipeline::named("narrow");
    let inlet = p.sink("hold", hold.queue(2).batch_max(1));
    let running = p.start()?;
    let entry = running.entry(inlet);

    let held = gate.lock().map_err(|_| "a handler panicked")?;
    entry.offer(1)?;
    begun.recv()?; // the worker has event 1, so the queue is empty
    entry.offer(2)?;
    entry.offer(3)?;
    println!("{} wait in a queue of 2", running.snapshot().stages[0].queue_len);

    if let Err(Refused { event, why, .. }) = entry.try_offer(4) {
        println!("try_offer: event {event} came back, {why}");
    }
    if let Err(Refused { event, why, .. }) = entry.offer_timeout(4, ms(5)) {
        println!("offer_timeout: event {event} came back, {why}");
    }
    if let Err(Refused { event, why, .. }) = entry.offer_many(vec![4, 5, 6]) {
        println!("offer_many: events {event:?} came back, {why}");
    }

    drop(held);
    entry.offer(4)?;
    println!("offer: waited for room");
    println!("{} done", running.drain(Deadlines::default()).ledger().stages[0].done);
    Ok(())
}

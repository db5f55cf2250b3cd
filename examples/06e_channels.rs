//! Channels that a program has already: a receiver is a source, a bounded sender is a sink.
//!
//! Type:
//! ```sh
//! cargo run --release --features crossbeam --example 06e_channels
//! ```
//! See:
//! ```text
//! received 1 4 9
//! the receiver has gone: 16 was not delivered, the other side is gone
//! 4 squared
//! ```

use std::sync::mpsc::sync_channel;

use seda::prelude::*;
use seda::stages::{Undelivered, from_channel, to_channel};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (send, numbers) = sync_channel(4); // std's
    let (out, squares) = crossbeam_channel::bounded(4);

    let mut p = Pipeline::named("squares");
    let numbers = p.source("numbers", from_channel(numbers)); // ends when the last sender is gone
    let squared = p.then("square", numbers, |n: u64| n * n);
    let lost = p.then_with("out", squared, to_channel(out)).some(); // what the channel did not take
    p.end("lost", lost, |lost: Undelivered<u64>| {
        println!("the receiver has gone: {} was not delivered, {}", lost.event, lost.why);
    });
    let running = p.start()?;

    (1..=3).try_for_each(|n| send.send(n))?;
    let received: Vec<String> = squares.iter().take(3).map(|n: u64| n.to_string()).collect();
    println!("received {}", received.join(" "));

    drop(squares);
    send.send(4)?;
    drop(send);
    let report = running.finish();
    println!("{} squared", report.ledger().stage("square").ok_or("no such stage")?.done);
    Ok(())
}

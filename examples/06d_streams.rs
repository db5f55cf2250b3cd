//! Streams and sinks of the `futures` crates: into a pipeline and out of it, at its ends or at an entry.
//!
//! Type:
//! ```sh
//! cargo run --release --features futures --example 06d_streams
//! ```
//! See:
//! ```text
//! out of the stream: 1 4 9 16 25 36
//! what nobody read came back: 49
//! balanced: true
//! ```

use futures_util::{StreamExt, stream};
use seda::prelude::*;
use seda::stages::{Undelivered, entry_sink, from_stream, to_stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut p = Pipeline::named("squares");
    // A stream is a source: polled while there is room, woken by its own waker. An unread one holds its pipeline back.
    let numbers = p.source("numbers", from_stream(stream::iter(1..=3)));
    let (head, squared) = p.stage("square", |n: u64| n * n);
    p.link(numbers, head);

    // And an outlet is a stream: at most 8 events wait in it, and a stage that finds it full waits.
    let (sink, mut squares) = to_stream(8);
    let lost = p.then_with("out", squared, sink).some();
    p.end("lost", lost, |lost: Undelivered<u64>| println!("what nobody read came back: {}", lost.event));
    let running = p.start()?;

    let mut read = Vec::new();
    for _ in 0..3 {
        read.extend(squares.next().await);
    }
    // An entry is a sink: it waits for room before it takes what is to be sent.
    stream::iter(4..=6).map(Ok).forward(entry_sink(running.entry(head))).await?;
    for _ in 0..3 {
        read.extend(squares.next().await);
    }
    println!("out of the stream: {}", read.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));

    // Nobody reads any more: what comes now has a way of its own.
    drop(squares);
    running.entry(head).offer_async(7).await?;
    let report = running.drain_async(Deadlines::default()).await;
    println!("balanced: {}", report.balanced());
    Ok(())
}

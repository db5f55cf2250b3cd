//! A domain is threads that stages share: an event runs on from stage to stage without a thread hop.
//!
//! Type:
//! ```sh
//! cargo run --release --example 08_domains
//! ```
//! See:
//! ```text
//! own pools:    decode-0, price-0, store-0
//! one domain:   quick-0, quick-0, quick-0
//! with a limit: at most 1 of 4 threads in `store` at once
//! stage            domain   threads  limit  done
//! decode           quick          4      4    64
//! price            quick          4      4    64
//! store            quick          4      1    64
//! ```

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use seda::prelude::*;

/// The way of an event: the names of the threads that handled it.
type Way = Vec<String>;

/// A stage that notes who runs it. Threads are named after their domain; an own pool is a domain of one stage.
fn note(mut way: Way) -> Way {
    way.push(thread::current().name().unwrap_or("?").to_string());
    way
}

/// The same three stages, each on what `place` says; the way of one event through them.
fn way_of_one(domain: bool) -> Result<Way, Box<dyn std::error::Error>> {
    let (store, stored) = mpsc::sync_channel(1);
    let mut p = Pipeline::named("ways");
    let quick = domain.then(|| p.domain("quick", 1));
    let ways = p.source("ways", [Way::new()]);
    let on = |handler: fn(Way) -> Way| match &quick {
        Some(quick) => handler.on(quick),
        None => handler.threads(1),
    };
    let decoded = p.then_with("decode", ways, on(note));
    let priced = p.then_with("price", decoded, on(note));
    let noted = p.then_with("store", priced, on(note));
    p.end("end", noted, move |way| store.send(way).expect("main listens"));
    p.start()?.finish();
    Ok(stored.recv()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("own pools:    {}", way_of_one(false)?.join(", "));
    println!("one domain:   {}", way_of_one(true)?.join(", "));

    // In a domain each stage keeps its queue, its admission, its numbers, and its limit: how many of the workers it may have.
    let (inside, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let store = move |_: Way| {
        seen.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
        inside.fetch_sub(1, SeqCst);
    };
    let mut p = Pipeline::named("limited");
    let quick = p.domain("quick", 4);
    let (ways, decoded) = p.stage("decode", note.on(&quick));
    let priced = p.then_with("price", decoded, note.on(&quick));
    p.end_with("store", priced, store.on(&quick).limit(1));
    let running = p.start()?;
    running.entry(ways).offer_many(vec![Way::new(); 64])?;
    while running.ledger().stages.iter().any(|row| row.done < 64) {
        thread::yield_now();
    }
    println!("with a limit: at most {} of 4 threads in `store` at once", most.load(SeqCst));
    println!("{:<16} {:<8} {:>7} {:>6} {:>5}", "stage", "domain", "threads", "limit", "done");
    for stage in running.snapshot().stages {
        let (done, limit) = (stage.counts.done, stage.limit);
        println!("{:<16} {:<8} {:>7} {:>6} {:>5}", stage.name, stage.domain, stage.threads, limit, done);
    }
    Ok(())
}

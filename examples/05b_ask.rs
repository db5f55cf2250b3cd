//! Request and reply: `ask` gives the answer, or says as a value why there is none.
//!
//! Type:
//! ```sh
//! cargo run --release --example 05b_ask
//! ```
//! See:
//! ```text
//! 7 squared is 49
//! 9: no answer in time
//! 10: refused, the queue is full
//! 8 squared is 64
//! 2 done, 1 expired before it was handled, 1 refused by the full queue
//! ```

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;

use seda::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // As in the example before: a worker that says what it has taken, and waits at a gate.
    let (begin, begun) = sync_channel(9);
    let gate = Arc::new(Mutex::new(()));
    let at_gate = gate.clone();
    let square = move |n: u64| {
        begin.send(n).expect("main listens until the drain");
        drop(at_gate.lock());
        n * n
    };

    let mut p = Pipeline::named("squares");
    let (square, squared) = p.stage("square", square.queue(1).when_full(WhenFull::Reject).batch_max(1));
    let (ask, answer) = p.ask(square); // in at `square`, out at whatever is linked to `answer`
    p.link(squared, answer);
    let running = p.start()?;

    // `.wait()` asks and blocks this thread; in async code it is `ask.ask(7, secs(10)).await`, on any runtime.
    tell(7, ask.ask(7, secs(10)).wait());
    begun.recv()?;

    // Another thread asks for 8, and the worker is held with it. So 9 waits in the queue, and 10 finds that full.
    let held = gate.lock().map_err(|_| "a handler panicked")?;
    let patient = ask.clone();
    let asking = thread::spawn(move || patient.ask(8, secs(10)).wait());
    begun.recv()?;
    tell(9, ask.ask(9, ms(20)).wait());
    tell(10, ask.ask(10, ms(20)).wait());
    drop(held);
    tell(8, asking.join().map_err(|_| "the asking thread panicked")?);

    let report = running.drain(Deadlines::default());
    let row = report.ledger().stage("square").ok_or("no such stage")?.clone();
    let (done, expired, full) = (row.done, row.expired, row.full);
    println!("{done} done, {expired} expired before it was handled, {full} refused by the full queue");
    Ok(())
}

/// How an ask ended.
fn tell(n: u64, reply: Result<u64, AskError<u64>>) {
    match reply {
        Ok(square) => println!("{n} squared is {square}"),
        Err(AskError::Refused(Refused { event, why, .. })) => println!("{event}: refused, {why}"),
        Err(why) => println!("{n}: {why}"),
    }
}

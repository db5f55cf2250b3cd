//! A first stage: give it events, stop, and read where each of them ended.
//!
//! Type:
//! ```sh
//! cargo run --release --example 01_first_stage
//! ```
//! See:
//! ```text
//! hello, Ada
//! hello, Grace
//! hello, Edsger
//! 3 offered, 3 done, 0 left: the ledger balances
//! ```

use seda::prelude::*;

/// A plain function is a handler: it takes an event and returns what it makes of it.
fn greet(name: String) -> String {
    format!("hello, {name}")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut p = Pipeline::named("hello");
    let (names, greetings) = p.stage("greet", greet);
    p.end("print", greetings, |line: String| println!("{line}"));

    // Every mistake in the wiring is told here, before a thread is started.
    let running = p.start()?;
    let names = running.entry(names);
    for name in ["Ada", "Grace", "Edsger"] {
        names.offer(name.to_string())?;
    }

    // No more offers, finish what is queued, stop; the report says what became of each event.
    let report = running.drain(Deadlines::default());
    let row = report.ledger().stage("greet").ok_or("no such stage")?.clone();
    let balance = if report.balanced() { "balances" } else { "does not balance" };
    println!("{} offered, {} done, {} left: the ledger {balance}", row.offered, row.done, row.left);
    Ok(())
}

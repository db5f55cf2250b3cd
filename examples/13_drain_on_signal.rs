//! A service that stops on Ctrl-C or SIGTERM: it takes no more, finishes what is queued within a deadline, and says what
//! became of everything. seda takes no signals: that is for `main` to decide.
//!
//! Type:
//! ```sh
//! cargo run --release --example 13_drain_on_signal
//! ```
//! See:
//! ```text
//! order 3: an orchestrator sends SIGTERM
//! SIGTERM: stopping; again to leave at once
//! stage               offered  refused       done failed expired dropped   left
//! bill                     20        0         20      0       0       0      0
//! print                    20        0         20      0       0       0      0
//! orders: stopped in …, the ledger adds up
//! order 21 came back: the pipeline takes no more offers
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use seda::prelude::*;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, iterator::Signals, low_level::raise};

/// What a shell expects of a program that a second Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// Sends this very process the signal, as an orchestrator would, while orders are on their way.
fn bill(order: u32) -> u32 {
    if order == 3 {
        println!("order {order}: an orchestrator sends SIGTERM");
        raise(SIGTERM).expect("the signal exists");
    }
    order
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Before the pipeline, so that no signal finds us without a handler. The second one ends the process: armed by the first.
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED, stopping.clone())?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;

    let mut p = Pipeline::named("orders");
    let (orders, bills) = p.stage("bill", bill);
    p.end("print", bills, drop);
    let running = p.start()?;
    let entry = running.entry(orders);
    entry.offer_many((1..=20).collect())?;

    // Wait here for as long as the service lives.
    let signal = signals.forever().next();
    stopping.store(true, Ordering::SeqCst);
    println!("{}: stopping; again to leave at once", if signal == Some(SIGTERM) { "SIGTERM" } else { "SIGINT" });

    // Less than the orchestrator waits before it kills: 30 s is the default of Kubernetes.
    let report = running.drain(Deadlines { finish: secs(20), cancel: secs(5) });
    println!("{report}");
    if let Err(Refused { event, why, .. }) = entry.offer(21) {
        println!("order {event} came back: {why}"); // its sender can be told so, or it can be kept
    }
    std::process::exit(if report.left() == 0 { 0 } else { 1 })
}

//! Ten times more orders than four threads can price: with a queue of 1000, with an objective of 50 ms, and with that and work
//! that gets cheaper under pressure. On virtual time, so a minute of it takes a moment.
//!
//! Type:
//! ```sh
//! cargo run --release --features sim --example 15_overload
//! ```
//! See:
//! ```text
//! load  admission       good/s  refused  p99
//! 0.8   queue of 1000      806      0 %    29 ms
//! 0.8   slo                805      0 %    28 ms
//! 0.8   slo, degrading     806      0 %    24 ms
//! 10    queue of 1000        0     90 %  1081 ms
//! 10    slo                994     90 %    20 ms
//! 10    slo, degrading    1989     80 %    10 ms
//! ```

use seda::prelude::*;
use seda::sim::{Arrivals, Results, Run, Service};
use seda::{Degrade, Quality, Slo, StartError};

/// Four threads of 4 ms: 1000 orders a second at full quality.
const CAPACITY: f64 = 1000.0;
const OBJECTIVE: std::time::Duration = ms(50);

#[derive(Clone, Copy)]
enum Admit {
    Queue,
    Slo,
    Degrading,
}

fn run(load: f64, admit: Admit) -> Result<Results, StartError> {
    let mut p = Pipeline::named("orders");
    let quality = Quality::new(0.5..=1.0); // at its least an order takes half of the time
    // Your own handler reads it: how many offers to compare, how large a picture, whether to ask the slow service.
    let read = quality.clone();
    let price = move |_order: u64| _ = read.level();
    let price = price.threads(4);
    let orders = match admit {
        Admit::Queue => p.sink("price", price.queue(1000).when_full(WhenFull::Reject)),
        Admit::Slo => p.sink("price", price.slo(OBJECTIVE)),
        Admit::Degrading => p.sink("price", price.admission(Degrade::new(Slo::new(OBJECTIVE), &quality))),
    };
    Run::new(p)
        .entry(orders, Arrivals::poisson(load * CAPACITY), |number| number)
        .service("price", Service::exponential(ms(4)).scaled(move || quality.level()))
        .slo(OBJECTIVE)
        .seed(7)
        .warm_up(secs(2))
        .during(secs(62))
}

fn main() -> Result<(), StartError> {
    println!("load  admission       good/s  refused  p99");
    for load in [0.8, 10.0] {
        for (name, admit) in
            [("queue of 1000", Admit::Queue), ("slo", Admit::Slo), ("slo, degrading", Admit::Degrading)]
        {
            let results = run(load, admit)?;
            let (refused, p99) = (100.0 * results.all.refused_share(), results.all.latency.p99.as_millis());
            println!("{load:<4}  {name:<14}  {:>6.0}  {refused:>5.0} %  {p99:>4} ms", results.goodput());
        }
    }
    Ok(())
}

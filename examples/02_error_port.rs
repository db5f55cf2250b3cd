//! A handler that can fail has an error port: a typed edge that cannot be forgotten. Several of them may lead to one place.
//!
//! Type:
//! ```sh
//! cargo run --release --example 02_error_port
//! ```
//! See:
//! ```text
//! paid: order 1, 250 cents; order 4, 99 cents
//! parked: "" has no number; "two apples" has no number; order 3 is not paid: the card is refused
//! decode: 5 offered, 5 done, 0 failed
//! charge: 3 offered, 3 done, 0 failed
//! ```

use seda::{prelude::*, test::collect};

struct Order {
    id: u64,
    cents: u64,
}

#[derive(Debug)]
struct NoNumber(&'static str);

#[derive(Debug)]
struct Unpaid {
    id: u64,
    why: &'static str,
}

fn decode(line: &'static str) -> Result<Order, NoNumber> {
    let mut numbers = line.split(' ').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(id)), Some(Ok(cents))) => Ok(Order { id, cents }),
        _ => Err(NoNumber(line)),
    }
}

fn charge(order: Order) -> Result<Order, Unpaid> {
    if order.cents < 100_000 { Ok(order) } else { Err(Unpaid { id: order.id, why: "the card is refused" }) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut p = Pipeline::named("orders");
    let lines = p.source("lines", ["1 250", "two apples", "3 250000", "4 99", ""]);

    // `.tried()` opens an outlet of `Result`s: values here, errors there. Leave one open, and the pipeline does not start.
    let (orders, no_number) = p.then("decode", lines, decode).tried();
    let (paid, unpaid) = p.then("charge", orders, charge).tried();

    // Two kinds of error, one place to park them: `.map` makes them alike on the edge.
    let (park, parked) = p.stage("park", |why: String| why);
    p.link(no_number.map(|NoNumber(line)| format!("{line:?} has no number")), park);
    p.link(unpaid.map(|Unpaid { id, why }| format!("order {id} is not paid: {why}")), park);
    let parked = collect(&mut p, "parked", parked); // a sink that keeps what comes to it
    let paid = collect(&mut p, "paid", paid.map(|order| format!("order {}, {} cents", order.id, order.cents)));
    let report = p.start()?.finish(); // a pipeline of finite sources ends by itself

    let mut parked = parked.take();
    parked.sort(); // two stages filled it, each on its own thread
    println!("paid: {}\nparked: {}", paid.take().join("; "), parked.join("; "));
    // An error is an answer: the event is done. Failed are those whose handler panicked.
    for row in report.ledger().stages.iter().filter(|row| row.name == "decode" || row.name == "charge") {
        println!("{}: {} offered, {} done, {} failed", row.name, row.offered, row.done, row.failed);
    }
    Ok(())
}

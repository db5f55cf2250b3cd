//! A handler that can fail has an error port, and an enum has a port for each variant; none of them can be forgotten.
//!
//! Type:
//! ```sh
//! cargo run --release --example 02_branch_and_error_port
//! ```
//! See:
//! ```text
//! shipped: 1 for 250 cents, 4 for 99 cents
//! to look at: 3 for 250000 cents
//! not an order: "two apples", ""
//! ```

use std::sync::mpsc::{Receiver, sync_channel};

use seda::{Branches, prelude::*};

struct Order {
    id: u64,
    cents: u64,
}

/// `Result`: `.tried()` opens it into the orders and, apart, the lines that are none.
fn decode(line: &'static str) -> Result<Order, &'static str> {
    let mut numbers = line.split(' ').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(id)), Some(Ok(cents))) => Ok(Order { id, cents }),
        _ => Err(line),
    }
}

/// A branch is an enum: `.route()` opens it into an outlet for each variant.
enum Priced {
    Paid(Order),
    Fraud(Order),
}

struct PricedPorts {
    paid: Outlet<Order>,
    fraud: Outlet<Order>,
}

impl Route for Priced {
    type Ports = PricedPorts;

    fn open(outlet: Outlet<Self>) -> PricedPorts {
        let mut branches = Branches::of(outlet);
        let (to_paid, paid) = branches.port("paid");
        let (to_fraud, fraud) = branches.port("fraud");
        branches.split(move |priced, to| match priced {
            Priced::Paid(order) => to.give(to_paid, order),
            Priced::Fraud(order) => to.give(to_fraud, order),
        });
        PricedPorts { paid, fraud }
    }
}

fn price(order: Order) -> Priced {
    if order.cents < 100_000 { Priced::Paid(order) } else { Priced::Fraud(order) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three sinks on three threads: each notes what came, so that the order of the output is not theirs.
    let ((ship, shipped), (review, reviewed), (park, parked)) = (sync_channel(9), sync_channel(9), sync_channel(9));
    let told = |order: Order| format!("{} for {} cents", order.id, order.cents);

    let mut p = Pipeline::named("orders");
    let lines = p.source("lines", ["1 250", "two apples", "3 250000", "4 99", ""]);
    let (orders, bad) = p.then("decode", lines, decode).tried();
    let PricedPorts { paid, fraud } = p.then("price", orders, price).route();
    p.end("ship", paid.map(told), move |order| ship.send(order).unwrap());
    p.end("review", fraud.map(told), move |order| review.send(order).unwrap());
    p.end("park", bad, move |line| park.send(format!("{line:?}")).unwrap());
    p.start()?.finish(); // a pipeline of finite sources ends by itself

    let list = |noted: Receiver<String>| noted.iter().collect::<Vec<_>>().join(", ");
    println!("shipped: {}\nto look at: {}\nnot an order: {}", list(shipped), list(reviewed), list(parked));
    Ok(())
}

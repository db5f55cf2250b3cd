// A sink that gives something.
use seda::prelude::*;

fn ship(order: u64) -> Option<u64> {
    (order > 9).then_some(order)
}

fn main() {
    let mut p = Pipeline::named("orders");
    let _orders = p.sink("ship", ship.queue(5));
}

// An event has one key.
use seda::prelude::*;

#[derive(Event)]
struct Order {
    #[event(key)]
    id: u64,
    #[event(key)]
    customer: u64,
}

fn main() {
    let _order = Order { id: 7, customer: 8 };
}

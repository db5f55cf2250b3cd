// The derive is for what an event says of itself; this one says nothing.
use seda::prelude::*;

#[derive(Event)]
struct Order {
    id: u64,
}

fn main() {
    let _order = Order { id: 7 };
}

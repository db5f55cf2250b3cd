// A key that cannot be hashed.
use seda::prelude::*;

#[derive(Event)]
struct Order {
    #[event(key)]
    cents: f64,
}

fn main() {
    let _order = Order { cents: 7.0 };
}

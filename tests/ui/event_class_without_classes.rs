// A class among how many?
use seda::prelude::*;

#[derive(Event)]
struct Order {
    #[event(class)]
    tier: u8,
}

fn main() {
    let _order = Order { tier: 1 };
}

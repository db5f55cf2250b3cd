// An enum has no fields to mark.
use seda::prelude::*;

#[derive(Event)]
enum Order {
    Paper(u64),
}

fn main() {
    let _order = Order::Paper(7);
}

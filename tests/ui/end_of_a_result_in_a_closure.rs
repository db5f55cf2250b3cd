// The same in a closure: rustc speaks first, of the value where it stands.
use seda::prelude::*;

struct NoStock;

fn ship(order: u64) -> Result<(), NoStock> {
    if order > 9 { Err(NoStock) } else { Ok(()) }
}

fn main() {
    let mut p = Pipeline::named("orders");
    let orders = p.source("orders", 0..9u64);
    p.end("ship", orders, |order| ship(order));
}

// A handler with options, given to what takes a function alone.
use seda::prelude::*;

fn price(order: u64) -> u64 {
    order * 2
}

fn main() {
    let mut p = Pipeline::named("orders");
    let orders = p.source("orders", 0..9u64);
    let _priced = p.then("price", orders, price.threads(4));
}

// A function that wants its context, given to what takes a function of the event alone: it goes with `then_with`.
use seda::prelude::*;

fn price(order: u64, cx: &Cx) -> u64 {
    if cx.is_draining() { 0 } else { order * 2 }
}

fn main() {
    let mut p = Pipeline::named("orders");
    let orders = p.source("orders", 0..9u64);
    let _priced = p.then("price", orders, price);
}

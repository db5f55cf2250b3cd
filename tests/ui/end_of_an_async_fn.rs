// An async function at the end of a way.
use seda::prelude::*;

async fn ship(_order: u64) {}

fn main() {
    let mut p = Pipeline::named("orders");
    let orders = p.source("orders", 0..9u64);
    p.end("ship", orders, ship);
}

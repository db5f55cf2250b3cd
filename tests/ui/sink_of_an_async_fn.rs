// An async function as a sink, without `task(..)`.
use seda::prelude::*;

async fn ship(_order: u64) {}

fn main() {
    let mut p = Pipeline::named("orders");
    let _orders = p.sink("ship", ship);
}

// A handler with options behind an outlet of another event.
use seda::prelude::*;

struct Order;
struct Priced;

fn ship(_: Priced) -> u64 {
    7
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_decode, orders) = p.stage("decode", |_: String| Order);
    let _shipped = p.then_with("ship", orders, ship.queue(10));
}

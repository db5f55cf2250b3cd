// The same mistake where the stage is made with its edge.
use seda::prelude::*;

struct Order;
struct Priced;

fn ship(_: Priced) {}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_, orders) = p.stage("decode", |_: String| Order);
    p.end("ship", orders, ship);
}

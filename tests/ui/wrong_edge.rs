// An outlet linked to an inlet of another type.
use seda::prelude::*;

struct Order;
struct Priced;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_, orders) = p.stage("decode", |_: String| Order);
    let (ship, _shipped) = p.stage("ship", |_: Priced| ());
    p.link(orders, ship);
}

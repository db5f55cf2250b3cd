// `.described()` on a handler whose event says nothing of itself.
use seda::prelude::*;

struct Order;

fn main() {
    let mut p = Pipeline::named("orders");
    let ship = |_: Order| 1;
    let (_ship, _shipped) = p.stage("ship", ship.described());
}

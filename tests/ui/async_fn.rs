// An async function where a plain one is meant: the future itself becomes the event.
use seda::prelude::*;

struct Order;

async fn decode(_: String) -> Order {
    Order
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_, orders) = p.stage("decode", decode);
    let (ship, _shipped) = p.stage("ship", |_: Order| ());
    p.link(orders, ship);
}

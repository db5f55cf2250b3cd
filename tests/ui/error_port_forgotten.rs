// A stage that can fail, linked as if it could not.
use seda::prelude::*;

struct Order;
struct BadOrder;

fn decode(_: String) -> Result<Order, BadOrder> {
    Ok(Order)
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_, orders) = p.stage("decode", decode);
    let (ship, _shipped) = p.stage("ship", |_: Order| ());
    p.link(orders, ship);
}

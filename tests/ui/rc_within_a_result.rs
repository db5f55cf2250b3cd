// A stage that can fail, whose events hold what cannot move between threads.
use std::rc::Rc;

use seda::prelude::*;

struct Order {
    lines: Rc<Vec<String>>,
}

fn decode(text: String) -> Result<Order, String> {
    Ok(Order { lines: Rc::new(vec![text]) })
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_decode, _orders, _bad) = p.stage("decode", decode).tried();
}

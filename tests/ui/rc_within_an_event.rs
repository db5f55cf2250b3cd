// An event of which one field cannot move between threads.
use std::rc::Rc;

use seda::prelude::*;

struct Order {
    lines: Rc<Vec<String>>,
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_count, _counts) = p.stage("count", |order: Order| order.lines.len());
}

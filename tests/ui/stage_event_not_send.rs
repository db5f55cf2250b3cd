// An event that cannot move between threads, told where the stage is added.
use std::rc::Rc;

use seda::prelude::*;

#[stage(Share, queue = 10)]
fn share(n: u8) -> Rc<u8> {
    Rc::new(n)
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_share, _shared) = p.add(Share);
}

// The same below `#[stage]`.
use std::rc::Rc;

use seda::prelude::*;

#[stage(LookUp)]
async fn look_up(id: u64) -> u64 {
    let shared = Rc::new(id);
    std::future::ready(()).await;
    *shared
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_look_up, _found) = p.add(LookUp);
}

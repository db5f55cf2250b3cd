// An async handler outlives the call, so it cannot borrow its context.
use seda::prelude::*;

async fn look_up(id: u64, _cx: &Cx) -> u64 {
    id
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_look_up, _found) = p.stage("look-up", task(look_up));
}

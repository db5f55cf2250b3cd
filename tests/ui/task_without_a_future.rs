// `task` around a plain function.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let (_look_up, _found) = p.stage("look-up", task(|id: u64| id));
}

// The function is added in place of the type that `#[stage]` makes of it.
use seda::prelude::*;

#[stage(LookUp)]
fn look_up(id: u64) -> String {
    id.to_string()
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_look_up, _found) = p.add(look_up);
    let _ = LookUp;
}

// An option whose value does not fit.
use seda::prelude::*;

#[stage(LookUp, queue = "many")]
fn look_up(id: u64) -> String {
    id.to_string()
}

fn main() {}

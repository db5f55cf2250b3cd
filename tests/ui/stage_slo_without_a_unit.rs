// An objective as text that is no time.
use seda::prelude::*;

#[stage(LookUp, slo = "50")]
fn look_up(id: u64) -> String {
    id.to_string()
}

fn main() {}

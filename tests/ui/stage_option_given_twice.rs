// The same option twice in one attribute.
use seda::prelude::*;

#[stage(LookUp, queue = 100, threads = 4, queue = 500)]
fn look_up(id: u64) -> String {
    id.to_string()
}

fn main() {
    look_up(7);
}

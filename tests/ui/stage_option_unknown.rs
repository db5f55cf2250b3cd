// An option that there is not, but nearly.
use seda::prelude::*;

#[stage(LookUp, thread = 4)]
fn look_up(id: u64) -> String {
    id.to_string()
}

fn main() {
    look_up(7);
}

// `#[stage]` above a function, without the name of the type that it makes.
use seda::prelude::*;

#[stage]
fn look_up(id: u64) -> String {
    id.to_string()
}

fn main() {
    look_up(7);
}

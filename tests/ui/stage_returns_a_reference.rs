// A handler that returns what it only borrows.
use seda::prelude::*;

struct Names(Vec<String>);

#[stage(LookUp)]
fn look_up(id: usize, names: &Names) -> &str {
    &names.0[id]
}

fn main() {}

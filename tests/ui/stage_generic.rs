// A generic function has no one event.
use seda::prelude::*;

#[stage(Show)]
fn show<T: ToString>(event: T) -> String {
    event.to_string()
}

fn main() {
    show(7);
}

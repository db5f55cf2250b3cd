// An event that does not own its data.
use seda::prelude::*;

fn main() {
    let mut p = Pipeline::named("orders");
    let text = String::from("1 250");
    let _outlet = p.source("words", text.split(' '));
}

// A branch that cannot move between threads.
use std::rc::Rc;

use seda::prelude::*;

#[derive(Route)]
enum Priced {
    Paid(Rc<u64>),
    Lost,
}

fn main() {
    let _priced = (Priced::Paid(Rc::new(7)), Priced::Lost);
}

// A branch of which one port is not taken.
use seda::{Branches, prelude::*};

enum Priced {
    Paid(u64),
    Fraud(u64),
}

struct PricedPorts {
    paid: Outlet<u64>,
    fraud: Outlet<u64>,
}

impl Route for Priced {
    type Ports = PricedPorts;

    fn open(outlet: Outlet<Self>) -> PricedPorts {
        let mut branches = Branches::of(outlet);
        let (to_paid, paid) = branches.port("paid");
        let (to_fraud, fraud) = branches.port("fraud");
        branches.split(move |priced, to| match priced {
            Priced::Paid(cents) => to.give(to_paid, cents),
            Priced::Fraud(cents) => to.give(to_fraud, cents),
        });
        PricedPorts { paid, fraud }
    }
}

fn main() {
    let mut p = Pipeline::named("orders");
    let (_price, priced) = p.stage("price", |cents: u64| if cents < 9 { Priced::Paid(cents) } else { Priced::Fraud(cents) });
    let PricedPorts { paid } = priced.route();
    p.end("ship", paid, drop);
}

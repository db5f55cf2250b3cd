//! A service in a crate that renamed seda: every macro is told where it is by `crate = sed`.

use sed::{Event, Route, stage};

/// Says its key.
#[derive(Event)]
#[event(crate = sed)]
pub struct Order {
    /// Which one.
    #[event(key)]
    pub id: u64,
    /// What it costs.
    pub cents: u64,
}

/// Goes one of two ways.
#[derive(Route)]
#[route(crate = sed)]
pub enum Priced {
    /// To be shipped.
    Paid(u64),
    /// To be looked at.
    Held {
        /// Which one.
        id: u64,
    },
}

/// Prices an order.
#[stage(Price, described, crate = sed)]
pub fn price(order: Order, limit: &u64, cx: &sed::Cx) -> Priced {
    let _ = cx.stage();
    if order.cents < *limit { Priced::Paid(order.cents) } else { Priced::Held { id: order.id } }
}

/// Counts what was paid.
pub struct Till {
    /// So far.
    pub cents: u64,
}

#[stage(crate = sed)]
impl Till {
    fn handle(&mut self, cents: u64) -> u64 {
        self.cents += cents;
        self.cents
    }
}

/// Posts what was paid.
#[stage(Post, limit = 8, crate = sed)]
pub async fn post(cents: u64) -> String {
    cents.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_crate_runs_the_same() {
        let mut p = sed::Pipeline::named("orders");
        let (price, priced) = p.add(Price { limit: 100 });
        let PricedPorts { paid, held } = sed::Open::route(priced);
        let (till, sums) = p.add(sed::per_worker(|| Till { cents: 0 }));
        p.link(paid, till);
        p.end("sums", sums, drop);
        p.end("review", held, |PricedHeld { id }| assert_eq!(id, 2));
        let time = sed::test::Virtual::start(p, 1).unwrap();
        for (id, cents) in [(1, 7), (2, 700)] {
            time.entry(price).offer(Order { id, cents }).unwrap();
        }
        let report = time.drain(sed::Deadlines::default());
        assert!(report.balanced(), "{report}");
        let done = [Price::NAME, Till::NAME, "review"].map(|name| report.ledger().stage(name).unwrap().done);
        assert_eq!(done, [2, 1, 1]);
    }
}

use std::time::Duration;

use super::{Admission, Offer, Order, Settle, Take, Verdict};
use crate::clock::ns;

/// How long the queue may have been there before it stands, in objectives; and the longest wait of who waits in it until then.
const STANDS_AFTER: u64 = 2;
/// The longest wait in a queue that stands, as a part of the objective.
const WHILE_IT_STANDS: u64 = 10;

/// Admits all, and while a queue stands takes the newest first: whoever has waited for long is likely to be late, so the next one
/// who can be on time is better served. The best tail of all, for interactive work without an order.
///
/// | | rule |
/// |---|---|
/// | a queue stands | it has not been empty for longer than N = 2 objectives |
/// | take | the newest first while it stands, else the oldest |
/// | not started | what waited longer than M = 1/10 of the objective while the queue stands, else longer than N |
/// | bound | what waited longer than that leaves from the old end at each take, and expires; what the queue's bound says is up to [`when_full`](crate::StageOptionsExt::when_full), best [`DropOldest`](crate::WhenFull::DropOldest) |
///
/// | parameter | unit | value |
/// |---|---|---|
/// | objective | time | given |
/// | N, M | time | 2 and 1/10 of the objective |
///
/// Source: Maurer, "Fail at Scale", ACM Queue 2015 (CoDel with adaptive LIFO: N = 100 ms and M = 5 ms, for all services; here
/// both are shares of the objective, so that it fits services of 10 us and of 100 ms). There the queue kept what it would never
/// serve; here that leaves. A refusal comes late all the same, and as an expiry: [`Slo`](crate::Slo) refuses at the door.
///
/// On a [keyed](crate::StageOptionsExt::keyed) stage, whose events have an order, it is a finding at start. Events of a class
/// above others still go before those.
///
/// ```
/// use seda_core::{Fresh, prelude::*};
/// let mut p = Pipeline::named("pages");
/// let render = (|_: String| ()).threads(4).admission(Fresh::new(ms(50))).when_full(WhenFull::DropOldest);
/// let pages = p.sink("render", render);
/// # p.start()?.offer(pages, "/".to_string())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fresh {
    pub(super) slo: Duration,
    slo_ns: u64,
    /// When nothing waited, and the last look.
    emptied_ns: u64,
    now_ns: u64,
}

impl Fresh {
    /// For an objective from the offer to the end, above zero.
    #[must_use]
    pub fn new(slo: Duration) -> Self {
        Fresh { slo, slo_ns: ns(slo), emptied_ns: 0, now_ns: 0 }
    }

    fn look(&mut self, now_ns: u64, waiting: usize) {
        self.now_ns = now_ns.max(self.now_ns);
        if waiting == 0 {
            self.emptied_ns = self.now_ns;
        }
    }

    fn stands(&self) -> bool {
        self.now_ns - self.emptied_ns > self.slo_ns.saturating_mul(STANDS_AFTER)
    }
}

impl Admission for Fresh {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        self.look(offer.now_ns, offer.load.backlog);
        Verdict::Admit
    }

    fn take(&mut self, take: &Take) {
        self.look(take.now_ns, take.load.backlog);
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        self.look(settle.now_ns, settle.load.backlog);
    }

    fn patience_ns(&self) -> Option<u64> {
        let waits_ns = self.slo_ns.saturating_mul(STANDS_AFTER);
        Some(if self.stands() { self.slo_ns / WHILE_IT_STANDS } else { waits_ns })
    }

    fn order(&self) -> Option<Order> {
        Some(if self.stands() { Order::NewestFirst } else { Order::OldestFirst })
    }

    fn objective_ns(&self) -> Option<u64> {
        Some(self.slo_ns)
    }

    fn aim(&mut self, objective: Duration) {
        (self.slo, self.slo_ns) = (objective, ns(objective));
    }

    fn check(&self) -> Option<String> {
        self.slo.is_zero().then(|| "an objective of no time starts nothing; give a time above 0".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Load;

    const MS: u64 = 1_000_000;

    #[test]
    fn after_two_objectives_with_a_queue_the_newest_go_first_and_none_waits_for_more_than_a_tenth_of_one() {
        let mut fresh = Fresh::new(Duration::from_millis(50));
        let mut at = |ms, backlog| {
            let load = Load { backlog, ..Load::default() };
            fresh.take(&Take { now_ns: ms * MS, events: 1, load });
            (fresh.order(), fresh.patience_ns())
        };
        let oldest = (Some(Order::OldestFirst), Some(100 * MS));
        assert_eq!([at(1, 0), at(50, 30), at(101, 30)], [oldest; 3]);
        assert_eq!(at(102, 30), (Some(Order::NewestFirst), Some(5 * MS)));
        assert_eq!(at(103, 0), oldest);
    }

    #[test]
    fn a_clock_that_jumps_back_changes_nothing() {
        let mut fresh = Fresh::new(Duration::from_millis(50));
        fresh.look(1000 * MS, 0);
        fresh.look(5, 3);
        assert_eq!(fresh.order(), Some(Order::OldestFirst));
    }
}

use super::{Admission, Offer, Settle, Verdict, wrapping::leave_to};
use crate::outcome::Reason;

/// Weight of an event in the mean service time, as in 64 of them.
const SAMPLE: f64 = 1.0 / 64.0;

/// A policy, and beside it the deadline of each offer: what cannot meet its own is shed at once, with the reason `deadline`,
/// instead of waiting for it to pass.
///
/// With n events that go first, c places and mean service s, the end is predicted by Little's law: now + (n + 1) s/c + s, where a
/// place is free now + s. It is shed where that is beyond the deadline, but for one that a free place takes: what is slow for a moment
/// must be able to show that it is quick again. While all places are in use, s is at least the time since one was last freed:
/// a handler that hangs meets no deadline.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | s | events | the mean of 64 |
///
/// What is past its deadline is never started, with this policy or without: it expires. [`Slo`](crate::Slo) looks at deadlines by
/// itself and needs no wrapper. Source: Little, Operations Research 1961. Deadlines are those of
/// [`OfferOptions`](crate::OfferOptions::deadline) and of the [stage](crate::StageOptionsExt::deadline).
///
/// ```
/// use seda_core::{Deadline, MaxConcurrency, OfferOptions, prelude::*};
/// let mut p = Pipeline::named("api");
/// let policy = Deadline::new(MaxConcurrency::new(64));
/// let calls = p.sink("answer", (|_: String| ()).threads(8).admission(policy));
/// let running = p.start()?;
/// running.entry(calls).offer_with("GET /".into(), OfferOptions::new().deadline(ms(20)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Deadline {
    policy: Box<dyn Admission>,
    service_ns: f64,
    samples: f64,
    /// When a place was last freed, or free.
    freed_ns: u64,
}

impl std::fmt::Debug for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deadline").field("service_ns", &self.service_ns).finish_non_exhaustive()
    }
}

impl Deadline {
    /// Around a policy.
    #[must_use]
    pub fn new(policy: impl Admission + 'static) -> Self {
        Deadline { policy: Box::new(policy), service_ns: 0.0, samples: 0.0, freed_ns: 0 }
    }

    /// When the last of the offered events will have ended, if all goes as it did.
    fn ends_ns(&self, offer: &Offer) -> f64 {
        let silence_ns = offer.now_ns.saturating_sub(self.freed_ns) as f64;
        let service_ns = if self.samples > 0.0 { self.service_ns.max(silence_ns) } else { 0.0 };
        let ahead = (offer.load.backlog.saturating_sub(offer.load.behind) + offer.events) as f64;
        offer.now_ns as f64 + service_ns + ahead * service_ns / offer.load.limit.max(1) as f64
    }
}

impl Admission for Deadline {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let is_free = offer.load.backlog + offer.load.busy + offer.events <= offer.load.limit;
        if is_free {
            self.freed_ns = offer.now_ns;
        }
        let is_late = |deadline_ns: u64| match is_free {
            true => deadline_ns <= offer.now_ns,
            false => self.ends_ns(offer) > deadline_ns as f64,
        };
        if offer.deadline_ns.is_some_and(is_late) {
            return Verdict::Shed { reason: Reason::new("deadline"), retry_after: None };
        }
        self.policy.offer(offer)
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        self.freed_ns = settle.now_ns;
        let handled = settle.events.saturating_sub(settle.expired);
        if handled > 0 {
            self.samples += 1.0;
            let each_ns = settle.service_ns as f64 / handled as f64;
            self.service_ns += SAMPLE.max(1.0 / self.samples) * (each_ns - self.service_ns);
        }
        self.policy.settle(settle);
    }

    leave_to!(policy: take, patience_ns, order, defers, objective_ns, room, aim, concern, check);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{AdmitAll, Load};

    const MS: u64 = 1_000_000;

    /// Four places, and a service of 4 ms that just ended.
    fn known(now_ns: u64) -> Deadline {
        let mut policy = Deadline::new(AdmitAll);
        let load = Load { limit: 4, ..Load::default() };
        policy.settle(&Settle { now_ns, events: 1, service_ns: 4 * MS, load, ..Settle::default() });
        policy
    }

    fn sheds(policy: &mut Deadline, now_ns: u64, load: Load, after_ms: u64) -> bool {
        let deadline_ns = Some(now_ns + after_ms * MS);
        let load = Load { limit: 4, ..load };
        let verdict = policy.offer(&Offer { now_ns, events: 1, deadline_ns, load, ..Offer::default() });
        match verdict {
            Verdict::Shed { reason, .. } => reason.as_str() == "deadline",
            Verdict::Admit => false,
        }
    }

    #[test]
    fn what_cannot_end_in_time_is_shed_and_what_waits_behind_it_does_not_count() {
        let mut policy = known(MS);
        let load = Load { backlog: 19, busy: 4, ..Load::default() };
        // 20 times a millisecond, and its own four.
        assert!(sheds(&mut policy, MS, load, 23) && !sheds(&mut policy, MS, load, 24));
        assert!(!sheds(&mut policy, MS, Load { behind: 10, ..load }, 14));
        let without = Offer { now_ns: MS, events: 1, load: Load { limit: 4, ..load }, ..Offer::default() };
        assert_eq!(policy.offer(&without), Verdict::Admit);
    }

    #[test]
    fn a_free_place_takes_what_may_still_be_met_and_nothing_measured_sheds_nothing() {
        let mut policy = known(MS);
        assert!(!sheds(&mut policy, MS, Load { busy: 3, ..Load::default() }, 1));
        assert!(sheds(&mut policy, MS, Load::default(), 0));
        let load = Load { backlog: 500, busy: 4, ..Load::default() };
        assert!(!sheds(&mut Deadline::new(AdmitAll), MS, load, 1));
    }

    #[test]
    fn handlers_that_hang_meet_no_deadline_until_one_returns() {
        let mut policy = known(MS);
        let load = Load { busy: 4, ..Load::default() };
        assert!(!sheds(&mut policy, 2 * MS, load, 10));
        assert!(sheds(&mut policy, 20 * MS, load, 10));
        policy.freed_ns = 20 * MS;
        assert!(!sheds(&mut policy, 20 * MS, load, 10));
    }
}

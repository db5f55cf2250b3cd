use super::{Admission, Offer, Verdict, wrapping::leave_to};

/// A policy whose refusals are for now: what it would shed is told when to come back, and sources and callers that can wait do.
/// Nothing is lost, and nothing is counted before it is admitted.
///
/// | who offers | what it does |
/// |---|---|
/// | a source, or a stage before this one | holds the event, and is stalled as by a full queue; so no overflow outlet is needed on the edge |
/// | [`offer`](crate::Entry::offer), [`offer_many`](crate::Entry::offer_many), [`offer_async`](crate::Entry::offer_async) | wait, the first come first, until it is admitted or the pipeline drains |
/// | [`offer_timeout`](crate::Entry::offer_timeout) | the same for at most its time; then it is shed, with the policy's reason |
/// | [`try_offer`](crate::Entry::try_offer), [`commit`](crate::Permit::commit), offers on virtual time | are shed at once, with the reason and the time to come back |
///
/// The policy is asked again for the first in line at the time that it said. Where it said none, it is asked when something was
/// taken or settled, and after 10 ms at the latest. Who was admitted lets the next one ask. In a drain sources end, and what they
/// had made goes on coming in as the policy lets it, for as long as the drain's deadline allows.
/// Nobody waits beyond its own deadline: a caller is told then, with the policy's reason, and what a stage holds ends as expired.
///
/// | parameter | unit | value |
/// |---|---|---|
/// | asked again | time | as the policy says, at least 10 us; if it does not say, 10 ms at most |
///
/// A source before an objective needs no wrapper: [`Slo`](crate::Slo) pauses it by itself. This is for limits that are not about
/// load, such as a [`TokenBucket`](crate::TokenBucket) before somebody else's service, and for callers who would rather wait.
///
/// ```
/// use seda_core::{Defer, TokenBucket, prelude::*};
/// let mut p = Pipeline::named("mails");
/// let addresses = p.source("addresses", ["ada@example.org", "bob@example.org"]);
/// let send = |to: &str| println!("to {to}");
/// p.end_with("send", addresses, send.admission(Defer::new(TokenBucket::new(1_000.0, 1))));
/// assert_eq!(p.start()?.finish().ledger().stage("send").map(|row| row.done), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Defer {
    policy: Box<dyn Admission>,
}

impl std::fmt::Debug for Defer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Defer").finish_non_exhaustive()
    }
}

impl Defer {
    /// Around a policy. It is the outermost of wrappers.
    #[must_use]
    pub fn new(policy: impl Admission + 'static) -> Self {
        Defer { policy: Box::new(policy) }
    }
}

impl Admission for Defer {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        self.policy.offer(offer)
    }

    fn defers(&self) -> bool {
        true
    }

    leave_to!(policy: take, settle, patience_ns, order, objective_ns, room, aim, concern, check);
}

use super::{Admission, Load, Offer, Verdict};
use crate::outcome::Reason;

/// Admits while fewer than `events` are in the stage, waiting or in hand.
///
/// | parameter | unit | meaning |
/// |---|---|---|
/// | events | events | most that may wait or be worked on at once |
///
/// An event counts until it is settled, and that is just after what became of it was handed on: who asks again in the moment
/// of an answer may find its own place still taken.
///
/// ```
/// use seda_core::MaxConcurrency;
/// let policy = MaxConcurrency::new(64);
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaxConcurrency {
    pub(super) events: usize,
}

impl MaxConcurrency {
    /// At least 1; 0 is a finding at start.
    #[must_use]
    pub fn new(events: usize) -> Self {
        MaxConcurrency { events }
    }
}

impl Admission for MaxConcurrency {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        if offer.load.backlog + offer.load.in_hand + offer.events <= self.events {
            return Verdict::Admit;
        }
        Verdict::Shed { reason: Reason::new("concurrency"), retry_after: None }
    }

    fn room(&self, load: &Load) -> Option<usize> {
        Some(self.events.saturating_sub(load.in_hand.max(load.limit)))
    }

    fn check(&self) -> Option<String> {
        (self.events == 0).then(|| "a concurrency of 0 admits nothing; give at least 1".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_and_worked_on_both_count() {
        let mut policy = MaxConcurrency::new(4);
        let load = Load { backlog: 1, in_hand: 2, ..Load::default() };
        assert_eq!(policy.offer(&Offer { events: 1, load, ..Offer::default() }), Verdict::Admit);
        let both = policy.offer(&Offer { events: 2, load, ..Offer::default() });
        assert!(matches!(both, Verdict::Shed { reason, .. } if reason.as_str() == "concurrency"));
    }
}

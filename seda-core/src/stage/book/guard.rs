//! The stage's admission policy, past its panics, and what it is told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use crate::admission::{Admission, Offer, Path, Settle, Take, Verdict};

/// A policy and where its stage stands; without one all is admitted.
#[derive(Default)]
pub(crate) struct Guard {
    policy: Option<Box<dyn Admission>>,
    /// The stages behind, where the policy has an objective.
    pub(crate) path: Option<Path>,
    /// What it has no room for waits upstream instead of being shed.
    pub(crate) pauses: bool,
    /// It has said no to one that waits now: nobody is woken before a take or a settle has changed what it goes by.
    pub(super) paused: bool,
}

impl Guard {
    pub(crate) fn set(&mut self, policy: Option<Box<dyn Admission>>) {
        self.policy = policy;
    }

    pub(crate) fn is_set(&self) -> bool {
        self.policy.is_some()
    }

    pub(super) fn offer(&mut self, mut offer: Offer) -> Verdict {
        offer.load.ahead = self.path.as_mut().and_then(|path| path.ahead(offer.now_ns));
        self.ask(|policy| policy.offer(&offer)).unwrap_or(Verdict::Admit)
    }

    pub(super) fn take(&mut self, take: &Take) {
        self.paused = false;
        self.ask(|policy| policy.take(take));
    }

    pub(super) fn settle(&mut self, settle: &Settle<'_>) {
        self.paused = false;
        self.ask(|policy| policy.settle(settle));
    }

    pub(super) fn aim(&mut self, objective: Duration) {
        self.ask(|policy| policy.aim(objective));
    }

    /// A policy that panics decides nothing more: from then on all is admitted.
    fn ask<R>(&mut self, f: impl FnOnce(&mut dyn Admission) -> R) -> Option<R> {
        let policy = self.policy.as_mut()?;
        let answer = catch_unwind(AssertUnwindSafe(|| f(&mut **policy)));
        if answer.is_err() {
            tracing::error!("an admission policy panicked and is not asked any more");
            self.policy = None;
        }
        answer.ok()
    }

    /// What the policy says: the longest wait with which an event is started. What a source made is always worth it.
    pub(crate) fn patience_ns(&self) -> Option<u64> {
        if self.pauses { None } else { self.policy.as_ref()?.patience_ns() }
    }

    pub(crate) fn objective_ns(&self) -> Option<u64> {
        self.policy.as_ref()?.objective_ns()
    }

    pub(crate) fn concern(&self) -> Option<String> {
        self.policy.as_ref()?.concern()
    }
}

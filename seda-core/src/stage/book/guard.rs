//! The stage's admission policy, past its panics, and what it is told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use crate::{
    admission::{Admission, Offer, Order, Path, Settle, Take, Verdict},
    clock::ns,
};

/// Where a policy does not say when to come back, it is asked again after so long at the latest.
const ASK_NS: u64 = 10_000_000;
/// And never sooner than a timer is worth.
const ASK_LEAST_NS: u64 = 10_000;

/// A policy and where its stage stands; without one all is admitted.
#[derive(Default)]
pub(crate) struct Guard {
    policy: Option<Box<dyn Admission>>,
    /// The stages behind, where the policy has an objective.
    pub(crate) path: Option<Path>,
    /// What it has no room for waits upstream instead of being shed: only sources come here.
    pub(crate) pauses: bool,
    /// The policy says so of everybody.
    pub(crate) defers: bool,
    /// It has said no to one that waits now: nobody is woken before what it goes by has changed.
    pub(super) paused: bool,
    /// That is at this time, as it said; 0: when something is taken or settled.
    until_ns: u64,
    /// When it is asked again in any case; and of that, for when a timer is set.
    ask_ns: u64,
    timer_ns: u64,
}

impl Guard {
    pub(crate) fn set(&mut self, policy: Option<Box<dyn Admission>>) {
        self.defers = policy.as_ref().is_some_and(|policy| policy.defers());
        self.policy = policy;
        (self.paused, self.until_ns) = (false, 0);
    }

    /// What came from upstream and is not admitted waits.
    pub(super) fn holds_back(&self) -> bool {
        self.pauses || self.defers
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// It has said no to one that will wait.
    pub(super) fn pause(&mut self, now_ns: u64, retry_after: Option<Duration>) {
        self.paused = true;
        if self.defers {
            let at_ns = retry_after.map(|after| now_ns.saturating_add(ns(after).max(ASK_LEAST_NS)));
            self.until_ns = at_ns.unwrap_or(0);
            self.ask_ns = at_ns.unwrap_or(now_ns.saturating_add(ASK_NS));
        }
    }

    /// When it is to be asked again, if no timer is set for that or an earlier time. Then one is, by who asks.
    pub(crate) fn timer(&mut self) -> Option<u64> {
        let is_due = self.paused && self.defers && (self.timer_ns == 0 || self.ask_ns < self.timer_ns);
        is_due.then(|| {
            self.timer_ns = self.ask_ns;
            self.ask_ns
        })
    }

    /// The timer of that time went off; one that was set anew since means nothing.
    pub(crate) fn timer_ends(&mut self, at_ns: u64) {
        if self.timer_ns == at_ns {
            (self.paused, self.until_ns, self.timer_ns) = (false, 0, 0);
        }
    }

    /// Something was taken or settled.
    fn moved(&mut self) {
        self.paused &= self.until_ns != 0;
    }

    pub(crate) fn is_set(&self) -> bool {
        self.policy.is_some()
    }

    pub(super) fn offer(&mut self, mut offer: Offer) -> Verdict {
        offer.load.ahead = self.path.as_mut().and_then(|path| path.ahead(offer.now_ns));
        self.ask(|policy| policy.offer(&offer)).unwrap_or(Verdict::Admit)
    }

    pub(super) fn take(&mut self, take: &Take) {
        self.moved();
        self.ask(|policy| policy.take(take));
    }

    pub(super) fn settle(&mut self, settle: &Settle<'_>) {
        self.moved();
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
            self.set(None);
        }
        answer.ok()
    }

    /// What the policy says: the longest wait with which an event is started. What a source made is always worth it.
    pub(crate) fn patience_ns(&self) -> Option<u64> {
        if self.pauses { None } else { self.policy.as_ref()?.patience_ns() }
    }

    /// Where the newest are to go first: what was offered before this time leaves with them.
    pub(crate) fn newest_since_ns(&self, now_ns: u64) -> Option<u64> {
        let is_newest = self.policy.as_ref()?.order()? == Order::NewestFirst;
        is_newest.then(|| self.patience_ns().map_or(0, |patience_ns| now_ns.saturating_sub(patience_ns)))
    }

    pub(crate) fn objective_ns(&self) -> Option<u64> {
        self.policy.as_ref()?.objective_ns()
    }

    pub(crate) fn concern(&self) -> Option<String> {
        self.policy.as_ref()?.concern()
    }
}

//! The stage's admission policy, past its panics, and what it is told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    admission::{Admission, Behind, Gauge, Load, Offer, Order, Path, Settle, Take, Verdict},
    clock::ns,
    event::Kind,
    outcome::Reason,
    stage::core::StageCore,
};

/// Where a policy does not say when to come back, it is asked again after so long at the latest.
const ASK_NS: u64 = 10_000_000;
/// And never sooner than a timer is worth.
const ASK_LEAST_NS: u64 = 10_000;

/// A policy and where its stage stands; without one all is admitted.
#[derive(Default)]
pub(crate) struct Guard {
    policy: Option<Box<dyn Admission>>,
    /// The stages behind, where the policy has an objective, or kinds are told apart.
    path: Option<Path>,
    way_out: WayOut,
    /// Of those that were shed at a stage before, as many as the policy knows of.
    shed_before: u64,
    /// What it has no room for waits upstream instead of being shed: only sources come here.
    pub(crate) pauses: bool,
    /// The policy says so of everybody.
    pub(crate) defers: bool,
    /// It has said no to one that waits now: nobody is woken before what it goes by has changed.
    pub(super) paused: bool,
    /// That is at this time, as it said; 0: when something is taken or settled.
    until_ns: u64,
    /// When it is asked again in any case, 0 for not; and of that, for when a timer is set.
    ask_ns: u64,
    timer_ns: u64,
    /// The policy panicked just now.
    pub(super) gave_up: bool,
}

/// Where a stage's events go to.
#[derive(Default)]
pub(crate) struct WayOut {
    pub(crate) own: Arc<Gauge>,
    pub(crate) domain: u32,
    /// In the order in which events come to them.
    pub(crate) behind: Vec<Behind>,
    /// The stage, where it tells kinds apart.
    pub(crate) tells_kinds: Option<u32>,
}

impl WayOut {
    fn path(&self) -> Path {
        Path::new(self.own.clone(), self.domain, &self.behind, self.tells_kinds)
    }
}

impl Guard {
    pub(crate) fn set(&mut self, policy: Option<Box<dyn Admission>>) {
        self.defers = policy.as_ref().is_some_and(|policy| policy.defers());
        self.policy = policy;
        (self.paused, self.until_ns) = (false, 0);
        self.look_out();
    }

    /// The way out of the stage is known.
    pub(crate) fn lead_to(&mut self, way_out: WayOut) {
        self.way_out = way_out;
        self.look_out();
    }

    /// With an objective, or kinds, it looks at the stages behind.
    fn look_out(&mut self) {
        let objective_ns = self.objective_ns().unwrap_or(0);
        let WayOut { behind, tells_kinds, .. } = &self.way_out;
        if behind.is_empty() || (objective_ns == 0 && tells_kinds.is_none()) {
            self.path = None;
            return;
        }
        self.path.get_or_insert_with(|| self.way_out.path()).aim(objective_ns);
    }

    /// More than the bound decides on an offer.
    pub(crate) fn decides(&self) -> bool {
        self.policy.is_some() || self.path.is_some()
    }

    /// What came from upstream and is not admitted waits.
    pub(super) fn holds_back(&self) -> bool {
        self.pauses || self.defers
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// It has said no to one that will wait. With nothing in the stage no take or settle will come by.
    pub(super) fn pause(&mut self, now_ns: u64, retry_after: Option<Duration>, is_idle: bool) {
        self.paused = true;
        let at_ns = retry_after.map(|after| now_ns.saturating_add(ns(after).max(ASK_LEAST_NS)));
        self.until_ns = at_ns.filter(|_| self.defers).unwrap_or(0);
        let asks = self.defers || is_idle;
        self.ask_ns = if asks { at_ns.unwrap_or(now_ns.saturating_add(ASK_NS)) } else { 0 };
    }

    /// When it is to be asked again, if no timer is set for that or an earlier time. Then one is, by who asks.
    pub(crate) fn timer(&mut self) -> Option<u64> {
        let is_due = self.paused && self.ask_ns != 0 && (self.timer_ns == 0 || self.ask_ns < self.timer_ns);
        is_due.then(|| {
            self.timer_ns = self.ask_ns;
            self.ask_ns
        })
    }

    /// The timer of that time went off; one that was set anew since means nothing.
    pub(crate) fn timer_ends(&mut self, at_ns: u64) {
        if self.timer_ns == at_ns {
            self.ask_anew();
        }
    }

    /// Whatever it said before, with no timer set for it.
    pub(crate) fn ask_anew(&mut self) {
        (self.paused, self.until_ns, self.timer_ns) = (false, 0, 0);
    }

    /// Something was taken or settled.
    fn moved(&mut self) {
        self.paused &= self.until_ns != 0;
    }

    /// The stages behind are asked, then the policy: what it admits is admitted. Gives the kind. One that `waits` if it is not
    /// admitted comes again, and no stage behind has lost it.
    pub(super) fn offer(
        &mut self,
        core: &StageCore,
        mut offer: Offer,
        waits: bool,
    ) -> Result<Kind, (Reason, Option<Duration>)> {
        let Offer { now_ns, kind, events, class, .. } = offer;
        let outlook = self.path.as_mut().map(|path| path.look(now_ns, kind, events, class)).unwrap_or_default();
        if outlook.refused.is_some() {
            self.path.iter().filter(|_| !waits).for_each(|path| path.shed(&outlook, events));
            return Err((Reason::new("ahead"), outlook.refused));
        }
        offer.load.ahead = outlook.ahead;
        if core.gauge.is_on() {
            let shed_before = core.gauge.shed_before();
            let known = std::mem::replace(&mut self.shed_before, shed_before);
            offer.load.shed_before = shed_before.wrapping_sub(known) as usize;
        }
        if let Some(Verdict::Shed { reason, retry_after }) = self.ask(|policy| policy.offer(&offer)) {
            return Err((reason, retry_after));
        }
        if let Some(path) = &mut self.path {
            path.admitted(outlook.kind, events);
        }
        Ok(outlook.kind.map_or(Kind::default(), |place| Kind::new(core.id, place)))
    }

    /// The kind of an event that was let in with others.
    pub(crate) fn kind_of(&mut self, core: &StageCore, hash: u64) -> Kind {
        let place = self.path.as_mut().and_then(|path| path.kind(hash));
        place.map_or(Kind::default(), |place| Kind::new(core.id, place))
    }

    /// Most events that may wait, as the policy says; those that are held back wait elsewhere.
    pub(super) fn room(&self, load: &Load) -> Option<usize> {
        if self.holds_back() { None } else { self.tells(|policy| policy.room(load)) }
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
        self.look_out();
    }

    /// A policy that panics decides nothing more: from then on all is admitted.
    fn ask<R>(&mut self, f: impl FnOnce(&mut dyn Admission) -> R) -> Option<R> {
        let policy = self.policy.as_mut()?;
        let answer = catch_unwind(AssertUnwindSafe(|| f(&mut **policy)));
        if answer.is_err() {
            tracing::error!("an admission policy panicked and is not asked any more");
            self.set(None);
            self.gave_up = true;
        }
        answer.ok()
    }

    /// The policy is gone since the last question, and what others were told of it holds no more.
    #[inline]
    pub(crate) fn has_given_up(&mut self) -> bool {
        self.gave_up && std::mem::take(&mut self.gave_up)
    }

    pub(crate) fn has_policy(&self) -> bool {
        self.policy.is_some()
    }

    /// What it says of itself; nothing if it panics on that.
    fn tells<R>(&self, f: impl FnOnce(&dyn Admission) -> Option<R>) -> Option<R> {
        let policy = self.policy.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| f(&**policy))).ok().flatten()
    }

    /// What the policy says: the longest wait with which an event is started. What a source made is always worth it.
    pub(crate) fn patience_ns(&self) -> Option<u64> {
        if self.pauses { None } else { self.tells(|policy| policy.patience_ns()) }
    }

    /// Where the newest are to go first: what was offered before this time leaves with them.
    pub(crate) fn newest_since_ns(&self, now_ns: u64) -> Option<u64> {
        let is_newest = self.tells(|policy| policy.order())? == Order::NewestFirst;
        is_newest.then(|| self.patience_ns().map_or(0, |patience_ns| now_ns.saturating_sub(patience_ns)))
    }

    pub(crate) fn objective_ns(&self) -> Option<u64> {
        self.tells(|policy| policy.objective_ns())
    }

    pub(crate) fn concern(&self) -> Option<String> {
        self.tells(|policy| policy.concern())
    }
}

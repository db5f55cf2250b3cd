//! The stage's admission policy, past its panics, and what it is told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    admission::{Admission, Behind, Gauge, Load, Offer, Path, Settle, Take, Verdict},
    event::Kind,
    outcome::Reason,
    stage::core::StageCore,
};

/// A policy and where its stage stands; without one all is admitted.
#[derive(Default)]
pub(crate) struct Guard {
    policy: Option<Box<dyn Admission>>,
    /// The stages behind, where the policy has an objective, or kinds are told apart.
    path: Option<Path>,
    way_out: WayOut,
    /// Of those that were shed at a stage before, as many as the policy knows of.
    shed_before: u64,
    /// What it has no room for waits upstream instead of being shed.
    pub(crate) pauses: bool,
    /// It has said no to one that waits now: nobody is woken before a take or a settle has changed what it goes by.
    pub(super) paused: bool,
    /// Somebody will look whether it still is.
    looks_again: bool,
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
        self.policy = policy;
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

    /// The stages behind are asked, then the policy: what it admits is admitted. Gives the kind.
    pub(super) fn offer(&mut self, core: &StageCore, mut offer: Offer) -> Result<Kind, (Reason, Option<Duration>)> {
        let Offer { now_ns, kind, events, class, .. } = offer;
        let outlook = self.path.as_mut().map(|path| path.look(now_ns, kind, events, class)).unwrap_or_default();
        if outlook.refused.is_some() {
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

    /// Most events that may wait, as the policy says; a source's wait elsewhere.
    pub(super) fn room(&self, load: &Load) -> Option<usize> {
        if self.pauses { None } else { self.policy.as_ref()?.room(load) }
    }

    /// What a pause was for may be over.
    pub(crate) fn look_again(&mut self) {
        (self.paused, self.looks_again) = (false, false);
    }

    /// Whether nobody has been told yet to look again.
    pub(crate) fn will_look_again(&mut self) -> bool {
        !std::mem::replace(&mut self.looks_again, true)
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
        self.look_out();
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

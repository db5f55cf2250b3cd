//! One run: what is kept of one that was simulated, and of one that was measured elsewhere.

use std::time::Duration;

use super::demand::Demand;
use crate::{
    clock::ns,
    metrics::{Decision, KnobSnapshot},
    outcome::{Reason, Refusal},
    sim::{Figures, Results, Window, judge},
};

/// What is kept of a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Played {
    /// Figures of what is [judged](super::Scenario::judged), by name.
    pub judged: Vec<(String, Figures)>,
    /// Figures by kind of event, over the whole run.
    pub kinds: Vec<(String, Figures)>,
    /// Figures by time.
    pub windows: Vec<Window>,
    /// What controllers turned, and why: the latest 64.
    pub decisions: Vec<Decision>,
    /// The knobs that they had, at the end.
    pub knobs: Vec<KnobSnapshot>,
}

impl Played {
    pub(super) fn of(run: Results) -> Self {
        let Results { phases, kinds, windows, snapshot, .. } = run;
        Played { judged: phases, kinds, windows, decisions: snapshot.decisions, knobs: snapshot.knobs }
    }

    /// Where a knob of a stage or domain stood, such as the `threads` of `price`, each with the time from which on; the first
    /// one from the start, or as far back as decisions are kept. Empty where no controller had it.
    ///
    /// ```
    /// # use seda_core::{lab::{Lab, Scenario, Step}, prelude::*, sim::{Run, Service}};
    /// let report = Lab::new("orders", 1_000.0, ms(100))
    ///     .contender("controller", |demand| {
    ///         let mut p = Pipeline::named("orders");
    ///         let orders = p.sink("price", (|_: u64| ()).threads(1..=16));
    ///         Run::new(p).entry(orders, demand.arrivals(), |n| n).service("price", Service::fixed(ms(5)))
    ///     })
    ///     .scenario(Scenario::new("steady", "all that it can do").step(Step::load(1.0).lasting(50.0)))
    ///     .run()?;
    /// let stood = report.outcomes()[0].runs()[0].stood("price", "threads");
    /// assert!(stood[0] == (secs(0), 1) && stood.last().unwrap().1 >= 7, "{stood:?}"); // five are busy, at 70 % of their time
    /// # Ok::<(), seda_core::StartError>(())
    /// ```
    #[must_use]
    pub fn stood(&self, name: &str, what: &str) -> Vec<(Duration, usize)> {
        let Some(knob) = self.knobs.iter().find(|knob| knob.name == name && knob.what == what) else {
            return Vec::new();
        };
        let is_of = |decision: &&Decision| decision.name == name && decision.what == what && !decision.shadow;
        let turns: Vec<&Decision> = self.decisions.iter().filter(is_of).collect();
        let first = turns.first().map_or(knob.value, |decision| decision.from);
        let turned = turns.iter().map(|decision| (decision.at, decision.to));
        std::iter::once((Duration::ZERO, first)).chain(turned).collect()
    }
}

/// One offer to a service that was measured elsewhere, for [`Outcome::measured`](super::Outcome::measured).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// When it was to be made, from the start of the run.
    pub at: Duration,
    /// What came of it.
    pub fate: Fate,
}

impl Measured {
    /// An offer that was to be made then.
    #[must_use]
    pub fn new(at: Duration, fate: Fate) -> Self {
        Measured { at, fate }
    }
}

/// What came of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fate {
    /// Refused, for that reason.
    Refused(&'static str),
    /// Done, so long after its intended time, with so much of it in the handler.
    Done {
        /// From the intended time of the offer to the end.
        latency: Duration,
        /// In the handler.
        busy: Duration,
    },
    /// Admitted, and never handled.
    Lost,
}

/// The same books as a simulation keeps.
pub(super) fn played(demand: &Demand, mut offers: Vec<Measured>) -> Played {
    offers.sort_by_key(|offer| offer.at);
    let mut books = judge::Books::new(ns(demand.slo()), ns(demand.window()));
    for (name, during) in demand.judged() {
        books.phase(name, ns(during.start)..ns(during.end));
    }
    for offer in offers {
        let at_ns = ns(offer.at);
        match offer.fate {
            Fate::Refused(why) => {
                let why = Refusal::Shed { reason: Reason::new(why), retry_after: None };
                books.refused(at_ns, &why);
            }
            Fate::Done { latency, busy } => books.done(at_ns, ns(latency), ns(busy)),
            Fate::Lost => books.lost(at_ns),
        }
    }
    let (judged, windows) = books.close();
    Played { judged, windows, ..Played::default() }
}

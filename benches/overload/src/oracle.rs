//! What is feasible: the best of many policies that know the scenario, though not how long an event will take before it ran.

use std::{ops::Range, time::Duration};

use seda::{
    Admission, Offer, Reason, StartError, Verdict,
    lab::{Demand, Lab, Outcome, Scenario},
};

use crate::policies::{self, SLO_SERVICES, Shape};

/// Bounds on what waits, in events.
const ROOMS: [usize; 14] = [0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 20, 26, 34, 46];
/// The longest wait with which one is started, in objectives: any, all but a mean service, all but three.
const PATIENCES: [f64; 3] = [f64::INFINITY, 1.0 - 1.0 / SLO_SERVICES, 1.0 - 3.0 / SLO_SERVICES];
/// How many of the admitted may not be started; under the same rule as everybody.
pub(crate) const EXPIRED_MOST: f64 = 0.01;
/// Seeds of the search; those who come first are then run with all.
const FINALISTS: usize = 6;

/// The bound and the patience while there is trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    room: usize,
    patience: f64,
}

impl Chosen {
    /// All that are tried.
    pub(crate) fn all() -> impl Iterator<Item = Chosen> {
        ROOMS.iter().flat_map(|&room| PATIENCES.map(|patience| Chosen { room, patience }))
    }

    pub(crate) fn name(self) -> String {
        let patience = if self.patience.is_finite() { format!(", wait {:.2}", self.patience) } else { String::new() };
        format!("oracle (bound {}{patience})", self.room)
    }
}

/// A bound for the time of the trouble, and one that lets in what fits the objective for the rest.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    trouble: Range<u64>,
    room: usize,
    patience_ns: Option<u64>,
    slo_ns: u64,
}

impl Oracle {
    pub(crate) fn new(demand: &Demand, trouble: usize, chosen: Chosen) -> Self {
        let during = demand.step(trouble);
        let patience_ns = (demand.slo().as_nanos() as f64 * chosen.patience) as u64;
        Oracle {
            trouble: ns(during.start)..ns(during.end),
            room: chosen.room,
            patience_ns: chosen.patience.is_finite().then_some(patience_ns),
            slo_ns: ns(demand.slo()),
        }
    }
}

fn ns(time: Duration) -> u64 {
    time.as_nanos() as u64
}

impl Admission for Oracle {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let places = offer.load.limit;
        let usual = ((SLO_SERVICES - 1.0) * places as f64) as usize;
        let room = if self.trouble.contains(&offer.now_ns) { self.room } else { usual };
        if offer.load.backlog + offer.load.in_hand < room + places {
            return Verdict::Admit;
        }
        Verdict::Shed { reason: Reason::new("oracle"), retry_after: None }
    }

    fn patience_ns(&self) -> Option<u64> {
        self.patience_ns
    }

    /// With it, batches are as small as ours.
    fn objective_ns(&self) -> Option<u64> {
        Some(self.slo_ns)
    }
}

/// The best for what is judged first, with trouble in that step: a search on one seed, and the best few of it on all.
pub(crate) fn search(
    lab: impl Fn() -> Lab<'static>,
    scenario: &Scenario,
    shape: Shape,
    trouble: usize,
) -> Result<(Chosen, Outcome), StartError> {
    let all: Vec<Chosen> = Chosen::all().collect();
    let first = ranked(lab().seeds(1), scenario, shape, trouble, &all)?;
    let best: Vec<Chosen> = first.iter().take(FINALISTS).map(|&(at, _)| all[at]).collect();
    let mut last = ranked(lab(), scenario, shape, trouble, &best)?;
    let (at, outcome) = last.remove(0);
    Ok((best[at], outcome))
}

/// Outcomes with their indexes, the best first.
fn ranked(
    lab: Lab<'static>,
    scenario: &Scenario,
    shape: Shape,
    trouble: usize,
    all: &[Chosen],
) -> Result<Vec<(usize, Outcome)>, StartError> {
    let lab = all.iter().fold(lab.scenario(scenario.clone()), |lab, &chosen| {
        policies::oracle(lab, chosen.name(), shape, move |demand| Oracle::new(demand, trouble, chosen))
    });
    let mut outcomes: Vec<(usize, Outcome)> = lab.run()?.outcomes().iter().cloned().enumerate().collect();
    let merit = |outcome: &Outcome| {
        let expired = outcome.median(outcome.first_judged(), |measures| measures.expired);
        if expired > EXPIRED_MOST { 0.0 } else { outcome.goodput() }
    };
    outcomes.sort_by(|(_, one), (_, other)| merit(other).total_cmp(&merit(one)));
    Ok(outcomes)
}

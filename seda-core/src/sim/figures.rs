//! What is counted of the lineages of a run, or of a part of it: as it is read.

use std::time::Duration;

use serde::Serialize;

use crate::{
    metrics::{Percentiles, ShedCount},
    units::as_ns,
};

/// Lineages by how they ended, with their latencies: of a run, of one kind, of a phase, or of a window. A lineage belongs
/// where it was offered, whenever it ends.
///
/// `offered = full + shed + closed + admitted` and
/// `admitted = done + failed + expired + dropped + shed_later + left`.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Offers at the entries, retries with them.
    pub offered: u64,
    /// Offers that were taken.
    pub admitted: u64,
    /// Refused at the entry: full.
    pub full: u64,
    /// Refused at the entry: shed by the policy.
    pub shed: u64,
    /// The same by reason.
    pub shed_by: Vec<ShedCount>,
    /// Refused at the entry: closed.
    pub closed: u64,
    /// All that became of it was done.
    pub done: u64,
    /// Of those, within the objective, with a client who still listened: the goodput.
    pub good: u64,
    /// A handler failed on it.
    pub failed: u64,
    /// It outlived its deadline or time to live.
    pub expired: u64,
    /// A full queue dropped it.
    pub dropped: u64,
    /// A stage behind the entry refused it.
    pub shed_later: u64,
    /// At the end of the run it was still on its way.
    pub left: u64,
    /// However it ended, its client had given up before.
    pub given_up: u64,
    /// Clients' requests, each of one or more offers; without clients every offer is one.
    pub requests: u64,
    /// Requests that were answered in time, at whichever try; without clients, those within the objective.
    pub answered: u64,
    /// From the intended time of the offer to the end of the lineage, of the admitted; right to 0.1 % (exact in windows). What
    /// was admitted and then lost (expired, dropped, shed later, or left) counts as infinitely late, which is
    /// `Duration::MAX`. The mean and the longest are of those that ended by a handler.
    pub latency: Percentiles,
    /// Time in handlers.
    #[serde(rename = "busy_ns", serialize_with = "as_ns")]
    pub busy: Duration,
    /// Time in handlers for lineages that did not end well: late, lost, or with nobody listening.
    #[serde(rename = "wasted_ns", serialize_with = "as_ns")]
    pub wasted: Duration,
    /// Of that, for lineages that were shed, dropped or expired further down.
    #[serde(rename = "wasted_on_lost_ns", serialize_with = "as_ns")]
    pub wasted_on_lost: Duration,
}

impl Figures {
    /// Offers that came back from the entry.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.full + self.shed + self.closed
    }

    /// Share of the offers that came back from the entry, 0 to 1.
    #[must_use]
    pub fn refused_share(&self) -> f64 {
        share(self.refused() as f64, self.offered as f64)
    }

    /// Share of the requests that were answered in time, 0 to 1.
    #[must_use]
    pub fn answered_share(&self) -> f64 {
        share(self.answered as f64, self.requests as f64)
    }

    /// Share of the handlers' time that was wasted, 0 to 1.
    #[must_use]
    pub fn wasted_share(&self) -> f64 {
        share(self.wasted.as_secs_f64(), self.busy.as_secs_f64())
    }

    /// Share of the admitted that expired, 0 to 1.
    #[must_use]
    pub fn expired_share(&self) -> f64 {
        share(self.expired as f64, self.admitted as f64)
    }

    pub(super) fn lost(&self) -> u64 {
        self.expired + self.dropped + self.shed_later + self.left
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

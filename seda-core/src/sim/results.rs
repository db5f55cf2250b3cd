//! What a run adds up to.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{figures::Figures, tallies::Window};
use crate::{
    graph::Ledger,
    metrics::{Snapshot, short},
    units::as_ns,
};

/// What a run of a simulation adds up to. Printed, it is a table; with serde it becomes JSON.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Results {
    /// The seed that gives the same run again.
    pub seed: u64,
    /// Virtual time from the start to the last end.
    #[serde(rename = "took_ns", serialize_with = "as_ns")]
    pub took: Duration,
    /// For how long of it events were offered, after the warm-up.
    #[serde(rename = "measured_ns", serialize_with = "as_ns")]
    pub measured: Duration,
    /// All that was offered after the warm-up.
    pub all: Figures,
    /// The same by kind, for [kinds](super::Arrivals::kind) that have a name.
    pub kinds: Vec<(String, Figures)>,
    /// What was offered in each [phase](super::Run::phase).
    pub phases: Vec<(String, Figures)>,
    /// What was offered in each window, one after the other from the start.
    pub windows: Vec<Window>,
    /// The pipeline's own numbers at the end.
    pub snapshot: Snapshot,
    /// The pipeline's own books at the end.
    pub ledger: Ledger,
    /// The first lines of what happened, if they were [asked for](super::Run::trace).
    pub trace: String,
    /// One number for all that happened: equal for two runs only if they were the same.
    pub digest: u64,
}

impl Results {
    /// Of one kind.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&Figures> {
        self.kinds.iter().find(|(kind, _)| kind == name).map(|(_, figures)| figures)
    }

    /// Of one phase.
    #[must_use]
    pub fn phase(&self, name: &str) -> Option<&Figures> {
        self.phases.iter().find(|(phase, _)| phase == name).map(|(_, figures)| figures)
    }

    /// Lineages per second that ended done within the objective, of those offered after the warm-up.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        self.all.good as f64 / self.measured.as_secs_f64().max(1e-9)
    }

    /// Visits: events that a stage has settled.
    #[must_use]
    pub fn visits(&self) -> u64 {
        self.ledger.stages.iter().map(|row| row.done + row.failed + row.expired + row.dropped).sum()
    }

    /// As JSON text, on one line: the fields by their names, durations as whole nanoseconds under names that end in `_ns`,
    /// where the largest number stands for infinitely late. Later versions add fields; none changes its meaning.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn to_json(&self) -> String {
        crate::metrics::json(self)
    }

    /// How long after `from` it took until every further window kept what is asked of it: 0 if the one that holds `from` did,
    /// `None` if the last one did not.
    ///
    /// ```
    /// # use seda_core::{prelude::*, sim::{Arrivals, Run, Service}};
    /// # let mut p = Pipeline::named("orders");
    /// # let orders = p.sink("price", (|_: u64| ()).threads(4).queue(100).when_full(WhenFull::Reject));
    /// let results = Run::new(p)
    ///     .entry(orders, Arrivals::steps([(500.0, secs(5)), (5_000.0, secs(1)), (500.0, secs(4))]), |n| n)
    ///     .service("price", Service::exponential(ms(4)))
    ///     .slo(ms(200))
    ///     .window(ms(100))
    ///     .during(secs(10))?;
    /// let recovered = results.recovered(secs(6), |window| window.figures.refused() == 0);
    /// assert!(recovered.is_some_and(|after| after < ms(500)), "{recovered:?}");
    /// # Ok::<(), seda_core::StartError>(())
    /// ```
    #[must_use]
    pub fn recovered(&self, from: Duration, mut keeps: impl FnMut(&Window) -> bool) -> Option<Duration> {
        let kept = self.windows.iter().rev().take_while(|window| keeps(window)).last()?;
        Some(kept.from.saturating_sub(from))
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}",
            "", "offered", "refused", "expired", "good", "p50", "p99", "waste%"
        )?;
        let all = [("all".to_string(), self.all.clone())];
        for (name, figures) in all.iter().chain(&self.kinds).chain(&self.phases) {
            let name = crate::name::cut(name, 16);
            let (p50, p99) = (late(figures.latency.p50), late(figures.latency.p99));
            let (refused, wasted) = (figures.refused(), 100.0 * figures.wasted_share());
            writeln!(
                f,
                "{name:<16} {:>9} {refused:>9} {:>9} {:>9} {p50:>9} {p99:>9} {wasted:>6.1}",
                figures.offered, figures.expired, figures.good
            )?;
        }
        Ok(())
    }
}

fn late(latency: Duration) -> String {
    if latency == Duration::MAX { "never".to_string() } else { short(latency) }
}

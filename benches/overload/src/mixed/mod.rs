//! Scenarios of more than one kind of event, or more than one stage; on virtual time, at four scales of service time.

mod classes;
mod paths;
mod tenants;

use std::time::Duration;

use seda::{
    StartError,
    lab::{Lab, Outcome, Report, Scenario},
    sim::Figures,
};
use seda_bench::{Better, Row, Table};

use crate::policies::{OURS, PLACES, SCALES, SLO_SERVICES, USUAL};

pub(crate) fn run(table: &mut Table, report: &mut Report) -> Result<(), StartError> {
    for judge in [classes::two, classes::three, tenants::fifty, paths::chain, paths::branch] {
        for (name, mean) in SCALES {
            let judged = judge(&mut Scaled { table, name, mean })?;
            if mean == USUAL {
                report.extend(judged);
            }
        }
    }
    Ok(())
}

/// One scale, and the table that its rows go to.
struct Scaled<'a> {
    table: &'a mut Table,
    name: &'static str,
    /// Of the usual stage's service; others keep their ratio to it.
    mean: Duration,
}

impl Scaled<'_> {
    /// A time that is so long where the usual stage takes 4 ms.
    fn time(&self, usual: Duration) -> Duration {
        usual.mul_f64(self.mean.as_secs_f64() / USUAL.as_secs_f64())
    }

    /// What the usual stage can do, in events per second.
    fn capacity(&self) -> f64 {
        PLACES as f64 / self.mean.as_secs_f64()
    }

    /// The usual objective.
    fn slo(&self) -> Duration {
        self.mean.mul_f64(SLO_SERVICES)
    }

    /// Name of a row: scenario, scale, measure.
    fn id(&self, scenario: &str, measure: &str) -> String {
        format!("{scenario}/{}/{measure}", self.name)
    }

    fn least(&mut self, id: String, asks: &str, bar: f64, values: impl IntoIterator<Item = f64>) {
        self.table.row(Row::single(id, asks, "", Better::Higher, bar).values(values));
    }

    fn most(&mut self, id: String, asks: &str, bar: f64, values: impl IntoIterator<Item = f64>) {
        // JSON knows no infinity.
        let values = values.into_iter().map(|value| value.min(1e9));
        self.table.row(Row::single(id, asks, "", Better::Lower, bar).values(values));
    }

    /// Of each kind's admitted, at most one in a hundred is never started.
    fn started(&mut self, scenario: &str, ours: &Outcome, kinds: &[&str]) {
        for name in kinds {
            let asks = "share of the kind's admitted that is never started";
            let id = self.id(scenario, &format!("{name}/expired"));
            self.most(id, asks, 0.01, kind(ours, name).map(Figures::expired_share));
        }
    }
}

fn lab<'a>(capacity: f64, slo: Duration, scenario: Scenario) -> Lab<'a> {
    let lab = Lab::new("overload", capacity, slo).scenario(scenario);
    if seda_bench::quick() { lab.seeds(2).brief() } else { lab }
}

/// A steady load under a name of its own.
fn steady(load: f64, name: &str, about: &str) -> Scenario {
    Scenario::plateau(load).renamed(name).about(about)
}

/// Figures of one kind in each run, and how long they were offered.
fn kind<'a>(outcome: &'a Outcome, name: &'a str) -> impl Iterator<Item = &'a Figures> {
    outcome.runs().iter().map(move |run| {
        let found = run.kinds.iter().find(|(kind, _)| kind == name);
        found.map(|(_, figures)| figures).expect("the run has events of that kind")
    })
}

fn measured_s(outcome: &Outcome) -> f64 {
    let demand = outcome.demand();
    (demand.lasts() - demand.step(1).start).as_secs_f64()
}

fn ours(report: &Report) -> &Outcome {
    report.outcomes().iter().find(|outcome| outcome.contender() == OURS).expect("ours is among the contenders")
}

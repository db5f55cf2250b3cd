//! What came of one contender in one scenario.

use std::time::Duration;

use super::{
    demand::Demand,
    played::{Measured, Played, played},
};
use crate::sim::{Figures, Results, Window};

/// One contender in one scenario, with a run for each seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    contender: String,
    demand: Demand,
    runs: Vec<Played>,
}

/// Figures of a judged stretch in the scale of the scenario.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Measures {
    /// Ended within the objective, in capacities.
    pub goodput: f64,
    /// Offered, in capacities.
    pub offered: f64,
    /// Share of the offers that were refused.
    pub refused: f64,
    /// Share of the admitted that was never started.
    pub expired: f64,
    /// Median latency of the admitted, in objectives.
    pub p50: f64,
    /// 99th percentile of the same, in objectives; infinite where more than one in a hundred was lost.
    pub p99: f64,
    /// Share of the handlers' time that was spent on what did not end well.
    pub wasted: f64,
    /// Of that, what was shed, dropped or expired behind the first stage.
    pub lost: f64,
    /// Share of the requests that were answered in time.
    pub answered: f64,
}

impl Outcome {
    pub(super) fn new(contender: String, demand: Demand, runs: Vec<Results>) -> Self {
        Outcome { contender, demand, runs: runs.into_iter().map(Played::of).collect() }
    }

    /// Of a service that was measured elsewhere, under the same demand: all offers of each run, by their intended times.
    #[must_use]
    pub fn measured(contender: impl Into<String>, demand: Demand, runs: Vec<Vec<Measured>>) -> Self {
        let runs = runs.into_iter().map(|offers| played(&demand, offers)).collect();
        Outcome { contender: contender.into(), demand, runs }
    }

    /// Whose it is.
    #[must_use]
    pub fn contender(&self) -> &str {
        &self.contender
    }

    /// Gives the contender another name.
    #[must_use]
    pub fn called(mut self, contender: impl Into<String>) -> Self {
        self.contender = contender.into();
        self
    }

    /// What was asked.
    #[must_use]
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// All runs, by seed.
    #[must_use]
    pub fn runs(&self) -> &[Played] {
        &self.runs
    }

    /// Measures of a judged stretch for each run, by seed.
    ///
    /// # Panics
    /// If the scenario judges none of that name.
    #[must_use]
    pub fn measures(&self, judged: &str) -> Vec<Measures> {
        let all = self.demand.judged();
        let during = all.iter().find(|(name, _)| name == judged).map(|(_, during)| during.clone());
        let during = during.unwrap_or_else(|| panic!("{} judges no `{judged}`", self.demand.name()));
        let seconds = (during.end - during.start).as_secs_f64();
        let of = |run: &Played| {
            let figures = run.judged.iter().find(|(name, _)| name == judged).map(|(_, figures)| figures);
            figures.map_or_else(Measures::default, |figures| self.scaled(figures, seconds))
        };
        self.runs.iter().map(of).collect()
    }

    /// Median over the runs of one measure.
    #[must_use]
    pub fn median(&self, judged: &str, of: impl Fn(&Measures) -> f64) -> f64 {
        median(self.measures(judged).iter().map(of).collect())
    }

    /// Median goodput of what is judged first, in capacities.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        self.median(self.first_judged(), |measures| measures.goodput)
    }

    /// Name of what is judged first.
    #[must_use]
    pub fn first_judged(&self) -> &str {
        self.demand.first_judged()
    }

    /// For each run, how many objectives after the beginning of a step it took until every further stretch of ten objectives
    /// was good enough, as `keeps` says of its windows and of those of `beside` in the same run; infinite where the last
    /// was not.
    #[must_use]
    pub fn recovered(
        &self,
        beside: &Outcome,
        step: usize,
        mut keeps: impl FnMut(&[Window], &[Window]) -> bool,
    ) -> Vec<f64> {
        self.stretches(beside, step, &mut keeps, |kept| kept.iter().rposition(|kept| !kept).map_or(0, |at| at + 1))
    }

    /// The same until the first stretch of ten objectives that was good enough.
    #[must_use]
    pub fn reached(
        &self,
        beside: &Outcome,
        step: usize,
        mut keeps: impl FnMut(&[Window], &[Window]) -> bool,
    ) -> Vec<f64> {
        self.stretches(beside, step, &mut keeps, |kept| kept.iter().position(|kept| *kept).unwrap_or(kept.len()))
    }

    /// For each run the time at which that one of the stretches of a step begins; infinite for one that there is not.
    fn stretches(
        &self,
        beside: &Outcome,
        step: usize,
        keeps: &mut impl FnMut(&[Window], &[Window]) -> bool,
        which: impl Fn(&[bool]) -> usize,
    ) -> Vec<f64> {
        let runs = self.runs.iter().zip(&beside.runs);
        let of = |(ours, theirs): (&Played, &Played)| {
            let kept = self.kept(&ours.windows, &theirs.windows, step, keeps);
            let at = which(&kept);
            let length = self.demand.window().as_secs_f64() / self.demand.slo().as_secs_f64();
            if at < kept.len() { at as f64 * length } else { f64::INFINITY }
        };
        runs.map(of).collect()
    }

    /// Whether each stretch of ten objectives within a step was good enough, by its first window.
    fn kept(
        &self,
        ours: &[Window],
        theirs: &[Window],
        step: usize,
        keeps: &mut impl FnMut(&[Window], &[Window]) -> bool,
    ) -> Vec<bool> {
        let during = self.demand.step(step);
        let within = |windows: &[Window]| {
            let first = windows.iter().position(|window| window.from >= during.start).unwrap_or(windows.len());
            let after = windows.iter().position(|window| window.from >= during.end).unwrap_or(windows.len());
            first..after
        };
        let ours = &ours[within(ours)];
        let theirs = &theirs[within(theirs)];
        let stretch = ((self.demand.slo() * 10).as_secs_f64() / self.demand.window().as_secs_f64()).round() as usize;
        ours.windows(stretch).zip(theirs.windows(stretch)).map(|(ours, theirs)| keeps(ours, theirs)).collect()
    }

    pub(super) fn scaled(&self, figures: &Figures, seconds: f64) -> Measures {
        let capacity = self.demand.capacity() * seconds;
        let in_slos = |latency: Duration| match latency {
            Duration::MAX => f64::INFINITY,
            latency => latency.as_secs_f64() / self.demand.slo().as_secs_f64(),
        };
        Measures {
            goodput: figures.good as f64 / capacity,
            offered: figures.offered as f64 / capacity,
            refused: figures.refused_share(),
            expired: figures.expired_share(),
            p50: in_slos(figures.latency.p50),
            p99: in_slos(figures.latency.p99),
            wasted: figures.wasted_share(),
            lost: figures.wasted_on_lost.as_secs_f64() / figures.busy.as_secs_f64().max(1e-9),
            answered: figures.answered_share(),
        }
    }
}

pub(super) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    match all.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => all[n / 2],
        n => f64::midpoint(all[n / 2 - 1], all[n / 2]),
    }
}

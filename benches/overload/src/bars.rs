//! Rows of outcomes, with the bars of the scenarios.

use seda::{
    lab::{Measures, Outcome},
    sim::Window,
};
use seda_bench::{Better, Row, Table};

/// How many of the admitted may be never started.
const EXPIRED_MOST: f64 = 0.01;

/// One scenario at one scale, and the table that it adds to.
pub(crate) struct Judge<'a> {
    pub(crate) table: &'a mut Table,
    /// Scenario and scale, as rows are called.
    pub(crate) id: String,
    pub(crate) ours: &'a Outcome,
    pub(crate) oracle: &'a Outcome,
}

impl Judge<'_> {
    /// Goodput of a judged stretch, as a share of what is feasible.
    pub(crate) fn goodput(&mut self, judged: &str, bar: Option<f64>) {
        self.goodput_of("goodput", judged, bar);
    }

    /// The same under another name, where a scenario has several.
    pub(crate) fn goodput_of(&mut self, measure: &str, judged: &str, bar: Option<f64>) {
        let of = |outcome: &Outcome| {
            outcome.measures(judged).into_iter().map(|measures| measures.goodput).collect::<Vec<_>>()
        };
        let rounds: Vec<(f64, f64)> = of(self.ours).into_iter().zip(of(self.oracle)).collect();
        let (id, asks) =
            (format!("{}/{measure}", self.id), format!("goodput in capacities, {judged}; beside the best bound"));
        let row = match bar {
            Some(bar) => Row::paired(id, asks, "", self.oracle.contender(), Better::Higher, bar),
            None => Row::beside(id, asks, "", self.oracle.contender(), Better::Higher),
        };
        self.table.row(row.rounds(rounds));
    }

    /// A measure that is to be at most so much.
    pub(crate) fn most(&mut self, measure: &str, judged: &str, bar: f64, of: impl Fn(&Measures) -> f64) {
        let values: Vec<f64> = self.ours.measures(judged).iter().map(of).collect();
        self.values(measure, &format!("{measure}, {judged}"), Better::Lower, bar, values);
    }

    /// A measure that is to be at least so much.
    pub(crate) fn least(&mut self, measure: &str, judged: &str, bar: f64, of: impl Fn(&Measures) -> f64) {
        let values: Vec<f64> = self.ours.measures(judged).iter().map(of).collect();
        self.values(measure, &format!("{measure}, {judged}"), Better::Higher, bar, values);
    }

    /// Of those that were admitted, at most one in a hundred is never started.
    pub(crate) fn started(&mut self, judged: &str) {
        self.most("expired", judged, EXPIRED_MOST, |measures| measures.expired);
    }

    /// How many objectives after the beginning of a step every further stretch of ten keeps what is asked.
    pub(crate) fn recovered(
        &mut self,
        measure: &str,
        step: usize,
        bar: f64,
        keeps: impl FnMut(&[Window], &[Window]) -> bool,
    ) {
        let values = self.ours.recovered(self.oracle, step, keeps);
        let asks = format!("objectives until every further stretch of ten keeps the bar: {measure}");
        self.values(measure, &asks, Better::Lower, bar, values);
    }

    /// The same until the first such stretch.
    pub(crate) fn reached(
        &mut self,
        measure: &str,
        step: usize,
        bar: f64,
        keeps: impl FnMut(&[Window], &[Window]) -> bool,
    ) {
        let values = self.ours.reached(self.oracle, step, keeps);
        let asks = format!("objectives until the first stretch of ten that keeps the bar: {measure}");
        self.values(measure, &asks, Better::Lower, bar, values);
    }

    fn values(&mut self, measure: &str, asks: &str, better: Better, bar: f64, values: Vec<f64>) {
        // JSON knows no infinity.
        let values = values.into_iter().map(|value| value.min(1e9));
        self.table.row(Row::single(format!("{}/{measure}", self.id), asks, "", better, bar).values(values));
    }
}

/// Sum over windows.
pub(crate) fn sum(windows: &[Window], of: impl Fn(&seda::sim::Figures) -> u64) -> f64 {
    windows.iter().map(|window| of(&window.figures)).sum::<u64>() as f64
}

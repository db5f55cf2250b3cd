//! Decisions over time: where controllers had their knobs, and why they turned them.

use super::{
    axis::Axis,
    chart::{Chart, Stroke},
    outcome::Outcome,
    played::Played,
    plots::{chart, in_slos},
};
use crate::metrics::short;

/// A knob that comes to this stands on an axis of equal factors: from 1 to 2 matters as much as from 100 to 200.
const MANY: f64 = 40.0;
/// Below this the numbers beside an axis would not be whole.
const FEW: f64 = 5.0;

/// A chart for each knob, with the steps of all contenders that have it. A dot says why; the first run stands for all.
pub(super) fn charts(outcomes: &[&Outcome]) -> Vec<Chart> {
    let mut knobs: Vec<(&str, &str)> = Vec::new();
    for knob in outcomes.iter().filter_map(|outcome| first(outcome)).flat_map(|run| &run.knobs) {
        if !knobs.contains(&(knob.name.as_str(), knob.what)) {
            knobs.push((&knob.name, knob.what));
        }
    }
    knobs.into_iter().map(|(name, what)| of_knob(outcomes, name, what)).collect()
}

fn first(outcome: &Outcome) -> Option<&Played> {
    outcome.runs().first()
}

fn of_knob(outcomes: &[&Outcome], name: &str, what: &str) -> Chart {
    let demand = outcomes[0].demand();
    let end = in_slos(demand, demand.lasts());
    let (mut lines, mut dots, mut most) = (Vec::new(), Vec::new(), 1);
    for (index, run) in outcomes.iter().enumerate().rev().filter_map(|(at, outcome)| Some((at, first(outcome)?))) {
        let stood = run.stood(name, what);
        most = stood.iter().map(|(_, value)| *value).fold(most, usize::max);
        let at = |at| in_slos(demand, at).min(end);
        let ends = stood.iter().skip(1).map(|(until, _)| at(*until)).chain([end]);
        let level = |((from, value), end): (&(_, usize), f64)| [(at(*from), *value as f64), (end, *value as f64)];
        lines.push((Stroke::Of(index), stood.iter().zip(ends).flat_map(level).collect()));
        let own = run.decisions.iter().filter(|decision| decision.name == name && decision.what == what);
        dots.extend(own.map(|decision| {
            (index, (at(decision.at), decision.to as f64), format!("{} {decision}", short(decision.at)))
        }));
    }
    let y = match most as f64 {
        most if most >= MANY => Axis::log(0.8, most * 1.3),
        most => Axis::linear(0.0, (most * 1.15).max(FEW)),
    };
    let title = format!("{what} of `{name}`, by controllers: a dot tells why");
    let chart = chart(&title, demand, y, lines).height(110.0);
    dots.into_iter().fold(chart, |chart, (of, at, says)| chart.dot(of, at, says))
}

/// What a contender's controllers turned in its first run, a line each.
pub(super) fn told(outcome: &Outcome) -> Vec<String> {
    let decisions = first(outcome).map_or(&[][..], |run| &run.decisions);
    decisions.iter().map(|decision| format!("{} {decision}", short(decision.at))).collect()
}

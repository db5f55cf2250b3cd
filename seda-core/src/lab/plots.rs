//! The pictures: a scenario over time, and a sweep over the load.

use super::{
    axis::Axis,
    chart::{Chart, Stroke, legend, picture},
    demand::Demand,
    outcome::{Outcome, median},
    turns,
};
use crate::sim::{Figures, Window};

/// Goodput above the capacity is none; what is offered above it is cut off, and written beside.
const GOODPUT_MOST: f64 = 1.25;
/// Latencies, in objectives.
const LATE: (f64, f64) = (0.02, 50.0);

/// Points of a line; more would be a band.
const POINTS: usize = 110;

/// What stands for a few windows.
#[derive(Clone, Copy)]
enum Of {
    Mean,
    Median,
}

/// A scenario over time: offered and goodput, latency of the admitted, where controllers had their knobs, and what the first
/// contender refused.
pub(super) fn over_time(outcomes: &[&Outcome]) -> String {
    let demand = outcomes[0].demand();
    let mut charts = vec![goodput(outcomes, demand), latency(outcomes, demand)];
    charts.extend(turns::charts(outcomes));
    let (refused, reasons) = refusals(outcomes[0], demand);
    charts.push(refused);
    let names: Vec<String> = outcomes.iter().map(|outcome| outcome.contender().to_string()).collect();
    let mut svg = String::new();
    let mut height = legend(&mut svg, &names, 4.0) + 4.0;
    for chart in &charts {
        height += chart.draw(&mut svg, height);
    }
    height += legend(&mut svg, &reasons, height - 14.0);
    picture(&svg, height, demand.name())
}

/// The first run stands for all.
fn windows(outcome: &Outcome) -> &[Window] {
    outcome.runs().first().map_or(&[], |run| &run.windows)
}

fn time_axis(demand: &Demand) -> Axis {
    Axis::linear(0.0, in_slos(demand, demand.lasts()))
}

pub(super) fn in_slos(demand: &Demand, at: std::time::Duration) -> f64 {
    at.as_secs_f64() / demand.slo().as_secs_f64()
}

/// Values over time, at most so many points: the mean of a few windows each, or the median of a percentile.
fn points(outcome: &Outcome, of: Of, value: impl Fn(&Figures) -> f64) -> Vec<(f64, f64)> {
    let demand = outcome.demand();
    let within: Vec<&Window> = windows(outcome).iter().take_while(|window| window.from < demand.lasts()).collect();
    let group = within.len().div_ceil(POINTS).max(1);
    let point = |group: &[&Window]| {
        let values: Vec<f64> = group.iter().map(|window| value(&window.figures)).collect();
        let middle = demand.window() * group.len() as u32 / 2;
        let y = match of {
            Of::Mean => values.iter().sum::<f64>() / values.len() as f64,
            Of::Median => median(values),
        };
        (in_slos(demand, group[0].from + middle), y)
    };
    within.chunks(group).map(point).collect()
}

fn stretches(demand: &Demand) -> Vec<(f64, String)> {
    let name = |(during, rate, slower): (std::ops::Range<std::time::Duration>, f64, f64)| {
        let slower = if slower == 1.0 { String::new() } else { format!(", {slower} times slower") };
        (in_slos(demand, during.start), format!("{}x{slower}", rate / demand.capacity()))
    };
    demand.steps().map(name).collect()
}

pub(super) fn chart(title: &str, demand: &Demand, y: Axis, lines: Vec<(Stroke, Vec<(f64, f64)>)>) -> Chart {
    Chart { lines, ..Chart::new(title, time_axis(demand), y, "time, in objectives").height(170.0) }
}

fn goodput(outcomes: &[&Outcome], demand: &Demand) -> Chart {
    let per_window = demand.capacity() * demand.window().as_secs_f64();
    let offered = points(outcomes[0], Of::Mean, |figures| figures.offered as f64 / per_window);
    let mut lines = vec![(Stroke::Ground, offered)];
    lines.extend(behind_first(outcomes, |outcome| {
        points(outcome, Of::Mean, |figures| figures.good as f64 / per_window)
    }));
    let title = "goodput (lines) and offered (ground), in capacities";
    let stretches = stretches(demand);
    Chart { stretches, ..chart(title, demand, Axis::linear(0.0, GOODPUT_MOST), lines) }
}

fn latency(outcomes: &[&Outcome], demand: &Demand) -> Chart {
    let slo = demand.slo().as_secs_f64();
    let late = |latency: std::time::Duration| latency.as_secs_f64() / slo;
    let median = points(outcomes[0], Of::Median, |figures| late(figures.latency.p50));
    let mut lines = vec![(Stroke::Dotted(0), median)];
    lines.extend(behind_first(outcomes, |outcome| points(outcome, Of::Median, |figures| late(figures.latency.p99))));
    let title = format!("latency of the admitted, in objectives: p99, and p50 of {} (dotted)", outcomes[0].contender());
    let levels = vec![(1.0, "objective".to_string())];
    Chart { levels, ..chart(&title, demand, Axis::log(LATE.0, LATE.1), lines) }
}

/// Lines of all, the first one last, so that it lies above the others.
fn behind_first(outcomes: &[&Outcome], points: impl Fn(&Outcome) -> Vec<(f64, f64)>) -> Vec<(Stroke, Vec<(f64, f64)>)> {
    let line = |(index, outcome): (usize, &&Outcome)| (Stroke::Of(index), points(outcome));
    outcomes.iter().enumerate().rev().map(line).collect()
}

/// Shares of the offers that the first contender refused or never started, stacked, and their names.
fn refusals(outcome: &Outcome, demand: &Demand) -> (Chart, Vec<String>) {
    let mut reasons: Vec<&'static str> = Vec::new();
    for by in windows(outcome).iter().flat_map(|window| &window.figures.shed_by) {
        if !reasons.contains(&by.reason) {
            reasons.push(by.reason);
        }
    }
    let shed = |figures: &Figures, reason: &str| {
        figures.shed_by.iter().filter(|by| by.reason == reason).map(|by| by.events).sum::<u64>()
    };
    let upto = |figures: &Figures, count: usize| {
        let shed: u64 = reasons.iter().take(count).map(|reason| shed(figures, reason)).sum();
        let full = if count > reasons.len() { figures.full } else { 0 };
        let lost = if count > reasons.len() + 1 { figures.expired + figures.dropped + figures.shed_later } else { 0 };
        (shed + full + lost) as f64 / (figures.offered.max(1)) as f64
    };
    let counts = 1..=reasons.len() + 2;
    let lines = counts
        .map(|count| (Stroke::Stacked(count - 1), points(outcome, Of::Mean, |figures| upto(figures, count))))
        .collect();
    let title = format!("refused or never started by {}, share of the offers", outcome.contender());
    let mut names: Vec<String> = reasons.iter().map(|reason| format!("shed ({reason})")).collect();
    names.extend(["full", "never started"].map(str::to_string));
    (Chart { height: 110.0, ..chart(&title, demand, Axis::linear(0.0, 1.0), lines) }, names)
}

/// A sweep: what is offered from left to right, each contender a line of its medians.
pub(super) fn over_load(outcomes: &[&Outcome]) -> String {
    let mut names: Vec<String> = Vec::new();
    for outcome in outcomes {
        if !names.iter().any(|name| name == outcome.contender()) {
            names.push(outcome.contender().to_string());
        }
    }
    let mut svg = String::new();
    let mut height = legend(&mut svg, &names, 4.0) + 4.0;
    let charts = [
        ("goodput, in capacities", Axis::linear(0.0, GOODPUT_MOST), 200.0, None),
        ("p99 latency of the admitted, in objectives", Axis::log(LATE.0, LATE.1), 190.0, Some(1.0)),
        ("refused, share of the offers", Axis::linear(0.0, 1.0), 130.0, None),
    ];
    for (at, (title, y, tall, level)) in charts.into_iter().enumerate() {
        let line = |(index, name): (usize, &String)| {
            let own = outcomes.iter().filter(|outcome| outcome.contender() == name);
            let points = own.filter_map(|outcome| Some((sweep_of(outcome)?, swept(outcome, at))));
            (Stroke::Of(index), points.collect())
        };
        let lines = names.iter().enumerate().rev().map(line).collect();
        let levels = level.map(|level| (level, "objective".to_string())).into_iter().collect();
        let loads: Vec<f64> = outcomes.iter().filter_map(|outcome| sweep_of(outcome)).collect();
        let (least, most) = (loads.iter().copied().fold(1.0, f64::min), loads.iter().copied().fold(1.01, f64::max));
        let x = Axis::log(least, most);
        let chart = Chart::new(title, x, y, "offered, in capacities").height(tall);
        let chart = Chart { lines, levels, ..chart };
        height += chart.draw(&mut svg, height);
    }
    picture(&svg, height, "what is offered, from half the capacity to ten times")
}

fn sweep_of(outcome: &Outcome) -> Option<f64> {
    outcome.demand().scenario().sweep.as_ref().map(|(_, load)| *load)
}

fn swept(outcome: &Outcome, chart: usize) -> f64 {
    outcome.median(outcome.first_judged(), |measures| match chart {
        0 => measures.goodput,
        1 => measures.p99,
        _ => measures.refused,
    })
}

//! The scenarios of one stage, at four scales of service time.

use std::time::Duration;

use seda::{
    StartError,
    lab::{Outcome, Report, Scenario},
    sim::{Service, Window},
};
use seda_bench::{Better, Row, Table};

use crate::{
    bars::{Judge, sum},
    oracle,
    policies::{self, OURS, SCALES, Shape, USUAL},
};

/// Whatever was chosen for a scenario, as it is called in tables.
const ORACLE: &str = "oracle";

/// A scenario, what its service is like, and what it is held against.
struct Case {
    scenario: Scenario,
    shape: Shape,
    /// The step for which the oracle has a bound of its own; without one, the scenario's bars need no oracle.
    trouble: usize,
    judge: fn(&mut Judge<'_>),
}

pub(crate) fn run(table: &mut Table, report: &mut Report) -> Result<(), StartError> {
    for case in cases() {
        let name = case.scenario.demand(1.0, USUAL).name().to_string();
        let (chosen, feasible) = oracle::search(|| policies::lab(USUAL), &case.scenario, case.shape, case.trouble)?;
        eprintln!("{name}: {}", chosen.name());
        let lab = policies::lab(USUAL).scenario(case.scenario.clone());
        let usual = policies::others(policies::ours(lab, case.shape), case.shape).run()?;
        judge(table, &case, "4ms", usual.outcome(&name, OURS), &feasible);
        report.extend(usual);
        report.add(feasible.called(ORACLE));
        for (scale, mean) in SCALES.into_iter().filter(|(_, mean)| *mean != USUAL) {
            let lab = policies::ours(policies::lab(mean).scenario(case.scenario.clone()), case.shape);
            let trouble = case.trouble;
            let lab = policies::oracle(lab, chosen.name(), case.shape, move |demand| {
                oracle::Oracle::new(demand, trouble, chosen)
            });
            let at_scale = lab.run()?;
            let feasible = at_scale.outcome(&name, &chosen.name()).expect("it was among the contenders");
            judge(table, &case, scale, at_scale.outcome(&name, OURS), feasible);
        }
    }
    worst(table, report);
    Ok(())
}

/// Each contender by the scenario in which it has the least of what is feasible: that is its score.
fn worst(table: &mut Table, report: &mut Report) {
    let share = |outcome: &Outcome| {
        let oracle = report.outcome(outcome.demand().name(), ORACLE)?;
        Some((outcome.goodput() / oracle.goodput(), outcome.demand().name().to_string()))
    };
    let mut names: Vec<&str> = Vec::new();
    for outcome in report.outcomes().iter().filter(|outcome| outcome.contender() != ORACLE) {
        if !names.contains(&outcome.contender()) {
            names.push(outcome.contender());
        }
    }
    let of = |name: &&str| {
        let own = report.outcomes().iter().filter(|outcome| outcome.contender() == *name);
        let worst = own.filter_map(share).min_by(|(one, _), (other, _)| one.total_cmp(other));
        worst.map(|(share, scenario)| (name.to_string(), share, scenario))
    };
    let mut scores: Vec<(String, f64, String)> = names.iter().filter_map(of).collect();
    scores.sort_by(|(_, one, _), (_, other, _)| other.total_cmp(one));
    let ours = scores.iter().find(|(name, ..)| name == OURS);
    let best = scores.iter().find(|(name, ..)| name != OURS);
    if let Some(((_, ours, _), (name, theirs, _))) = ours.zip(best) {
        let asks = "share of what is feasible in the worst scenario; beside the best of the others";
        table.row(Row::beside("worst", asks, "", name.clone(), Better::Higher).rounds([(*ours, *theirs)]));
    }
    let rows = scores.into_iter().map(|(name, share, scenario)| vec![name, format!("{share:.3}"), scenario]);
    let caption = "the worst scenario of each is its score: goodput there, of what is feasible (* written anew by us)";
    report.table(caption, &["contender", "score", "in"], rows.collect());
}

fn judge(table: &mut Table, case: &Case, scale: &str, ours: Option<&Outcome>, oracle: &Outcome) {
    let ours = ours.expect("ours is among the contenders");
    let id = format!("{}/{scale}", oracle.demand().name().replace(' ', "-"));
    (case.judge)(&mut Judge { table, id, ours, oracle });
}

fn exponential(mean: Duration) -> Service {
    Service::exponential(mean)
}

/// 95 % short ones and 5 % of sixty times that.
fn mixture(mean: Duration) -> Service {
    let (short, long) = (Service::exponential(mean.mul_f64(0.25)), Service::exponential(mean.mul_f64(15.25)));
    Service::mix([(0.95, short), (0.05, long)])
}

fn pareto(mean: Duration) -> Service {
    Service::pareto(1.5, mean, 100.0)
}

fn cases() -> Vec<Case> {
    let case = |scenario, trouble, judge| Case { scenario, shape: exponential, trouble, judge };
    let tailed = |name: &str, about: &str, shape| {
        let scenario = Scenario::plateau(10.0).renamed(name).about(about);
        Case { scenario, shape, trouble: 1, judge: tailed }
    };
    let plateau = |load| case(Scenario::plateau(load), 1, plateau_bars(load));
    let mut cases: Vec<Case> = [0.5, 0.8, 0.95, 1.0, 1.2, 1.5, 2.0, 4.0, 10.0].into_iter().map(plateau).collect();
    cases.extend([
        case(Scenario::ramp(), 1, step),
        case(Scenario::spike(), 1, spike),
        tailed("mixture", "95 % of mean 1, 5 % of mean 61, ten times the capacity", mixture),
        tailed("pareto", "Pareto 1.5 cut at 100 means, ten times the capacity", pareto),
        case(Scenario::slow_down(), 1, slow),
        case(Scenario::bursts(), 1, bursts),
        case(Scenario::storm(), 1, storm),
    ]);
    cases
}

fn plateau_bars(load: f64) -> fn(&mut Judge<'_>) {
    fn within(judge: &mut Judge<'_>) {
        judge.most("p99", "steady", 1.05, |measures| measures.p99);
        judge.started("steady");
    }
    match load {
        2.0 => |judge| {
            judge.goodput("steady", Some(0.97));
            within(judge);
        },
        10.0 => |judge| {
            judge.goodput("steady", Some(0.95));
            within(judge);
        },
        0.95 => |judge| {
            judge.most("shed", "steady", 0.015, |measures| measures.refused);
            within(judge);
        },
        _ => |judge| {
            judge.goodput("steady", None);
            within(judge);
        },
    }
}

/// Goodput of a stretch is at least that share of the oracle's.
fn keeps(share: f64) -> impl Fn(&[Window], &[Window]) -> bool {
    move |ours, oracle| sum(ours, |figures| figures.good) >= share * sum(oracle, |figures| figures.good)
}

/// At most one in a hundred of the admitted was late.
fn in_time(windows: &[Window]) -> bool {
    sum(windows, |figures| figures.admitted - figures.good) <= 0.01 * sum(windows, |figures| figures.admitted)
}

pub(crate) fn step(judge: &mut Judge<'_>) {
    judge.recovered("reached", 1, 4.0, keeps(0.90));
    judge.goodput("4 SLOs after it", Some(0.90));
    judge.started("all of it");
    let nothing_shed = |windows: &[Window]| sum(windows, |figures| figures.refused()) == 0.0;
    judge.recovered("recovered", 2, 10.0, move |ours, oracle| nothing_shed(ours) && keeps(0.90)(ours, oracle));
}

fn spike(judge: &mut Judge<'_>) {
    judge.goodput("all of it", Some(0.95));
    judge.reached("p99-back", 1, 4.0, |ours, _| in_time(ours));
    judge.most("p99", "4 SLOs after it", 1.0, |measures| measures.p99);
    judge.started("all of it");
}

fn tailed(judge: &mut Judge<'_>) {
    judge.goodput("steady", Some(0.95));
    judge.started("steady");
}

pub(crate) fn slow(judge: &mut Judge<'_>) {
    judge.goodput("slow", Some(0.95));
    judge.started("4 SLOs after it");
    judge.recovered("recovered", 2, 4.0, keeps(0.95));
}

fn bursts(judge: &mut Judge<'_>) {
    judge.most("shed", "steady", 0.005, |measures| measures.refused);
    judge.started("steady");
}

fn storm(judge: &mut Judge<'_>) {
    judge.least("answered", "20 SLOs after its end", 0.99, |measures| measures.answered);
    judge.most("wasted", "from its beginning", 0.03, |measures| measures.wasted);
}

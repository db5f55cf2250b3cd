//! The overload lab: the same run by seed, figures of what was measured elsewhere, files that open from disk.

use seda_core::{
    Admission, AdmitAll, Slo,
    lab::{Demand, Fate, Lab, Measured, Outcome, Report, Scenario, Step},
    prelude::*,
    sim::{Run, Service},
};

fn service(demand: &Demand, policy: impl Admission + 'static) -> Run {
    let mut p = Pipeline::named("lab");
    let work = (|_: u64| ()).threads(4).queue(100_000).admission(policy);
    let offers = p.sink("work", work);
    let service = demand.service(Service::exponential(ms(4)));
    Run::new(p).entry(offers, demand.arrivals(), |n| n).service("work", service)
}

fn lab<'a>() -> Lab<'a> {
    Lab::new("lab", 1000.0, ms(50))
        .contender("slo", |demand| service(demand, Slo::new(demand.slo())))
        .contender("all", |demand| service(demand, AdmitAll))
        .seeds(2)
        .brief()
}

#[test]
fn the_same_seeds_give_the_same_table() {
    let run = || lab().scenario(Scenario::ramp()).run().unwrap().to_string();
    let text = run();
    assert_eq!(text, run());
    assert!(text.contains("\nstep, 4 SLOs after it\n"), "{text}");
}

#[test]
fn contenders_meet_the_same_arrivals() {
    let report = lab().scenario(Scenario::plateau(2.0)).run().unwrap();
    let offered = |contender| {
        let outcome = report.outcome("plateau 2x", contender).unwrap();
        outcome.measures("steady").iter().map(|measures| measures.offered).collect::<Vec<_>>()
    };
    assert_eq!(offered("slo"), offered("all"));
    assert!((1.9..2.1).contains(&offered("slo")[0]), "{:?}", offered("slo"));
    assert_ne!(offered("slo")[0], offered("slo")[1], "each seed has arrivals of its own");
}

#[test]
fn recovery_is_counted_from_the_end_of_the_step_to_the_last_bad_stretch() {
    let report = lab().scenario(Scenario::ramp()).run().unwrap();
    let (ours, all) = (report.outcome("step", "slo").unwrap(), report.outcome("step", "all").unwrap());
    let nothing_refused = |ours: &[seda_core::sim::Window], _: &[seda_core::sim::Window]| {
        ours.iter().all(|window| window.figures.refused() == 0)
    };
    assert!(ours.recovered(all, 2, nothing_refused).iter().all(|slos| *slos <= 10.0));
    let mostly_good =
        |windows: &[seda_core::sim::Window]| windows.iter().map(|window| window.figures.good).sum::<u64>() > 200;
    // Without admission the queue of the step is there for longer than the run.
    assert_eq!(all.recovered(ours, 2, |all, _| mostly_good(all)), [f64::INFINITY; 2]);
}

#[test]
fn phases_are_as_long_as_a_percentile_needs() {
    let demand = Scenario::plateau(0.5).demand(1000.0, ms(50));
    let (name, steady) = &demand.judged()[0];
    assert_eq!(name, "steady");
    assert_eq!(steady.end - steady.start, secs(40), "20,000 offers at 500 a second");
    let demand = Scenario::plateau(10.0).demand(1000.0, ms(50));
    assert_eq!(demand.lasts(), ms(50) * 220, "20 objectives before, and 200 that count");
}

#[test]
fn what_was_measured_elsewhere_is_judged_by_the_same_books() {
    let scenario = Scenario::new("own", "measured").step(Step::load(1.0).lasting(20.0)).judged("all", 0, 0.0);
    let demand = scenario.demand(100.0, ms(100));
    let offers = (0..200).map(|n| {
        let fate = match n % 4 {
            0 => Fate::Refused("full"),
            1 => Fate::Lost,
            2 => Fate::Done { latency: ms(50), busy: ms(10) },
            _ => Fate::Done { latency: ms(150), busy: ms(10) },
        };
        Measured::new(ms(10) * n, fate)
    });
    let outcome = Outcome::measured("theirs", demand, vec![offers.collect()]);
    let measures = outcome.measures("all")[0];
    assert_eq!((measures.offered, measures.goodput), (1.0, 0.25));
    assert_eq!((measures.refused, measures.wasted), (0.25, 0.5));
    assert!((measures.p50 - 1.5).abs() < 0.01 && measures.p99 == f64::INFINITY, "{measures:?}");
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let mut report = Report::new("a <page>");
    report.extend(lab().scenario(Scenario::plateau(1.2)).scenario(Scenario::spike()).run().unwrap());
    let page = report.page();
    assert!(page.contains("a &lt;page&gt;") && page.matches("<svg ").count() == 2);
    let fetched = ["src=", "href=\"http", "@import", "url("];
    assert!(fetched.iter().all(|word| !page.contains(word)));
    assert!(!page.contains("NaN") && !page.contains("inf "), "a number that no browser draws");
}

/// Six times what one thread can do, and then half of that; from 1 to 8 threads.
fn turned() -> Report {
    let build = |demand: &Demand| {
        let mut p = Pipeline::named("lab");
        let offers = p.sink("work", (|_: u64| ()).threads(1..=8));
        Run::new(p).entry(offers, demand.arrivals(), |n| n).service("work", Service::fixed(ms(10)))
    };
    let scenario = Scenario::new("ebb", "much, then less").step(Step::load(0.75).lasting(50.0));
    let scenario = scenario.step(Step::load(0.3).lasting(200.0));
    let lab = Lab::new("lab", 800.0, ms(100)).contender("controller", build).contender("same", build);
    lab.scenario(scenario).seeds(1).run().unwrap()
}

#[test]
fn where_a_knob_stood_is_known_from_the_start_to_the_end() {
    let report = turned();
    let run = &report.outcomes()[0].runs()[0];
    let stood = run.stood("work", "threads");
    assert_eq!(stood[0], (secs(0), 1));
    assert_eq!(stood.len(), run.decisions.len() + 1);
    assert_eq!(stood.last().unwrap().1, run.knobs[0].value);
    assert!(stood.iter().is_sorted_by_key(|(from, _)| *from));
    assert!(run.stood("work", "limit").is_empty() && run.stood("other", "threads").is_empty());
}

#[test]
fn a_picture_shows_where_controllers_had_their_knobs_and_each_dot_tells_why() {
    let report = turned();
    let page = report.page();
    assert!(page.contains("threads of `work`, by controllers"), "{page}");
    let first = &report.outcomes()[0].runs()[0].decisions[0];
    let told = format!("{first}").replace('>', "&gt;");
    assert_eq!(page.matches(&told).count(), 4, "a dot and a line of text for each contender: {told}\n{page}");
    assert!(page.contains("<summary>decisions of controller, first run</summary>"));
    let without = lab().scenario(Scenario::plateau(1.2)).run().unwrap().page();
    assert!(!without.contains("by controllers") && !without.contains("<circle"));
}

#[test]
fn a_table_of_ones_own_is_printed_and_stands_on_the_page() {
    let mut report = Report::new("scores");
    let rows = vec![vec!["slo".to_string(), "0.99".to_string()], vec!["<none>".to_string(), "0.00".to_string()]];
    report.table("the worst of each", &["contender", "score"], rows);
    let mut all = Report::new("all");
    all.extend(report);
    let (text, page) = (all.to_string(), all.page());
    assert!(text.contains("the worst of each\n  contender") && text.contains("<none>"), "{text}");
    assert!(page.contains("<td>&lt;none&gt;</td><td>0.00</td>"), "{page}");
}

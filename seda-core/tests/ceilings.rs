//! Below a ceiling, threads that are not needed go to who needs them: of one pipeline, and of all that share a budget.

use seda_core::{
    Control, Settings, Snapshot, ThreadBudget,
    prelude::*,
    sim::{Arrivals, Run, Service},
    test::{Takes, Virtual},
};

fn threads(snapshot: &Snapshot, stage: &str) -> usize {
    snapshot.stages.iter().find(|of| of.name == stage).unwrap().threads
}

fn decisions(snapshot: &Snapshot) -> String {
    snapshot.decisions.iter().map(|decision| format!("{:?} {decision}\n", decision.at)).collect()
}

/// `first` is busy for 3 s, then `second`; each needs eight threads, and there are ten.
fn one_after_the_other(first: Control) -> Snapshot {
    let mut p = Pipeline::named("shop");
    let day = p.sink("first", drop::<u64>.threads(1..=8).queue(10_000));
    let night = p.sink("second", drop::<u64>.threads(1..=8).queue(10_000));
    p.threads_max(10);
    p.configure(&Settings::new().stage("first", |stage| stage.control(first)));
    let quiet = |secs_: u64| Arrivals::constant(1e-9).lasting(secs(secs_));
    let run = Run::new(p)
        .entry(day, Arrivals::constant(1_000.0).lasting(secs(3)).then(quiet(5)), |n| n)
        .entry(night, quiet(3).then(Arrivals::constant(1_000.0).lasting(secs(5))), |n| n)
        .service("first", Service::fixed(ms(5)))
        .service("second", Service::fixed(ms(5)));
    run.during(secs(8)).unwrap().snapshot
}

#[test]
fn a_quiet_stage_gives_its_threads_back_before_another_is_denied() {
    let snapshot = one_after_the_other(Control::On);
    assert_eq!(threads(&snapshot, "second"), 8, "{}", decisions(&snapshot));
    let given = snapshot.decisions.iter().find(|decision| decision.why.starts_with("for `second`: at most")).unwrap();
    assert!(given.name == "first" && given.from == 8 && given.to >= 1, "{given}");
    assert!(given.why.ends_with("were busy in the last second"), "{given}");
    // Once a second without work has been seen, and at the look at which they are wanted.
    let taken = snapshot.decisions.iter().rfind(|decision| decision.name == "second").unwrap();
    assert!(taken.at < ms(4_500), "{}", decisions(&snapshot));
}

#[test]
fn who_is_in_the_shadow_gives_nothing() {
    let snapshot = one_after_the_other(Control::Shadow);
    assert_eq!(threads(&snapshot, "first"), 1);
    assert!(!decisions(&snapshot).contains("for `second`"), "{}", decisions(&snapshot));
}

#[test]
fn in_the_shadow_a_ceiling_that_is_reached_is_said_and_no_decision() {
    let mut p = Pipeline::named("shop");
    p.sink("fixed", drop::<u64>.threads(2));
    let work = p.sink("work", drop::<u64>.threads(1..=8).queue(10_000));
    p.threads_max(3).control(Control::Shadow);
    let run = Run::new(p).entry(work, Arrivals::constant(1_000.0), |n| n).service("work", Service::fixed(ms(5)));
    let run = run.every(secs(2), |sim| {
        let snapshot = sim.snapshot();
        assert_eq!(decisions(&snapshot), "");
        let says = &snapshot.knobs[0].says;
        assert!(says.starts_with("8 would be right, and the ceiling of 3 threads is reached: "), "{says}");
    });
    run.during(secs(3)).unwrap();
}

#[test]
fn who_needs_its_threads_keeps_them_and_the_other_is_told_why_it_gets_none() {
    let mut p = Pipeline::named("shop");
    let first = p.sink("first", drop::<u64>.threads(1..=8).queue(10_000));
    let second = p.sink("second", drop::<u64>.threads(1..=8).queue(10_000));
    p.threads_max(10);
    let run = Run::new(p)
        .entry(first, Arrivals::constant(1_000.0), |n| n)
        .entry(second, Arrivals::constant(1e-9).lasting(secs(3)).then(Arrivals::constant(1_000.0)), |n| n)
        .service("first", Service::fixed(ms(5)))
        .service("second", Service::fixed(ms(5)));
    let run = run.every(secs(5), |sim| {
        let snapshot = sim.snapshot();
        assert_eq!((threads(&snapshot, "first"), threads(&snapshot, "second")), (8, 2), "{}", decisions(&snapshot));
        let says = &snapshot.knobs.iter().find(|knob| knob.name == "second").unwrap().says;
        assert!(says.starts_with("8 would be right, and the ceiling of 10 threads is reached: "), "{says}");
    });
    run.during(secs(6)).unwrap();
}

// ---- a budget for several pipelines

fn pipeline(name: &str, least: usize, budget: &ThreadBudget) -> (Pipeline, Inlet<u64>) {
    let mut p = Pipeline::named(name);
    let inlet = p.sink("work", drop::<u64>.threads(least..=8).queue(10_000));
    p.thread_budget(budget);
    (p, inlet)
}

#[test]
fn pipelines_take_their_least_at_the_start_and_give_it_back_at_the_end() {
    let budget = ThreadBudget::new(8);
    let first = Virtual::start(pipeline("first", 3, &budget).0, 1).unwrap();
    let second = pipeline("second", 2, &budget).0.start().unwrap();
    assert_eq!(format!("{budget:?}"), "ThreadBudget(3 of 8 left)");
    let error = Virtual::start(pipeline("third", 4, &budget).0, 1).unwrap_err().to_string();
    assert!(
        error.contains("stages and domains have 4 threads at least, and of the budget of 8 threads 3 are left"),
        "{error}"
    );
    assert!(second.drain(Deadlines::default()).balanced());
    assert_eq!(budget.left(), 5);
    drop(first);
    assert_eq!(budget.left(), 8);
}

#[test]
fn growth_comes_out_of_the_budget_and_what_is_not_there_is_said() {
    let budget = ThreadBudget::new(6);
    let other = Virtual::start(pipeline("other", 2, &budget).0, 1).unwrap();
    let (p, inlet) = pipeline("busy", 1, &budget);
    let run = Run::new(p).entry(inlet, Arrivals::constant(1_000.0), |n| n).service("work", Service::fixed(ms(5)));
    let left = budget.clone();
    let run = run.every(secs(2), move |sim| {
        assert_eq!((threads(&sim.snapshot(), "work"), left.left()), (4, 0));
        let says = sim.snapshot().knobs[0].says.clone();
        assert!(says.starts_with("8 would be right, and the budget of 6 threads is spent: "), "{says}");
    });
    run.during(secs(5)).unwrap();
    drop(other);
    assert_eq!(budget.left(), 6);
}

#[test]
fn a_live_change_takes_from_the_budget_or_is_refused() {
    let budget = ThreadBudget::new(6);
    let mut sim = Virtual::start(pipeline("one", 2, &budget).0, 1).unwrap();
    sim.resize("work", 5).unwrap();
    assert_eq!(budget.left(), 1);
    let error = sim.resize("work", 7).unwrap_err().to_string();
    assert!(error.contains("2 more threads are asked for, and of the budget of 6 threads 1 are left"), "{error}");
    sim.resize("work", 2).unwrap();
    assert_eq!(budget.left(), 4);
}

#[test]
fn a_pipeline_at_rest_gives_back_when_another_misses_some() {
    let budget = ThreadBudget::new(9);
    let (p, inlet) = pipeline("day", 1, &budget);
    let mut day = Virtual::start(p, 1).unwrap();
    day.takes("work", Takes::fixed(ms(5)));
    let work = |sim: &mut Virtual, inlet: Inlet<u64>, ms_: u64| {
        for n in 0..ms_ {
            let _ = sim.offer(inlet, n);
            sim.advance(ms(1));
        }
    };
    work(&mut day, inlet, 1_000);
    assert_eq!((threads(&day.snapshot(), "work"), budget.left()), (8, 1));
    let (p, needs) = pipeline("night", 1, &budget);
    let mut night = Virtual::start(p, 1).unwrap();
    night.takes("work", Takes::fixed(ms(5)));
    day.advance(secs(5));
    work(&mut night, needs, 1_000);
    assert_eq!(threads(&night.snapshot(), "work"), 1, "nobody has looked at the other yet");
    // On threads it would be woken; on virtual time it looks when it has work.
    day.offer(inlet, 1).unwrap();
    day.advance(ms(300));
    let given = day.snapshot().decisions.last().unwrap().to_string();
    assert!(given.contains("work: threads 8 -> ") && given.contains("for another pipeline: at most"), "{given}");
    work(&mut night, needs, 1_000);
    assert!(threads(&night.snapshot(), "work") >= 7, "{}", decisions(&night.snapshot()));
}

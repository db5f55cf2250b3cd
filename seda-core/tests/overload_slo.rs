//! The default policy keeps goodput and tail under overload, at every scale of service time, with one number given.

mod overload;

use overload::{Kept, PLACES, SCALES, Scene};
use seda_core::{
    Slo,
    prelude::*,
    sim::{Arrivals, Clients, Results, Run, Service},
};

fn steady(mean: std::time::Duration, load: f64) -> Kept {
    Scene::new(mean, &[(load, 220.0)]).kept(20.0..220.0, 220.0)
}

#[test]
fn goodput_is_flat_from_twice_to_ten_times_the_capacity_and_the_tail_keeps_the_objective() {
    for mean in SCALES {
        for (load, bar) in [(2.0, 0.97), (10.0, 0.95)] {
            let kept = steady(mean, load);
            assert!(kept.goodput >= bar && kept.p99 <= 1.05, "{load} times the capacity at {mean:?}: {kept:?}");
        }
    }
}

#[test]
fn below_the_capacity_next_to_nothing_is_shed() {
    for (load, most) in [(0.5, 0.0), (0.8, 0.0005), (0.95, 0.015)] {
        let kept = steady(ms(4), load);
        assert!(kept.shed <= most && kept.p99 <= 1.05, "{load} of the capacity: {kept:?}");
    }
}

#[test]
fn a_step_to_ten_times_is_met_within_four_slos_and_forgotten_within_ten() {
    for mean in [SCALES[0], SCALES[2]] {
        let scene = Scene::new(mean, &[(0.8, 40.0), (10.0, 100.0), (0.8, 100.0)]);
        let results = scene.run(Slo::new(scene.slo()), &[44.0..54.0, 54.0..140.0, 150.0..240.0], 240.0);
        let first = scene.of(results.phase("0").unwrap(), 44.0..54.0);
        let then = scene.of(results.phase("1").unwrap(), 54.0..140.0);
        assert!(first.goodput >= 0.90 && then.goodput >= 0.95 && then.p99 <= 1.0, "{mean:?}: {first:?}, {then:?}");
        assert_eq!(results.phase("2").unwrap().refused(), 0, "after the step, at {mean:?}");
    }
}

#[test]
fn a_spike_to_1_4_times_costs_neither_tail_nor_goodput() {
    let scene = Scene::new(ms(4), &[(0.8, 40.0), (1.4, 200.0)]);
    let kept = scene.kept(44.0..240.0, 240.0);
    assert!(kept.p99 <= 1.0 && kept.goodput >= 0.95, "{kept:?}");
}

#[test]
fn service_four_times_slower_is_followed_and_its_end_too() {
    for mean in [SCALES[0], SCALES[3]] {
        let mut scene = Scene::new(mean, &[(0.8, 320.0)]);
        scene.service = Service::exponential(mean).slowed(4.0, scene.at(40.0)..scene.at(240.0));
        let results = scene.run(Slo::new(scene.slo()), &[40.0..240.0, 244.0..320.0], 320.0);
        // The best bound on the queue that a search found reaches 0.92 of the capacity while slow.
        let slow = 4.0 * scene.of(results.phase("0").unwrap(), 40.0..240.0).goodput;
        assert!(slow >= 0.95 * 0.92, "{slow} of the capacity while slow, at {mean:?}");
        let after = scene.of(results.phase("1").unwrap(), 244.0..320.0);
        assert!(after.shed <= 0.001 && after.p99 <= 1.0, "{mean:?}: {after:?}");
    }
}

/// Four times slower, one service in five takes longer than half of the objective: who waits behind one on a single place may
/// well wait in vain. No bound on the queue reaches more than 0.79 of the capacity then.
#[test]
fn on_one_place_with_an_objective_of_three_services_few_wait_in_vain() {
    let (mut p, slo) = (Pipeline::named("one"), ms(50));
    let offers = p.sink("work", (|_: u64| ()).slo(slo));
    let slow = Service::exponential(ms(4)).slowed(4.0, slo * 40..slo * 240);
    let run = Run::new(p).entry(offers, Arrivals::poisson(0.8 * 250.0), |n| n).service("work", slow).slo(slo);
    let results = run.phase("slow", slo * 44..slo * 240).during(slo * 240).unwrap();
    let slow = results.phase("slow").unwrap();
    assert!(slow.expired_share() <= 0.01, "{} of the admitted expired", slow.expired_share());
    let goodput = slow.good as f64 / (196.0 * 12.5 / 4.0);
    assert!(goodput >= 0.95 * 0.79, "{goodput} of the capacity");
}

#[test]
fn heavy_tails_cost_little_of_what_any_bound_could_reach() {
    // Of the best bound that a search over 0 to 46 waiting events found, as a share of the capacity.
    let mixture = Service::mix([(0.95, Service::exponential(ms(1))), (0.05, Service::exponential(ms(61)))]);
    for (service, feasible) in [(mixture, 0.97), (Service::pareto(1.5, ms(4), 100.0), 0.99)] {
        let scene = Scene { service, ..Scene::new(ms(4), &[(10.0, 420.0)]) };
        let kept = scene.kept(20.0..420.0, 420.0);
        assert!(kept.goodput >= 0.95 * feasible && kept.expired <= 0.01, "{kept:?}");
    }
}

#[test]
fn bursts_that_fit_the_objective_are_let_in() {
    for mean in [SCALES[0], SCALES[2]] {
        let arrivals = Arrivals::bursts(32, mean.mul_f64(32.0 / (0.6 * PLACES)));
        let kept = Scene { arrivals, ..Scene::new(mean, &[(0.6, 1.0)]) }.kept(20.0..520.0, 520.0);
        assert!(kept.shed <= 0.005 && kept.p99 <= 1.0, "{mean:?}: {kept:?}");
    }
}

/// Clients who try four times, behind 0.8 of the capacity, and ten times it for 20 objectives.
fn storm(mean: std::time::Duration) -> Results {
    let mut scene = Scene::new(mean, &[(0.8, 40.0), (10.0, 20.0), (0.8, 1.0)]);
    let clients = Clients::timing_out(scene.at(2.0)).retries(3).backing_off(scene.at(1.0));
    scene.arrivals = scene.arrivals.clients(clients);
    scene.run(Slo::new(scene.slo()), &[40.0..80.0, 80.0..280.0], 280.0)
}

#[test]
fn a_retry_storm_dies_down_with_what_set_it_off() {
    for mean in [SCALES[0], SCALES[2]] {
        let results = storm(mean);
        let (during, after) = (results.phase("0").unwrap(), results.phase("1").unwrap());
        assert!(during.wasted_share() <= 0.03, "{} of the work was wasted", during.wasted_share());
        assert!(after.answered_share() >= 0.99, "{} were answered", after.answered_share());
    }
}

/// Five stages in a row of two threads and one service each, but two at the one that is the tightest: the fourth, then the
/// second, then the fifth. The first one alone has the objective, of 50, and is offered twice what the tightest can do.
fn chain(service: std::time::Duration, seed: u64) -> Results {
    let mut p = Pipeline::named("chain");
    let stage = || (|n: u64| n).threads(2);
    let (offers, mut out) = p.stage("1", stage().slo(service * 50));
    for name in ["2", "3", "4"] {
        out = p.then_with(name, out, stage());
    }
    p.end_with("5", out, (|_: u64| ()).threads(2));
    let arrivals = Arrivals::poisson(2.0 / service.as_secs_f64());
    let mut run = Run::new(p).entry(offers, arrivals, |n| n).slo(service * 50).seed(seed);
    for (name, tight) in [("1", 0..0), ("2", 1..2), ("3", 0..0), ("4", 0..1), ("5", 2..3)] {
        let slowed = service * 10_000 * tight.start..service * 10_000 * tight.end;
        run = run.service(name, Service::exponential(service).slowed(2.0, slowed));
    }
    run.warm_up(service * 500).during(service * 30_000).unwrap()
}

#[test]
fn work_that_the_tightest_stage_has_no_time_for_is_shed_at_the_entry() {
    // Where a service takes microseconds, it is not batches that delay: those of stages behind an objective are small.
    for service in [us(5), ms(2)] {
        let results = chain(service, 1);
        let lost = results.all.wasted_on_lost.as_secs_f64() / results.all.busy.as_secs_f64();
        assert!(lost <= 0.03, "{lost} of the work was lost at {service:?}\n{results}");
        let goodput = results.goodput() * service.as_secs_f64();
        assert!(goodput >= 0.93, "{goodput} of the capacity at {service:?}\n{results}");
    }
}

/// One in ten goes to a stage of a hundredth of the speed: the entry is offered 0.9 of what it can do, the slow stage nine
/// times. Which it is shows behind the entry, so the branch decides: the slow stage has the objective too, and an overflow.
#[test]
fn a_slow_branch_does_not_take_the_other_one_down() {
    let run = |slow: bool, seed: u64| {
        let mut p = Pipeline::named("branch");
        let (offers, out) =
            p.stage("entry", (|n: u64| if n.is_multiple_of(10) { Err(n) } else { Ok(n) }).threads(4).slo(ms(50)));
        let (quick, thumbnails) = out.tried();
        p.end("quick", quick, |_: u64| ());
        let (thumbnails, over) = thumbnails.overflow();
        p.end_with("slow", thumbnails, (|_: u64| ()).threads(4).slo(secs(5)));
        p.end("over", over, |_: u64| ());
        let make = move |n: u64| if slow { n } else { 10 * n + 1 };
        let run = Run::new(p).entry(offers, Arrivals::poisson(900.0), make);
        let run = run.service("entry", Service::exponential(ms(4))).service("slow", Service::exponential(ms(400)));
        run.slo(ms(50)).seed(seed).warm_up(secs(2)).during(secs(60)).unwrap()
    };
    let done = |results: &Results| results.ledger.stage("quick").unwrap().done as f64;
    for seed in 3..=5 {
        let (alone, beside) = (run(false, seed), run(true, seed));
        assert!(done(&beside) >= 0.98 * 0.9 * done(&alone), "seed {seed}: {} of {}", done(&beside), done(&alone));
        let slow = beside.ledger.stage("slow").unwrap();
        assert!(slow.done > 550 && slow.expired < slow.done / 50, "seed {seed}: {}", beside.ledger);
    }
}

/// A source offers as fast as it can. It is paused, and nothing of what it makes is lost; what comes from outside beside it
/// keeps the objective.
#[test]
fn a_source_is_paused_and_never_shed() {
    let mut p = Pipeline::named("import");
    let mut left = 20_000;
    let lines = p.source(
        "lines",
        pull(move || {
            left -= 1;
            if left >= 0 { Pulled::Event(left as u64) } else { Pulled::End }
        }),
    );
    p.end_with("work", lines, (|_: u64| ()).threads(4).slo(ms(50)));
    let results = Run::new(p).service("work", Service::exponential(ms(4))).during(secs(60)).unwrap();
    let work = results.ledger.stage("work").unwrap();
    assert_eq!((work.done, work.expired), (20_000, 0), "{}", results.ledger);
    let snapshot = results.snapshot.stage("work").unwrap();
    assert_eq!(snapshot.counts.shed, 0);
    assert!(snapshot.wait.p99 < ms(50), "{:?}", snapshot.wait.p99);
}

/// The high class is offered half of the capacity, in all it is ten times it: goodput of each by the capacity.
fn two_classes(seed: u64) -> Results {
    let mut p = Pipeline::named("classes");
    let work = (|_: u64| ()).threads(4).slo(ms(50)).classes(2, |_| 0);
    let offers = p.sink("work", work);
    let run = Run::new(p)
        .entry(offers, Arrivals::poisson(500.0).kind("high").class(1), |n| n)
        .entry(offers, Arrivals::poisson(9_500.0).kind("low"), |n| n)
        .service("work", Service::exponential(ms(4)));
    run.slo(ms(50)).seed(seed).warm_up(secs(1)).during(secs(41)).unwrap()
}

#[test]
fn the_high_class_hardly_notices_what_the_low_one_offers_and_the_low_one_gets_the_rest() {
    let results = two_classes(1);
    let (high, low) = (results.kind("high").unwrap(), results.kind("low").unwrap());
    let share = high.good as f64 / high.offered as f64;
    assert!(share >= 0.999, "{share} of the high ones were good\n{results}");
    let rest = low.good as f64 / (40.0 * 1000.0 - high.good as f64);
    assert!(rest >= 0.95, "{rest} of the rest went to low ones\n{results}");
}

//! Controllers on virtual time: what they settle at, how fast, and that they can say why.

use std::{
    cell::RefCell,
    ops::RangeInclusive,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use seda_core::{
    Advice, Control, Controller, Demand, MaxConcurrency, SedaQueue, Settings, Sight, Snapshot,
    prelude::*,
    sim::{Arrivals, Results, Run, Service},
    test::{Takes, Virtual, Window},
};

/// A run, with the threads of its first stage every 100 ms, and what its offers were refused.
struct Seen {
    results: Results,
    threads: Vec<usize>,
    shed: Vec<u64>,
    /// What the first controller said last under load.
    says: String,
}

impl Seen {
    fn of(run: Run, time: Duration) -> Self {
        let looks = Rc::new(RefCell::new(Vec::new()));
        let says = Rc::new(RefCell::new(String::new()));
        let (into, said) = (looks.clone(), says.clone());
        let look = move |sim: &mut Virtual| {
            let snapshot = sim.snapshot();
            into.borrow_mut().push((snapshot.stages[0].threads, snapshot.stages[0].counts.refused()));
            *said.borrow_mut() = snapshot.knobs.first().map(|knob| knob.says.clone()).unwrap_or_default();
        };
        let results = run.every(ms(100), look).during(time).unwrap();
        let (threads, shed) = looks.take().into_iter().unzip();
        Seen { results, threads, shed, says: says.take() }
    }

    fn snapshot(&self) -> &Snapshot {
        &self.results.snapshot
    }

    /// Least and most threads between two times.
    fn between(&self, from: Duration, to: Duration) -> (usize, usize) {
        let at = |time: Duration| (time.as_millis() / 100) as usize;
        let all = &self.threads[at(from)..at(to).min(self.threads.len())];
        (*all.iter().min().unwrap(), *all.iter().max().unwrap())
    }

    fn decisions(&self) -> String {
        self.snapshot().decisions.iter().map(|decision| format!("{:?} {decision}\n", decision.at)).collect()
    }
}

/// SEDA's slow stage (SOSP 2001, section 5.2): 15 % of the events sleep 20 ms.
fn slow_stage(threads: RangeInclusive<usize>, rate: f64, seed: u64) -> Run {
    let mut p = Pipeline::named("router");
    let inlet = p.sink("route", drop::<u64>.threads(threads).queue(100_000));
    Run::new(p)
        .entry(inlet, Arrivals::poisson(rate * 0.85).kind("fast"), |n| n)
        .entry(inlet, Arrivals::poisson(rate * 0.15).kind("slow"), |n| n)
        .service_of("route", "slow", Service::fixed(ms(20)))
        .service_of("route", "fast", Service::fixed(us(1)))
        .seed(seed)
        .warm_up(secs(5))
}

#[test]
fn sedas_slow_stage_settles_at_four_or_five_threads_within_two_seconds() {
    for seed in 1..=5 {
        let seen = Seen::of(slow_stage(1..=20, 1_000.0, seed), secs(30));
        let (least, most) = seen.between(secs(2), secs(30));
        assert!(least >= 4 && most <= 8, "seed {seed}: {least} to {most} threads\n{}", seen.decisions());
        let p99 = seen.results.kind("fast").unwrap().latency.p99;
        assert!(p99 <= ms(40), "seed {seed}: {p99:?}\n{}", seen.decisions());
        assert!(seen.snapshot().decisions.iter().all(|decision| decision.why.contains("busy")), "{}", seen.decisions());
    }
}

#[test]
fn the_slow_stage_needs_no_more_than_the_load_asks_for_and_collapses_without_a_range() {
    for (rate, most) in [(100.0, 1), (200.0, 2), (400.0, 3)] {
        let seen = Seen::of(slow_stage(1..=20, rate, 1), secs(20));
        assert!(seen.between(secs(2), secs(20)).1 <= most, "{rate}/s: {}", seen.decisions());
    }
    let fixed = slow_stage(1..=1, 400.0, 1).during(secs(20)).unwrap();
    assert!(fixed.kind("fast").unwrap().latency.p99 > secs(1), "{:?}", fixed.kind("fast").unwrap().latency);
}

#[test]
fn demand_that_is_shed_makes_threads_grow_until_nothing_is() {
    for seed in 1..=5 {
        let mut p = Pipeline::named("hidden");
        let inlet = p.sink("work", drop::<u64>.threads(1..=8).admission(MaxConcurrency::new(16)));
        let run = Run::new(p)
            .entry(inlet, Arrivals::poisson(600.0), |n| n)
            .service("work", Service::fixed(ms(10)))
            .seed(seed);
        let seen = Seen::of(run, secs(10));
        assert!(seen.between(secs(2), secs(10)).0 >= 7, "{:?}\n{}", seen.threads, seen.decisions());
        let (at_two, at_end) = (seen.shed[19], *seen.shed.last().unwrap());
        // With 16 places for 6 at work on the mean, chance alone refuses one in a thousand.
        assert!(at_end - at_two <= 24, "seed {seed}: {at_two} then {at_end}\n{}", seen.decisions());
    }
}

/// One stage of fixed service times under an even load.
fn even(threads: RangeInclusive<usize>, rate: f64, service: Duration) -> Run {
    let mut p = Pipeline::named("even");
    let inlet = p.sink("work", drop::<u64>.threads(threads).queue(10_000));
    Run::new(p).entry(inlet, Arrivals::constant(rate), |n| n).service("work", Service::fixed(service))
}

#[test]
fn the_right_number_is_found_in_one_step_and_then_kept() {
    for (rate, service, right) in [(1_000.0, ms(5), 8), (2_000.0, ms(1), 3), (300.0, ms(30), 13), (50.0, ms(100), 8)] {
        let seen = Seen::of(even(1..=32, rate, service), secs(20));
        let decisions = &seen.snapshot().decisions;
        assert!(decisions[0].to.abs_diff(right) <= 1, "{rate}/s of {service:?}: {}", seen.decisions());
        let (least, most) = seen.between(secs(2), secs(20));
        assert!(
            least.abs_diff(right) <= 1 && most.abs_diff(right) <= 1,
            "{rate}/s of {service:?}: {}",
            seen.decisions()
        );
        assert!(decisions.len() <= 2, "{}", seen.decisions());
    }
}

#[test]
fn threads_go_down_again_when_fewer_are_enough() {
    let mut p = Pipeline::named("ebb");
    let inlet = p.sink("work", drop::<u64>.threads(1..=16).queue(10_000));
    let load = Arrivals::constant(1_000.0).lasting(secs(5)).then(Arrivals::constant(200.0));
    let run = Run::new(p).entry(inlet, load, |n| n).service("work", Service::fixed(ms(5)));
    let seen = Seen::of(run, secs(30));
    assert_eq!(seen.between(secs(4), secs(5)), (8, 8), "{}", seen.decisions());
    let (least, most) = seen.between(secs(20), secs(30));
    assert!(least == 2 && most == 2, "{least} to {most}\n{}", seen.decisions());
    let last = seen.snapshot().decisions.last().unwrap();
    assert!(last.why.starts_with("for 5 s fewer were enough"), "{last}");
}

#[test]
fn growth_that_does_not_pay_is_taken_back_and_not_tried_again_at_once() {
    // A lock around everything: whatever the threads, one event at a time. The driver knows no cores, so the processor says
    // nothing.
    let mut p = Pipeline::named("lock");
    let (clock, free) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
    let now = clock.clone();
    let work = move |_: u64, cx: &Cx| {
        let now = now.load(Ordering::Relaxed);
        let until = free.load(Ordering::Relaxed).max(now) + 5_000;
        free.store(until, Ordering::Relaxed);
        cx.spend(us(until - now));
    };
    let inlet = p.sink("work", work.threads(1..=8).queue(100).when_full(WhenFull::Reject).batch_max(1));
    let run = Run::new(p).entry(inlet, Arrivals::constant(400.0), |n| n);
    let run = run.every(us(500), move |sim| clock.store(sim.now().as_micros() as u64, Ordering::Relaxed));
    let seen = Seen::of(run, secs(9));
    let decisions = &seen.snapshot().decisions;
    assert_eq!(decisions.len(), 2, "{}", seen.decisions());
    assert!(decisions[1].why.starts_with("taken back: growth to"), "{}", decisions[1]);
    assert_eq!(seen.between(secs(2), secs(9)), (1, 1), "{}", seen.decisions());
    let says = &seen.says;
    assert!(says.starts_with("more did not pay"), "{says}");
}

#[test]
fn a_stage_that_computes_gets_no_more_threads_than_there_are_cores() {
    let mut p = Pipeline::named("spin");
    let inlet = p.sink("work", drop::<u64>.threads(1..=16).queue(100).when_full(WhenFull::Reject));
    let run = Run::new(p)
        .entry(inlet, Arrivals::poisson(2_000.0), |n| n)
        .service("work", Service::fixed(ms(5)).computing(1.0))
        .cores(2.0);
    let seen = Seen::of(run, secs(10));
    assert_eq!(seen.between(secs(2), secs(10)), (2, 2), "{}", seen.decisions());
    let says = &seen.says;
    assert_eq!(says, "2 threads compute 100 % of their time, and there are 2 cores");
}

#[test]
fn half_computing_and_half_sleeping_gets_two_to_four_times_the_cores() {
    let mut p = Pipeline::named("mixed");
    let inlet = p.sink("work", drop::<u64>.threads(1..=16).queue(100).when_full(WhenFull::Reject));
    let run = Run::new(p)
        .entry(inlet, Arrivals::poisson(2_000.0), |n| n)
        .service("work", Service::fixed(ms(4)).computing(0.5))
        .cores(2.0);
    let seen = Seen::of(run, secs(20));
    let (least, most) = seen.between(secs(10), secs(20));
    assert!(least >= 4 && most <= 8, "{least} to {most}\n{}", seen.decisions());
}

#[test]
fn a_window_in_which_nothing_was_settled_changes_nothing() {
    let mut p = Pipeline::named("slow");
    let inlet = p.sink("work", drop::<u64>.threads(1..=8).queue(1000));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(secs(5)));
    (0..100).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.advance(secs(4));
    let snapshot = sim.snapshot();
    assert_eq!((snapshot.stages[0].threads, snapshot.decisions.len()), (1, 0));
    assert_eq!(snapshot.knobs[0].says, "nothing was settled in this window");
}

#[test]
fn a_handler_that_does_not_return_holds_its_controller_still_which_says_so() {
    let mut p = Pipeline::named("stuck");
    let hang = |n: u64, cx: &Cx| cx.spend(if n == 0 { secs(3600) } else { ms(20) });
    let inlet = p.sink("work", hang.threads(2..=8).queue(1000).batch_max(1));
    p.watchdog(secs(1));
    let run =
        Run::new(p).entry(inlet, Arrivals::constant(20.0).lasting(secs(3)).then(Arrivals::constant(400.0)), |n| n);
    let seen = Seen::of(run, secs(10));
    assert_eq!(seen.snapshot().decisions.len(), 0, "{}", seen.decisions());
    let says = &seen.says;
    assert!(says.starts_with("a handler of `work` has not returned for"), "{says}");
}

#[test]
fn an_idle_pipeline_is_not_looked_at_and_begins_with_a_new_window() {
    let mut p = Pipeline::named("idle");
    let inlet = p.sink("work", drop::<u64>.threads(1..=8));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(30)));
    sim.advance(secs(60));
    assert_eq!(sim.snapshot().knobs[0].says, "has not looked yet");
    sim.offer(inlet, 1).unwrap();
    sim.run();
    let says = sim.snapshot().knobs[0].says.clone();
    assert!(says.starts_with("a new window, after 60"), "{says}");
}

#[test]
fn a_number_takes_the_knob_away_and_a_range_gives_it_back() {
    let run = even(1..=16, 1_000.0, ms(5));
    let at = Rc::new(RefCell::new(0));
    let run = run.every(secs(1), move |sim| {
        let second = {
            *at.borrow_mut() += 1;
            *at.borrow()
        };
        let now = sim.snapshot().stages[0].threads;
        match second {
            2 => {
                assert_eq!(now, 8);
                sim.change(&Settings::new().stage("work", |work| work.threads(4))).map(drop).unwrap();
                assert!(sim.snapshot().knobs[0].value == 8, "the next look sees it");
            }
            5 => {
                assert_eq!((now, sim.snapshot().knobs.len()), (4, 0));
                sim.change(&Settings::new().stage("work", |work| work.threads(2..=16))).map(drop).unwrap();
            }
            8 => {
                assert_eq!(now, 8);
                let key = sim.explain("stage.work.threads").unwrap();
                assert_eq!(key.note.unwrap(), "8 now; its controller turns it within 2..16");
            }
            _ => {}
        }
    });
    run.during(secs(10)).unwrap();
}

#[test]
fn the_why_reads_with_the_numbers_that_it_saw() {
    let mut window =
        Window::of("stage.price.threads", 4, 1..=16).lasting(secs(1)).processor(64.0, us(2_366_800), ms(0));
    window = window.stage("price", |price| {
        (price.offered, price.settled, price.queue_len) = (1_000, 400, 600);
        (price.busy, price.wait_p90) = (ms(3_880), ms(412));
    });
    let Advice::Turn { to, why } = window.show(&mut Demand::default()) else { panic!("it holds") };
    let said = "p90 wait 412 ms over 19.4 ms, busy 97 %, CPU 61 %; 1000 offers/s of 9.7 ms keep 9.7 busy";
    assert_eq!((to, why.as_str(), window.value()), (14, said, 14));
}

#[test]
fn in_the_shadow_it_says_what_it_would_do_and_off_it_says_nothing() {
    for (control, decisions) in [(Control::Shadow, 1), (Control::Off, 0)] {
        let mut p = Pipeline::named("shadow");
        let inlet = p.sink("work", drop::<u64>.threads(1..=16).queue(10_000));
        p.configure(&Settings::new().stage("work", |work| work.control(control)));
        let run = Run::new(p).entry(inlet, Arrivals::constant(400.0), |n| n).service("work", Service::fixed(ms(5)));
        let seen = Seen::of(run, secs(5));
        assert_eq!(seen.between(secs(0), secs(5)), (1, 1));
        assert_eq!(seen.snapshot().decisions.len(), decisions, "{}", seen.decisions());
        for decision in &seen.snapshot().decisions {
            assert!(
                decision.shadow && decision.to_string().starts_with("work: would turn threads 1 -> "),
                "{decision}"
            );
        }
    }
}

#[test]
fn the_ceiling_of_the_pipeline_stops_growth_and_says_so() {
    let mut p = Pipeline::named("ceiling");
    let inlet = p.sink("work", drop::<u64>.threads(1..=16).queue(10_000));
    let other = p.sink("other", drop::<u64>.threads(2));
    p.threads_max(5);
    let run = Run::new(p)
        .entry(inlet, Arrivals::constant(1_000.0), |n| n)
        .entry(other, Arrivals::constant(1.0), |n| n)
        .service("work", Service::fixed(ms(5)));
    let seen = Seen::of(run, secs(5));
    assert_eq!(seen.between(secs(1), secs(5)), (3, 3), "{}", seen.decisions());
    let says = &seen.says;
    assert!(says.contains("the ceiling of 5 threads is reached"), "{says}");
}

#[test]
fn a_ceiling_below_the_least_is_refused_with_the_numbers() {
    let mut p = Pipeline::named("low");
    p.sink("work", drop::<u64>.threads(4..=8));
    p.sink("other", drop::<u64>.threads(2));
    p.threads_max(5);
    let error = p.start().unwrap_err().to_string();
    assert!(
        error.contains("`threads_max` is set to 5 (code), but stages and domains have 6 threads at least"),
        "{error}"
    );
}

#[test]
fn a_live_ceiling_is_not_set_below_the_threads_that_there_are() {
    let mut p = Pipeline::named("live");
    p.sink("work", drop::<u64>.threads(4..=8));
    let mut sim = Virtual::start(p, 1).unwrap();
    let error = sim.change(&Settings::new().threads_max(3)).unwrap_err().to_string();
    assert!(error.contains("`threads_max` is set to 3 (live), but there are 4 threads now"), "{error}");
    sim.change(&Settings::new().threads_max(4)).unwrap();
    sim.change(&Settings::new().threads_max(None)).unwrap();
}

#[test]
fn ranges_that_nothing_can_turn_and_controllers_without_a_knob_are_refused() {
    let mut p = Pipeline::named("bad");
    let numbers = p.source("count", 0..3u64);
    p.configure(
        &Settings::new().stage("count", |count| count.threads(1..=4)).stage("count", |count| count.batch_max(1..=8)),
    );
    p.end("end", numbers, drop);
    p.controller("stage.ends.threads", SedaQueue::default());
    let error = p.start().unwrap_err().to_string();
    for part in [
        "`stage.count.threads` is set to 1..4 (code), but the stage is a source: it has one worker",
        "stage `count`: batches of 1..8 events for a source, before which nothing waits",
        "there is no knob `stage.ends.threads` for a controller to turn\n     cure: did you mean `stage.end.threads`?",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn sedas_threshold_adds_one_thread_at_a_time() {
    let mut p = Pipeline::named("seda");
    let inlet = p.sink("work", drop::<u64>.threads(1..=8).queue(10_000));
    p.controller("stage.work.threads", SedaQueue::default());
    let run = Run::new(p).entry(inlet, Arrivals::constant(500.0), |n| n).service("work", Service::fixed(ms(5)));
    let seen = Seen::of(run, secs(9));
    let steps: Vec<_> = seen.snapshot().decisions.iter().map(|decision| (decision.from, decision.to)).collect();
    assert_eq!(steps[..2], [(1, 2), (2, 3)], "{}", seen.decisions());
    assert!(seen.snapshot().decisions[0].why.ends_with("events wait, 100 or more"), "{}", seen.decisions());
}

#[test]
fn configuration_says_which_controller_turns_a_knob() {
    let which = |snapshot: &Snapshot| snapshot.knobs[0].controller;
    let run = |name: &str| {
        let mut p = Pipeline::named("named");
        let inlet = p.sink("work", drop::<u64>.threads(1..=8).queue(10_000));
        p.configure(&Settings::new().set("stage.work.controller", name).unwrap());
        Run::new(p).entry(inlet, Arrivals::constant(500.0), |n| n).service("work", Service::fixed(ms(5)))
    };
    let seen = Seen::of(run("seda-queue"), secs(5));
    assert_eq!(which(seen.snapshot()), "seda-queue");
    assert!(seen.snapshot().decisions[0].why.ends_with("events wait, 100 or more"), "{}", seen.decisions());
    // Another takes its place while it runs.
    let live = run("seda-queue").every(ms(2_500), move |sim| {
        if sim.snapshot().knobs[0].controller == "seda-queue" {
            sim.change(&Settings::new().set("stage.work.controller", "demand").unwrap()).map(drop).unwrap();
        }
    });
    let seen = Seen::of(live, secs(5));
    assert_eq!((which(seen.snapshot()), seen.threads.last()), ("demand", Some(&4)), "{}", seen.decisions());
}

#[test]
fn a_controller_that_configuration_names_takes_the_place_of_one_in_code() {
    struct Never;
    impl Controller for Never {
        fn look(&mut self, _: &Sight<'_>) -> Advice {
            Advice::hold("never")
        }
    }
    let run = |name: Option<&str>| {
        let mut p = Pipeline::named("named");
        let pool = p.domain("pool", 1..=8);
        let inlet = p.sink("work", drop::<u64>.on(&pool).queue(10_000));
        p.controller("domain.pool.threads", Never);
        let code = p.explain("domain.pool.controller").unwrap();
        assert_eq!((&*code.value, code.origin.to_string()), ("in code", "code".to_string()));
        if let Some(name) = name {
            p.configure(&Settings::new().set("domain.pool.controller", name).unwrap());
        }
        let run = Run::new(p).entry(inlet, Arrivals::constant(500.0), |n| n).service("work", Service::fixed(ms(5)));
        Seen::of(run, secs(3))
    };
    let (own, ours) = (run(None), run(Some("demand")));
    assert_eq!((own.threads.last(), own.snapshot().knobs[0].controller), (Some(&1), "in code"));
    assert_eq!((ours.threads.last(), ours.snapshot().knobs[0].controller), (Some(&4), "demand"));
}

#[test]
fn an_unknown_controller_is_refused_with_the_nearest_name() {
    let error = Settings::new().set("stage.work.controller", "seda-queu").unwrap_err().to_string();
    assert!(error.contains("`stage.work.controller` cannot be `seda-queu`: did you mean `seda-queue`?"), "{error}");
    let mut p = Pipeline::named("fixed");
    p.sink("work", drop::<u64>.threads(2));
    let note = p.explain("stage.work.controller").unwrap().note.unwrap();
    assert_eq!(note, "has no effect while there is no range for it to turn");
}

#[test]
fn a_controller_of_ones_own_that_panics_is_not_asked_any_more() {
    struct Bad;
    impl Controller for Bad {
        fn look(&mut self, sight: &Sight<'_>) -> Advice {
            assert!(sight.value < 3, "three is too many");
            Advice::turn(sight.value + 1, "more")
        }
    }
    let mut p = Pipeline::named("bad");
    let inlet = p.sink("work", drop::<u64>.threads(1..=8));
    p.controller("stage.work.threads", Bad);
    let run = Run::new(p).entry(inlet, Arrivals::constant(100.0), |n| n).service("work", Service::fixed(ms(5)));
    let seen = Seen::of(run, secs(2));
    assert_eq!(seen.threads.last(), Some(&3));
    assert_eq!(seen.snapshot().knobs[0].says, "its controller panicked");
}

#[test]
fn a_limit_in_a_domain_and_the_threads_of_the_domain_are_turned_by_the_same_rule() {
    let mut p = Pipeline::named("shared");
    let pool = p.domain("pool", 1..=16);
    let slow = p.sink("slow", drop::<u64>.on(&pool).limit(1..=8).queue(10_000));
    let quick = p.sink("quick", drop::<u64>.on(&pool));
    let run = Run::new(p)
        .entry(slow, Arrivals::constant(400.0), |n| n)
        .entry(quick, Arrivals::constant(400.0), |n| n)
        .service("slow", Service::fixed(ms(5)))
        .service("quick", Service::fixed(ms(1)));
    let seen = Seen::of(run, secs(10));
    let knobs = &seen.snapshot().knobs;
    let of = |key: &str| knobs.iter().find(|knob| knob.key == key).unwrap().value;
    assert!(of("domain.pool.threads").abs_diff(4) <= 1, "{}", seen.decisions());
    assert!(of("stage.slow.limit").abs_diff(3) <= 1, "{}", seen.decisions());
}

#[test]
fn the_batch_bound_grows_to_where_a_batchs_own_cost_has_vanished() {
    for (from, right) in [(1..=512, 100), (4..=512, 100)] {
        let mut p = Pipeline::named("batches");
        let store = batch(|rows: Batch<u64>| rows.answer(drop));
        let (inlet, out) = p.stage("store", store.batch_max(from).queue(2_000).when_full(WhenFull::Reject));
        p.end("end", out, drop);
        let run = Run::new(p)
            .entry(inlet, Arrivals::poisson(30_000.0), |n| n)
            .service("store", Service::fixed(us(50)).per_batch(us(200)));
        let seen = Seen::of(run, secs(10));
        let bound = seen.snapshot().knobs[0].value;
        assert!((right * 3 / 4..=right * 5 / 4).contains(&bound), "{bound}\n{}", seen.decisions());
        let last = seen.snapshot().decisions.last().unwrap();
        assert!(last.why.starts_with("a batch costs 200 µs and 50.0 µs for each event"), "{last}");
        assert!(seen.snapshot().decisions.len() <= 10, "{}", seen.decisions());
    }
}

#[test]
fn a_batch_takes_at_most_a_small_part_of_an_objective_and_the_controller_says_so() {
    let mut p = Pipeline::named("batches");
    let store = batch(|rows: Batch<u64>| rows.answer(drop));
    let (inlet, out) = p.stage("store", store.batch_max(1..=512).slo(ms(32)));
    p.end("end", out, drop);
    let run = Run::new(p)
        .entry(inlet, Arrivals::poisson(30_000.0), |n| n)
        .service("store", Service::fixed(us(50)).per_batch(us(200)));
    let seen = Seen::of(run, secs(10));
    // 1 ms is a 32nd of it: (1 ms - 200 us) / 50 us.
    let snapshot = seen.snapshot();
    let (bound, batch) = (snapshot.knobs[0].value, snapshot.stages[0].batch);
    assert!((12..=16).contains(&bound) && batch.max <= 32, "{bound}, {batch:?}\n{}", seen.decisions());
    let told = snapshot.decisions.iter().find(|decision| decision.why.contains("of the objective"));
    let told = told.unwrap_or_else(|| panic!("{}\n{}", seen.decisions(), snapshot.knobs[0].says));
    assert!(told.why.ends_with("16 take 1.0 ms, 1/32 of the objective of 32.0 ms"), "{told}");
}

#[test]
fn the_same_seed_makes_the_same_decisions() {
    let decisions = || slow_stage(1..=20, 1_000.0, 7).during(secs(10)).unwrap().snapshot.decisions;
    let first = decisions();
    assert!(!first.is_empty());
    assert_eq!(first, decisions());
}

/// What so many threads get done, at most.
fn throughput(threads: RangeInclusive<usize>, computing: f64) -> u64 {
    let mut p = Pipeline::named("best");
    let inlet = p.sink("work", drop::<u64>.threads(threads).queue(50).when_full(WhenFull::Reject));
    let run = Run::new(p)
        .entry(inlet, Arrivals::poisson(6_000.0), |n| n)
        .service("work", Service::exponential(ms(4)).computing(computing))
        .cores(4.0)
        .warm_up(secs(10))
        .seed(3);
    run.during(secs(15)).unwrap().all.done
}

#[test]
fn sleeping_computing_and_mixed_stages_come_within_five_percent_of_the_best_fixed_number_in_ten_seconds() {
    for computing in [0.0, 0.5, 1.0] {
        let best = [4, 8, 16].into_iter().map(|n| throughput(n..=n, computing)).max().unwrap();
        let found = throughput(1..=16, computing);
        assert!(found as f64 >= 0.95 * best as f64, "{computing} computing: {found} of {best}");
    }
}

#[test]
fn threads_grow_before_shedding_for_an_objective_persists() {
    for seed in 1..=3 {
        let mut p = Pipeline::named("objective");
        let inlet = p.sink("work", drop::<u64>.threads(1..=8).slo(ms(125)));
        let run = Run::new(p)
            .entry(inlet, Arrivals::poisson(600.0), |n| n)
            .service("work", Service::fixed(ms(10)))
            .seed(seed);
        let seen = Seen::of(run, secs(10));
        let (at_two, at_end) = (seen.shed[19], *seen.shed.last().unwrap());
        assert!(at_two > 0 && at_end - at_two <= 5, "seed {seed}: {at_two} then {at_end}\n{}", seen.decisions());
    }
}

#[test]
fn in_a_shared_domain_threads_and_limits_grow_before_shedding_persists() {
    for seed in 1..=3 {
        let mut p = Pipeline::named("objective");
        let pool = p.domain("pool", 1..=16);
        let slow = p.sink("slow", drop::<u64>.on(&pool).limit(1..=12).slo(ms(125)));
        let quick = p.sink("quick", drop::<u64>.on(&pool).limit(1..=4).slo(ms(125)));
        let run = Run::new(p)
            .entry(slow, Arrivals::poisson(600.0), |n| n)
            .entry(quick, Arrivals::poisson(200.0), |n| n)
            .service("slow", Service::fixed(ms(10)))
            .service("quick", Service::fixed(ms(1)))
            .seed(seed);
        let seen = Seen::of(run, secs(10));
        let (at_two, at_end) = (seen.shed[19], *seen.shed.last().unwrap());
        assert!(at_two > 0 && at_end - at_two <= 5, "seed {seed}: {at_two} then {at_end}\n{}", seen.decisions());
    }
}

#[test]
fn the_report_names_the_bottleneck() {
    let mut p = Pipeline::named("report");
    let inlet = p.sink("work", drop::<u64>.queue(5).when_full(WhenFull::Reject));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    for n in 0..100 {
        let _ = sim.offer(inlet, n);
        sim.advance(ms(5));
    }
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.bottleneck.as_ref().unwrap().stage, "work");
    assert!(format!("{report:#}").contains("a faster handler, or more threads than its 1\n"), "{report:#}");
}

#[test]
fn the_bottleneck_is_named_and_not_who_waits_for_it() {
    let mut p = Pipeline::named("row");
    let (first, a) = p.stage("first", (|n: u64| n).queue(10).when_full(WhenFull::Reject));
    let b = p.then_with("second", a, (|n: u64| n).threads(2).queue(10));
    p.end("third", b, drop);
    let run = Run::new(p)
        .entry(first, Arrivals::poisson(1_000.0), |n| n)
        .service("first", Service::fixed(us(100)))
        .service("second", Service::fixed(ms(10)))
        .service("third", Service::fixed(us(100)));
    let snapshot = run.during(secs(5)).unwrap().snapshot;
    let bottleneck = snapshot.bottleneck().unwrap();
    assert_eq!(bottleneck.stage, "second", "{bottleneck}");
    assert!(snapshot.to_string().contains("bottleneck: `second`, busy"), "{snapshot}");
    assert!(snapshot.to_string().lines().all(|line| line.chars().count() <= 80), "{snapshot}");
}

//! Load, service times and clients on virtual time: drawn by a seed, told exactly, and the same for every run of it.

use std::time::Duration;

use seda_core::{
    Admission, Control, Offer, Reason, Verdict,
    prelude::*,
    sim::{Arrivals, Clients, Measured, Results, Run, Service},
    test::Virtual,
};

/// Four threads of 4 ms: 1000 events a second.
fn station(queue: usize) -> (Pipeline, Inlet<u64>) {
    let mut p = Pipeline::named("station");
    let inlet = p.sink("station", (|_: u64| ()).threads(4).queue(queue).when_full(WhenFull::Reject));
    (p, inlet)
}

fn overload(seed: u64) -> Results {
    let (p, inlet) = station(40);
    Run::new(p)
        .entry(inlet, Arrivals::steps([(800.0, secs(2)), (5_000.0, secs(2)), (800.0, secs(2))]), |n| n)
        .service("station", Service::exponential(ms(4)))
        .slo(ms(50))
        .seed(seed)
        .trace(1_000_000)
        .phase("overload", secs(2)..secs(4))
        .during(secs(6))
        .unwrap()
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_byte_whatever_threads_are_beside_it() {
    let first = overload(7);
    let others: Vec<Results> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| overload(7))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(first.trace.len() > 100_000);
    for other in others {
        assert_eq!(other.digest, first.digest);
        assert!(other.trace == first.trace && other.to_string() == first.to_string());
        assert_eq!(other.windows, first.windows);
    }
    assert_ne!(overload(8).digest, first.digest);
}

#[test]
fn every_offer_has_one_end_in_the_figures_as_in_the_ledger() {
    let results = overload(3);
    let all = &results.all;
    assert_eq!(all.offered, all.refused() + all.admitted);
    assert_eq!(all.admitted, all.done + all.failed + all.expired + all.dropped + all.shed_later + all.left);
    let row = results.ledger.stage("station").unwrap();
    assert_eq!((row.offered, row.full, row.done), (all.offered, all.full, all.done));
    let windows: u64 = results.windows.iter().map(|window| window.figures.good).sum();
    assert_eq!(windows, all.good);
    let overload = results.phase("overload").unwrap();
    assert!(overload.refused_share() > 0.75, "{results}");
    assert!((1_850..2_150).contains(&overload.done), "{results}");
}

/// One thread of 4 ms at 1.5 times its speed, of which nothing is refused.
fn too_much(arrivals: Arrivals) -> Results {
    let mut p = Pipeline::named("late");
    let inlet = p.sink("station", (|_: u64| ()).threads(1).queue(100_000));
    let run = Run::new(p).entry(inlet, arrivals, |n| n).service("station", Service::fixed(ms(4)));
    run.slo(ms(40)).during(secs(4)).unwrap()
}

#[test]
fn what_is_late_is_done_but_not_good_and_its_time_is_wasted() {
    let all = too_much(Arrivals::constant(375.0)).all;
    assert_eq!((all.offered, all.done, all.left), (1499, 1499, 0));
    // The wait grows by 4/3 ms with each.
    assert_eq!(all.good, 28);
    assert_eq!(all.busy, ms(4) * 1499);
    assert_eq!(all.wasted, ms(4) * (1499 - 28));
    assert!(all.latency.p50 > ms(900) && all.latency.max > ms(1900), "{all:?}");
}

#[test]
fn what_expires_counts_as_infinitely_late() {
    let all = too_much(Arrivals::constant(375.0).deadline(ms(40))).all;
    assert!(all.expired > 300 && all.expired + all.done == all.admitted, "{all:?}");
    assert_eq!(all.latency.p99, Duration::MAX);
    assert!(all.latency.p50 < ms(48) && all.latency.max < ms(48), "{all:?}");
}

#[test]
fn cores_are_shared_by_all_who_compute() {
    // Two threads on one core are one processor that is shared; an exponential one keeps its mean number under that, so
    // what goes beyond the two is the wait of M/M/1.
    let mut p = Pipeline::named("shared");
    let inlet = p.sink("station", (|_: u64| ()).threads(2).queue(100_000));
    let results = Run::new(p)
        .entry(inlet, Arrivals::poisson(175.0), |n| n)
        .service("station", Service::exponential(ms(4)).computing(1.0))
        .cores(1.0)
        .seed(11)
        .during(secs(1000))
        .unwrap();
    let (found, exact) = (results.all.latency.mean.as_secs_f64() * 1e3, 4.0 / 0.3);
    assert!((found / exact - 1.0).abs() < 0.03, "seed 11: {found} ms against {exact} ms");
}

#[test]
fn who_sleeps_needs_no_core() {
    let run = |share: f64| {
        let mut p = Pipeline::named("mixed");
        let inlet = p.sink("station", (|_: u64| ()).threads(4).queue(100));
        let service = Service::fixed(ms(4)).computing(share);
        let run = Run::new(p).entry(inlet, Arrivals::bursts(4, ms(100)), |n| n).service("station", service);
        run.cores(1.0).during(secs(1)).unwrap().all.latency
    };
    assert_eq!((run(0.0).p50, run(0.0).max), (ms(4), ms(4)));
    // All four compute for 2 ms on one core, then sleep for 2 ms.
    assert_eq!((run(0.5).p50, run(0.5).max), (ms(10), ms(10)));
    assert_eq!((run(1.0).p50, run(1.0).max), (ms(16), ms(16)));
}

#[test]
fn a_share_fails_as_if_the_handler_had_panicked_after_its_time() {
    let (p, inlet) = station(40);
    let service = Service::fixed(ms(4)).failing(0.1);
    let run = Run::new(p).entry(inlet, Arrivals::constant(500.0), |n| n).service("station", service);
    let results = run.slo(ms(50)).seed(1).during(secs(20)).unwrap();
    let (all, row) = (&results.all, results.ledger.stage("station").unwrap());
    assert_eq!((row.failed, row.done), (all.failed, all.done));
    assert!((850..1_150).contains(&all.failed), "seed 1: {}", all.failed);
    assert_eq!(all.busy, ms(4) * all.admitted as u32);
    assert_eq!(all.wasted, ms(4) * all.failed as u32);
}

#[test]
fn a_slow_down_lasts_as_long_as_it_is_said_to() {
    let (p, inlet) = station(40);
    let service = Service::fixed(ms(4)).slowed(4.0, secs(1)..secs(2));
    let results = Run::new(p)
        .entry(inlet, Arrivals::constant(100.0), |n| n)
        .service("station", service)
        .phase("slow", secs(1)..secs(2))
        .phase("after", secs(2)..secs(3))
        .during(secs(3))
        .unwrap();
    assert_eq!(results.phase("slow").unwrap().latency.mean, ms(16));
    assert_eq!(results.phase("after").unwrap().latency.mean, ms(4));
}

/// Clients at 0.8 of what the station can do, ten times as many for a second.
fn storm(queue: usize, seed: u64) -> Results {
    let (p, inlet) = station(queue);
    let clients = Clients::timing_out(ms(100)).retries(3).backing_off(ms(50));
    Run::new(p)
        .entry(
            inlet,
            Arrivals::steps([(800.0, secs(2)), (10_000.0, secs(1)), (800.0, secs(12))]).clients(clients),
            |n| n,
        )
        .service("station", Service::exponential(ms(4)))
        .slo(ms(50))
        .seed(seed)
        .phase("after", secs(5)..secs(14))
        .during(secs(15))
        .unwrap()
}

#[test]
fn retries_keep_a_station_with_a_long_queue_down_and_not_one_with_a_short_one() {
    for seed in 1..=3 {
        let (long, short) = (storm(100_000, seed), storm(20, seed));
        let (down, up) = (long.phase("after").unwrap(), short.phase("after").unwrap());
        assert!(down.answered_share() < 0.05 && long.all.wasted_share() > 0.85, "seed {seed}: {long}");
        assert!(up.answered_share() > 0.99 && up.wasted_share() < 0.05, "seed {seed}: {short}");
        // Nearly each of the down ones tries four times.
        assert!(down.requests == up.requests && down.offered > 3 * down.requests, "seed {seed}: {long}");
    }
}

#[test]
fn a_lineage_ends_with_the_last_of_what_it_became() {
    let mut p = Pipeline::named("fan");
    let (split, parts) = p.stage("split", (|n: u64| vec![n; 3]).threads(1));
    p.end_with("parts", parts.each(), (|_: u64| ()).threads(1).queue(100));
    let results = Run::new(p)
        .entry(split, Arrivals::constant(10.0), |n| n)
        .service("split", Service::fixed(ms(2)))
        .service("parts", Service::fixed(ms(5)))
        .during(secs(1))
        .unwrap();
    assert_eq!((results.all.latency.p50, results.all.busy / 9), (ms(17), ms(17)));
}

#[test]
fn kinds_have_services_and_figures_of_their_own() {
    let (p, inlet) = station(40);
    let results = Run::new(p)
        .entry(inlet, Arrivals::constant(100.0).kind("quick").slo(ms(1)), |n| n)
        .entry(inlet, Arrivals::constant(10.0).kind("slow"), |n| n)
        .service("station", Service::fixed(ms(1)))
        .service_of("station", "slow", Service::fixed(ms(20)))
        .slo(ms(10))
        .during(secs(1))
        .unwrap();
    let (quick, slow) = (results.kind("quick").unwrap(), results.kind("slow").unwrap());
    assert_eq!((quick.done, quick.good, quick.latency.max), (99, 99, ms(1)));
    assert_eq!((slow.done, slow.good, slow.latency.max), (9, 0, ms(20)));
}

#[test]
fn what_sources_make_takes_its_time_too() {
    let mut p = Pipeline::named("pulled");
    let numbers = p.source("numbers", 0..100_u64);
    p.end_with("station", numbers, (|_: u64| ()).threads(1));
    let results = Run::new(p).service("station", Service::fixed(ms(4))).during(secs(1)).unwrap();
    let station = results.snapshot.stage("station").unwrap();
    assert_eq!((station.counts.done, station.busy), (100, ms(400)));
}

#[test]
fn a_call_can_change_the_pipeline_while_it_runs() {
    let mut p = Pipeline::named("grows");
    p.control(Control::Off);
    let inlet = p.sink("station", (|_: u64| ()).threads(1..=4).queue(100_000));
    let results = Run::new(p)
        .entry(inlet, Arrivals::constant(400.0), |n| n)
        .service("station", Service::fixed(ms(4)))
        .every(secs(1), |sim| sim.resize("station", 4).unwrap())
        .phase("one", secs(0)..ms(900))
        .phase("four", secs(4)..secs(5))
        .during(secs(5))
        .unwrap();
    assert!(results.phase("one").unwrap().latency.mean > ms(100));
    assert_eq!(results.phase("four").unwrap().latency.max, ms(4));
}

#[test]
fn a_run_like_a_measured_one_behaves_like_it() {
    let build = || {
        let mut p = Pipeline::named("measured");
        let inlet = p.sink("station", (|_: u64| ()).threads(1..=8).queue(50).when_full(WhenFull::Reject));
        (p, inlet)
    };
    let measured = std::rc::Rc::new(std::cell::RefCell::new(None));
    let kept = measured.clone();
    let (p, inlet) = build();
    let real = |run: Run, rate| {
        let service = Service::log_normal(ms(4), 1.0);
        run.entry(inlet, Arrivals::poisson(rate), |n| n).service("station", service)
    };
    let run = real(Run::new(p), 500.0).every(ms(100), |sim| sim.resize("station", 4).unwrap());
    run.every(secs(59), move |sim| *kept.borrow_mut() = Some(Measured::from(&*sim))).during(secs(60)).unwrap();
    let measured = measured.borrow_mut().take().unwrap();
    let station = measured.stage("station").unwrap();
    assert_eq!((station.threads, station.queue_bound), (4, 50));
    assert!((480.0..520.0).contains(&station.offered_per_s));

    let (p, inlet) = build();
    let found = Run::new(p).like(&measured).entry(inlet, Arrivals::poisson(900.0), |n| n).seed(1);
    let found = found.during(secs(120)).unwrap().all.latency;
    let (p, inlet) = build();
    let real =
        Run::new(p).entry(inlet, Arrivals::poisson(900.0), |n| n).service("station", Service::log_normal(ms(4), 1.0));
    let real =
        real.every(ms(1), |sim| sim.resize("station", 4).unwrap()).seed(2).during(secs(120)).unwrap().all.latency;
    let off = found.p99.as_secs_f64() / real.p99.as_secs_f64() - 1.0;
    assert!(off.abs() < 0.1, "{found:?} against {real:?}");
}

#[test]
fn a_batch_takes_the_sum_of_its_events_and_a_time_of_its_own() {
    let mut p = Pipeline::named("batches");
    let whole = batch(|all: Batch<u64>| all.answer(drop)).threads(1).batch_max(4);
    let inlet = p.sink("station", whole);
    let results = Run::new(p)
        .entry(inlet, Arrivals::bursts(5, ms(100)), |n| n)
        .service("station", Service::fixed(ms(1)).per_batch(ms(10)))
        .during(ms(150))
        .unwrap();
    // The first comes alone, then the four that came with it.
    let latency = results.all.latency;
    assert_eq!((latency.max, latency.p90), (ms(11 + 14), ms(11 + 14)), "{results}");
    assert_eq!((results.all.done, results.all.busy), (5, ms(5)));
}

#[test]
fn what_a_stage_behind_the_entry_refuses_was_work_for_nothing() {
    let mut p = Pipeline::named("row");
    let (first, out) = p.stage("first", (|n: u64| n).threads(1).queue(100));
    let (out, spilled) = out.overflow();
    p.end_with("second", out, (|_: u64| ()).threads(1).queue(1).when_full(WhenFull::Reject));
    p.end("spilled", spilled, drop);
    let results = Run::new(p)
        .entry(first, Arrivals::constant(500.0), |n| n)
        .service("first", Service::fixed(ms(1)))
        .service("second", Service::fixed(ms(4)))
        .slo(secs(1))
        .during(secs(4))
        .unwrap();
    let all = &results.all;
    // Half of what the first lets through.
    assert!(all.shed_later.abs_diff(all.offered / 2) < 5 && all.done + all.shed_later == all.admitted, "{all:?}");
    assert_eq!(all.wasted_on_lost, ms(1) * all.shed_later as u32);
    assert_eq!(all.wasted, all.wasted_on_lost);
}

#[test]
fn a_stage_that_is_not_there_is_named() {
    let (p, _) = station(1);
    let run = Run::new(p).service("statoin", Service::fixed(ms(1)));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.during(secs(1)))).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "there is no stage `statoin`");
}

#[cfg(feature = "tokio")]
#[test]
fn async_handlers_take_their_times_beside_one_another() {
    let mut p = Pipeline::named("async");
    let inlet = p.sink("station", task(|_: u64| async {}).limit(4));
    let run = Run::new(p).entry(inlet, Arrivals::bursts(6, ms(100)), |n| n);
    let results = run.service("station", Service::fixed(ms(4))).during(ms(150)).unwrap();
    // Four set out at once, and two after them.
    assert_eq!((results.all.latency.mean.as_micros(), results.all.latency.max), ((4 * 4 + 2 * 8) * 1000 / 6, ms(8)));
}

#[test]
fn clients_who_listen_come_back_when_they_are_told_to() {
    struct InASecond;
    impl Admission for InASecond {
        fn offer(&mut self, offer: &Offer) -> Verdict {
            if offer.now_ns > 1_000_000_000 {
                return Verdict::Admit;
            }
            Verdict::Shed { reason: Reason::new("early"), retry_after: Some(secs(1)) }
        }
    }
    let run = |clients: Clients| {
        let mut p = Pipeline::named("later");
        let inlet = p.sink("station", (|_: u64| ()).threads(4).admission(InASecond));
        let arrivals = Arrivals::constant(10.0).lasting(ms(950)).clients(clients.retries(1));
        Run::new(p).entry(inlet, arrivals, |n| n).during(secs(5)).unwrap().all
    };
    let hasty = run(Clients::timing_out(ms(100)));
    assert_eq!((hasty.requests, hasty.offered, hasty.answered, hasty.shed_by[0].reason), (9, 18, 0, "early"));
    let patient = run(Clients::timing_out(ms(100)).obeying_retry_after());
    assert_eq!((patient.requests, patient.offered, patient.answered), (9, 18, 9));
}

/// Sleeps, computes, and does both; on two cores. Offered so much for a while by the seed.
fn three_stages(measured: Option<&Measured>, rate: f64) -> Run {
    let mut p = Pipeline::named("three");
    let stage = || (|n: u64| n).queue(20).batch_max(1);
    let (inlet, out) = p.stage("fetch", stage().threads(4).when_full(WhenFull::Reject));
    let out = p.then_with("price", out, stage().threads(2));
    p.end_with("store", out, (|_: u64| ()).threads(4).queue(20).batch_max(1));
    let run = match measured {
        Some(measured) => Run::new(p).like(measured),
        None => Run::new(p)
            .cores(2.0)
            .service("fetch", Service::exponential(us(1500)))
            .service("price", Service::exponential(us(800)).computing(1.0))
            .service("store", Service::exponential(us(1600)).computing(0.25)),
    };
    run.entry(inlet, Arrivals::poisson(rate), |n| n).seed(3).warm_up(secs(1))
}

#[test]
fn what_half_a_load_has_shown_foretells_a_full_one_and_the_knee_though_cores_are_short() {
    // Two cores share 800 + 400 us of each event, so the knee is at 1,667/s, and by the threads alone it were at 2,500.
    const KNEE: f64 = 1_667.0;
    let measured = std::rc::Rc::new(std::cell::RefCell::new(None));
    let kept = measured.clone();
    let look = move |sim: &mut Virtual| *kept.borrow_mut() = Some(Measured::from(&*sim));
    three_stages(None, 0.5 * KNEE).every(secs(29), look).during(secs(30)).unwrap();
    let measured = measured.borrow_mut().take().unwrap();
    assert_eq!(measured.cores, Some(2.0));
    let computes: Vec<f64> = measured.stages.iter().map(|stage| stage.computes.unwrap()).collect();
    assert!(computes[0] == 0.0 && computes[1] > 0.99 && (computes[2] - 0.25).abs() < 0.01, "{computes:?}");

    let near = |load: f64, of: fn(&Results) -> f64| {
        let found = of(&three_stages(Some(&measured), load * KNEE).during(secs(30)).unwrap());
        let real = of(&three_stages(None, load * KNEE).during(secs(30)).unwrap());
        assert!((found / real - 1.0).abs() < 0.03, "at {load}: {found} foretold, {real} found");
        real
    };
    near(0.9, |results| results.all.latency.mean.as_secs_f64());
    near(0.9, |results| results.all.latency.p99.as_secs_f64());
    let knee = near(2.0, |results| results.goodput());
    assert!((knee / KNEE - 1.0).abs() < 0.03, "{knee}");
}

#[test]
#[cfg(target_os = "linux")]
fn on_threads_it_is_measured_what_stages_computed_and_of_how_many_cores() {
    let mut p = Pipeline::named("measured");
    let inlet = p.sink("work", |n: u64| assert!(n < 1000));
    let running = p.start().unwrap();
    (0..1000).for_each(|n| running.offer(inlet, n).unwrap());
    while running.snapshot().stages[0].left > 0 {
        std::thread::yield_now();
    }
    let measured = Measured::from(&running);
    let computes = measured.stage("work").unwrap().computes.unwrap();
    assert!(measured.cores.is_some_and(|cores| cores >= 1.0) && (0.0..=1.0).contains(&computes), "{measured:?}");
}

//! What a pipeline at work promises: panics, domains, order, deadlock refused, numbers that can be read.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use seda_core::{
    MaxConcurrency, Refusal, Snapshot, TokenBucket, WhenFull,
    prelude::*,
    test::{Takes, Virtual, collect},
};

#[test]
fn a_panic_fails_its_event_rebuilds_the_state_and_the_stage_goes_on() {
    let built = Arc::new(AtomicUsize::new(0));
    let count = built.clone();
    let mut p = Pipeline::named("panic");
    let (inlet, out) = p.stage(
        "work",
        per_worker(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let mut since = 0;
            move |n: u64| {
                assert!(n != 3, "three");
                since += 1;
                since
            }
        }),
    );
    let seen = collect(&mut p, "end", out);
    let sim = Virtual::start(p, 1).unwrap();
    (1..=5).for_each(|n| sim.offer(inlet, n).unwrap());
    let report = sim.drain(Deadlines::default());
    let row = report.ledger().stage("work").unwrap();
    assert_eq!((row.done, row.failed), (4, 1));
    assert_eq!(seen.take(), [1, 2, 1, 2], "the state after the panic is a new one");
    assert_eq!(built.load(Ordering::Relaxed), 2);
}

#[test]
fn a_panic_in_a_batch_fails_what_the_batch_had_not_answered() {
    let mut p = Pipeline::named("batch");
    let (inlet, out) = p.stage(
        "work",
        batch(|events: Batch<u64>| {
            events.answer(|n| {
                assert!(n != 2, "two");
                n
            })
        })
        .batch_max(3),
    );
    let seen = collect(&mut p, "end", out);
    let sim = Virtual::start(p, 1).unwrap();
    sim.entry(inlet).offer_many((1..=6).collect()).unwrap();
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("work").unwrap().failed, 3);
    assert_eq!(seen.take(), [4, 5, 6]);
}

#[test]
fn data_parallel_batches_keep_their_order_on_threads_too() {
    let mut p = Pipeline::named("parallel");
    let numbers = p.source("numbers", 0..5000u64);
    let squares = p.then_with(
        "square",
        numbers,
        parallel(|n: u64| {
            assert!(n != 77, "unlucky");
            n * n
        }),
    );
    let seen = collect(&mut p, "end", squares);
    let report = p.start().unwrap().finish();
    let expected: Vec<u64> = (0..5000).filter(|n| *n != 77).map(|n| n * n).collect();
    assert_eq!(seen.take(), expected);
    assert_eq!(report.ledger().stage("square").unwrap().failed, 1, "a panic fails its event alone");
    assert!(report.balanced());
}

#[test]
fn a_chain_in_one_domain_keeps_order_limits_and_books_of_each_stage() {
    let mut p = Pipeline::named("domain");
    let d = p.domain("d", 3);
    let busy = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (b, m) = (busy.clone(), most.clone());
    let numbers = p.source_in("numbers", &d, 0..3000u64);
    let out = p.then_with("first", numbers, (|n: u64| n).on(&d));
    let out = p.then_with(
        "narrow",
        out,
        (move |n: u64| {
            m.fetch_max(b.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
            std::thread::yield_now();
            b.fetch_sub(1, Ordering::AcqRel);
            n
        })
        .on(&d)
        .limit(1),
    );
    let seen = collect(&mut p, "end", out);
    let report = p.start().unwrap().finish();
    assert_eq!(seen.len(), 3000);
    assert_eq!(most.load(Ordering::Acquire), 1, "the limit holds inside the domain");
    for stage in ["numbers", "first", "narrow"] {
        assert_eq!(report.ledger().stage(stage).unwrap().done, 3000);
    }
    assert!(report.balanced());
}

#[test]
fn a_full_branch_stalls_its_router_and_the_snapshot_names_it() {
    let mut p = Pipeline::named("stall");
    let (inlet, slow, fast) = p.stage("route", |n: u64| if n.is_multiple_of(2) { Ok(n) } else { Err(n) }).tried();
    p.end_with("slow", slow, drop::<u64>.queue(2));
    p.end("fast", fast, drop);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("slow", Takes::fixed(ms(100)));
    (0..40).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.advance(ms(50));
    let route = sim.snapshot().stage("route").unwrap().clone();
    assert_eq!(route.blocked_on[0].on, "slow");
    assert!(route.blocked >= ms(49), "{:?}", route.blocked);
    assert!(sim.drain(Deadlines { finish: secs(60), ..Deadlines::default() }).balanced());
}

#[test]
fn a_branch_that_rejects_takes_nothing_from_its_siblings() {
    let mut p = Pipeline::named("reject");
    let (inlet, slow, fast) = p.stage("route", |n: u64| if n.is_multiple_of(2) { Ok(n) } else { Err(n) }).tried();
    let (slow, over) = slow.overflow();
    p.end_with("slow", slow, drop::<u64>.queue(2).when_full(WhenFull::Reject));
    p.end("fast", fast, drop);
    let spilled = collect(&mut p, "spilled", over);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("slow", Takes::fixed(ms(100)));
    (0..40).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.advance(ms(50));
    assert_eq!(sim.ledger().stage("fast").unwrap().done, 20);
    let report = sim.drain(Deadlines { finish: secs(60), ..Deadlines::default() });
    let row = report.ledger().stage("slow").unwrap();
    assert_eq!(row.full as usize, spilled.len());
    assert_eq!(row.full + row.done, 20);
    assert!(report.balanced());
}

#[test]
fn a_blocking_offer_from_a_handler_into_its_own_domain_or_upstream_comes_back() {
    let mut p = Pipeline::named("declared");
    let (first, out) = p.stage("first", |n: u64| n);
    let back = move |n: u64, cx: &Cx| drop(cx.offer(first, n));
    p.end_with("second", out, back.uses(first));
    let error = p.start().unwrap_err();
    assert!(error.findings[0].what.contains("cycle"), "{error}");

    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let mut p = Pipeline::named("deadlock");
    let (first, out) = p.stage("first", |n: u64| n);
    p.end_with("second", out, move |n: u64, cx: &Cx| {
        tell.lock().unwrap().send(cx.offer(first, n).unwrap_err()).unwrap()
    });
    let running = p.start().unwrap();
    running.offer(first, 8).unwrap();
    let refused = told.recv().unwrap();
    assert_eq!(refused.event, 8);
    assert_eq!(refused.why, Refusal::WouldDeadlock { from: "second".into(), to: "first".into() });
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_verdicts_reason_and_retry_after_reach_the_offerer() {
    let mut p = Pipeline::named("shed");
    let limited = p.sink("rate", drop::<u64>.admission(TokenBucket::new(10.0, 2)));
    let narrow = p.sink("narrow", drop::<u64>.admission(MaxConcurrency::new(1)));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.offer(limited, 1).unwrap();
    sim.offer(limited, 2).unwrap();
    let Refusal::Shed { reason, retry_after } = sim.offer(limited, 3).unwrap_err().why else { panic!("shed") };
    assert_eq!((reason.as_str(), retry_after), ("rate", Some(ms(100))));
    sim.advance(ms(100));
    sim.offer(limited, 4).unwrap();
    sim.offer(narrow, 1).unwrap();
    assert!(
        matches!(sim.offer(narrow, 2).unwrap_err().why, Refusal::Shed { .. })
            || sim.snapshot().stage("narrow").unwrap().counts.done == 1
    );
    let report = sim.drain(Deadlines::default());
    assert_eq!(report.ledger().stage("rate").unwrap().shed_by[0].events, 1);
    assert!(report.balanced());
}

#[test]
fn threads_can_be_changed_while_it_runs_and_are_named_after_the_stage() {
    let names = Arc::new(Mutex::new(HashSet::new()));
    let seen = names.clone();
    let mut p = Pipeline::named("resize");
    let inlet = p.sink(
        "work",
        (move |_: u64| {
            seen.lock().unwrap().insert(std::thread::current().name().unwrap().to_string());
            std::thread::yield_now();
        })
        .threads(1..=3),
    );
    let running = p.start().unwrap();
    let entry = running.entry(inlet);
    running.resize("work", 3).unwrap();
    while names.lock().unwrap().len() < 3 {
        entry.offer(1).unwrap();
    }
    assert!(names.lock().unwrap().iter().all(|name| name.starts_with("work-")));
    running.resize("work", 1).unwrap();
    while running.snapshot().stage("work").unwrap().threads > 1 {
        std::thread::yield_now();
    }
    let error = running.resize("work", 4).unwrap_err().to_string();
    assert!(error.contains("`.threads(1..=4)`"), "{error}");
    (0..100).for_each(|n| entry.offer(n).unwrap());
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_stage_can_be_optional_repeated_boxed_or_in_a_function() {
    type Step = Box<dyn Fn(u64) -> u64 + Send + Sync>;
    fn twice(p: &mut Pipeline, name: &str, from: seda_core::Outlet<u64>) -> seda_core::Outlet<u64> {
        let out = p.then(format!("{name}-1"), from, |n| n * 2);
        p.then(format!("{name}-2"), out, |n| n * 2)
    }
    let mut p = Pipeline::named("shapes");
    let (inlet, mut out) = p.stage("head", |n: u64| n);
    for region in ["north", "south"] {
        out = twice(&mut p, region, out);
    }
    let extra: Option<Step> = Some(Box::new(|n| n + 1));
    if let Some(extra) = extra {
        out = p.then("extra", out, extra);
    }
    let seen = collect(&mut p, "end", out);
    let sim = Virtual::start(p, 1).unwrap();
    sim.offer(inlet, 1).unwrap();
    sim.drain(Deadlines::default());
    assert_eq!(seen.take(), [17]);
}

#[test]
fn an_iterable_is_drawn_only_as_far_as_there_is_room() {
    let drawn = Arc::new(AtomicUsize::new(0));
    let count = drawn.clone();
    let mut p = Pipeline::named("each");
    let (inlet, items) = p
        .stage("split", move |n: u64| {
            let count = count.clone();
            Lazy::new((0..n).inspect(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            }))
        })
        .each();
    p.end_with("slow", items, drop::<u64>.queue(10));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("slow", Takes::fixed(ms(1)));
    sim.offer(inlet, 10_000).unwrap();
    sim.advance(ms(5));
    assert!(drawn.load(Ordering::Relaxed) < 300, "{drawn:?} drawn ahead");
    let report = sim.drain(Deadlines { finish: secs(60), ..Deadlines::default() });
    assert_eq!(report.ledger().stage("slow").unwrap().done, 10_000);
}

/// A collection that is still an iterator.
struct Lazy<T>(Box<dyn Iterator<Item = T> + Send>);

impl<T: Send + 'static> Lazy<T> {
    fn new(items: impl Iterator<Item = T> + Send + 'static) -> Self {
        Lazy(Box::new(items))
    }
}

impl<T> IntoIterator for Lazy<T> {
    type Item = T;
    type IntoIter = Box<dyn Iterator<Item = T> + Send>;

    fn into_iter(self) -> Self::IntoIter {
        self.0
    }
}

#[test]
fn a_model_stands_in_for_a_handler() {
    let mut p = Pipeline::named("model");
    let (inlet, out) = p.stage("price", |_: u64| -> u64 { unreachable!("the model is called") });
    let seen = collect(&mut p, "end", out);
    p.model("price", |n: u64, cx: &Cx| {
        cx.spend(ms(7));
        n + 1
    });
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.offer(inlet, 1).unwrap();
    sim.run();
    assert_eq!((seen.take(), sim.now()), (vec![2], ms(7)));
}

#[test]
fn waits_and_service_times_are_measured() {
    let mut p = Pipeline::named("measure");
    let (inlet, out) = p.stage("work", |n: u64| n);
    p.end("end", out, drop);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    for n in 0..10 {
        sim.offer(inlet, n).unwrap();
        sim.advance(ms(20));
    }
    let work = sim.snapshot().stage("work").unwrap().clone();
    assert_eq!((work.counts.done, work.service.count), (10, 10));
    let about = |d: std::time::Duration, ms: f64| (d.as_secs_f64() * 1e3 / ms - 1.0).abs() < 0.01;
    assert!(about(work.service.p50, 10.0) && about(work.service.max, 10.0), "{:?}", work.service);
    assert!(about(work.busy, 100.0) && about(work.idle, 100.0), "{work:?}");
    assert!(work.wait.max < ms(1));
    let json = serde_json::to_string(&sim.snapshot()).unwrap();
    assert!(json.contains("\"queue_bound\":1000"));
    assert!(line_width(&sim.snapshot()) <= 80);
}

fn line_width(snapshot: &Snapshot) -> usize {
    snapshot.to_string().lines().map(|line| line.chars().count()).max().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut p = Pipeline::named("replay");
        let (inlet, out) = p.stage("work", (|n: u64| n).threads(3).keyed(|n| n % 7));
        let seen = collect(&mut p, "end", out);
        let mut sim = Virtual::start(p, seed).unwrap();
        sim.takes("work", Takes::exponential(ms(3)));
        (0..200).for_each(|n| sim.offer(inlet, n).unwrap());
        sim.run();
        (sim.now(), seen.take())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn what_a_stage_does_at_its_end_comes_once_after_the_last_flush_of_its_workers() {
    struct Told(Arc<Mutex<Vec<String>>>);
    impl HandlerMut for Told {
        type In = u64;
        type Out = ();
        fn handle(&mut self, _: u64, _: &Cx) {
            self.0.lock().unwrap().push("event".to_string());
        }
        fn flush(&mut self, _: &mut dyn FnMut(())) {
            self.0.lock().unwrap().push("flush".to_string());
        }
    }
    let told = Arc::<Mutex<Vec<String>>>::default();
    let (by_handler, at_end) = (told.clone(), told.clone());
    let mut p = Pipeline::named("ends");
    let numbers = p.source("numbers", 0..500u64);
    let work = per_worker(move || Told(by_handler.clone())).threads(3);
    let work = work.at_end(move |cx| at_end.lock().unwrap().push(format!("end, cancelled {}", cx.is_cancelled())));
    p.end_with("work", numbers, work);
    assert!(p.start().unwrap().finish().balanced());
    let told = told.lock().unwrap();
    assert_eq!(told[500..], ["flush", "flush", "flush", "end, cancelled false"]);
}

#[test]
fn every_kind_of_handler_has_its_end_also_after_a_panic_and_without_an_event() {
    type Build = fn(&mut Pipeline, Box<dyn FnOnce() + Send>) -> Inlet<u64>;
    let ended = |build: Build, events: u64| {
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        let mut p = Pipeline::named("ends");
        let inlet = build(
            &mut p,
            Box::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        );
        let sim = Virtual::start(p, 1).unwrap();
        (0..events).for_each(|n| sim.offer(inlet, n).unwrap());
        assert!(sim.drain(Deadlines::default()).balanced());
        told.load(Ordering::Relaxed)
    };
    let kinds: [Build; 5] = [
        |p, end| p.sink("plain", drop::<u64>.at_end(|_| end())),
        |p, end| p.sink("batch", batch(|events: Batch<u64>| events.answer(drop)).at_end(|_| end())),
        |p, end| p.sink("parallel", parallel(drop::<u64>).at_end(|_| end())),
        |p, end| p.sink("task", task(|_: u64| async {}).at_end(|_| end())),
        |p, end| p.sink("panics", (|_: u64| panic!("always")).at_end(|_| end())),
    ];
    for build in kinds {
        assert_eq!([0, 5].map(|events| ended(build, events)), [1, 1]);
    }
}

#[test]
fn a_stage_that_is_cancelled_does_not_come_to_its_end() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    let mut p = Pipeline::named("cancelled");
    let wait = |_: u64, cx: &Cx| {
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
    };
    let inlet = p.sink("wait", wait.at_end(move |_| count.store(1, Ordering::Relaxed)));
    let running = p.start().unwrap();
    running.offer(inlet, 1).unwrap();
    assert!(running.drain(Deadlines::now()).balanced());
    assert_eq!(ended.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_in_an_adapter_or_an_extractor_ends_its_event_alone() {
    let mut p = Pipeline::named("adapters");
    let numbers = p.source("numbers", 0..100u64);
    let out = p.then("pass", numbers, |n| n).map(|n| {
        assert!(n != 13, "unlucky");
        n
    });
    let keyed = |n: u64| n;
    let out = p.then_with(
        "keyed",
        out,
        keyed.keyed(|n| {
            assert!(*n != 50, "no key");
            *n % 3
        }),
    );
    let seen = collect(
        &mut p,
        "end",
        out.filter(|n| {
            assert!(*n != 60, "no filter");
            true
        }),
    );
    let report = p.start().unwrap().finish();
    let mut seen = seen.take();
    seen.sort_unstable();
    let expected: Vec<u64> = (0..100).filter(|n| ![13, 50, 60].contains(n)).collect();
    assert_eq!(seen, expected);
    let failed = |stage| report.ledger().stage(stage).unwrap().failed;
    assert_eq!((failed("pass"), failed("keyed")), (1, 2), "the map; the key and the filter");
    assert!(report.balanced(), "{report}");
}

#[test]
fn every_adapter_s_panic_fails_its_event_in_the_row_of_the_stage_before_it() {
    #[derive(Debug)]
    struct Unlucky(u64);
    impl Clone for Unlucky {
        fn clone(&self) -> Self {
            Unlucky(even(self.0))
        }
    }
    fn even(n: u64) -> u64 {
        assert!(n.is_multiple_of(2), "unlucky");
        n
    }
    let failed = |adapt: &dyn Fn(&mut Pipeline, Outlet<u64>)| {
        let mut p = Pipeline::named("adapters");
        let (head, out) = p.stage("pass", |n: u64| n);
        adapt(&mut p, out);
        let sim = Virtual::start(p, 1).unwrap();
        (0..10).for_each(|n| sim.offer(head, n).unwrap());
        let report = sim.drain(Deadlines::default());
        assert!(report.balanced(), "{report}");
        let row = report.ledger().stage("pass").unwrap();
        (row.done, row.failed, report.ledger().stage("end").unwrap().done)
    };
    assert_eq!(failed(&|p, out| p.end("end", out.map(even), drop)), (5, 5, 5));
    assert_eq!(failed(&|p, out| p.end("end", out.filter(|n| even(*n) > 0), drop)), (5, 5, 4));
    assert_eq!(failed(&|p, out| p.end("end", out.map(|n| (0..1).map(move |_| even(n))).each(), drop)), (5, 5, 5));
    let fanned = |p: &mut Pipeline, out: Outlet<u64>| {
        let [a, b] = out.map(Unlucky).fan();
        p.end("end", a, drop);
        p.end("other", b, drop);
    };
    assert_eq!(failed(&fanned), (5, 5, 5));
}

#[test]
fn a_handler_may_offer_to_a_stage_that_it_declares_also_while_the_pipeline_drains() {
    let mut p = Pipeline::named("uses");
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let audit = p.sink(
        "audit",
        (move |_: u64| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .queue(2),
    );
    let numbers = p.source("numbers", 0..500u64);
    p.end_with("work", numbers, (move |n: u64, cx: &Cx| cx.offer(audit, n).unwrap()).uses(audit));
    let report = p.start().unwrap().finish();
    assert_eq!(seen.load(Ordering::Relaxed), 500);
    assert!(report.balanced() && report.left() == 0, "{report}");
}

#[test]
fn a_handler_that_would_keep_the_worker_it_waits_for_is_refused_at_start_and_at_run_time() {
    let build = |declared: bool| {
        let mut p = Pipeline::named("detour");
        let d = p.domain("d", 1);
        let (b, out) = p.stage("b", |n: u64| n);
        p.end_with("c", out, drop::<u64>.on(&d));
        let heard = Arc::new(Mutex::new(None));
        let tell = heard.clone();
        let offers = move |n: u64, cx: &Cx| *tell.lock().unwrap() = cx.offer(b, n).err();
        let a = if declared { p.sink("a", offers.on(&d).uses(b)) } else { p.sink("a", offers.on(&d)) };
        (p, a, heard)
    };
    let error = build(true).0.start().unwrap_err().to_string();
    assert!(error.contains("room there is made by a stage of its own domain"), "{error}");
    let (p, a, heard) = build(false);
    let running = p.start().unwrap();
    running.offer(a, 3).unwrap();
    running.drain(Deadlines::default());
    let refused = heard.lock().unwrap().take().unwrap();
    assert!(matches!(refused.why, Refusal::WouldDeadlock { .. }) && refused.event == 3);
}

#[test]
fn a_handler_that_cannot_be_rebuilt_for_a_while_fails_its_events_and_comes_back() {
    struct Fragile;
    impl HandlerMut for Fragile {
        type In = u64;
        type Out = ();
        fn handle(&mut self, n: u64, _: &Cx) {
            assert!(n != 1, "one");
        }
        fn start(&mut self) -> Result<(), seda_core::BoxError> {
            if DOWN.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) { Ok(()) } else { Err("down".into()) }
        }
    }
    static DOWN: AtomicUsize = AtomicUsize::new(0);
    let mut p = Pipeline::named("fragile");
    let inlet = p.sink("work", per_worker(|| Fragile).batch_max(1));
    let sim = Virtual::start(p, 1).unwrap();
    (1..=10).for_each(|n| sim.offer(inlet, n).unwrap());
    let report = sim.drain(Deadlines::default());
    let row = report.ledger().stage("work").unwrap();
    assert_eq!((row.failed, row.done), (4, 6), "the panic, and three batches while it could not start");
}

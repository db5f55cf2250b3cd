//! What goes to the `metrics` facade: the list, its documentation, and what a recorder is really told are the same.
#![cfg(feature = "metrics")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, Mutex, mpsc},
};

use facade::Unit;
use metrics_util::{
    MetricKind as Told,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};
use seda_core::{METRICS, Metric, MetricKind, Settings, TokenBucket, WhenFull, prelude::*, test::Virtual};

/// By name and labels, as `name{stage=price}`; the pipeline's label left out.
fn values(of: &Snapshotter) -> BTreeMap<String, DebugValue> {
    let told = of.snapshot().into_vec().into_iter();
    let named = told.map(|(key, _, _, value)| {
        let labels = key.key().labels().filter(|label| label.key() != "pipeline");
        let labels: Vec<_> = labels.map(|label| format!("{}={}", label.key(), label.value())).collect();
        (format!("{}{{{}}}", key.key().name(), labels.join(",")), value)
    });
    named.collect()
}

fn number(values: &BTreeMap<String, DebugValue>, name: &str) -> f64 {
    match values.get(name) {
        Some(DebugValue::Counter(n)) => *n as f64,
        Some(DebugValue::Gauge(n)) => n.into_inner(),
        Some(DebugValue::Histogram(values)) => values.len() as f64,
        None => panic!("no {name} among {:#?}", values.keys()),
    }
}

/// A graph that has something for every metric of the list.
fn everything() -> Virtual {
    let mut p = Pipeline::named("all");
    let shared = p.domain("cpu", 2);
    let (head, questions) = p.stage("head", (|n: u64| n).admission(TokenBucket::new(1.0, 6)));
    let (slow, answers) = p.stage("slow", (|n: u64| n).queue(1).on(&shared));
    p.link(questions, slow);
    let (ask, answer) = p.ask::<u64, u64>(head);
    p.link(answers, answer);
    let weighed = p.sink("weighed", (|_: u64| ()).threads(1..=2).queue_bytes(100, |n| *n).when_full(WhenFull::Reject));
    let mut sim = Virtual::start(p, 7).unwrap();
    sim.takes("slow", seda_core::test::Takes::fixed(secs(1)));
    (0..4).for_each(|n| drop(sim.offer(head, n)));
    (0..3).for_each(|n| drop(sim.offer(weighed, 40 + n)));
    sim.advance(secs(2));
    (0..8).for_each(|n| drop(sim.offer(head, n)));
    sim.advance(secs(5));
    drop(ask);
    sim
}

#[test]
fn decisions_of_controllers_are_counted_by_knob_and_direction() {
    let mut p = Pipeline::named("turned");
    let inlet = p.sink("work", drop::<u64>.threads(1..=8));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", seda_core::test::Takes::fixed(ms(10)));
    for second in 0..14 {
        for n in 0..if second < 4 { 400 } else { 100 } {
            let _ = sim.offer(inlet, n);
            sim.advance(us(if second < 4 { 2_500 } else { 10_000 }));
        }
    }
    let recorder = DebuggingRecorder::new();
    facade::with_local_recorder(&recorder, || sim.publish());
    let values = values(&recorder.snapshotter());
    let told = |direction| {
        number(&values, &format!("seda_control_decisions_total{{key=stage.work.threads,direction={direction}}}"))
    };
    assert_eq!((told("up"), told("down")), (1.0, 2.0));
}

#[test]
fn every_metric_of_the_list_is_exported_as_the_list_says_and_no_other() {
    let recorder = DebuggingRecorder::new();
    let told = recorder.snapshotter();
    facade::with_local_recorder(&recorder, || everything().publish());
    let mut seen = BTreeSet::new();
    for (key, unit, text, _) in told.snapshot().into_vec() {
        let (kind, key) = key.into_parts();
        let metric = METRICS.iter().find(|metric| metric.name == key.name());
        let metric = metric.unwrap_or_else(|| panic!("{} is not in the list", key.name()));
        let labels: Vec<_> = key.labels().map(|label| label.key()).collect();
        assert_eq!(labels, metric.labels, "{}", metric.name);
        assert_eq!(kind_of(kind), metric.kind, "{}", metric.name);
        assert_eq!(unit, Some(unit_of(metric)), "{}", metric.name);
        assert_eq!(text.as_deref(), Some(metric.moves), "{}", metric.name);
        seen.insert(metric.name);
    }
    let listed: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(seen, listed);
}

fn kind_of(told: Told) -> MetricKind {
    match told {
        Told::Counter => MetricKind::Counter,
        Told::Gauge => MetricKind::Gauge,
        Told::Histogram => MetricKind::Histogram,
    }
}

fn unit_of(metric: &Metric) -> Unit {
    match metric.unit {
        "seconds" => Unit::Seconds,
        "bytes" => Unit::Bytes,
        _ => Unit::Count,
    }
}

#[test]
fn names_end_as_their_kind_and_unit_say() {
    for Metric { name, kind, unit, .. } in METRICS {
        let adds_up = name.ends_with("_total");
        assert!(*kind != MetricKind::Counter || adds_up, "{name}");
        let bare = name.trim_end_matches("_total");
        assert_eq!(bare.ends_with("_seconds"), *unit == "seconds", "{name}");
        assert_eq!(bare.ends_with("_bytes"), *unit == "bytes", "{name}");
    }
}

/// Between these two lines of `docs/metrics.md` stands the list.
const BEGIN: &str = "<!-- list: begin -->\n";
const END: &str = "<!-- list: end -->\n";

#[test]
fn the_documentation_has_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the list begins");
    let (list, after) = rest.split_once(END).expect("the list ends");
    if std::env::var_os("SEDA_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", documented())).unwrap();
    } else {
        assert_eq!(list, documented(), "write it anew: SEDA_WRITE_DOCS=1 cargo test -p seda-core --features metrics");
    }
}

fn documented() -> String {
    let mut text = String::from("\n| name | kind | unit | labels | moves when |\n|---|---|---|---|---|\n");
    for Metric { name, kind, unit, labels, moves, .. } in METRICS {
        let kind = format!("{kind:?}").to_lowercase();
        text += &format!("| `{name}` | {kind} | {unit} | {} | {moves} |\n", labels.join(", "));
    }
    text + "\n"
}

#[test]
fn counters_are_what_the_snapshot_says_and_histograms_are_told_once() {
    let recorder = DebuggingRecorder::new();
    let told = recorder.snapshotter();
    facade::with_local_recorder(&recorder, || {
        let mut p = Pipeline::named("orders");
        let price = p.sink("price", |_: u64| ());
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.takes("price", seda_core::test::Takes::fixed(ms(10)));
        (0..5).for_each(|n| sim.offer(price, n).unwrap());
        sim.run();
        sim.publish();
        let first = values(&told);
        assert_eq!(number(&first, "seda_stage_events_total{stage=price,outcome=done}"), 5.0);
        assert_eq!(number(&first, "seda_stage_service_seconds{stage=price}"), 5.0);
        assert!((number(&first, "seda_stage_busy_seconds_total{stage=price}") - 0.05).abs() < 1e-9);
        sim.offer(price, 9).unwrap();
        sim.run();
        sim.publish();
        // The recorder gives a histogram's values once.
        let second = values(&told);
        assert_eq!(number(&second, "seda_stage_events_total{stage=price,outcome=done}"), 6.0);
        let Some(DebugValue::Histogram(service)) = second.get("seda_stage_service_seconds{stage=price}") else {
            panic!()
        };
        assert_eq!(service.len(), 1);
        assert!((service[0].into_inner() / 0.010 - 1.0).abs() < 0.01, "{service:?}");
    });
}

#[test]
fn a_recorder_that_comes_late_or_takes_anothers_place_loses_no_count() {
    let mut p = Pipeline::named("orders");
    let price = p.sink("price", |_: u64| ());
    let mut sim = Virtual::start(p, 1).unwrap();
    (0..5).for_each(|n| sim.offer(price, n).unwrap());
    sim.run();
    for _ in 0..2 {
        let recorder = DebuggingRecorder::new();
        facade::with_local_recorder(&recorder, || sim.publish());
        let told = values(&recorder.snapshotter());
        assert_eq!(number(&told, "seda_stage_events_total{stage=price,outcome=done}"), 5.0);
    }
}

#[test]
fn a_histogram_is_told_at_most_a_thousand_values_at_once() {
    let recorder = DebuggingRecorder::new();
    let mut p = Pipeline::named("orders");
    let price = p.sink("price", |_: u64| ());
    let mut sim = Virtual::start(p, 1).unwrap();
    for n in 0..50_000 {
        while sim.offer(price, n).is_err() {
            sim.run();
        }
    }
    sim.run();
    facade::with_local_recorder(&recorder, || sim.publish());
    let told = values(&recorder.snapshotter());
    assert_eq!(number(&told, "seda_stage_service_seconds{stage=price}"), 1000.0);
    assert_eq!(number(&told, "seda_stage_events_total{stage=price,outcome=done}"), 50_000.0);
}

/// The global recorder of this test program, which takes the timer threads' word; for one test at a time, as reading it
/// empties it.
fn global() -> std::sync::MutexGuard<'static, Snapshotter> {
    static GLOBAL: std::sync::OnceLock<Mutex<Snapshotter>> = std::sync::OnceLock::new();
    let told = GLOBAL.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let told = recorder.snapshotter();
        recorder.install().expect("no other test installs one");
        Mutex::new(told)
    });
    told.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_running_pipeline_publishes_by_itself_at_rest_once_more_and_at_its_end() {
    let told = global();
    let mut p = Pipeline::named("by-itself");
    p.publish_every(ms(1));
    let (work, worked) = mpsc::channel();
    let price = p.sink("priced-by-itself", move |n: u64| work.send(n).unwrap());
    let running = p.start().unwrap();
    let told_done = |told: &BTreeMap<String, DebugValue>| match told.get(DONE_BY_ITSELF) {
        Some(DebugValue::Counter(n)) => *n,
        _ => 0,
    };
    for n in 1..=3 {
        running.offer(price, n).unwrap();
        worked.recv().unwrap();
        // It soon comes to rest: nothing happens any more that could bring a later publication about.
        while told_done(&values(&told)) < n {
            std::thread::yield_now();
        }
    }
    running.offer(price, 4).unwrap();
    running.drain(Deadlines::default());
    let last = values(&told);
    assert_eq!(told_done(&last), 4);
    assert_eq!(number(&last, "seda_domain_threads{domain=priced-by-itself}"), 0.0);
}

#[test]
fn how_often_it_publishes_is_a_number_of_configuration_and_changes_while_it_runs() {
    let told = global();
    let mut p = Pipeline::named("changed");
    p.publish_every(ms(1)).configure(&Settings::new().set("publish_every", "none").unwrap());
    let (work, worked) = mpsc::channel();
    let price = p.sink("priced-when-changed", move |n: u64| work.send(n).unwrap());
    let running = p.start().unwrap();
    running.offer(price, 1).unwrap();
    worked.recv().unwrap();
    assert_eq!(running.explain("publish_every").unwrap().value, "none");
    running.change(&Settings::new().publish_every(ms(1))).unwrap();
    // What moved before the change is published after it, though nothing moves any more.
    while !values(&told).contains_key("seda_stage_events_total{stage=priced-when-changed,outcome=done}") {
        std::thread::yield_now();
    }
    assert!(running.drain(Deadlines::default()).balanced());
}

const DONE_BY_ITSELF: &str = "seda_stage_events_total{stage=priced-by-itself,outcome=done}";

#[test]
fn a_pipeline_that_is_not_to_publish_does_so_only_when_asked() {
    let recorder = DebuggingRecorder::new();
    let told = recorder.snapshotter();
    let mut p = Pipeline::named("asked");
    p.publish_every(std::time::Duration::ZERO);
    let seen = Arc::new(Mutex::new(0));
    let kept = seen.clone();
    let price = p.sink("price", move |_: u64| *kept.lock().unwrap() += 1);
    let running = p.start().unwrap();
    running.offer(price, 1).unwrap();
    facade::with_local_recorder(&recorder, || running.publish());
    assert_eq!(number(&values(&told), "seda_stage_offered_total{stage=price}"), 1.0);
    facade::with_local_recorder(&recorder, || drop(running.drain(Deadlines::default())));
    assert_eq!(number(&values(&told), "seda_stage_events_total{stage=price,outcome=done}"), 1.0);
}

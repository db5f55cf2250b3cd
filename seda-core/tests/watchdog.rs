//! What is told through tracing beside spans: a handler that does not return, a range that can never be used, an objective that
//! cannot be kept, what controllers do. In a test of its own: a subscriber is the whole process's.

use std::{
    sync::{
        Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use seda_core::{
    Settings,
    prelude::*,
    test::{Takes, Virtual},
};
use tracing::{
    Event, Id, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};

static NAMED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());
static TOLD: AtomicBool = AtomicBool::new(false);
static CONCERNS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static TURNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        if text.message.contains("beyond what the stages' limits let be used") {
            HELD.lock().unwrap().push(format!("{} of {}, {} used", text.range, text.domain, text.most));
        }
        if text.message.contains("cannot keep its promise") {
            CONCERNS.lock().unwrap().push(format!("{}: {}", text.stage, text.concern));
        }
        if text.message.contains("a controller turned a knob") {
            TURNED.lock().unwrap().push(format!("{} {:?} {}", text.key, text.turned, text.why));
        }
        if text.message.contains("has not returned") {
            NAMED.lock().unwrap().push(text.stage);
            TOLD.store(true, Ordering::Release);
        }
    }
}

#[derive(Default)]
struct Text {
    message: String,
    stage: String,
    domain: String,
    range: String,
    concern: String,
    key: String,
    why: String,
    /// From, to.
    turned: Vec<u64>,
    most: u64,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "stage" => self.stage = value.to_string(),
            "concern" => self.concern = value.to_string(),
            "why" => self.why = value.to_string(),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "most" => self.most = value,
            "from" | "to" => self.turned.push(value),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "range" => self.range = format!("{value:?}"),
            "domain" => self.domain = format!("{value:?}"),
            "stage" => self.stage = format!("{value:?}"),
            "key" => self.key = format!("{value:?}"),
            _ => {}
        }
    }
}

#[test]
fn a_handler_that_has_not_returned_is_named_and_a_range_that_cannot_be_used_is_told_once() {
    listen();
    let mut p = Pipeline::named("watched");
    p.watchdog(secs(3600));
    let wide = p.domain("wide", 2..=8);
    let quick = p.sink("quick", drop::<u64>.on(&wide).limit(1));
    let slow = p.sink("slow", |_: u64| {
        while !TOLD.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    });
    let running = p.start().unwrap();
    running.offer(quick, 1).unwrap();
    running.offer(slow, 1).unwrap();
    // Also for a handler that is at work already.
    running.change(&Settings::new().watchdog(ms(20))).unwrap();
    assert!(running.drain(Deadlines::default()).balanced());
    assert_eq!(*NAMED.lock().unwrap(), ["slow"]);
    assert_eq!(*HELD.lock().unwrap(), ["2..8 of wide, 1 used"]);
}

#[test]
fn an_objective_below_the_service_time_is_told_once_with_the_numbers() {
    listen();
    let mut p = Pipeline::named("hasty");
    let slow = p.sink("hasty", (|_: u64| std::thread::sleep(ms(3))).slo(ms(1)));
    let running = p.start().unwrap();
    let began = Instant::now();
    let told = || CONCERNS.lock().unwrap().iter().any(|told| told.starts_with("hasty"));
    while !told() {
        assert!(began.elapsed() < secs(60), "{}", running.snapshot());
        let _ = running.entry(slow).try_offer(1);
        std::thread::sleep(ms(1));
    }
    let snapshot = running.snapshot();
    assert!(snapshot.stages[0].concern.as_ref().unwrap().contains("is below the service time"), "{snapshot}");
    assert!(running.drain(Deadlines::default()).balanced());
    let told = CONCERNS.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains("the objective of 1.0ms is below the service time: "), "{told:?}");
}

#[test]
fn each_decision_of_a_controller_is_an_event_with_the_numbers_that_it_saw() {
    listen();
    let mut p = Pipeline::named("turned");
    let inlet = p.sink("turned", drop::<u64>.threads(1..=8).queue(1000));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("turned", Takes::fixed(ms(10)));
    for n in 0..400 {
        let _ = sim.offer(inlet, n);
        sim.advance(us(2_500));
    }
    let turned = TURNED.lock().unwrap();
    let told: Vec<_> = turned.iter().filter(|told| told.starts_with("stage.turned.threads")).collect();
    let decisions = sim.snapshot().decisions;
    assert_eq!(told.len(), decisions.len());
    assert_eq!(*told[0], format!("stage.turned.threads [1, 6] {}", decisions[0].why));
    assert!(
        decisions[0].why.starts_with("the oldest waits ") && decisions[0].why.contains(", busy "),
        "{}",
        decisions[0]
    );
}

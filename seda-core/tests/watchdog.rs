//! A handler that does not return is named through tracing, and a range that can never be used. In a test of its own: a
//! subscriber is the whole process's.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use seda_core::{Settings, prelude::*};
use tracing::{
    Event, Id, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};

static NAMED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());
static TOLD: AtomicBool = AtomicBool::new(false);

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
    most: u64,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stage" {
            self.stage = value.to_string();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "most" {
            self.most = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "range" => self.range = format!("{value:?}"),
            "domain" => self.domain = format!("{value:?}"),
            _ => {}
        }
    }
}

#[test]
fn a_handler_that_has_not_returned_is_named_and_a_range_that_cannot_be_used_is_told_once() {
    tracing::subscriber::set_global_default(Listener).unwrap();
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

//! A handler that does not return is named, through tracing. In a test of its own: a subscriber is the whole process's.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use seda_core::prelude::*;
use tracing::{
    Event, Id, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};

static NAMED: Mutex<Vec<String>> = Mutex::new(Vec::new());
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
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stage" {
            self.stage = value.to_string();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[test]
fn a_handler_that_has_not_returned_is_named() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    let mut p = Pipeline::named("watched");
    p.watchdog(ms(20));
    let quick = p.sink("quick", drop::<u64>);
    let slow = p.sink("slow", |_: u64| {
        while !TOLD.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    });
    let running = p.start().unwrap();
    running.offer(quick, 1).unwrap();
    running.offer(slow, 1).unwrap();
    assert!(running.drain(Deadlines::default()).balanced());
    assert_eq!(*NAMED.lock().unwrap(), ["slow"]);
}

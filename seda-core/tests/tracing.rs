//! Spans follow an event over queues, threads and awaits, with wait and work apart.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use seda_core::{Batch, Settings, prelude::*, test::Virtual};
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// What a subscriber hears: spans by name, stage and parent, and where events were told.
#[derive(Default)]
struct Heard {
    next: AtomicU64,
    spans: Mutex<HashMap<u64, Span>>,
    entered: Mutex<HashMap<std::thread::ThreadId, Vec<u64>>>,
    told: Mutex<Vec<String>>,
}

#[derive(Clone, Debug, Default)]
struct Span {
    name: &'static str,
    stage: String,
    parent: u64,
    handles: u64,
    closed: bool,
    entered: u64,
}

#[derive(Clone, Default)]
struct Listener(Arc<Heard>);

impl Visit for Span {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "stage" {
            self.stage = format!("{value:?}").replace('"', "");
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.0.next.fetch_add(1, Ordering::SeqCst) + 1;
        let here = self.current();
        let parent = attributes.parent().map_or(if attributes.is_contextual() { here } else { 0 }, Id::into_u64);
        let mut span = Span { name: attributes.metadata().name(), parent, handles: 1, ..Span::default() };
        attributes.record(&mut span);
        self.0.spans.lock().unwrap().insert(id, span);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        let here = self.current();
        let stage = self.0.spans.lock().unwrap().get(&here).map_or(String::new(), |span| span.stage.clone());
        self.0.told.lock().unwrap().push(stage);
    }

    fn enter(&self, id: &Id) {
        self.0.entered.lock().unwrap().entry(std::thread::current().id()).or_default().push(id.into_u64());
        self.0.spans.lock().unwrap().get_mut(&id.into_u64()).unwrap().entered += 1;
    }

    fn exit(&self, id: &Id) {
        let popped = self.0.entered.lock().unwrap().entry(std::thread::current().id()).or_default().pop();
        assert_eq!(popped, Some(id.into_u64()), "spans are left in the order in which they were entered");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.spans.lock().unwrap().get_mut(&id.into_u64()).unwrap().handles += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.0.spans.lock().unwrap();
        let span = spans.get_mut(&id.into_u64()).unwrap();
        span.handles -= 1;
        span.closed = span.handles == 0;
        span.closed
    }
}

impl Listener {
    fn current(&self) -> u64 {
        let entered = self.0.entered.lock().unwrap();
        entered.get(&std::thread::current().id()).and_then(|stack| stack.last().copied()).unwrap_or(0)
    }

    fn spans(&self) -> Vec<(u64, Span)> {
        let mut spans: Vec<_> = self.0.spans.lock().unwrap().clone().into_iter().collect();
        spans.sort_unstable_by_key(|(id, _)| *id);
        spans
    }

    /// `name stage` of each span below `parent`, in the order of their beginnings.
    fn below(&self, parent: u64) -> Vec<String> {
        let spans = self.spans().into_iter().filter(|(_, span)| span.parent == parent);
        spans.map(|(_, span)| format!("{} {}", span.name, span.stage).trim().to_string()).collect()
    }

    fn named(&self, name: &str) -> Vec<(u64, Span)> {
        self.spans().into_iter().filter(|(_, span)| span.name == name).collect()
    }
}

#[test]
fn a_followed_event_has_a_wait_and_a_work_for_each_stage_under_the_span_of_who_offered_it() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let mut p = Pipeline::named("orders");
        p.trace(1.0);
        let (decode, out) = p.stage("decode", |n: u32| {
            tracing::info!("decoding");
            n
        });
        let priced = p.then_with("price", out, batch(|b: Batch<u32>| b.answer(|n| n)));
        let shrunk = p.then_with("shrink", priced, parallel(|n: u32| n));
        p.end_with("ship", shrunk, task(|_: u32| async { tracing::info!("shipping") }));
        let mut sim = Virtual::start(p, 1).unwrap();
        let request = tracing::info_span!("request");
        request.in_scope(|| sim.offer(decode, 1)).unwrap();
        sim.run();
        assert!(sim.drain(Deadlines::default()).balanced());
    });
    let [(event, _)] = listener.named("event")[..] else { panic!("one event is followed") };
    let [(request, _)] = listener.named("request")[..] else { panic!("one request") };
    assert_eq!(listener.below(request), ["event"]);
    let stages = ["decode", "price", "shrink", "ship"];
    let expected: Vec<String> = stages.iter().flat_map(|s| [format!("wait {s}"), format!("work {s}")]).collect();
    assert_eq!(listener.below(event), expected);
    assert_eq!(*listener.0.told.lock().unwrap(), ["decode", "ship"], "what a handler tells of is told inside its span");
    assert!(listener.spans().iter().all(|(_, span)| span.closed || span.name == "request"), "{:?}", listener.spans());
}

#[test]
fn one_in_so_many_is_followed_and_the_others_have_no_marks() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let mut p = Pipeline::named("orders");
        p.trace(0.1);
        let work = p.sink("work", |_: u32| {});
        let mut sim = Virtual::start(p, 1).unwrap();
        for n in 0..100 {
            sim.offer(work, n).unwrap();
            sim.run();
        }
        assert!(sim.drain(Deadlines::default()).balanced());
    });
    assert_eq!(listener.named("event").len(), 10);
    assert_eq!(listener.named("work").len(), 10);
}

#[test]
fn the_share_is_a_number_of_configuration_and_changes_while_it_runs() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let mut p = Pipeline::named("orders");
        p.trace(1.0).configure(&Settings::new().set("trace", "0").unwrap());
        let work = p.sink("work", |_: u32| {});
        let mut sim = Virtual::start(p, 1).unwrap();
        let mut followed = |share: f64| {
            sim.change(&Settings::new().trace(share)).unwrap();
            let before = listener.named("work").len();
            for n in 0..20 {
                sim.offer(work, n).unwrap();
                sim.run();
            }
            listener.named("work").len() - before
        };
        assert_eq!([0.0, 1.0, 0.0].map(&mut followed), [0, 20, 0]);
        assert_eq!(sim.explain("trace").unwrap().takes, "a number from 0 for none to 1 for all, as in `0.01`");
        let wrong = sim.change(&Settings::new().trace(2.0)).unwrap_err().to_string();
        assert!(wrong.starts_with("`trace` cannot be `2`: it is not between 0 and 1"), "{wrong}");
    });
}

#[test]
fn copies_share_the_event_and_wait_by_themselves_and_sources_are_followed_too() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let mut p = Pipeline::named("orders");
        p.trace(1.0);
        let made = p.source("made", [1, 2]);
        let [a, b] = made.fan();
        p.end("a", a, drop::<u32>);
        p.end("b", b, drop::<u32>);
        assert!(Virtual::start(p, 1).unwrap().finish().balanced());
    });
    let events = listener.named("event");
    assert_eq!(events.len(), 2);
    for (event, _) in events {
        let mut below = listener.below(event);
        below.sort_unstable();
        assert_eq!(below, ["wait a", "wait b", "work a", "work b"]);
    }
    assert!(listener.spans().iter().all(|(_, span)| span.closed));
}

#[test]
fn a_panic_closes_its_spans() {
    let listener = Listener::default();
    tracing::subscriber::with_default(listener.clone(), || {
        let mut p = Pipeline::named("orders");
        p.trace(1.0);
        let work = p.sink("work", |_: u32| panic!("by intent"));
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.offer(work, 1).unwrap();
        sim.run();
        assert!(sim.drain(Deadlines::default()).balanced());
    });
    assert!(listener.spans().iter().all(|(_, span)| span.closed));
}

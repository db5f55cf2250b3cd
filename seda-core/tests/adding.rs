//! What stands with a stage's code: its name and options, and what the place of use makes of them.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use seda_core::{BoxError, StageParts, prelude::*, test::Virtual, test::collect};

struct Double {
    by: u64,
}

impl Handler for Double {
    type In = u64;
    type Out = u64;

    fn handle(&self, n: u64, _: &Cx) -> u64 {
        n * self.by
    }

    fn options(stage: StageParts<u64, u64>) -> StageParts<u64, u64> {
        stage.named("double").threads(2..=8).queue(500)
    }
}

struct Sum(u64);

impl HandlerMut for Sum {
    type In = u64;
    type Out = u64;

    fn handle(&mut self, n: u64, _: &Cx) -> u64 {
        self.0 += n;
        self.0
    }

    fn options(stage: StageParts<u64, u64>) -> StageParts<u64, u64> {
        stage.named("sum").queue(7)
    }
}

/// Yields once for each event, counts its starts, and gives a last one when all is done.
struct Later(Arc<AtomicUsize>);

impl AsyncHandler for Later {
    type In = u64;
    type Out = u64;

    async fn handle(self: Arc<Self>, n: u64, cx: TaskCx) -> u64 {
        assert_eq!(cx.stage(), "later");
        let mut yielded = false;
        pin!(std::future::poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut yielded, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        }))
        .await;
        n + 1
    }

    fn start(&self) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn flush(&self, emit: &mut dyn FnMut(u64)) {
        emit(100);
    }

    fn options(stage: StageParts<u64, u64>) -> StageParts<u64, u64> {
        stage.named("later").limit(3)
    }
}

fn findings(p: Pipeline) -> String {
    Virtual::start(p, 1).expect_err("there is a finding").to_string()
}

#[test]
fn a_stage_is_added_by_its_own_name_with_its_own_options() {
    let mut p = Pipeline::named("numbers");
    let (double, doubled) = p.add(Double { by: 2 });
    let (sum, sums) = p.add(per_worker(|| Sum(0)));
    p.link(doubled, sum);
    let sums = collect(&mut p, "end", sums);
    let sim = Virtual::start(p, 1).unwrap();
    (1..=3).for_each(|n| sim.offer(double, n).unwrap());
    let snapshot = sim.snapshot();
    let bound = |name: &str| snapshot.stage(name).unwrap().queue_bound;
    assert_eq!((bound("double"), bound("sum"), snapshot.stage("double").unwrap().threads), (500, 7, 2));
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(sums.take(), [2, 6, 12]);
}

#[test]
fn what_is_said_where_a_stage_is_added_wins() {
    let mut p = Pipeline::named("numbers");
    let (_, one) = p.add(Double { by: 2 }.queue(9).named("one"));
    let (_, two) = p.stage("two", Double { by: 2 }.threads(3));
    let (_, three) = p.add(per_worker(|| Sum(0)).queue(8));
    for (name, outlet) in [("end-one", one), ("end-two", two), ("end-three", three)] {
        p.end(name, outlet, drop);
    }
    let snapshot = Virtual::start(p, 1).unwrap().snapshot();
    let stage = |name: &str| snapshot.stage(name).unwrap();
    assert_eq!((stage("one").queue_bound, stage("one").threads), (9, 2));
    assert_eq!((stage("two").queue_bound, stage("two").threads), (500, 3));
    assert_eq!(stage("sum").queue_bound, 8);
}

#[test]
fn a_domain_takes_the_place_of_the_threads_in_the_code() {
    let mut p = Pipeline::named("numbers");
    let domain = p.domain("shared", 4);
    let (_, out) = p.add(Double { by: 2 }.on(&domain).limit(3));
    p.end_with("end", out, (|_: u64| ()).on(&domain));
    let snapshot = Virtual::start(p, 1).unwrap().snapshot();
    let double = snapshot.stage("double").unwrap();
    assert_eq!((double.domain.as_str(), double.limit), ("shared", 3));
}

#[test]
fn an_async_value_starts_once_keeps_its_limit_and_flushes_last() {
    let starts = Arc::new(AtomicUsize::new(0));
    let mut p = Pipeline::named("numbers");
    let (later, out) = p.add(Later(starts.clone()));
    let seen = collect(&mut p, "end", out);
    let sim = Virtual::start(p, 1).unwrap();
    (1..=5).for_each(|n| sim.offer(later, n).unwrap());
    assert_eq!(sim.snapshot().stage("later").unwrap().limit, 3);
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(starts.load(Ordering::SeqCst), 1);
    let seen = seen.take();
    assert_eq!((seen.len(), seen.last()), (6, Some(&100)));
}

#[test]
fn an_option_that_is_said_twice_at_one_place_is_a_finding() {
    let mut p = Pipeline::named("numbers");
    let (_, out) = p.add(Double { by: 2 }.queue(9).queue(10));
    p.end("end", out, drop);
    assert!(findings(p).contains("stage `double`: `.queue(..)` is given twice\n     cure: give it once"));
}

#[test]
fn a_name_that_is_said_twice_at_one_place_is_a_finding() {
    let mut p = Pipeline::named("numbers");
    let (_, out) = p.stage("two", Double { by: 2 }.named("one"));
    p.end("end", out, drop);
    assert!(findings(p).contains("stage `two`: `.named(..)` is given twice"));
}

#[test]
fn a_stage_without_a_name_is_one_finding() {
    let mut p = Pipeline::named("numbers");
    let (_, out) = p.add((|n: u64| n).threads(2));
    p.end("end", out, drop);
    let text = findings(p);
    let expected = "1 finding\n  1. the stage that takes `u64` is added without a name\n     cure: name it where it is added, \
                    `p.stage(\"name\", ..)`, or in its code, `stage.named(\"name\")`";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn the_future_of_an_async_value_is_send() {
    fn is_send<F: Future + Send>(future: F) {
        drop(future);
    }
    let later = Arc::new(Later(Arc::default()));
    let _ = |cx: TaskCx| is_send(later.handle(1, cx));
}

//! Async handlers: on the host's runtime, bounded, cancelled where they must be, and with one end for every event.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use seda_core::{AskError, OfferOptions, Refusal, prelude::*, test::Virtual, test::collect};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Semaphore,
    task::yield_now,
};

fn runtimes() -> [Runtime; 2] {
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    let many = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    [one, many]
}

/// Sets a flag when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn every_event_comes_through_whether_its_future_waits_or_not() {
    for runtime in runtimes() {
        let report = runtime.block_on(async {
            let mut p = Pipeline::named("mixed");
            let work = |n: u64| async move {
                for _ in 0..n % 4 {
                    yield_now().await;
                }
                n
            };
            let (mixed, out) = p.stage("mixed", task(work));
            let more = p.then_with("more", out, task(|n: u64| async move { n + 1 }));
            p.end_with("end", more, task(|_: u64| yield_now()));
            let running = p.start().unwrap();
            let entry = running.entry(mixed);
            for n in 0..5000 {
                entry.offer_async(n).await.unwrap();
            }
            running.drain_async(Deadlines::default()).await
        });
        assert!(report.balanced(), "{report}");
        assert_eq!(report.ledger().stage("end").unwrap().done, 5000);
    }
}

#[test]
fn no_more_are_on_their_way_than_the_limit_says() {
    for runtime in runtimes() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counts, max) = (now.clone(), most.clone());
        let report = runtime.block_on(async move {
            let mut p = Pipeline::named("limited");
            let work = move |n: u32| {
                let (now, most) = (counts.clone(), max.clone());
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if !n.is_multiple_of(3) {
                        yield_now().await;
                    }
                    now.fetch_sub(1, Ordering::SeqCst);
                }
            };
            let work = p.sink("work", task(work).limit(5));
            let running = p.start().unwrap();
            for n in 0..2000 {
                running.entry(work).offer_async(n).await.unwrap();
            }
            running.drain_async(Deadlines::default()).await
        });
        assert!(report.balanced());
        let most = most.load(Ordering::SeqCst);
        assert!((1..=5).contains(&most), "{most} at once");
    }
}

#[test]
fn a_deadline_drops_the_future_and_the_asker_hears_of_it() {
    for runtime in runtimes() {
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = dropped.clone();
        let report = runtime.block_on(async move {
            let mut p = Pipeline::named("late");
            let hang = move |n: u32| {
                let flag = Dropped(flag.clone());
                async move {
                    pending::<()>().await;
                    drop(flag);
                    n
                }
            };
            let (work, out) = p.stage("work", task(hang));
            let (ask, answer) = p.ask(work);
            p.link(out, answer);
            let running = p.start().unwrap();
            let error = ask.ask(1, ms(20)).await.unwrap_err();
            assert!(matches!(error, AskError::Late | AskError::Expired), "{error:?}");
            running.drain_async(Deadlines::default()).await
        });
        assert!(dropped.load(Ordering::SeqCst));
        let row = report.ledger().stage("work").unwrap();
        assert_eq!((row.expired, row.left), (1, 0), "{report}");
        assert!(report.balanced());
    }
}

#[test]
fn the_second_stop_signal_drops_what_is_on_its_way_and_it_is_left() {
    for runtime in runtimes() {
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = dropped.clone();
        let report = runtime.block_on(async move {
            let mut p = Pipeline::named("cancelled");
            let hang = move |_: u32| {
                let flag = Dropped(flag.clone());
                async move {
                    pending::<()>().await;
                    drop(flag);
                }
            };
            let work = p.sink("work", task(hang).limit(2));
            let running = p.start().unwrap();
            for n in 0..5 {
                running.offer(work, n).unwrap();
            }
            yield_now().await;
            running.drain_async(Deadlines::within(ms(10))).await
        });
        assert!(report.balanced(), "{report}");
        assert_eq!(report.ledger().stage("work").unwrap().left, 5);
        assert!(report.stuck.is_empty(), "a future that is dropped holds nothing up");
        assert!(dropped.load(Ordering::SeqCst));
    }
}

#[test]
fn a_panic_fails_its_event_alone_before_and_after_an_await() {
    for runtime in runtimes() {
        let report = runtime.block_on(async {
            let mut p = Pipeline::named("panics");
            let work = |n: u32| async move {
                assert!(n % 10 != 3, "before");
                if n.is_multiple_of(2) {
                    yield_now().await;
                }
                assert!(n % 10 != 4, "after");
            };
            let work = p.sink("work", task(work));
            let running = p.start().unwrap();
            for n in 0..100 {
                running.entry(work).offer_async(n).await.unwrap();
            }
            running.drain_async(Deadlines::default()).await
        });
        let row = report.ledger().stage("work").unwrap();
        assert_eq!((row.done, row.failed), (80, 20), "{report}");
        assert!(report.balanced());
    }
}

#[test]
fn events_of_one_key_keep_their_order_across_awaits() {
    for runtime in runtimes() {
        let seen = Arc::new(std::sync::Mutex::new(vec![Vec::new(); 7]));
        let kept = seen.clone();
        let report = runtime.block_on(async move {
            let mut p = Pipeline::named("keyed");
            let work = |n: usize| async move {
                for _ in 0..(n * 7919) % 5 {
                    yield_now().await;
                }
                n
            };
            let (work, out) = p.stage("work", task(work).keyed(|n: &usize| n % 7));
            p.end("end", out, move |n| kept.lock().unwrap()[n % 7].push(n));
            let running = p.start().unwrap();
            for n in 0..700 {
                running.entry(work).offer_async(n).await.unwrap();
            }
            running.drain_async(Deadlines::default()).await
        });
        assert!(report.balanced());
        for of_key in &*seen.lock().unwrap() {
            assert_eq!(of_key.len(), 100);
            assert!(of_key.is_sorted(), "{of_key:?}");
        }
    }
}

#[test]
fn a_full_stage_behind_stalls_the_async_one_and_loses_nothing() {
    for runtime in runtimes() {
        let report = runtime.block_on(async {
            let gate = Arc::new(Semaphore::new(0));
            let opened = gate.clone();
            let mut p = Pipeline::named("stalled");
            let work = |n: u32| async move {
                if n.is_multiple_of(2) {
                    yield_now().await;
                }
                n
            };
            let (work, out) = p.stage("work", task(work).limit(4).queue(8));
            let slow = move |_: u32| {
                let gate = gate.clone();
                async move { gate.acquire().await.unwrap().forget() }
            };
            p.end_with("slow", out, task(slow).limit(1).queue(1));
            let running = p.start().unwrap();
            let entry = running.entry(work);
            let mut taken = 0;
            while entry.try_offer(taken).is_ok() {
                taken += 1;
                yield_now().await;
            }
            assert!(taken < 400, "what is on its way is bounded: {taken}");
            opened.add_permits(1000);
            running.drain_async(Deadlines::default()).await
        });
        assert!(report.balanced(), "{report}");
        assert_eq!(report.left(), 0, "{report}");
    }
}

#[test]
fn the_second_argument_tells_the_deadline_and_offers_to_another_stage() {
    for runtime in runtimes() {
        let report = runtime.block_on(async {
            let mut p = Pipeline::named("cx");
            let extra = p.sink("extra", |_: Duration| {});
            let work = move |_: u32, cx: TaskCx| async move {
                let left = cx.deadline_left().unwrap();
                assert_eq!(cx.stage(), "work");
                yield_now().await;
                cx.offer(extra, left).await.unwrap();
            };
            let work = p.sink("work", task(work).uses(extra));
            let running = p.start().unwrap();
            let options = OfferOptions::new().deadline(secs(60));
            running.entry(work).offer_async_with(1, options).await.unwrap();
            running.drain_async(Deadlines::default()).await
        });
        assert_eq!(report.ledger().stage("extra").unwrap().done, 1, "{report}");
    }
}

#[test]
fn without_a_runtime_the_start_says_so() {
    let mut p = Pipeline::named("lonely");
    let _ = p.sink("work", task(|_: u32| async {}));
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("no async runtime for the async handlers of `work`"), "{error}");
    assert!(error.contains("`p.runtime(handle)`"), "{error}");
}

#[test]
fn threads_for_an_async_handler_are_a_finding() {
    let [runtime, _] = runtimes();
    let _inside = runtime.enter();
    let mut p = Pipeline::named("mistaken");
    let _ = p.sink("work", task(|_: u32| async {}).threads(4));
    let _ = p.sink("none", task(|_: u32| async {}).limit(0));
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("`.threads(..)` on an async handler"), "{error}");
    assert!(error.contains("a limit of 0 events on their way"), "{error}");
}

#[test]
fn a_runtime_can_be_named_and_the_pipeline_used_from_threads() {
    let [_, runtime] = runtimes();
    let mut p = Pipeline::named("named");
    p.runtime(runtime.handle().clone());
    let (double, doubled) = p.stage("double", task(|n: u64| async move { n * 2 }));
    let (ask, answer) = p.ask(double);
    p.link(doubled, answer);
    let running = p.start().unwrap();
    assert_eq!(ask.ask(21, secs(10)).wait().unwrap(), 42);
    assert!(running.drain(Deadlines::default()).balanced());
}

#[test]
fn a_runtime_that_is_shut_down_under_a_pipeline_loses_nothing() {
    let [_, runtime] = runtimes();
    let mut p = Pipeline::named("bereft");
    p.runtime(runtime.handle().clone());
    let work = p.sink("work", task(|_: u32| pending::<()>()).limit(2));
    let running = p.start().unwrap();
    for n in 0..6 {
        running.offer(work, n).unwrap();
    }
    drop(runtime);
    // Its workers are gone for good only when their tasks were dropped, which the runtime has waited for.
    let refused = running.offer(work, 7).unwrap_err();
    assert_eq!((refused.event, refused.why), (7, Refusal::Closed));
    let report = running.drain(Deadlines::within(secs(60)));
    assert!(report.balanced(), "{report}");
    let row = report.ledger().stage("work").unwrap();
    assert_eq!((row.offered, row.closed, row.left), (7, 1, 6), "{report}");
}

#[tokio::test]
async fn a_handle_that_is_dropped_in_a_runtime_of_one_thread_does_not_hang() {
    let mut p = Pipeline::named("dropped");
    let work = p.sink("work", task(|_: u32| pending::<()>()));
    let running = p.start().unwrap();
    running.offer(work, 1).unwrap();
    yield_now().await;
    let began = std::time::Instant::now();
    drop(running);
    assert!(began.elapsed() < secs(4), "it waited for tasks that only this thread could run");
}

#[test]
fn on_virtual_time_async_handlers_run_too() {
    let mut inner = Pipeline::named("prices");
    let (price, priced) = inner.stage("price", |n: u64| n * 3);
    let (ask, answer) = inner.ask(price);
    inner.link(priced, answer);
    let mut prices = Virtual::start(inner, 1).unwrap();

    let mut p = Pipeline::named("orders");
    let look = move |n: u64| {
        let ask = ask.clone();
        async move { ask.ask(n, secs(1)).await.unwrap() }
    };
    let (look, looked) = p.stage("look", task(look).limit(2));
    let all = collect(&mut p, "all", looked);
    let mut sim = Virtual::start(p, 1).unwrap();
    for n in 1..=5 {
        sim.offer(look, n).unwrap();
    }
    for _ in 0..5 {
        sim.run();
        prices.run();
    }
    let mut all = all.take();
    all.sort_unstable();
    assert_eq!(all, [3, 6, 9, 12, 15]);
    assert!(sim.drain(Deadlines::default()).balanced());
}

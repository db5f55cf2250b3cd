//! An objective of the whole pipeline: who has it, who keeps their own, who is told, and that it is kept.

use std::future::Future;

use seda_core::{
    Admission, AdmitAll, Offer, Settings, TokenBucket, Verdict,
    prelude::*,
    test::{Takes, Virtual},
};

fn pass(n: u64) -> u64 {
    n
}

/// Every stage with what it says of its objective: `value (origin) note`, and its policy.
fn said(p: &Pipeline, stage: &str) -> [String; 2] {
    ["admission.slo", "admission.policy"].map(|key| {
        let said = p.explain(&format!("stage.{stage}.{key}")).unwrap();
        let note = said.note.map(|note| format!(": {note}")).unwrap_or_default();
        format!("{} ({}){note}", said.value, said.origin)
    })
}

const NOTE: &str = "the pipeline's `slo`, as the stage says none";

#[test]
fn entries_have_the_objective_of_the_pipeline_and_stages_further_in_have_not() {
    let mut p = Pipeline::named("orders");
    p.slo(ms(50));
    let (head, out) = p.stage("head", pass);
    let out = p.then("inner", out, pass);
    p.end("end", out, drop);
    let numbers = p.source("numbers", 0..3u64);
    p.end("made", numbers, drop);
    for entry in ["head", "made"] {
        assert_eq!(said(&p, entry), [format!("50 ms (code): {NOTE}"), format!("slo (code): {NOTE}")], "{entry}");
    }
    for other in ["inner", "end", "numbers"] {
        assert_eq!(said(&p, other), ["none (default)", "none (default)"], "{other}");
    }
    assert!(p.graph().text().contains("slo 50 ms of the pipeline"), "{}", p.graph());
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.offer(head, 1).unwrap();
    sim.run();
    assert!(sim.drain(Deadlines::default()).balanced());
}

#[test]
fn a_stage_that_says_its_own_admission_keeps_it() {
    let mut p = Pipeline::named("orders");
    p.slo(ms(50));
    p.sink("own", drop::<u64>.slo(ms(20)));
    p.sink("bucket", drop::<u64>.admission(TokenBucket::new(10.0, 5)));
    p.sink("all", drop::<u64>.admission(AdmitAll));
    p.sink("told", drop::<u64>);
    p.configure(&Settings::new().stage("told", |told| told.admit_all()));
    assert_eq!(said(&p, "own"), ["20 ms (code)", "slo (code)"]);
    assert_eq!(said(&p, "bucket"), ["none (default)", "token-bucket (code)"]);
    assert_eq!(said(&p, "all"), ["none (default)", "in code (code)"]);
    assert_eq!(said(&p, "told"), ["none (default)", "none (code)"]);
    assert!(!p.graph().text().contains("of the pipeline") && p.graph().text().contains("slo 20 ms"), "{}", p.graph());
    assert!(p.start().is_ok());
}

#[cfg(feature = "config")]
#[test]
fn configuration_says_it_with_its_line_and_the_stage_points_there() {
    let config = |text: &str| seda_core::Layers::new().toml("seda.toml", text).read();
    let mut p = Pipeline::named("orders");
    p.sink("head", drop::<u64>);
    p.configure(&config("[pipeline.orders]\nslo = \"50 ms\"\n"));
    assert_eq!(said(&p, "head")[0], format!("50 ms (seda.toml:2): {NOTE}"));
    p.configure(&config("[pipeline.orders]\nslo = 50\n"));
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("`slo` cannot be `50`: it needs a unit, as in `\"50 ms\"`"), "{error}");
}

#[test]
fn a_live_change_of_it_is_one_of_each_stage_that_has_it() {
    let mut p = Pipeline::named("orders");
    p.slo(ms(50));
    p.sink("one", drop::<u64>);
    p.sink("two", drop::<u64>.slo(ms(20)));
    let mut sim = Virtual::start(p, 1).unwrap();
    let changed = sim.change(&Settings::new().slo(ms(80))).unwrap();
    assert_eq!(changed.to_string(), "slo: 50 ms -> 80 ms\nstage.one.admission.slo: 50 ms -> 80 ms");
    let one = |sim: &Virtual| sim.explain("stage.one.admission.slo").unwrap();
    assert_eq!((one(&sim).value, one(&sim).origin.to_string()), ("80 ms".to_string(), "live".to_string()));
    // From now on it has its own.
    sim.change(&Settings::new().set("stage.one.admission.slo", "30 ms").unwrap()).unwrap();
    sim.change(&Settings::new().slo(ms(90))).unwrap();
    assert_eq!((one(&sim).value.as_str(), one(&sim).note), ("30 ms", None));
}

#[test]
fn the_kind_of_admission_is_not_changed_while_it_runs() {
    let start = |slo: bool| {
        let mut p = Pipeline::named("orders");
        p.sink("one", drop::<u64>);
        if slo {
            p.slo(ms(50));
        }
        Virtual::start(p, 1).unwrap()
    };
    let error = start(false).change(&Settings::new().slo(ms(80))).unwrap_err().to_string();
    assert!(error.contains("the pipeline started without one, so its entries admit all"), "{error}");
    let error = start(true).change(&Settings::new().set("slo", "none").unwrap()).unwrap_err().to_string();
    assert!(error.contains("the pipeline started with one, by which its entries admit"), "{error}");
}

#[test]
fn what_is_configured_around_a_policy_stands_around_it_too() {
    // Once it sheds, whoever can wait does or hears of it.
    let waits = |defers: &str| {
        let mut p = Pipeline::named("orders");
        p.slo(ms(50));
        let work = p.sink("work", drop::<u64>);
        p.configure(&Settings::new().set("stage.work.admission.defer", defers).unwrap());
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.takes("work", Takes::fixed(ms(20)));
        for n in 0..20 {
            let _ = sim.offer(work, n);
            sim.advance(ms(5));
        }
        while sim.offer(work, 20).is_ok() {}
        let offer = std::pin::pin!(sim.entry(work).offer_async(21));
        offer.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending()
    };
    assert!(waits("true") && !waits("false"));
}

#[test]
fn an_entry_that_feeds_itself_is_refused_for_want_of_an_overflow() {
    let mut p = Pipeline::named("retries");
    p.slo(ms(50));
    let (head, out) = p.stage("head", |n: u64| if n > 3 { Ok(n) } else { Err(n) });
    let (done, again) = out.tried();
    p.link(again, head);
    p.end("end", done, drop);
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("`head` may shed, and what it refuses of `head.err` has nowhere to go"), "{error}");
}

#[test]
fn an_objective_of_no_time_is_refused() {
    let mut p = Pipeline::named("orders");
    p.slo(ms(0));
    p.sink("one", drop::<u64>);
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("an objective of no time admits nothing; give a time above 0"), "{error}");
}

#[cfg(feature = "sim")]
mod under_load {
    use seda_core::sim::{Arrivals, Run, Service};

    use super::*;

    /// Ten times what the head can do; then a stage behind it, which obeys the deadline that comes with the event.
    fn flooded(slo: bool) -> seda_core::sim::Results {
        let mut p = Pipeline::named("orders");
        if slo {
            p.slo(ms(50));
        }
        let (head, out) = p.stage("head", pass.threads(4));
        p.end_with("tail", out, drop::<u64>.threads(4));
        let run =
            Run::new(p).entry(head, Arrivals::poisson(10_000.0), |n| n).service("head", Service::exponential(ms(4)));
        run.slo(ms(50)).seed(5).warm_up(secs(2)).during(secs(12)).unwrap()
    }

    #[test]
    fn one_number_keeps_what_is_admitted_within_the_objective() {
        let (with, without) = (flooded(true), flooded(false));
        assert!(with.all.latency.p99 <= ms(53), "{:?}", with.all.latency);
        assert!(with.all.done > 9_000, "{}", with.all.done);
        assert!(without.all.latency.p99 > ms(200), "{:?}", without.all.latency);
    }

    #[test]
    fn a_source_is_paused_by_it_and_nothing_is_shed() {
        let mut p = Pipeline::named("orders");
        p.slo(ms(50));
        let lines = p.source("lines", 0..20_000u64);
        p.end_with("work", lines, drop::<u64>.threads(2).queue(1000));
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.takes("work", Takes::fixed(ms(5)));
        sim.advance(secs(10));
        let snapshot = sim.snapshot();
        let work = &snapshot.stages[1];
        assert_eq!((work.counts.shed, work.counts.expired), (0, 0), "{snapshot}");
        assert!(work.counts.done > 3_900 && work.queue_len < 100, "{snapshot}");
    }
}

#[test]
fn the_deadline_of_an_event_is_not_prolonged_by_a_longer_objective_where_it_is_said() {
    let mut p = Pipeline::named("orders");
    let (head, out) = p.stage("head", pass.slo(ms(50)));
    let (out, over) = out.overflow();
    p.end("over", over, drop);
    p.end_with("ship", out, drop::<u64>.slo(secs(1)).deadline(|_| ms(20)));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("head", Takes::fixed(ms(1)));
    sim.takes("ship", Takes::fixed(ms(15)));
    (0..4).for_each(|n| sim.offer(head, n).unwrap());
    sim.run();
    let ledger = sim.ledger();
    let row = ledger.stage("ship").unwrap();
    // They come each millisecond: the second is started at 16 ms, the third would be at 31.
    assert_eq!((row.offered, row.done, row.expired), (4, 2, 2), "{row:?}");
}

/// Panics at the third offer, and before that said how long an event may wait and take.
struct GivesUp(u32);

impl Admission for GivesUp {
    fn offer(&mut self, _: &Offer) -> Verdict {
        self.0 += 1;
        assert!(self.0 < 3, "a policy gives up");
        Verdict::Admit
    }

    fn patience_ns(&self) -> Option<u64> {
        Some(10_000_000)
    }

    fn objective_ns(&self) -> Option<u64> {
        Some(20_000_000)
    }
}

#[test]
fn after_a_policy_has_panicked_nothing_expires_by_what_it_had_said() {
    let mut p = Pipeline::named("orders");
    let (head, out) = p.stage("head", pass.admission(GivesUp(0)));
    p.end("end", out, drop);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("head", Takes::fixed(ms(5)));
    sim.advance(secs(1));
    (0..20).for_each(|n| sim.offer(head, n).unwrap());
    sim.run();
    let ledger = sim.ledger();
    for stage in ["head", "end"] {
        let row = ledger.stage(stage).unwrap();
        assert_eq!((row.done, row.expired), (20, 0), "{stage}");
    }
}

//! What is checked before a thread or socket: all findings at once, each with its cure.

use seda_core::{
    Admission, AdmitAll, Answer, Deadline, Defer, Degrade, Fair, Fresh, Inlet, MaxConcurrency, Outlet, Priority,
    Quality, ResponseTime, Slo, Threads, TokenBucket, WhenFull, prelude::*,
};

/// The findings of a pipeline, as one text.
fn findings(p: Pipeline) -> String {
    p.start().expect_err("it must not start").to_string()
}

fn pass(n: u64) -> u64 {
    n
}

#[test]
fn open_ports_are_listed_with_their_events() {
    struct Bad;
    let mut p = Pipeline::named("open");
    let (_, _numbers, _bad) = p.stage("decode", |s: String| s.parse::<u64>().map_err(|_| Bad)).tried();
    let (_, _price) = p.stage("price", pass);
    let text = findings(p);
    assert!(text.contains("3 open ports: decode: u64; decode.err: Bad; price: u64"), "{text}");
    assert!(text.contains("cure: link each"), "{text}");
}

#[test]
fn all_findings_come_at_once() {
    let mut p = Pipeline::named("many");
    p.sink("one", drop::<u64>.threads(0));
    p.sink("one", drop::<u64>.queue(0));
    p.sink("two words", drop::<u64>.threads(2048).threads(3));
    p.domain("empty", 1);
    let error = p.start().unwrap_err();
    let text = error.to_string();
    for expected in [
        "stage `one`: 0 threads\n     cure: give at least 1",
        "a queue bound of 0 events",
        "`.threads(..)` is given twice",
        "two stages or domains are named `one`",
        "the name has characters other than",
        "domain `empty` runs no stage",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(error.findings.len(), 6, "{text}");
}

#[test]
fn a_cycle_that_could_block_for_ever_is_refused_and_one_that_drops_is_not() {
    let cycle = |when_full| {
        let mut p = Pipeline::named("cycle");
        let (head, ok, again) =
            p.stage("try", (|n: u64| if n > 0 { Err(n - 1) } else { Ok(n) }).when_full(when_full)).tried();
        let (back, backed) = p.stage("wait", pass);
        p.link(again, back);
        p.link(backed, head);
        p.end("end", ok, drop);
        p
    };
    let text = findings(cycle(WhenFull::Block));
    assert!(
        text.contains("`try`, `wait`")
            && text.contains("reject, `.when_full(WhenFull::Reject)`, with an overflow outlet"),
        "{text}"
    );
    assert!(cycle(WhenFull::DropOldest).start().is_ok());
}

#[test]
fn what_refuses_on_an_inner_edge_needs_an_overflow_outlet() {
    let text = findings({
        let mut p = Pipeline::named("refusing");
        let (_, out) = p.stage("first", pass);
        let out = p.then_with("second", out, pass.when_full(WhenFull::Reject));
        p.end_with("third", out, drop::<u64>.admission(MaxConcurrency::new(3)));
        p
    });
    assert!(text.contains("`second` rejects when full") && text.contains("`third` may shed"), "{text}");
}

#[test]
fn numbers_that_make_no_sense_are_found_with_their_cure() {
    let text = findings({
        let mut p = Pipeline::named("numbers");
        p.sink("a", drop::<u64>.admission(TokenBucket::new(-1.0, 5)));
        p.sink("b", drop::<u64>.max_age(ms(0)));
        p.sink("c", drop::<u64>.limit(2));
        p.sink("d", drop::<u64>.batch_max(0));
        let (_, out) = p.stage("e", parallel(pass).keyed(|n| *n));
        p.end("f", out, drop);
        p
    });
    for expected in ["rate above 0", "time to live of zero", "without a domain", "batch of at most 0", "data-parallel"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn ports_and_domains_of_another_pipeline_are_refused() {
    let mut other = Pipeline::named("other");
    let foreign_domain = other.domain("d", 1);
    let (foreign, _out): (Inlet<u64>, Outlet<u64>) = other.stage("s", pass);
    let text = findings({
        let mut p = Pipeline::named("mine");
        let (_, out) = p.stage("first", pass.on(&foreign_domain));
        p.link(out, foreign);
        let (_, _answer): (Ask<u64, u64>, Answer<u64>) = p.ask(foreign);
        p
    });
    assert!(text.contains("a domain of another pipeline") && text.contains("an inlet of another pipeline"), "{text}");
    assert!(text.contains("an ask begins at a stage of another pipeline"), "{text}");
}

#[test]
fn an_empty_pipeline_says_what_to_declare() {
    assert!(findings(Pipeline::named("empty")).contains("declare one with `.stage(..)`"));
}

#[test]
fn a_range_of_threads_starts_at_its_least() {
    assert_eq!(Threads::from(2..=8), Threads { min: 2, max: 8 });
    let mut p = Pipeline::named("range");
    p.sink("s", drop::<u64>.threads(2..=8));
    let running = p.start().unwrap();
    assert_eq!(running.snapshot().stage("s").unwrap().threads, 2);
}

#[test]
fn a_model_that_does_not_fit_is_a_finding() {
    let text = findings({
        let mut p = Pipeline::named("model");
        p.sink("s", drop::<u64>);
        p.model("s", |_: String| ());
        p.model("t", |_: u64| ());
        p
    });
    assert!(text.contains("the model of `s`") && text.contains("no stage `t`"), "{text}");
}

#[test]
fn an_async_function_that_is_no_task_is_a_finding() {
    async fn ship(n: u32) -> u32 {
        n
    }
    let mut p = Pipeline::named("futures");
    let (_orders, shipped) = p.stage("ship", ship);
    p.end("end", shipped, drop);
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("`ship` gives a future, which nobody awaits"), "{error}");
    assert!(error.contains("`p.stage(\"name\", task(handler))`"), "{error}");
}

#[test]
fn an_ask_that_nothing_answers_is_a_finding() {
    let mut p = Pipeline::named("silent");
    let (orders, priced) = p.stage("price", |n: u32| n);
    p.end("end", priced, drop);
    let (_ask, _answer) = p.ask::<u32, u32>(orders);
    let error = p.start().unwrap_err().to_string();
    assert!(error.contains("nothing leads to `price.answer`"), "{error}");
}

#[test]
fn shares_that_leave_nothing_are_refused_with_the_numbers() {
    let mut p = Pipeline::named("shares");
    p.sink("classes", drop::<u64>.classes(12, |_| 0));
    let nothing = Fair::new(Slo::new(ms(50))).weight("ada", 0.0).others(0.0);
    p.sink("tenants", drop::<u64>.tenant(|n| *n).admission(nothing));
    let text = findings(p);
    for expected in [
        "12 priority classes, whose floors of 5 % each would be 55 % of the capacity",
        "weights that sum to 0: 0 of 1 tenant, and 0 for the others",
    ] {
        assert!(text.contains(expected), "no `{expected}` in: {text}");
    }
}

#[test]
fn policies_and_wrappers_with_numbers_that_make_no_sense_are_refused_with_them() {
    let text = findings({
        let mut p = Pipeline::named("policies");
        let mut sink = |name: &str, policy: Box<dyn Admission>| {
            p.sink(name, drop::<u64>.admission(policy));
        };
        sink("a", Box::new(Priority::new(Slo::new(ms(50))).floor(0.0)));
        sink("b", Box::new(Defer::new(Priority::new(AdmitAll).reserve(1.5))));
        sink("c", Box::new(Degrade::new(AdmitAll, &Quality::new(0.5..=2.0))));
        sink("d", Box::new(Fair::new(Deadline::new(Slo::new(ms(0))))));
        sink("e", Box::new(ResponseTime::new(secs(1)).class(2, ms(0))));
        p.sink("f", drop::<u64>.keyed(|n| *n).admission(Fair::new(Fresh::new(ms(50)))));
        p
    });
    for expected in [
        "stage `a`: levels without a floor",
        "stage `b`: a reserve of 1.5; give a share from 0 on and below 1",
        "stage `c`: a quality of 0.5 to 2; give a range within 0.01 to 1",
        "stage `d`: an objective of no time",
        "stage `e`: a target of no time",
        "stage `f`: a policy that takes the newest first, on a keyed stage",
    ] {
        assert!(text.contains(expected), "no `{expected}` in: {text}");
    }
}

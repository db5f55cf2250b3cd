//! Numbers as data: set before the start in any order, changed while it runs all or nothing, explained.

use seda_core::{
    MaxConcurrency, Settings, TokenBucket, keys,
    prelude::*,
    task,
    test::{Takes, Virtual, collect},
};

fn pass(n: u64) -> u64 {
    n
}

fn findings(p: Pipeline) -> Vec<String> {
    let error = p.start().expect_err("it must not start");
    error.findings.iter().map(|finding| format!("{}; {}", finding.what, finding.cure)).collect()
}

fn refused(result: Result<seda_core::Changed, seda_core::ChangeError>) -> String {
    result.expect_err("it must be refused").to_string()
}

// ---- before the start

#[test]
fn settings_hold_over_code_whether_they_come_before_the_stages_or_after() {
    let settings = Settings::new().metrics(false).stage("work", |work| work.queue(2).when_full(WhenFull::Reject));
    for before in [true, false] {
        let mut p = Pipeline::named("order");
        if before {
            p.configure(&settings);
        }
        let inlet = p.sink("work", drop::<u64>.queue(9));
        if !before {
            p.configure(&settings);
        }
        assert_eq!(p.explain("stage.work.queue.events").unwrap().value, "2");
        let sim = Virtual::start(p, 1).unwrap();
        assert_eq!((1..=4).filter(|n| sim.offer(inlet, *n).is_ok()).count(), 2);
        assert_eq!(sim.snapshot().stage("work").unwrap().queue_bound, 2);
    }
}

#[test]
fn of_two_settings_that_say_the_same_the_later_holds() {
    let mut p = Pipeline::named("later");
    p.sink("work", drop::<u64>);
    p.configure(&Settings::new().stage("work", |work| work.queue(2).batch_max(3)));
    p.configure(&Settings::new().set("stage.work.queue.events", "5").unwrap());
    let sim = Virtual::start(p, 1).unwrap();
    assert_eq!(sim.explain("stage.work.queue.events").unwrap().value, "5");
    assert_eq!(sim.explain("stage.work.batch_max").unwrap().value, "3");
}

#[test]
fn everything_that_settings_get_wrong_is_found_at_once() {
    let mut p = Pipeline::named("wrong");
    let front = p.domain("front", 2);
    let ticks = p.source("ticks", [1u64]);
    let out = p.then_with("work", ticks, pass.on(&front));
    p.end_with("end", out, drop::<u64>);
    p.configure(
        &Settings::new()
            .stage("wrok", |wrok| wrok.queue(5).batch_max(3))
            .stage("work", |work| work.threads(3).queue_bytes(mib(1)))
            .stage("end", |end| end.limit(2).domain("frnot").queue(0))
            .stage("ticks", |ticks| ticks.queue(5))
            .domain("back", |back| back.caller_runs(true)),
    );
    assert_eq!(
        findings(p),
        [
            "there is no stage `wrok`; did you mean `work`?",
            "`stage.end.queue.events` cannot be `0`: it is below 1; give a whole number of events, 1 to 1073741824",
            "there is no domain `back`; the domains are: front",
            "`stage.ticks.queue.events` is set to 5 (code), but the stage is a source: it has one worker, and no queue; \
             take it out; what can be set of a source is its `batch_max` and its domain",
            "`stage.work.threads` is set to 3 (code), but the stage runs on the threads of the domain `front`; \
             set `domain.front.threads`, or `stage.work.domain = \"own\"`",
            "`stage.work.queue.bytes` is set to 1 MiB (code), but its code does not say what an event weighs; \
             add `.weight(|e| ..)` to the stage's handler, with the bytes of `e`",
            "`stage.end.domain` is set to frnot (code), but the code declares no such domain; did you mean `front`?",
        ]
    );
}

#[test]
fn a_stage_moves_onto_a_domain_and_off_it_by_one_setting() {
    let graph = |settings: Settings| {
        let mut p = Pipeline::named("move");
        let front = p.domain("front", 2);
        let (inlet, out) = p.stage("first", pass.on(&front));
        p.end_with("second", out, drop::<u64>.threads(3));
        p.configure(&settings);
        let sim = Virtual::start(p, 1).unwrap();
        sim.offer(inlet, 1).unwrap();
        let domains = ["first", "second"].map(|stage| sim.snapshot().stage(stage).unwrap().domain.clone());
        assert!(sim.drain(Deadlines::default()).balanced());
        domains
    };
    assert_eq!(graph(Settings::new()), ["front", "second"]);
    assert_eq!(graph(Settings::new().stage("second", |second| second.domain("front").limit(1))), ["front", "front"]);
    // The domain is left without a stage, and so without threads.
    assert_eq!(graph(Settings::new().stage("first", |first| first.own_threads())), ["first", "second"]);
}

#[test]
fn a_policy_of_numbers_can_be_set_changed_in_part_and_taken_away() {
    let offers = |code: bool, settings: Settings| {
        let mut p = Pipeline::named("policy");
        let work = drop::<u64>.queue(100);
        let inlet = p.sink("work", if code { work.admission(TokenBucket::new(1000.0, 5)) } else { work });
        p.configure(&settings);
        let sim = Virtual::start(p, 1).unwrap();
        (0..50).filter(|n| sim.offer(inlet, *n).is_ok()).count()
    };
    assert_eq!(offers(true, Settings::new()), 5);
    assert_eq!(offers(true, Settings::new().set("stage.work.admission.burst", "8").unwrap()), 8);
    assert_eq!(offers(true, Settings::new().stage("work", |work| work.admit_all())), 50);
    assert_eq!(offers(false, Settings::new().stage("work", |work| work.max_concurrency(3))), 3);
    let mut p = Pipeline::named("halves");
    p.sink("work", drop::<u64>.admission(MaxConcurrency::new(3)));
    p.configure(&Settings::new().set("stage.work.admission.policy", "token-bucket").unwrap());
    p.configure(&Settings::new().set("stage.work.admission.rate", "5").unwrap());
    assert_eq!(
        findings(p),
        ["`stage.work.admission.policy` is set to token-bucket (code), but `stage.work.admission.burst` is not set; \
          set it: a whole number of events, 1 to 1073741824"]
    );
}

#[test]
#[cfg(not(feature = "tracing"))]
fn a_number_for_what_this_build_does_not_have_is_found_at_start_and_while_running() {
    let spans = || Settings::new().set("trace", "0.1").unwrap();
    let mut p = Pipeline::named("built");
    p.sink("work", drop::<u64>);
    let mut sim = Virtual::start(p, 1).unwrap();
    let text = "`trace` is set to 0.1 (live), but this program is built without the feature `tracing`; \
                build seda with its feature `tracing`, or take it out";
    assert_eq!(refused(sim.change(&spans())), text);
    let mut p = Pipeline::named("built");
    p.sink("work", drop::<u64>);
    p.configure(&spans());
    assert_eq!(findings(p), [text.replace("live", "code")]);
}

#[test]
fn a_key_that_is_not_there_says_which_is() {
    let wrong = |key: &str, value: &str| Settings::new().set(key, value).unwrap_err().to_string();
    assert_eq!(
        wrong("stage.price.thraeds", "4"),
        "there is no key `stage.price.thraeds`; did you mean `stage.price.threads`?"
    );
    assert_eq!(wrong("watchdgo", "4 s"), "there is no key `watchdgo`; did you mean `watchdog`?");
    assert_eq!(
        wrong("stage.a.b.queue.max_age", "4"),
        "`stage.a.b.queue.max_age` cannot be `4`: it needs a unit: ns, us, ms, s, min, h, d; \
         give a time above 0 with its unit, as in `\"250 ms\"`, or `none`"
    );
}

// ---- while it runs

#[test]
fn a_change_is_done_as_a_whole_or_not_at_all() {
    let mut p = Pipeline::named("whole");
    p.sink("work", drop::<u64>.threads(1..=4).queue(10));
    let mut sim = Virtual::start(p, 1).unwrap();
    let text = refused(
        sim.change(
            &Settings::new()
                .watchdog(secs(1))
                .stage("work", |work| work.queue(20).threads(9))
                .stage("wrok", |w| w.queue(1)),
        ),
    );
    assert_eq!(
        text,
        "nothing was changed: 2 findings
  1. there is no stage `wrok`
     cure: did you mean `work`?
  2. `stage.work.threads` is set to 9 (live), but it started with 1..4 and stays within that
     cure: declare the range: `.threads(1..=9)`, or `threads = \"1..9\"`"
    );
    assert_eq!(sim.explain("stage.work.queue.events").unwrap().value, "10");
    assert_eq!(sim.snapshot().stage("work").unwrap().queue_bound, 10);
    let changed = sim.change(&Settings::new().stage("work", |work| work.queue(20).threads(3).batch_max(64))).unwrap();
    assert_eq!(changed.to_string(), "stage.work.queue.events: 10 -> 20\nstage.work.threads: 1..4 -> 3");
    let snapshot = sim.snapshot();
    let work = snapshot.stage("work").unwrap();
    assert_eq!((work.queue_bound, work.threads, work.limit), (20, 3, 3));
}

#[test]
fn a_larger_bound_lets_those_in_who_wait_and_another_policy_refuses_them() {
    for (settings, taken) in [
        (Settings::new().stage("slow", |slow| slow.queue(9)), 9),
        (Settings::new().stage("slow", |slow| slow.when_full(WhenFull::DropNewest)), 9),
    ] {
        let mut p = Pipeline::named("waiting");
        let out = p.source("numbers", 0..9u64);
        p.end_with("slow", out, drop::<u64>.queue(1).batch_max(1));
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.takes("slow", Takes::fixed(secs(1)));
        sim.advance(ms(1));
        let before = sim.ledger().stage("slow").unwrap().offered;
        assert!(before < taken, "{before}");
        sim.change(&settings).unwrap();
        sim.advance(ms(1));
        assert_eq!(sim.ledger().stage("slow").unwrap().offered, taken);
        assert!(sim.drain(Deadlines::default()).balanced());
    }
}

#[test]
fn a_time_to_live_that_is_set_while_it_runs_holds_for_what_is_offered_from_then_on() {
    let mut p = Pipeline::named("aging");
    let (inlet, out) = p.stage("work", pass.batch_max(1));
    let seen = collect(&mut p, "seen", out);
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(10)));
    sim.change(&Settings::new().stage("work", |work| work.max_age(ms(15)))).unwrap();
    (1..=4).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.run();
    assert_eq!(seen.take(), [1, 2], "the third waited for 20 ms");
    sim.change(&Settings::new().stage("work", |work| work.max_age(None))).unwrap();
    (1..=4).for_each(|n| sim.offer(inlet, n).unwrap());
    sim.run();
    assert_eq!(seen.take(), [1, 2, 3, 4]);
    assert_eq!(sim.drain(Deadlines::default()).ledger().stage("work").unwrap().expired, 2);
}

#[test]
fn limits_budget_batches_and_metrics_change_while_it_runs() {
    let mut p = Pipeline::named("knobs");
    p.byte_budget(100);
    let front = p.domain("front", 1..=4);
    let inlet = p.sink("work", drop::<u64>.on(&front).weight(|n| *n));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("work", Takes::fixed(ms(1)));
    assert!(sim.offer(inlet, 80).is_ok() && sim.offer(inlet, 80).is_err());
    sim.change(&Settings::new().byte_budget(200)).unwrap();
    assert!(sim.offer(inlet, 80).is_ok() && sim.offer(inlet, 80).is_err());
    sim.change(&Settings::new().byte_budget(None).metrics(false)).unwrap();
    assert!(sim.offer(inlet, 80).is_ok());
    sim.change(&Settings::new().domain("front", |front| front.threads(4)).stage("work", |work| work.limit(2))).unwrap();
    let snapshot = sim.snapshot();
    assert_eq!((snapshot.stage("work").unwrap().threads, snapshot.stage("work").unwrap().limit), (4, 2));
    sim.change(&Settings::new().stage("work", |work| work.no_limit().queue_bytes(100))).unwrap();
    assert_eq!(sim.snapshot().stage("work").unwrap().limit, 4);
    assert_eq!(sim.snapshot().stage("work").unwrap().queue_bytes_bound, Some(100));
    assert!(sim.drain(Deadlines::default()).balanced());
}

#[test]
fn the_numbers_of_a_policy_change_and_its_kind_does_not() {
    let mut p = Pipeline::named("rates");
    let inlet = p.sink("work", drop::<u64>.admission(TokenBucket::new(1.0, 1)));
    let mut sim = Virtual::start(p, 1).unwrap();
    assert!(sim.offer(inlet, 1).is_ok() && sim.offer(inlet, 2).is_err());
    sim.change(&Settings::new().stage("work", |work| work.token_bucket(1.0, 3))).unwrap();
    assert_eq!((0..5).filter(|n| sim.offer(inlet, *n).is_ok()).count(), 3);
    let text = refused(sim.change(&Settings::new().stage("work", |work| work.max_concurrency(3))));
    assert!(text.contains("the kind of admission cannot be changed while it runs, only its numbers"), "{text}");
}

#[test]
fn what_cannot_change_while_it_runs_says_why() {
    let mut p = Pipeline::named("fixed");
    let front = p.domain("front", 2);
    let (_, out) = p.stage("first", pass.on(&front));
    p.end_with("second", out, drop::<u64>.threads(2));
    let mut sim = Virtual::start(p, 1).unwrap();
    let mut why = |settings: Settings| refused(sim.change(&settings));
    assert_eq!(
        why(Settings::new().stage("second", |second| second.domain("front"))),
        "`stage.second.domain` is set to front (live), but a stage cannot change its threads while it runs; \
         set it in code or configuration, and start anew"
    );
    assert_eq!(
        why(Settings::new().domain("front", |front| front.caller_runs(true))),
        "`domain.front.caller_runs` is set to true (live), but who runs a domain cannot be changed while it runs; \
         set it in code or configuration, and start anew"
    );
    assert_eq!(
        why(Settings::new().byte_budget(mib(1))),
        "`byte_budget` is set to 1 MiB (live), but the pipeline started without a byte budget, so its queues have not \
         counted; start it with one, however large; then it can be changed"
    );
    assert_eq!(
        why(Settings::new().stage("first", |first| first.threads(2))),
        "`stage.first.threads` is set to 2 (live), but the stage runs on the threads of the domain `front`; \
         change `domain.front.threads`"
    );
    assert_eq!(
        why(Settings::new().stage("second", |second| second.limit(2))),
        "`stage.second.limit` is set to 2 (live), but the stage has threads of its own, and they are its limit; \
         change `stage.second.threads`"
    );
    assert!(why(Settings::new().stage("first", |first| first.queue_bytes(5))).contains("add `.weight(|e| ..)`"));
    assert!(why(Settings::new().stage("first", |first| first.limit(3))).contains("started with 1..2"));
    // What is as it was is no change.
    sim.change(&Settings::new().stage("second", |second| second.own_threads().threads(2))).unwrap();
}

#[test]
fn a_change_that_makes_a_cycle_wait_for_itself_is_refused() {
    let mut p = Pipeline::named("cycle");
    let counts = |n: u64| if n > 0 { Err(n - 1) } else { Ok(n) };
    let (head, ok, again) = p.stage("try", counts.when_full(WhenFull::DropOldest)).tried();
    p.link(again, head);
    p.end("end", ok, drop);
    let mut sim = Virtual::start(p, 1).unwrap();
    assert_eq!(
        refused(sim.change(&Settings::new().stage("try", |a| a.when_full(WhenFull::Block).queue(5)))),
        "a cycle in which every queue blocks when full could wait for itself for ever: `try`; \
         let one queue on it reject, `.when_full(WhenFull::Reject)`, with an overflow outlet on what leads to it, \
         `out.overflow()`; or let it drop, `.when_full(WhenFull::DropOldest)`"
    );
    assert_eq!(sim.snapshot().stage("try").unwrap().queue_bound, 1000);
    assert!(
        refused(sim.change(&Settings::new().stage("end", |end| end.when_full(WhenFull::Reject))))
            .contains("`end` rejects when full, and what it refuses of `try` has nowhere to go")
    );
    sim.change(&Settings::new().stage("try", |a| a.when_full(WhenFull::DropNewest))).unwrap();
}

#[test]
fn threads_bounds_and_the_watchdog_change_on_threads_too() {
    let mut p = Pipeline::named("threads");
    let inlet = p.sink("work", drop::<u64>.threads(1..=3));
    let running = p.start().unwrap();
    let settings = Settings::new().watchdog(ms(20)).stage("work", |work| work.threads(3).queue(7).max_age(secs(9)));
    running.change(&settings).unwrap();
    let snapshot = running.snapshot();
    assert_eq!((snapshot.stage("work").unwrap().threads, snapshot.stage("work").unwrap().queue_bound), (3, 7));
    let entry = running.entry(inlet);
    (0..1000).for_each(|n| entry.offer(n).unwrap());
    running.resize("work", 1).unwrap();
    assert_eq!(running.explain("stage.work.threads").unwrap().value, "1");
    assert!(running.drain(Deadlines::default()).balanced());
}

// ---- explain

#[test]
fn a_stage_with_a_key_says_so_where_its_threads_are_explained() {
    let mut p = Pipeline::named("keyed");
    p.sink("work", drop::<u64>.threads(2..=8).keyed(|n| *n));
    p.sink("four", drop::<u64>.threads(4).keyed(|n| *n));
    let note = |key: &str| p.explain(key).unwrap().note.unwrap();
    let keyed = "events of one key go one after the other all the same";
    assert_eq!(note("stage.work.threads"), format!("2 now; its controller turns it within 2..8; {keyed}"));
    assert_eq!(note("stage.four.threads"), keyed);
}

#[test]
fn a_range_is_held_at_its_least_and_says_so() {
    let mut p = Pipeline::named("range");
    p.sink("work", drop::<u64>.threads(2..=8));
    let mut sim = Virtual::start(p, 1).unwrap();
    let text = sim.explain("stage.work.threads").unwrap().to_string();
    assert_eq!(
        text,
        "stage.work.threads = 2..8 (code)
    threads of its own: a number, or a range that a controller, and live changes, stay within
    takes a number of threads, 1 to 1024, or a range of them, as in `\"2..8\"`; default 1; can be changed while running
    2 now; its controller turns it within 2..8"
    );
    sim.change(&Settings::new().stage("work", |work| work.threads(5))).unwrap();
    let now = sim.explain("stage.work.threads").unwrap();
    assert_eq!((&*now.value, &*now.origin.to_string()), ("5", "live"));
    assert_eq!(now.note.unwrap(), "a live change can set it within 2..8");
    // A narrower range moves it as little as it can.
    sim.change(&Settings::new().stage("work", |work| work.threads(2..=4))).unwrap();
    assert_eq!(sim.snapshot().stage("work").unwrap().threads, 4);
}

#[test]
fn every_key_of_a_pipeline_can_be_explained() {
    let mut p = Pipeline::named("all");
    let front = p.domain("front", 2);
    p.sink("work", drop::<u64>.on(&front));
    let running = p.start().unwrap();
    let all = running.explain_all();
    assert_eq!(all.len(), keys().len(), "one domain and one stage");
    for one in &all {
        assert_eq!(running.explain(&one.key).unwrap(), *one);
    }
    let threads = running.explain("stage.work.threads").unwrap();
    assert_eq!(threads.note.unwrap(), "has no effect: the stage runs on the threads of the domain `front`");
    let error = running.explain("stage.wrok.threads").unwrap_err().to_string();
    assert_eq!(error, "there is no stage `wrok`; did you mean `work`?");
}

#[test]
fn an_async_stage_has_a_limit_and_neither_threads_nor_a_domain() {
    let graph = |settings: Settings| {
        let mut p = Pipeline::named("async");
        p.domain("front", 1);
        let (_, out) = p.stage("fetch", task(async |n: u64| n));
        p.end_with("end", out, drop::<u64>);
        p.configure(&Settings::new().stage("end", |end| end.domain("front")));
        p.configure(&settings);
        Virtual::start(p, 1)
    };
    let mut sim = graph(Settings::new()).unwrap();
    let limit = |sim: &Virtual| sim.snapshot().stage("fetch").unwrap().limit;
    assert_eq!((limit(&sim), sim.explain("stage.fetch.limit").unwrap().value), (64, "64".to_string()));
    sim.change(&Settings::new().stage("fetch", |fetch| fetch.limit(8).batch_max(5))).unwrap();
    assert_eq!(limit(&sim), 8);
    assert!(refused(sim.change(&Settings::new().stage("fetch", |fetch| fetch.limit(65)))).contains("within"));
    assert_eq!(limit(&graph(Settings::new().stage("fetch", |fetch| fetch.limit(500))).unwrap()), 500);
    let text = graph(Settings::new().stage("fetch", |fetch| fetch.threads(2).domain("front"))).unwrap_err().to_string();
    assert!(text.contains("`stage.fetch.threads` is set to 2 (code), but the stage is async"), "{text}");
    assert!(text.contains("`stage.fetch.domain` is set to front (code), but the stage is async"), "{text}");
}

#[test]
fn a_drawing_before_the_start_shows_the_configured_numbers() {
    let mut p = Pipeline::named("drawn");
    p.sink("work", drop::<u64>.queue(9));
    p.configure(&Settings::new().stage("work", |work| work.queue(7).threads(3)));
    let drawing = p.graph().to_string();
    assert!(drawing.contains("queue 7") && drawing.contains("3 threads"), "{drawing}");
}

// ---- the guide

/// Between these two lines of the guide's page stands the list of keys.
const BEGIN: &str = "<!-- list: begin -->\n";
const END: &str = "<!-- list: end -->\n";

#[test]
fn the_guide_has_the_list_of_keys() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/concepts/configuration.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the list begins");
    let (list, after) = rest.split_once(END).expect("the list ends");
    // What a unit test holds against the list itself.
    let keys = format!("\n{}\n", include_str!("../src/settings/keys.md"));
    if std::env::var_os("SEDA_KEYS").is_some_and(|to_do| to_do == "write") {
        std::fs::write(&path, format!("{before}{BEGIN}{keys}{END}{after}")).unwrap();
    } else {
        assert_eq!(list, keys, "write it anew: SEDA_KEYS=write cargo test -p seda-core --test settings guide");
    }
}

#[test]
fn an_objective_is_an_option_a_key_and_a_live_change() {
    use seda_core::{Settings, StageOptionsExt, ms, prelude::*};
    let pipeline = |tuned: bool| {
        let mut p = Pipeline::named("pages");
        let work = |_: u64| ();
        if tuned {
            p.sink("render", work.slo(ms(50)))
        } else {
            p.sink("render", work)
        };
        p
    };
    let running = pipeline(true).start().unwrap();
    assert_eq!(running.explain("stage.render.admission.slo").unwrap().value, "50 ms");
    assert_eq!(running.explain("stage.render.admission.policy").unwrap().value, "slo");
    running.change(&Settings::new().set("stage.render.admission.slo", "80 ms").unwrap()).unwrap();
    assert_eq!(running.explain("stage.render.admission.slo").unwrap().value, "80 ms");

    let mut p = pipeline(false);
    p.configure(&Settings::new().set("stage.render.admission.slo", "100 ms").unwrap());
    let running = p.start().unwrap();
    assert_eq!(running.explain("stage.render.admission.policy").unwrap().value, "slo");

    let running = pipeline(false).start().unwrap();
    let refused = running.change(&Settings::new().set("stage.render.admission.slo", "80 ms").unwrap()).unwrap_err();
    assert!(refused.to_string().contains("the policy of the stage is not `slo`"), "{refused}");
}

#[test]
fn every_policy_and_what_stands_around_it_is_a_key() {
    let shown = |set: &[(&str, &str)]| {
        let mut p = Pipeline::named("policies");
        p.sink("work", (|_: u64| ()).tenant(|n| *n));
        for (key, value) in set {
            p.configure(&Settings::new().set(&format!("stage.work.admission.{key}"), value).unwrap());
        }
        p.start()
            .map(|running| running.explain("stage.work.admission.policy").unwrap().value)
            .map_err(|e| e.to_string())
    };
    for policy in ["codel", "codel-by-service", "vegas", "gradient"] {
        assert_eq!(shown(&[("policy", policy)]).unwrap(), policy);
    }
    for policy in ["slo", "fresh", "response-time", "aimd"] {
        assert_eq!(shown(&[("policy", policy), ("slo", "50 ms")]).unwrap(), policy);
        let missing = shown(&[("policy", policy)]).unwrap_err();
        assert!(missing.contains("`stage.work.admission.slo` is not set"), "{missing}");
    }
    let around = [("slo", "50 ms"), ("fair", "true"), ("priority", "true"), ("deadline", "true"), ("defer", "true")];
    assert_eq!(shown(&around).unwrap(), "slo");
    let nothing = shown(&[("defer", "true")]).unwrap_err();
    assert!(nothing.contains("the stage has no policy, and admits all"), "{nothing}");
    let text = Settings::new().set("stage.work.admission.policy", "fress").unwrap_err().to_string();
    assert!(text.contains("did you mean `fresh`?"), "{text}");
}

#[test]
fn shares_need_somebody_to_share_and_a_key_needs_its_order() {
    let mut p = Pipeline::named("policies");
    p.sink("work", (|_: u64| ()).keyed(|n| *n));
    let set = |key: &str, value: &str| Settings::new().set(&format!("stage.work.admission.{key}"), value).unwrap();
    for (key, value) in [("policy", "fresh"), ("slo", "50 ms"), ("fair", "true")] {
        p.configure(&set(key, value));
    }
    let found = findings(p);
    let has = |words: &str| found.iter().any(|finding| finding.contains(words));
    assert!(has("its code does not say who an event is for") && has("newest first, on a keyed stage"), "{found:?}");
}

#[test]
fn what_is_configured_around_a_policy_in_code_stands_around_that() {
    let mut p = Pipeline::named("policies");
    let work = p.sink("work", (|_: u64| ()).admission(TokenBucket::new(1.0, 1)));
    p.configure(&Settings::new().set("stage.work.admission.defer", "true").unwrap());
    let sim = Virtual::start(p, 1).unwrap();
    sim.offer(work, 1).unwrap();
    let offer = std::pin::pin!(sim.entry(work).offer_async(2));
    let waits = offer.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(waits.is_pending());
}

#[test]
fn an_objective_alone_changes_that_of_the_policy_that_has_one() {
    let mut p = Pipeline::named("policies");
    p.sink("work", (|_: u64| ()).admission(seda_core::Aimd::new(ms(50))));
    p.configure(&Settings::new().set("stage.work.admission.slo", "80 ms").unwrap());
    let running = p.start().unwrap();
    let shown = |key: &str| running.explain(&format!("stage.work.admission.{key}")).unwrap().value;
    assert_eq!((shown("policy"), shown("slo")), ("aimd".into(), "80 ms".into()));
    running.change(&Settings::new().set("stage.work.admission.slo", "90 ms").unwrap()).unwrap();
    assert_eq!(shown("slo"), "90 ms");
    let fixed = running.change(&Settings::new().set("stage.work.admission.fair", "true").unwrap()).unwrap_err();
    assert!(fixed.to_string().contains("the kind of admission cannot be changed"), "{fixed}");
}

//! Snapshots, ledgers and reports as tables that fit 80 columns, and as JSON of a fixed shape.

use seda_core::{
    Report,
    prelude::*,
    test::{Takes, Virtual},
};

const LONG: &str = "a-name-of-a-stage-that-somebody-thought-would-never-be-read-in-a-table";

fn small() -> Report {
    let mut p = Pipeline::named(LONG);
    let (first, out, err) = p.stage(LONG, |n: u64| if n == 0 { Err(n) } else { Ok(n) }).tried();
    p.end(format!("{LONG}.2"), out, |_| ());
    p.end("err", err, |_| ());
    let sim = Virtual::start(p, 1).unwrap();
    (0..3).for_each(|n| sim.offer(first, n).unwrap());
    sim.drain(Deadlines::default())
}

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

fn is_aligned(text: &str, columns: usize) {
    let ends = |line: &str| -> Vec<usize> {
        let chars: Vec<char> = line.chars().collect();
        let end = |at: &usize| chars[*at] != ' ' && chars.get(at + 1).is_none_or(|next| *next == ' ');
        (0..chars.len()).filter(end).collect::<Vec<_>>().into_iter().rev().take(columns).collect()
    };
    let mut lines = text.lines();
    let head = ends(lines.next().unwrap());
    lines.for_each(|line| assert_eq!(ends(line), head, "{line}"));
}

#[test]
fn a_ledger_of_long_names_fits_and_is_aligned() {
    let report = small();
    fits(&format!("{report:#}"));
    is_aligned(&report.ledger().to_string(), 7);
    let text = format!("{report:#}");
    assert!(text.lines().any(|line| line.starts_with("edge from")), "{text}");
    assert!(!report.to_string().contains("edge from"));
}

#[test]
fn billions_and_days_fit_and_are_aligned() {
    let mut ledger = small().ledger().clone();
    for n in [0, 999_999, 1_234_567_890, u64::MAX / 8] {
        for row in &mut ledger.stages {
            (row.offered, row.full, row.shed, row.closed) = (n, n, n, n);
            (row.done, row.failed, row.expired, row.dropped, row.left) = (n, n, n, n, n);
        }
        for edge in &mut ledger.edges {
            (edge.produced, edge.offered, edge.left) = (n, n, n);
        }
        fits(&format!("{ledger:#}"));
        is_aligned(&ledger.to_string(), 7);
    }
    assert!(ledger.to_string().contains("2.3E"), "{ledger}");
}

#[test]
fn a_number_that_fits_is_whole() {
    let mut ledger = small().ledger().clone();
    ledger.stages[0].done = 1_234_567_890;
    ledger.stages[0].dropped = 12_345_678;
    let row = ledger.to_string().lines().nth(1).unwrap().to_string();
    assert!(row.contains(" 1234567890 ") && row.contains("12.3M"), "{row}");
}

#[test]
fn a_snapshot_of_long_names_and_large_numbers_fits_and_is_aligned() {
    let mut p = Pipeline::named(LONG);
    let first = p.sink(LONG, (|_: u64| ()).queue(1 << 30));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes(LONG, Takes::fixed(secs(90_000)));
    (0..70).for_each(|n| sim.offer(first, n).unwrap());
    sim.advance(secs(3_600_000));
    let mut snapshot = sim.snapshot();
    for n in [1, u64::MAX / 8] {
        let stage = &mut snapshot.stages[0];
        (stage.counts.done, stage.counts.full, stage.queue_len, stage.threads) = (n, n, n as usize, n as usize);
        fits(&snapshot.to_string());
        // The wait and the service time have a space before their units.
        assert_eq!(snapshot.to_string().lines().map(|line| line.chars().count()).max(), Some(80));
    }
}

/// The shape that dashboards and scripts read: fields may be added, none may change.
#[cfg(feature = "json")]
#[test]
fn the_shape_of_the_json_is_fixed() {
    let mut p = Pipeline::named("orders");
    let (price, priced) = p.stage("price", |n: u64| n);
    p.end("ship", priced, |_| ());
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("price", Takes::fixed(ms(2)));
    sim.offer(price, 1).unwrap();
    sim.advance(ms(5));
    let snapshot: serde_json::Value = serde_json::from_str(&sim.snapshot().to_json()).unwrap();
    let stage = serde_json::json!({
        "name": "price", "domain": "price", "threads": 1, "limit": 1, "busy_places": 0,
        "queue_len": 0, "queue_bound": 1000, "queue_bytes": 0, "queue_bytes_bound": null, "oldest_ns": 0,
        "in_hand": 0, "left": 0,
        "counts": {
            "offered": 1, "full": 0, "shed": 0, "shed_by": [], "closed": 0,
            "done": 1, "failed": 0, "expired": 0, "dropped": 0
        },
        "wait": { "count": 1, "mean_ns": 0, "p50_ns": 0, "p90_ns": 0, "p99_ns": 0, "p999_ns": 0, "max_ns": 0 },
        "service": {
            "count": 1, "mean_ns": 2_000_000, "p50_ns": 2_000_000, "p90_ns": 2_000_000, "p99_ns": 2_000_000,
            "p999_ns": 2_000_000, "max_ns": 2_000_000
        },
        "batch": { "mean": 1.0, "max": 1 },
        "busy_ns": 2_000_000, "blocked_ns": 0, "blocked_on": [], "idle_ns": 3_000_001
    });
    assert_eq!(snapshot["stages"][0], stage);
    assert_eq!(snapshot["pipeline"], "orders");
    assert_eq!(snapshot["elapsed_ns"], 5_000_001);
    let edge = serde_json::json!({ "from": "price", "to": "ship", "produced": 1, "offered": 1, "left": 0 });
    assert_eq!(snapshot["edges"], serde_json::json!([edge]));
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&snapshot), ["decisions", "edges", "elapsed_ns", "knobs", "pipeline", "stages"]);

    assert_eq!(sim.health().to_json(), r#"{"pipeline":"orders","live":true,"ready":true,"reasons":[]}"#);
    let report = sim.drain(Deadlines::default());
    assert_eq!(
        report.to_json(),
        r#"{"pipeline":"orders","took_ns":0,"stuck":[],"ledger":{"stages":[{"name":"price","offered":1,"full":0,"shed":0,"shed_by":[],"closed":0,"done":1,"failed":0,"expired":0,"dropped":0,"left":0},{"name":"ship","offered":1,"full":0,"shed":0,"shed_by":[],"closed":0,"done":1,"failed":0,"expired":0,"dropped":0,"left":0}],"edges":[{"from":"price","to":"ship","produced":1,"offered":1,"left":0}]},"bottleneck":null}"#
    );
}

#[cfg(feature = "json")]
#[test]
fn trouble_in_json_says_what_and_where() {
    let mut p = Pipeline::named("orders");
    let price = p.sink("price", (|_: u64| ()).queue(1));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.takes("price", Takes::fixed(secs(60)));
    (0..2).for_each(|n| {
        sim.offer(price, n).unwrap();
        sim.advance(ms(1));
    });
    sim.advance(secs(10));
    assert_eq!(
        sim.health().to_json(),
        r#"{"pipeline":"orders","live":false,"ready":false,"reasons":[{"what":"stuck","stage":"price","workers":1,"limit":1,"since_ns":10002000000},{"what":"unmoved","stage":"price","queued":1,"since_ns":10001000000,"behind":[]}]}"#
    );
}

//! The ready-made stages in a pipeline, on virtual time.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use seda::prelude::*;
use seda::test::{Virtual, collect};
use seda_stages::{group, lines, write_lines};

#[test]
fn a_group_is_given_when_it_is_full_and_the_rest_at_the_drain() {
    let mut p = Pipeline::named("numbers");
    let (numbers, groups) = p.stage("group", group(3)).some();
    let kept = collect(&mut p, "keep", groups);
    let mut sim = Virtual::start(p, 1).unwrap();
    for n in 1..=5 {
        sim.offer(numbers, n).unwrap();
    }
    sim.run();
    assert_eq!(kept.take(), [vec![1, 2, 3]]);
    let report = sim.drain(Deadlines::default());
    assert_eq!(kept.take(), [vec![4, 5]]);
    assert!(report.balanced());
}

#[test]
fn a_group_of_none_is_refused_at_start() {
    let mut p = Pipeline::named("numbers");
    let (_, groups) = p.stage("group", group::<u8>(0)).some();
    p.end("keep", groups, drop);
    let why = Virtual::start(p, 1).expect_err("a group of 0 cannot be");
    assert!(why.to_string().contains("a group of 0 events is never full"), "{why}");
}

#[test]
fn lines_that_are_none_go_to_the_error_port_and_the_others_on() {
    let mut p = Pipeline::named("lines");
    let (text, errors) = p.source("read", lines(&b"one\n\xff\nfar too long\ntwo"[..]).bound_bytes(5)).tried();
    let good = collect(&mut p, "good", text);
    let bad = collect(&mut p, "bad", errors.map(|why| why.to_string()));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.run();
    assert_eq!(good.take(), ["one", "two"]);
    let expected =
        ["line 2 is not UTF-8", "line 3 is longer than 5 bytes; raise `bound_bytes` if such lines are meant"];
    assert_eq!(bad.take(), expected);
    assert!(sim.drain(Deadlines::default()).balanced());
}

/// Shared with the test; fails at the `bad`th flush.
#[derive(Clone)]
struct Paper {
    text: Arc<Mutex<Vec<u8>>>,
    flushes: Arc<Mutex<u32>>,
    bad: u32,
}

impl Paper {
    fn failing_at(bad: u32) -> Self {
        Paper { text: Arc::default(), flushes: Arc::default(), bad }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut flushes = self.flushes.lock().unwrap();
        *flushes += 1;
        if *flushes == self.bad { Err(io::Error::other("the disk is full")) } else { Ok(()) }
    }
}

#[test]
fn lines_are_written_in_order_and_once_per_batch() {
    let paper = Paper::failing_at(0);
    let mut p = Pipeline::named("numbers");
    let numbers = p.source("count", 1..=100);
    p.end_with("write", numbers, write_lines(paper.clone()));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.run();
    let expected: String = (1..=100).map(|n| format!("{n}\n")).collect();
    assert_eq!(paper.text(), expected);
    let flushes = *paper.flushes.lock().unwrap();
    assert!(flushes < 100, "{flushes} flushes for 100 lines");
}

#[test]
fn a_writer_that_fails_fails_its_batch_and_the_stage_goes_on() {
    let paper = Paper::failing_at(1);
    let mut p = Pipeline::named("numbers");
    let (numbers, pass) = p.stage("pass", |n: u32| n);
    p.end_with("write", pass, write_lines(paper.clone()));
    let mut sim = Virtual::start(p, 1).unwrap();
    sim.offer(numbers, 1).unwrap();
    sim.run();
    sim.offer(numbers, 2).unwrap();
    sim.run();
    let report = sim.drain(Deadlines::default());
    let row = report.ledger().stage("write").unwrap();
    assert_eq!((row.failed, row.done), (1, 1));
    assert!(report.balanced());
}

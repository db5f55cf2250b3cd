//! The demo's own load: what its clients see is what the ledger says, and its page is made.

mod client;
mod house;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use house::House;
use seda_cli::{
    demo::{
        page::{Media, Page},
        stages::{Draw, Sizes},
    },
    overload::{
        clients::{self, Plan},
        seen::Board,
    },
};

/// Nobody leaves before an answer.
const PATIENT: Duration = Duration::from_secs(600);

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seda"));
    command.arg("demo").args(arguments).args(["--port", "0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn page(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("seda-test-{name}-{}.html", std::process::id()))
}

/// Of a whole pass: offered, good, refused, left, broken.
fn counts(board: &Board, plan: &Plan) -> [u64; 5] {
    let rates = board.during(&(Duration::ZERO..plan.lasts()), PATIENT);
    [rates.offered, rates.good, rates.refused, rates.gave_up, rates.broken]
        .map(|rate| (rate * plan.lasts().as_secs_f64()).round() as u64)
}

#[test]
fn what_the_clients_see_is_what_the_ledger_says() {
    for thumb_slo in [None, Some(Duration::from_secs(60))] {
        let board = Arc::new(Board::default());
        let plan = Plan { capacity: 400.0, loads: vec![0.5, 1.0], step: Duration::from_millis(200), patience: PATIENT };
        // Each is drawn when three have been refused: with room for one in hand and one in the queue, that comes.
        let (watched, during) = (board.clone(), plan.clone());
        let draw: Draw = Arc::new(move |_| {
            while counts(&watched, &during)[2] < 3 {
                thread::yield_now();
            }
            Page::found(Media::Text, "drawn")
        });
        let house = House::with(draw, Sizes { thumb_threads: 1, thumb_queue: 1, thumb_slo, ..Sizes::default() });
        clients::pass(house.address(), &plan, &board).expect("the service answers");
        let (seen, ended) = (counts(&board, &plan), house.close());
        let of = |stage| ended.report.ledger().stage(stage).expect("a stage").clone();
        // As soon as it is known where thumbnails come to, they are refused before their file is read.
        let (thumb, unread) = (of("thumb"), of("disk").refused());
        assert!(ended.report.balanced(), "{}", ended.report);
        let refused = thumb.refused() + unread;
        assert_eq!(seen, [thumb.offered + unread, thumb.done, refused, thumb.expired, 0]);
        assert!(seen[2] >= 3);
    }
}

#[test]
fn a_capacity_is_what_the_clients_get() {
    let house = House::with(Arc::new(|_| Page::found(Media::Text, "drawn")), Sizes::default());
    let board = Arc::new(Board::default());
    let time = Duration::from_millis(100);
    let capacity = clients::capacity(house.address(), 2, time, &board).expect("the service answers");
    let all = board.mark().0;
    // The first quarter is not counted.
    assert!(capacity > 0.0 && capacity * time.as_secs_f64() * 0.75 <= all as f64 + 0.5, "{capacity} of {all}");
    assert_eq!(house.close().served, all);
}

#[test]
fn both_passes_are_measured_and_the_page_has_both() {
    let page = page("both");
    let words = page.to_str().expect("words");
    let output = demo(&["--load", "0.5x,4x", "--seconds-per-step", "0.5", "--slo", "500ms", "--page", words])
        .output()
        .expect("it starts");
    let said = String::from_utf8(output.stdout).expect("words");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches("the ledger adds up").count(), 2, "{said}");
    for line in ["\n0.5x ", "\n4x ", &format!("plots: {words}")] {
        assert!(said.contains(line), "no `{line}` in {said}");
    }
    let html = fs::read_to_string(&page).expect("the page");
    fs::remove_file(&page).expect("a file of ours");
    for part in ["admission off", "admission on, objective 500 ms", "By load", "Over time", "#0072b2", "#d55e00"] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn an_interrupt_ends_it_with_the_ledger_and_without_a_page() {
    for moment in ["measuring", "capacity"] {
        let page = page(moment);
        let words = page.to_str().expect("words");
        let mut child =
            demo(&["--load", "2x", "--seconds-per-step", "3000", "--page", words]).spawn().expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        let seen = said.by_ref().lines().map(|line| line.expect("words")).any(|line| line.starts_with(moment));
        assert!(seen, "{moment}");
        interrupt(&child);
        let mut rest = String::new();
        said.read_to_string(&mut rest).expect("words");
        assert!(rest.contains("the ledger adds up"), "{rest}");
        assert!(child.wait().expect("it ends").success() && !page.exists());
    }
}

#[test]
fn a_value_that_makes_no_sense_is_a_sentence_with_the_cure() {
    let cases = [
        (vec!["--load", "much"], "`much` is no load; say one as 2x, some as 0.8x,2x, or a range as 0.5x..10x", 2),
        (vec!["--load", "10x..1x"], "the range 10x..1x is empty; say the lower load first", 2),
        (vec!["--load", "2x", "--slo", "200"], "`200` is no time; say one as 4ms, 10us or 1.5s", 2),
        (vec!["--load", "2x", "--seconds-per-step", "0"], "`0` is no number of seconds; say one from 0.05 to 3600", 2),
        (vec!["--load", "2x", "--page", "none/here.html"], "is not there; name a file with `--page`", 1),
        (vec!["--slo", "1s"], "--load <LOAD>", 2),
    ];
    for (arguments, sentence, status) in cases {
        let output = demo(&arguments).output().expect("it starts");
        let said = String::from_utf8(output.stderr).expect("words");
        assert!(said.contains(sentence) && output.status.code() == Some(status), "{said}");
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(status.expect("kill is there").success());
}

//! What does it cost that the metrics go to the host's recorder?
//!
//! Row: facade. A process has one recorder and keeps it, so each side is a process of its own: this program once more, asked
//! by a hidden argument to run the chain with the Prometheus recorder, or without any.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use metrics_exporter_prometheus::PrometheusBuilder;
use seda_bench::{Better, Event, Row, Table, Tally, interleave, own_chain, pairs, rounds, scaled};

/// A round of about a second: the recorder is told once in each.
const EVENTS: usize = 4_000_000;
const WITH: &str = "with";
const WITHOUT: &str = "without";

fn main() {
    match env::args().nth(1).as_deref() {
        Some(WITH) => return chain(true),
        Some(WITHOUT) => return chain(false),
        _ => {}
    }
    let (mut with, mut without) = (Side::start(WITH), Side::start(WITHOUT));
    let samples = interleave(rounds(), &mut [&mut || with.round(), &mut || without.round()]);
    let ask = "saturated chain of 3 no-op stages on own pools, its metrics told to the Prometheus recorder each second";
    let mut table = Table::new("facade");
    let row = Row::paired("facade", ask, "events/s", "no recorder", Better::Higher, 0.97);
    table.row(row.rounds(pairs(&samples[0], &samples[1], |rate| *rate)));
    table.finish();
}

/// In the child: a round for each line that comes, and its rate as the answer.
fn chain(with: bool) {
    let recorder = with.then(|| PrometheusBuilder::new().install_recorder().expect("nobody else has set one"));
    let tally = Tally::new();
    let chain = own_chain(true, tally.counters());
    let events = scaled(EVENTS) as u64;
    for _ in io::stdin().lines().map_while(Result::ok) {
        let sample = tally.time(events, || {
            for number in 0..events {
                chain.entry.offer(Event::numbered(number)).expect("the chain is open");
            }
        });
        println!("{}", sample.rate());
    }
    if let Some(recorder) = recorder {
        assert!(recorder.render().contains("seda"), "the recorder was told nothing: the row would mean nothing");
    }
}

/// A child that runs the chain.
struct Side {
    child: Child,
    tell: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Side {
    fn start(side: &str) -> Self {
        let this = env::current_exe().expect("this program knows where it is");
        let mut command = Command::new(this);
        command.arg(side).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program can be started once more");
        let (tell, said) = (child.stdin.take(), child.stdout.take().expect("it was piped"));
        Side { child, tell, said: BufReader::new(said) }
    }

    fn round(&mut self) -> f64 {
        let mut line = String::new();
        self.tell.as_mut().expect("open until it is dropped").write_all(b"go\n").expect("the child reads");
        self.said.read_line(&mut line).expect("the child writes");
        line.trim().parse().expect("a rate")
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // The end of its input is the signal.
        drop(self.tell.take());
        let ended = self.child.wait().expect("a child of ours");
        assert!(ended.success() || std::thread::panicking(), "a side of the bench failed");
    }
}

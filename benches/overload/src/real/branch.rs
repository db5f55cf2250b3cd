//! The demo's thumbnails beside its cached files: many more thumbnails are asked for than can be drawn, one for nine files, and
//! the files are to come as if they were alone. In the process, without sockets: the stages are asked as the demo's front asks
//! them.

use std::{
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use seda::{Ask, Running, prelude::*};
use seda_bench::{Better, Row, Table, quick};
use seda_cli::demo::{
    page::Page,
    route::Request,
    sample::Sample,
    site::Site,
    stages::{Draw, Sizes, pipeline},
};
use tokio::runtime::Runtime;

use super::{
    generator::offer_all,
    job::{Job, Kind},
    place::seeds,
    work::Work,
};

/// As in the demo's story: some ten milliseconds each, and so little cache that each is drawn.
const PICTURES: (u32, u32) = (1000, 625);
const CACHE_BYTES: usize = 16 << 10;
/// Objective of a thumbnail, and of a file.
const THUMB_SLO: Duration = ms(250);
const FILE_SLO: Duration = ms(50);
/// Thumbnails, in what can be drawn; files for each of them.
const LOAD: f64 = 9.0;
const FILES: usize = 9;
const LASTS: Duration = secs(5);
const CAPACITY_FOR: Duration = secs(2);
const SHARE: f64 = 0.98;
const WIDTHS: std::ops::Range<usize> = 120..320;
const NAMES: [&str; 3] = ["dunes.jpg", "plasma.jpg", "ripples.jpg"];

pub(crate) fn run(table: &mut Table) {
    let demo = Demo::start();
    let capacity = demo.capacity();
    let play = |seed| (demo.files(capacity, true, seed), demo.files(capacity, false, seed));
    let rounds: Vec<(f64, f64)> = (1..=seeds()).map(play).collect();
    let drawn = demo.drawn.load(Relaxed);
    eprintln!("branch: {capacity:.0} thumbnails a second; {drawn} drawn\n{}", demo.running.snapshot());
    let asks = "the demo's cached files per second within 50 ms, beside nine times the thumbnails that can be drawn";
    let row = Row::paired("threads/branch/files", asks, "files/s", "alone", Better::Higher, SHARE);
    table.row(row.rounds(rounds));
}

/// The demo's pipeline at work.
struct Demo {
    running: Running,
    ask: Ask<Request, Page>,
    runtime: Runtime,
    drawn: Arc<AtomicU64>,
    _sample: Sample,
}

impl Demo {
    fn start() -> Self {
        let sample = Sample::of_size(PICTURES).expect("there is room for a few pictures");
        let site = Arc::new(Site::with_cache(sample.path(), CACHE_BYTES).expect("the folder was just made"));
        let (drawing, drawn) = (site.clone(), Arc::new(AtomicU64::new(0)));
        let counted = drawn.clone();
        let draw: Draw = Arc::new(move |picture| {
            counted.fetch_add(1, Relaxed);
            drawing.draw(picture)
        });
        // All that a user of the demo says about the branch is here.
        let sizes = Sizes { thumb_queue: 1000, thumb_slo: Some(THUMB_SLO), ..Sizes::default() };
        let (p, ask) = pipeline(site, draw, sizes);
        let running = p.start().expect("the demo passes the checks");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        Demo { running, ask, runtime: runtime.expect("there are threads"), drawn, _sample: sample }
    }

    /// Thumbnails drawn per second, with more asked for than that.
    fn capacity(&self) -> f64 {
        let time = if quick() { CAPACITY_FOR / 4 } else { CAPACITY_FOR };
        let work = Arc::new(Work::steady(1000.0, time, Job::new(ms(1), Kind::Sleeping, 1), 1).begun());
        let drawn = self.drawn.load(Relaxed);
        offer_all(&work, Duration::ZERO, |number| self.thumbnail(number));
        (self.drawn.load(Relaxed) - drawn) as f64 / work.began.elapsed().as_secs_f64()
    }

    fn thumbnail(&self, number: usize) {
        let width = WIDTHS.start + number / NAMES.len() % WIDTHS.len();
        let asked = self.ask.ask(request(&format!("/thumb/{}?w={width}", NAMES[number % NAMES.len()])), THUMB_SLO * 4);
        // Whatever comes of it.
        self.runtime.spawn(async move { drop(asked.await) });
    }

    /// Files per second that came in time.
    fn files(&self, capacity: f64, beside: bool, seed: u64) -> f64 {
        let lasts = if quick() { LASTS / 4 } else { LASTS };
        let rate = capacity * LOAD * (FILES + 1) as f64;
        let work = Arc::new(Work::steady(rate, lasts, Job::new(ms(1), Kind::Sleeping, seed), seed).begun());
        offer_all(&work, FILE_SLO, |number| {
            if number % (FILES + 1) != 0 {
                self.file(number, &work);
            } else if beside {
                self.thumbnail(number);
            }
        });
        let good = work.all_done().filter(|done| done.latency <= FILE_SLO).count();
        good as f64 / lasts.as_secs_f64()
    }

    fn file(&self, number: usize, work: &Arc<Work>) {
        let (asked, work) = (self.ask.ask(request("/about.html"), secs(10)), work.clone());
        self.runtime.spawn(async move {
            let began = Instant::now();
            if asked.await.is_ok_and(|page| page.status.is_success()) {
                work.done(number, began.elapsed());
            }
        });
    }
}

fn request(target: &str) -> Request {
    Request { method: Default::default(), uri: target.parse().expect("it is a target") }
}

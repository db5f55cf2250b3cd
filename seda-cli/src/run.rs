//! `seda demo`: starts the service, shows it at work, and stops it on Ctrl-C; with `--load`, tells its [story](crate::story).

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use clap::Args;
use seda_cli::{
    demo::{
        http,
        sample::Sample,
        service::{Ended, Service},
        view::View,
    },
    lab::Loads,
    overload::words,
};
use tokio::runtime::Runtime;

use crate::story::Script;

/// What a shell expects of a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;
/// Room for each kind of news, so that nobody waits to tell.
const NEWS: usize = 2;

/// Serve a folder of files and pictures over HTTP on the loopback address, as a service made of stages.
#[derive(Args)]
pub(crate) struct Demo {
    /// Folder to serve; without one, a small one is made, and removed at the end.
    dir: Option<PathBuf>,
    /// Port to listen on; 0 lets the system choose one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Print a table every five seconds, also on a terminal.
    #[arg(long)]
    plain_output: bool,
    /// Drive it past its capacity: loads in capacities, a range as 0.5x..10x, or some as 0.8x,2x. First without admission,
    /// then with it; a page of plots is made at the end.
    #[arg(long, value_parser = words::loads, conflicts_with = "dir")]
    load: Option<Loads>,
    /// How long each load lasts.
    #[arg(long, value_name = "SECONDS", default_value = "6", value_parser = words::seconds, requires = "load")]
    seconds_per_step: Duration,
    /// Objective for a thumbnail when admission is on; clients leave after five of them.
    #[arg(long, default_value = "200ms", value_parser = words::objective, requires = "load")]
    slo: Duration,
    /// File for the page of plots; without one, in the system's place for temporary files.
    #[arg(long, value_name = "FILE", requires = "load")]
    page: Option<PathBuf>,
}

/// What the main thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    /// Ctrl-C or SIGTERM.
    Stop,
    /// The load has been driven.
    Done,
}

impl Demo {
    /// Runs until it is told to stop.
    pub(crate) fn run(self) -> Result<(), String> {
        let runtime = http::runtime().map_err(|why| format!("there are no threads to be had: {why}"))?;
        let news = sync_channel(NEWS);
        interrupts(&runtime, news.0.clone()).map_err(|why| format!("Ctrl-C cannot be listened for: {why}"))?;
        match self.script() {
            Some(script) => script.play(runtime.handle(), &news),
            None => self.serve(&runtime, &news.1),
        }
    }

    /// What is to be shown under load, if anything.
    fn script(&self) -> Option<Script> {
        Some(Script {
            loads: self.load.clone()?,
            step: self.seconds_per_step,
            objective: self.slo,
            page: self.page.clone(),
            port: self.port,
            in_place: !self.plain_output,
        })
    }

    fn serve(&self, runtime: &Runtime, news: &Receiver<News>) -> Result<(), String> {
        let sample = if self.dir.is_none() { Some(make_sample()?) } else { None };
        let folder = self.dir.as_deref().or(sample.as_ref().map(Sample::path)).unwrap_or(Path::new("."));
        let service = Service::start(runtime.handle(), folder, self.port).map_err(|why| why.to_string())?;
        greet(&service, folder, sample.is_some());
        self.show(&service, news);
        say("\nstopping: open requests are finished (Ctrl-C again leaves at once)");
        tell(&service.stop())
    }

    /// Until the interrupt, or until nobody reads what is printed.
    fn show(&self, service: &Service, news: &Receiver<News>) {
        let mut out = io::stdout();
        let mut view = View::new(out.is_terminal() && !self.plain_output);
        while news.recv_timeout(view.every()) == Err(RecvTimeoutError::Timeout) {
            let (pages, bytes) = service.site().cache().size();
            let beneath =
                format!("{} requests served, {pages} pages in {} KiB of cache", service.served(), bytes >> 10);
            if view.draw(&mut out, service.snapshot(), &beneath).is_err() {
                // Printing goes nowhere, but the service goes on.
                let _ = news.recv();
                return;
            }
        }
    }
}

fn make_sample() -> Result<Sample, String> {
    Sample::make().map_err(|why| format!("the sample folder cannot be made: {why}; give a folder to serve"))
}

fn greet(service: &Service, folder: &Path, is_sample: bool) {
    let (url, what) =
        (format!("http://{}", service.address()), if is_sample { "a sample folder" } else { "the folder" });
    say(&format!("seda demo serves {what}, {}, at {url}/", folder.display()));
    say("stop it with Ctrl-C; from a second terminal, try:");
    say(&format!("  curl -i {url}/"));
    if is_sample {
        say(&format!("  curl -i {url}/about.html"));
        say(&format!("  curl -o small.png '{url}/thumb/mandelbrot.png?w=200'"));
        say(&format!("  wrk -t1 -c64 -d10s {url}/about.html"));
        say("and more thumbnails at once than fit, to see some refused:");
        let flood = "seq 300 800 | xargs -P 64 -I{} curl -so /dev/null -w '%{http_code} '";
        say(&format!("  {flood} '{url}/thumb/wheel.png?w={{}}'"));
        say("with load of its own, past saturation, and plots at the end: seda demo --load 0.5x..10x");
    }
    say("");
}

/// Prints the ledger, and says if it is not the number of requests.
pub(crate) fn tell(ended: &Ended) -> Result<(), String> {
    let offered = ended.report.ledger().stage("route").map_or(0, |row| row.offered);
    say(&ended.report.to_string());
    say(&format!("requests served by stages: {}, offered to route: {offered}", ended.served));
    if ended.served == offered { Ok(()) } else { Err("the two numbers should be the same".to_string()) }
}

/// Not `println!`, which panics when nobody reads any more.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// News at the first Ctrl-C or SIGTERM; the second ends the process.
fn interrupts(runtime: &Runtime, send: SyncSender<News>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let _inside = runtime.enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    runtime.spawn(async move {
        let mut next = async || tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () };
        next().await;
        let _ = send.send(News::Stop);
        next().await;
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

//! `seda demo`: starts the service, shows it at work, and stops it on Ctrl-C.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
};

use clap::Args;
use seda_cli::demo::{
    http,
    sample::Sample,
    service::{Ended, Service},
    view::View,
};
use tokio::runtime::Runtime;

/// What a shell expects of a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

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
}

impl Demo {
    /// Runs until it is told to stop.
    pub(crate) fn run(self) -> Result<(), String> {
        let sample = if self.dir.is_none() { Some(make_sample()?) } else { None };
        let folder = self.dir.as_deref().or(sample.as_ref().map(Sample::path)).unwrap_or(Path::new("."));
        let runtime = http::runtime().map_err(|why| format!("there are no threads to be had: {why}"))?;
        let interrupts = interrupts(&runtime).map_err(|why| format!("Ctrl-C cannot be listened for: {why}"))?;
        let service = Service::start(runtime.handle(), folder, self.port).map_err(|why| why.to_string())?;
        greet(&service, folder, sample.is_some());
        self.show(&service, &interrupts);
        say("\nstopping: open requests are finished (Ctrl-C again leaves at once)");
        tell(&service.stop())
    }

    /// Until the interrupt, or until nobody reads what is printed.
    fn show(&self, service: &Service, interrupts: &Receiver<()>) {
        let mut out = io::stdout();
        let mut view = View::new(out.is_terminal() && !self.plain_output);
        while interrupts.recv_timeout(view.every()) == Err(RecvTimeoutError::Timeout) {
            let (pages, bytes) = service.site().cache().size();
            let beneath =
                format!("{} requests served, {pages} pages in {} KiB of cache", service.served(), bytes >> 10);
            if view.draw(&mut out, service.snapshot(), &beneath).is_err() {
                // Printing goes nowhere, but the service goes on.
                let _ = interrupts.recv();
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
    }
    say("");
}

fn tell(ended: &Ended) -> Result<(), String> {
    let offered = ended.report.ledger().stage("route").map_or(0, |row| row.offered);
    say(&ended.report.to_string());
    say(&format!("requests served by stages: {}, offered to route: {offered}", ended.served));
    if ended.served == offered { Ok(()) } else { Err("the two numbers should be the same".to_string()) }
}

/// Not `println!`, which panics when nobody reads any more.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A message at the first Ctrl-C or SIGTERM; the second ends the process.
fn interrupts(runtime: &Runtime) -> io::Result<Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (send, receive) = sync_channel(1);
    let _inside = runtime.enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    runtime.spawn(async move {
        let mut next = async || tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () };
        next().await;
        let _ = send.send(());
        next().await;
        std::process::exit(INTERRUPTED);
    });
    Ok(receive)
}

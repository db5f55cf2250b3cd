//! The demo's service in a child process: this program once more, asked by a hidden argument to serve.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use seda_bench::cpu_time;
use seda_cli::demo::{
    http,
    plain::Plain,
    sample::Sample,
    service::{self, Front, Service},
};

use crate::price;

/// The file that the benches ask for: some 600 bytes, in the cache after the first time.
const TARGET: &str = "/about.html";
/// Pictures are not asked for.
const PICTURES: (u32, u32) = (16, 10);
const SERVE: &str = "serve";

/// Which service, with stages or without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The demo: every request goes through the pipeline.
    Staged,
    /// The same service called in the handler of the connection.
    Plain,
    /// axum: the handler asks a pipeline.
    AxumStaged,
    /// axum: the handler does the work.
    AxumPlain,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Staged, Kind::Plain, Kind::AxumStaged, Kind::AxumPlain];

    /// The child's argument.
    fn word(self) -> &'static str {
        match self {
            Kind::Staged => "staged",
            Kind::Plain => "plain",
            Kind::AxumStaged => "axum-staged",
            Kind::AxumPlain => "axum-plain",
        }
    }

    fn question(self) -> Request {
        match self {
            Kind::Staged | Kind::Plain => Request { target: TARGET, body: None },
            Kind::AxumStaged | Kind::AxumPlain => Request { target: price::TARGET, body: Some(price::BODY) },
        }
    }
}

/// What the clients send, again and again.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Path to ask for.
    pub target: &'static str,
    /// JSON to be posted; a GET without.
    pub body: Option<&'static str>,
}

/// The running child; it ends when this is dropped.
pub struct Server {
    kind: Kind,
    child: Child,
    tell: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    /// In the child: serves until its input ends, and tells that there is nothing more to do. To be called first in
    /// `main`.
    #[must_use]
    pub fn was_asked_to_serve() -> bool {
        let mut arguments = env::args().skip(1);
        if arguments.next().as_deref() != Some(SERVE) {
            return false;
        }
        let word = arguments.next().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        serve(kind.unwrap_or_else(|| panic!("there is no service `{word}`")));
        true
    }

    /// Starts a child and waits until it listens.
    ///
    /// # Panics
    /// If it does not start: there is nothing to measure then.
    #[must_use]
    pub fn start(kind: Kind) -> Self {
        let this = env::current_exe().expect("this program knows where it is");
        let mut command = Command::new(this);
        command.args([SERVE, kind.word()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program can be started once more");
        let tell = child.stdin.take();
        let mut said = BufReader::new(child.stdout.take().expect("it was piped"));
        let address = line(&mut said).parse().expect("the child says its address first");
        Server { kind, child, tell, said, address }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to ask it for.
    #[must_use]
    pub fn request(&self) -> Request {
        self.kind.question()
    }

    /// Processor time that it has taken so far.
    ///
    /// # Panics
    /// If it has died.
    pub fn cpu(&mut self) -> Duration {
        let tell = self.tell.as_mut().expect("open until it is dropped");
        tell.write_all(b"cpu\n").expect("the child reads");
        Duration::from_nanos(line(&mut self.said).parse().expect("the child answers with nanoseconds"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is the signal.
        drop(self.tell.take());
        let _ = self.child.wait();
    }
}

fn line(said: &mut impl BufRead) -> String {
    let mut line = String::new();
    said.read_line(&mut line).expect("the child writes words");
    line.trim_end().to_string()
}

fn serve(kind: Kind) {
    let runtime = http::runtime().expect("threads for the server");
    let sample = || Sample::of_size(PICTURES).expect("a folder for temporary files");
    match kind {
        Kind::Staged => {
            let sample = sample();
            let service = Service::start(runtime.handle(), sample.path(), 0).expect("the service starts");
            answer_until_end(service.address());
            let _ = service.stop();
        }
        Kind::Plain => {
            let sample = sample();
            let site = service::open(sample.path()).expect("the folder was just made");
            let listener = service::listen(runtime.handle(), 0).expect("a free port");
            let front = Front::start(runtime.handle(), listener, Plain::new(Arc::new(site))).expect("it serves");
            answer_until_end(front.address());
            let _ = front.stop();
        }
        Kind::AxumStaged => price::serve_staged(&runtime, answer_until_end),
        Kind::AxumPlain => price::serve_plain(&runtime, answer_until_end),
    }
}

/// The address first; then, for each line that comes, the processor time in nanoseconds.
fn answer_until_end(address: SocketAddr) {
    let say = |line: String| {
        let mut out = io::stdout();
        // A parent that is gone has closed our input too.
        let _ = out.write_all((line + "\n").as_bytes()).and_then(|()| out.flush());
    };
    say(address.to_string());
    io::stdin().lines().map_while(Result::ok).for_each(|_| say(cpu_time().as_nanos().to_string()));
}

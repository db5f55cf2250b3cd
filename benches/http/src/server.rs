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

/// The file that the benches ask for: some 600 bytes, in the cache after the first time.
const TARGET: &str = "/about.html";
/// Pictures are not asked for.
const PICTURES: (u32, u32) = (16, 10);
const SERVE: &str = "serve";

/// With stages, or without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Every request goes through the pipeline.
    Staged,
    /// The same service called in the handler of the connection.
    Plain,
}

/// The running child; it ends when this is dropped.
pub struct Server {
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
        let kind = match (arguments.next().as_deref(), arguments.next().as_deref()) {
            (Some(SERVE), Some("staged")) => Kind::Staged,
            (Some(SERVE), Some("plain")) => Kind::Plain,
            _ => return false,
        };
        serve(kind);
        true
    }

    /// Starts a child and waits until it listens.
    ///
    /// # Panics
    /// If it does not start: there is nothing to measure then.
    #[must_use]
    pub fn start(kind: Kind) -> Self {
        let kind = if kind == Kind::Staged { "staged" } else { "plain" };
        let this = env::current_exe().expect("this program knows where it is");
        let mut command = Command::new(this);
        command.args([SERVE, kind]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program can be started once more");
        let tell = child.stdin.take();
        let mut said = BufReader::new(child.stdout.take().expect("it was piped"));
        let address = line(&mut said).parse().expect("the child says its address first");
        Server { child, tell, said, address }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Path of the file to ask for.
    #[must_use]
    pub fn target(&self) -> &'static str {
        TARGET
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
    let sample = Sample::of_size(PICTURES).expect("a folder for temporary files");
    match kind {
        Kind::Staged => {
            let service = Service::start(runtime.handle(), sample.path(), 0).expect("the service starts");
            answer_until_end(service.address());
            let _ = service.stop();
        }
        Kind::Plain => {
            let site = service::open(sample.path()).expect("the folder was just made");
            let listener = service::listen(runtime.handle(), 0).expect("a free port");
            let front = Front::start(runtime.handle(), listener, Plain::new(Arc::new(site))).expect("it serves");
            answer_until_end(front.address());
            let _ = front.stop();
        }
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

//! The saturating load: wrk where it is there, else a closed loop of our own.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use seda_bench::{interleave, rounds};

use crate::{
    clients::Clients,
    server::{Request, Server},
};

const CONNECTIONS: usize = 64;
/// wrk counts in whole seconds.
const SECONDS: u64 = 2;

/// What drives the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    /// `wrk -t1 -c64`.
    Wrk,
    /// Our clients, as many.
    Own,
}

/// One round of saturation.
#[derive(Clone, Copy, Debug)]
pub struct Paid {
    /// Answers per second.
    pub rate: f64,
    /// Processor time of the server per answer, in microseconds.
    pub cpu_us: f64,
}

impl Load {
    /// What there is on this machine.
    #[must_use]
    pub fn choose() -> Self {
        let there = Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if there { Load::Wrk } else { Load::Own }
    }

    /// For the question of a row.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Load::Wrk => "wrk -t1 -c64",
            Load::Own => "64 closed-loop clients of our own, wrk not being installed",
        }
    }

    /// Drives both in turns.
    ///
    /// # Panics
    /// If an answer is not what it should be.
    pub fn saturate(self, ours: &mut Server, peer: &mut Server) -> (Vec<Paid>, Vec<Paid>) {
        let mut samples = interleave(rounds(), &mut [&mut || self.run(ours), &mut || self.run(peer)]);
        let peer = samples.pop().expect("of two contenders");
        (samples.pop().expect("of two contenders"), peer)
    }

    /// Drives the server for a round.
    ///
    /// # Panics
    /// If an answer is not what it should be.
    pub fn run(self, server: &mut Server) -> Paid {
        let (cpu, began) = (server.cpu(), Instant::now());
        let (rate, answers) = match self {
            Load::Wrk => wrk(server),
            Load::Own => own(server, began),
        };
        Paid { rate, cpu_us: (server.cpu() - cpu).as_secs_f64() * 1e6 / answers }
    }
}

fn own(server: &Server, began: Instant) -> (f64, f64) {
    let mut clients = Clients::connect(server, CONNECTIONS).expect("the server answers");
    let counts = clients.closed_loop(Duration::from_secs(SECONDS));
    assert_eq!(counts.errors, 0, "every answer should be a good one");
    let answers = counts.answers.iter().sum::<u64>() as f64;
    (answers / began.elapsed().as_secs_f64(), answers)
}

fn wrk(server: &Server) -> (f64, f64) {
    let Request { target, body } = server.request();
    let url = format!("http://{}{target}", server.address());
    let (connections, time) = (format!("-c{CONNECTIONS}"), format!("-d{SECONDS}s"));
    let mut command = Command::new("wrk");
    command.args(["-t1", &connections, &time, &url]);
    let script = body.map(Script::of);
    if let Some(Script(path)) = &script {
        command.arg("-s").arg(path);
    }
    let ran = command.output().expect("wrk was there before");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "every answer should be a good one:\n{said}");
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
    let rate = number(said.lines().find_map(|line| line.strip_prefix("Requests/sec:")));
    let answers = number(said.lines().find_map(|line| line.split_once(" requests in ")).map(|(count, _)| count));
    rate.zip(answers).unwrap_or_else(|| panic!("wrk did not say how it went:\n{said}"))
}

/// How wrk is told to post.
struct Script(PathBuf);

impl Script {
    fn of(body: &str) -> Self {
        let path = env::temp_dir().join(format!("seda-bench-{}.lua", std::process::id()));
        let text =
            format!("wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['content-type'] = 'application/json'\n");
        fs::write(&path, text).expect("a folder for temporary files");
        Script(path)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // A temporary file that stays does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

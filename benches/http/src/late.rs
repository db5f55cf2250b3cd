//! Latencies of two servers at one rate, round by round.

use std::time::Duration;

use seda_bench::{interleave, quick, rounds};

use crate::{Clients, Schedule, Server};

/// One paced round.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// Half of the answers took no longer, in microseconds.
    pub p50_us: f64,
    /// 99 of a hundred took no longer, in microseconds.
    pub p99_us: f64,
}

/// Asks both at `rate` requests per second, over as many connections each as there are `clients`.
///
/// # Panics
/// If an answer is not what it should be.
#[must_use]
pub fn late(rate: f64, clients: usize, ours: &Server, peer: &Server) -> (Vec<Late>, Vec<Late>) {
    let schedule = Schedule { rate, time: Duration::from_millis(if quick() { 300 } else { 1300 }) };
    let connect = |server: &Server| Clients::connect(server, clients).expect("it answers");
    let (mut ours, mut peer) = (connect(ours), connect(peer));
    let run = |clients: &mut Clients| {
        let latencies = schedule.run(clients);
        assert_eq!(latencies.errors, 0, "every answer should be a good one");
        Late { p50_us: latencies.percentile_us(50.0), p99_us: latencies.percentile_us(99.0) }
    };
    let mut samples = interleave(rounds(), &mut [&mut || run(&mut ours), &mut || run(&mut peer)]);
    let peer = samples.pop().expect("of two contenders");
    (samples.pop().expect("of two contenders"), peer)
}

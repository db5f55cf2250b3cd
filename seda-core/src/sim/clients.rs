//! Clients that give up and try again: what makes an overload feed on itself.

use std::time::Duration;

use crate::{clock::ns, rng::Rng};

/// How the clients behind an entry behave. A client who gives up on a try does not hear its answer any more, but the work
/// on it goes on, and is wasted.
///
/// ```
/// use seda_core::{ms, sim::{Arrivals, Clients}};
/// let storm = Clients::timing_out(ms(100)).retries(3).backing_off(ms(50));
/// let arrivals = Arrivals::poisson(800.0).clients(storm);
/// # let _ = arrivals;
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[must_use = "clients are given to `Arrivals::clients`"]
pub struct Clients {
    pub(super) timeout_ns: u64,
    pub(super) retries: u32,
    back_off_ns: u64,
    obeys: bool,
}

impl Clients {
    /// They wait so long for an answer to each try. By default they do not try again.
    pub fn timing_out(after: Duration) -> Self {
        Clients { timeout_ns: ns(after), retries: 0, back_off_ns: 0, obeys: false }
    }

    /// So many more tries after the first, when one was refused, lost, or not answered in time.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Before the first retry they wait this long, before each further one twice as long as before; each time between half
    /// of it and one and a half, by chance. Default: they try again at once.
    pub fn backing_off(mut self, from: Duration) -> Self {
        self.back_off_ns = ns(from);
        self
    }

    /// After a refusal they wait at least as long as it says. Default: they do not listen.
    pub fn obeying_retry_after(mut self) -> Self {
        self.obeys = true;
        self
    }

    /// The wait after the `tries`th try, which was refused with this advice.
    pub(super) fn wait_ns(&self, tries: u32, advice: Option<Duration>, rng: &mut Rng) -> u64 {
        let doubled = self.back_off_ns.saturating_mul(1 << tries.saturating_sub(1).min(30));
        let wait = (doubled as f64 * (0.5 + rng.unit())) as u64;
        if self.obeys { wait.max(advice.map_or(0, ns)) } else { wait }
    }
}

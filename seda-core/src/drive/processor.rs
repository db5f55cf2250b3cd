//! What threads had of the processor, where the kernel tells it in files: `schedstat` of each thread on Linux. Elsewhere it
//! is not known, and nothing that needs it is done.

use super::control::Spent;

/// Threads of one domain that are looked at; of more, these stand for all.
const LOOKED_AT: usize = 32;

/// The number of the calling thread, for who looks after it; 0 where there is none.
pub(super) fn thread_number() -> u32 {
    let link = std::fs::read_link("/proc/thread-self").ok();
    let name = link.as_ref().and_then(|link| link.file_name()).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// Sums up what the threads of a domain had, though they come and go.
#[derive(Default)]
pub(super) struct Account {
    seen: Vec<(u32, Spent)>,
    sum: Spent,
}

impl Account {
    /// Of these threads, up to now; none where it is not known.
    pub(super) fn look(&mut self, threads: impl Iterator<Item = u32>) -> Option<Spent> {
        let threads: Vec<u32> = threads.filter(|&thread| thread != 0).collect();
        let mut now = Vec::new();
        for &thread in threads.iter().take(LOOKED_AT) {
            now.push((thread, read(thread)?));
        }
        let share = threads.len() as f64 / now.len().max(1) as f64;
        for (thread, spent) in &now {
            // A thread that was not there before began within the pipeline: all that it had is the domain's.
            let before =
                self.seen.iter().find(|(other, _)| other == thread).map_or(Spent::default(), |(_, before)| *before);
            let since = |now: u64, before: u64| (now.saturating_sub(before) as f64 * share) as u64;
            self.sum.computed_ns += since(spent.computed_ns, before.computed_ns);
            self.sum.queued_ns += since(spent.queued_ns, before.queued_ns);
        }
        self.seen = now;
        (!self.seen.is_empty()).then_some(self.sum)
    }
}

/// All that these threads had since they began; none where it is not known of one.
#[cfg(feature = "sim")]
pub(super) fn spent_by(threads: impl Iterator<Item = u32>) -> Option<Spent> {
    let threads: Vec<u32> = threads.filter(|&thread| thread != 0).collect();
    let mut sum = Spent::default();
    for &thread in threads.iter().take(LOOKED_AT) {
        sum = sum.and(read(thread)?);
    }
    let share = threads.len() as f64 / threads.len().clamp(1, LOOKED_AT) as f64;
    let scaled = |ns: u64| (ns as f64 * share) as u64;
    Some(Spent { computed_ns: scaled(sum.computed_ns), queued_ns: scaled(sum.queued_ns) })
}

/// What the calling thread, of that number, has had so far.
pub(super) fn own(thread: u32) -> Spent {
    read(thread).unwrap_or_default()
}

/// Time on a core, and time in which it could run and waited for one, in ns.
fn read(thread: u32) -> Option<Spent> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().ok());
    Some(Spent { computed_ns: numbers.next()??, queued_ns: numbers.next()?? })
}

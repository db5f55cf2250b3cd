//! What the stages do, as a table that lives on a terminal and as one every few seconds elsewhere.

use std::{
    fmt::Write as _,
    io::{self, Write},
    time::Duration,
};

use seda::{Snapshot, StageSnapshot};

/// Between two pictures on a terminal.
const REDRAWN: Duration = Duration::from_millis(500);
/// Between two tables in a log.
const REPEATED: Duration = Duration::from_secs(5);
/// Not wider than the narrowest terminal: a line that wraps would be drawn over only in part.
const HEAD: &str = "stage  threads     queue wait p50     p99  svc p50     p99 busy   req/s refused";

/// Draws snapshots. Rates and shares are those since the last one; percentiles are since the start.
pub struct View {
    in_place: bool,
    last: Option<Snapshot>,
    lines: usize,
}

impl View {
    /// Redrawn in place, or one table under the other.
    pub fn new(in_place: bool) -> Self {
        View { in_place, last: None, lines: 0 }
    }

    /// Time until the next picture.
    pub fn every(&self) -> Duration {
        if self.in_place { REDRAWN } else { REPEATED }
    }

    /// Draws a snapshot, with a line beneath.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub fn draw(&mut self, to: &mut impl Write, snapshot: Snapshot, beneath: &str) -> io::Result<()> {
        let table = table(&snapshot, self.last.as_ref(), beneath);
        if self.in_place && self.lines > 0 {
            // Up to where the last picture began, and clear from there.
            write!(to, "\x1b[{}A\x1b[J", self.lines)?;
        }
        self.lines = table.lines().count();
        self.last = Some(snapshot);
        to.write_all(table.as_bytes())?;
        if !self.in_place {
            writeln!(to)?;
        }
        to.flush()
    }
}

fn table(now: &Snapshot, before: Option<&Snapshot>, beneath: &str) -> String {
    let mut text = format!("{HEAD}\n");
    for stage in &now.stages {
        let before = before.and_then(|before| Some((before.elapsed, before.stage(&stage.name)?)));
        let since = before.map_or(now.elapsed, |(at, _)| now.elapsed.saturating_sub(at));
        let _ = writeln!(text, "{}", row(stage, before.map(|(_, stage)| stage), since)); // a String cannot fail
    }
    text + beneath + "\n"
}

fn row(now: &StageSnapshot, before: Option<&StageSnapshot>, since: Duration) -> String {
    let seconds = since.as_secs_f64().max(1e-9);
    let offered = now.counts.offered.saturating_sub(before.map_or(0, |before| before.counts.offered));
    let busy = now.busy.saturating_sub(before.map_or(Duration::ZERO, |before| before.busy));
    let places = now.limit.min(now.threads).max(1) as f64;
    // A handler that runs at the moment is counted when it returns, so one interval can see more than there was.
    let share = (100.0 * busy.as_secs_f64() / (seconds * places)).min(100.0);
    let threads =
        if now.domain == now.name { now.threads.to_string() } else { format!("{} {}", now.threads, now.domain) };
    format!(
        "{:<6} {threads:<7} {:>9} {:>8} {:>7} {:>8} {:>7} {:>3.0}% {:>7.0} {:>7}",
        now.name,
        format!("{}/{}", now.queue_len, now.queue_bound),
        short(now.wait.p50),
        short(now.wait.p99),
        short(now.service.p50),
        short(now.service.p99),
        share,
        offered as f64 / seconds,
        now.counts.full + now.counts.shed,
    )
}

/// A time in at most seven characters.
fn short(time: Duration) -> String {
    match time.as_nanos() as f64 {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e5 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 1e8 => format!("{:.1} ms", ns / 1e6),
        ns if ns < 1e9 => format!("{:.0} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_a_terminal_of_eighty_columns() {
        assert!(HEAD.chars().count() < 80, "{}", HEAD.chars().count());
    }

    #[test]
    fn a_time_has_at_most_seven_characters() {
        let times = [0, 999, 1_000, 99_900, 123_456, 1_200_000, 999_000_000, 99_000_000_000];
        let said = times.map(|ns| short(Duration::from_nanos(ns)));
        assert_eq!(said, ["0 ns", "999 ns", "1.0 µs", "99.9 µs", "123 µs", "1.2 ms", "999 ms", "99.0 s"]);
    }
}

//! What else the machine did: a figure that is short because somebody else had the cores is no finding.

use std::{fs, thread::available_parallelism, time::Instant};

use seda_bench::cpu_time;

/// Of the times in `/proc/stat`, whatever the kernel's own clock (proc(5)).
const TICKS_PER_S: f64 = 100.0;

/// One moment; times in seconds of a core.
pub(crate) struct Machine {
    at: Instant,
    own: f64,
    busy: f64,
    stolen: f64,
}

impl Machine {
    pub(crate) fn now() -> Self {
        let (busy, stolen) = busy_and_stolen().unwrap_or((f64::NAN, f64::NAN));
        Machine { at: Instant::now(), own: cpu_time().as_secs_f64(), busy, stolen }
    }

    /// What happened since, in words.
    pub(crate) fn since(&self) -> String {
        let now = Machine::now();
        let cores = available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let share = |time: f64| 100.0 * time / (cores * self.at.elapsed().as_secs_f64());
        let others = (now.busy - self.busy - (now.own - self.own)).max(0.0);
        format!(
            "other programs had {:.0} % of the cores, the host took {:.0} %",
            share(others),
            share(now.stolen - self.stolen)
        )
    }
}

fn busy_and_stolen() -> Option<(f64, f64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields = text.lines().next()?.split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _wait, irq, softirq, stolen, ..] = ticks[..] else { return None };
    Some(((user + nice + system + irq + softirq) / TICKS_PER_S, stolen / TICKS_PER_S))
}

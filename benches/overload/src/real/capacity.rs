//! What the service can do: closed loop, with the generator at its work beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::{lab::Scenario, prelude::*};

use super::{
    generator::offer_all,
    work::{Kind, Work},
};

const LASTS: Duration = Duration::from_secs(3);
const QUEUE: usize = 64;

/// Events per second.
pub(crate) fn measured(mean: Duration, places: usize, kind: Kind) -> f64 {
    let rough = places as f64 / mean.as_secs_f64();
    let slo = mean.mul_f64(crate::policies::SLO_SERVICES);
    // Enough numbers for the closed loop, which is drawn from by number.
    let slos = LASTS.as_secs_f64() / slo.as_secs_f64();
    let demand = Scenario::plateau(2.0).phases_of(slos, 0.0).demand(rough, slo);
    let work = Arc::new(Work::new(&demand, mean, kind, 1));
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut p = Pipeline::named("capacity");
    let handle = {
        let (work, done) = (work.clone(), done.clone());
        move |number: usize| {
            work.handle(number);
            done.fetch_add(1, Relaxed);
        }
    };
    let inlet = p.sink("work", handle.threads(places).queue(QUEUE));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let (began, numbers) = (Instant::now(), work.due.len());
    thread::scope(|scope| {
        let (stop, entry) = (&stop, &entry);
        scope.spawn(move || (0..numbers).cycle().take_while(|_| !stop.load(Relaxed)).try_for_each(|n| entry.offer(n)));
        // It offers to nobody: what it costs the handlers is its waking up.
        offer_all(&work, Duration::ZERO, |_| ());
        stop.store(true, Relaxed);
    });
    let rate = done.load(Relaxed) as f64 / began.elapsed().as_secs_f64();
    running.drain(Deadlines::default());
    rate
}

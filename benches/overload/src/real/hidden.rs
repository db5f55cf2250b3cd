//! Demand that is hidden by shedding: an objective sheds what one thread cannot do, and the controller is to see it all the
//! same.

use std::{sync::Arc, time::Duration};

use seda::prelude::*;
use seda_bench::{Better, Row, Table, quick};

use super::{
    generator::offer_all,
    job::{Job, Kind},
    knob::{decisions, tracked},
    place::{MEAN, seeds},
    work::Work,
};
use crate::policies::SLO_SERVICES;

/// In capacities of one thread.
const LOAD: f64 = 6.0;
const LASTS: Duration = secs(8);
/// Fewer cannot serve it, with a share of their time to spare.
const THREADS_LEAST: f64 = 7.0;
const ENDED: Duration = secs(2);
/// Of what is offered from then on: chance and the machine shed some.
const SHED: f64 = 0.005;

pub(crate) fn run(table: &mut Table) {
    // As if a sleep took no longer than it is told to; so it is a little more than that.
    let rate = LOAD / MEAN.as_secs_f64();
    let (shed, threads): (Vec<f64>, Vec<f64>) = (1..=seeds()).map(|seed| play(rate, seed)).unzip();
    let asks = "6 times what one thread can do, 1 to 8 threads: share of the offers that is shed from 2 s on";
    table.row(Row::single("threads/hidden/shed", asks, "", Better::Lower, SHED).values(shed));
    let asks = "the same: threads at the end; 6 would be busy all the time";
    table.row(Row::single("threads/hidden/threads", asks, "", Better::Higher, THREADS_LEAST).values(threads));
}

/// What is shed once that should have ended, and the threads at the end.
fn play(rate: f64, seed: u64) -> (f64, f64) {
    let slo = MEAN.mul_f64(SLO_SERVICES);
    let lasts = if quick() { LASTS / 2 } else { LASTS };
    let work = Arc::new(Work::steady(rate, lasts, Job::new(MEAN, Kind::Sleeping, seed), seed).begun());
    let handle = {
        let work = work.clone();
        move |number: usize| work.handle(number)
    };
    let mut p = Pipeline::named("hidden");
    let inlet = p.sink("work", handle.threads(1..=8).queue(1 << 20).when_full(WhenFull::Reject).slo(slo));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let offer = |number| {
        if entry.try_offer(number).is_err() {
            work.refused(number, Duration::ZERO);
        }
    };
    let (_, track) = tracked(&running, || offer_all(&work, slo, offer));
    eprint!("hidden demand, {rate:.0}/s:\n{}", decisions(&running));
    running.drain(Deadlines::now());
    (shed_later(&work), track.last() as f64)
}

/// Of the offers from then on, the share that was shed.
fn shed_later(work: &Work) -> f64 {
    let later = work.all_refused().filter(|(due, _)| *due >= ENDED).map(|(_, refused)| refused);
    let (offered, shed) = later.fold((0.0, 0.0), |(offered, shed), refused| (offered + 1.0, shed + f64::from(refused)));
    if offered == 0.0 { 1.0 } else { shed / offered }
}

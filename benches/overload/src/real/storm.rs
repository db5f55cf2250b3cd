//! A retry storm on threads: clients who give up and try again, and what that does to a service.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use seda::{Admission, AdmitAll, Slo, lab::Demand, prelude::*};
use seda_bench::sleep_exactly;

use super::{job::Dice, work::Work};

/// Patience of a client and its first wait, in objectives; retries after the first try.
const TIMEOUT_SLOS: f64 = 2.0;
const BACK_OFF_SLOS: f64 = 1.0;
const RETRIES: u32 = 3;
/// After the storm, until clients are to be answered as ever.
const AFTER_SLOS: u32 = 20;
const NO_BOUND: usize = 1 << 20;

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    /// Share of the clients who came 20 objectives after its end or later, and were answered in time at one of their tries.
    pub(crate) answered: f64,
    /// Share of the handlers' time, from its beginning, on what came too late or to nobody.
    pub(crate) wasted: f64,
}

/// One try of a client. Times in ns from the beginning; 0 for never.
struct Try {
    request: usize,
    offered_ns: u64,
    ended_ns: AtomicU64,
    busy_ns: AtomicU64,
}

/// What is due, in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Tries { request: usize, before: u32 },
    GivesUp { number: usize, before: u32 },
}

pub(crate) fn ours(demand: &Demand, places: usize, work: Work) -> Storm {
    run(demand, places, work, NO_BOUND, Slo::new(demand.slo()))
}

pub(crate) fn bounded(demand: &Demand, places: usize, work: Work) -> Storm {
    run(demand, places, work, 1000, AdmitAll)
}

fn run(demand: &Demand, places: usize, work: Work, bound: usize, policy: impl Admission + 'static) -> Storm {
    let work = Arc::new(work.begun());
    let mut p = Pipeline::named("storm");
    let handler = {
        let work = work.clone();
        move |one: Arc<Try>| {
            let spent = work.spend();
            one.busy_ns.store((spent.end - spent.start).as_nanos() as u64, Relaxed);
            one.ended_ns.store(spent.end.as_nanos() as u64, Relaxed);
        }
    };
    let inlet = p.sink("work", handler.threads(places).queue(bound).when_full(WhenFull::Reject).admission(policy));
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    let tries = thread::scope(|scope| {
        let clients = scope.spawn(|| clients(&work, demand.slo(), |one| entry.try_offer(one).is_ok()));
        clients.join().expect("the clients end")
    });
    running.drain(Deadlines::now());
    tell(demand, &work, &tries)
}

/// All clients of a run; answers all of their tries.
fn clients(work: &Work, slo: Duration, offer: impl Fn(Arc<Try>) -> bool) -> Vec<Arc<Try>> {
    sleep_exactly();
    let (mut tries, mut agenda, mut dice) = (Vec::new(), BinaryHeap::new(), Dice::new(7));
    let mut arrivals = work.due.iter().copied().enumerate().peekable();
    loop {
        let planned = agenda.peek().map(|Reverse((at, _)): &Reverse<(Duration, What)>| *at);
        let arrives = arrivals.peek().map(|(_, at)| *at);
        let Some(at) = planned.into_iter().chain(arrives).min() else { return tries };
        sleep_until(work.began, at);
        let what = if arrives == Some(at) {
            arrivals.next().map(|(request, _)| What::Tries { request, before: 0 })
        } else {
            agenda.pop().map(|Reverse((_, what))| what)
        };
        let back_off = |before: u32, dice: &mut Dice| {
            let doubled = slo.mul_f64(BACK_OFF_SLOS) * 2u32.pow(before);
            doubled.mul_f64(0.5 + dice.unit())
        };
        match what {
            Some(What::Tries { request, before }) => {
                let number = tries.len();
                let (ended_ns, busy_ns) = (AtomicU64::new(0), AtomicU64::new(0));
                let one = Arc::new(Try { request, offered_ns: at.as_nanos() as u64, ended_ns, busy_ns });
                tries.push(one.clone());
                if offer(one) {
                    agenda.push(Reverse((at + slo.mul_f64(TIMEOUT_SLOS), What::GivesUp { number, before })));
                } else if before < RETRIES {
                    let again = What::Tries { request, before: before + 1 };
                    agenda.push(Reverse((at + back_off(before, &mut dice), again)));
                }
            }
            Some(What::GivesUp { number, before }) if before < RETRIES => {
                let one: &Arc<Try> = &tries[number];
                if one.ended_ns.load(Relaxed) == 0 {
                    let again = What::Tries { request: one.request, before: before + 1 };
                    agenda.push(Reverse((at + back_off(before, &mut dice), again)));
                }
            }
            _ => {}
        }
    }
}

fn sleep_until(began: Instant, at: Duration) {
    if let Some(early) = at.checked_sub(began.elapsed()).filter(|early| !early.is_zero()) {
        thread::sleep(early);
    }
}

fn tell(demand: &Demand, work: &Work, tries: &[Arc<Try>]) -> Storm {
    let (slo_ns, timeout_ns) = (demand.slo().as_nanos() as u64, demand.slo().mul_f64(TIMEOUT_SLOS).as_nanos() as u64);
    let began_ns = demand.step(1).start.as_nanos() as u64;
    let calm = demand.step(2).start + demand.slo() * AFTER_SLOS;
    let mut answered = vec![false; work.due.len()];
    let (mut busy, mut wasted) = (0.0, 0.0);
    for one in tries {
        let (ended_ns, busy_ns) = (one.ended_ns.load(Relaxed), one.busy_ns.load(Relaxed) as f64);
        let took_ns = ended_ns.saturating_sub(one.offered_ns);
        answered[one.request] |= ended_ns != 0 && took_ns <= timeout_ns;
        if one.offered_ns >= began_ns {
            busy += busy_ns;
            wasted += if took_ns > slo_ns { busy_ns } else { 0.0 };
        }
    }
    let after: Vec<bool> = work.due.iter().zip(answered).filter(|(due, _)| **due >= calm).map(|(_, of)| of).collect();
    Storm {
        answered: after.iter().filter(|answered| **answered).count() as f64 / after.len().max(1) as f64,
        wasted: wasted / f64::max(busy, 1.0),
    }
}

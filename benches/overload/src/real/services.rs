//! Who takes the offers: pipelines of ours with one policy or another, and services of tower's making.

use std::{sync::Arc, time::Instant};

use little_loadshedder::{LoadShed as Shedder, LoadShedResponse};
use seda::{Admission, AdmitAll, MaxConcurrency, Slo, lab::Demand, prelude::*};
use tokio::{runtime::Runtime, task::spawn_blocking};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::{generator::offer_all, work::Work};

/// As good as none: more than a run can offer.
const NO_BOUND: usize = 1 << 20;
/// Of tower's peers: weight of a new value in little-loadshedder's mean, as in its example.
const WEIGHT: f64 = 0.01;

/// Who is compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Service {
    Ours,
    Unbounded,
    Bounded(usize),
    /// So many at most, waiting or at work: the oracle, when it is the best of many.
    AtMost(usize),
    /// `ConcurrencyLimit` of as many as there are places, under `LoadShed`.
    Tower,
    /// little-loadshedder aims at a mean, so it is given half of the objective.
    Little,
}

impl Service {
    pub(crate) fn name(self) -> String {
        match self {
            Service::Ours => "slo".to_string(),
            Service::Unbounded => "unbounded".to_string(),
            Service::Bounded(bound) => format!("bounded {bound}"),
            Service::AtMost(_) => "oracle".to_string(),
            Service::Tower => "tower limit + shed".to_string(),
            Service::Little => "little-loadshedder".to_string(),
        }
    }

    /// One run, to its end.
    pub(crate) fn run(self, demand: &Demand, places: usize, work: Work) -> Arc<Work> {
        match self {
            Service::Ours => staged(demand, places, work, NO_BOUND, Slo::new(demand.slo())),
            Service::Unbounded => staged(demand, places, work, NO_BOUND, AdmitAll),
            Service::Bounded(bound) => staged(demand, places, work, bound, AdmitAll),
            Service::AtMost(events) => staged(demand, places, work, NO_BOUND, MaxConcurrency::new(events)),
            Service::Tower => tower(demand, places, work),
            Service::Little => little(demand, places, work),
        }
    }
}

fn staged(demand: &Demand, places: usize, work: Work, bound: usize, policy: impl Admission + 'static) -> Arc<Work> {
    let work = Arc::new(work.begun());
    let mut p = Pipeline::named("overload");
    let handle = {
        let work = work.clone();
        move |number: usize| work.handle(number)
    };
    let handler = handle.threads(places).queue(bound).when_full(WhenFull::Reject).admission(policy);
    let inlet = p.sink("work", handler);
    let running = p.start().expect("one stage passes the checks");
    let entry = running.entry(inlet);
    offer_all(&work, demand.slo(), |number| {
        let began = Instant::now();
        if entry.try_offer(number).is_err() {
            work.refused(number, began.elapsed());
        }
    });
    // What still waits, without a bound, nobody waits for.
    running.drain(Deadlines::now());
    work
}

/// Handlers that block, as many at once as there are places.
fn runtime(places: usize) -> Runtime {
    let builder = &mut tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(places).enable_time().build().expect("there are threads")
}

fn tower(demand: &Demand, places: usize, work: Work) -> Arc<Work> {
    let runtime = runtime(places);
    let work = Arc::new(work.begun());
    let handler = {
        let work = work.clone();
        service_fn(move |number: usize| {
            let work = work.clone();
            spawn_blocking(move || work.handle(number))
        })
    };
    let service = ServiceBuilder::new().load_shed().concurrency_limit(places).service(handler);
    offer_all(&work, demand.slo(), |number| {
        let (began, service, noted) = (Instant::now(), service.clone(), work.clone());
        runtime.spawn(async move {
            if service.oneshot(number).await.is_err() {
                noted.refused(number, began.elapsed());
            }
        });
    });
    runtime.shutdown_timeout(secs(1));
    work
}

fn little(demand: &Demand, places: usize, work: Work) -> Arc<Work> {
    let runtime = runtime(places);
    let work = Arc::new(work.begun());
    let handler = {
        let work = work.clone();
        service_fn(move |number: usize| {
            let work = work.clone();
            spawn_blocking(move || work.handle(number))
        })
    };
    let service = Shedder::new(handler, WEIGHT, demand.slo() / 2);
    offer_all(&work, demand.slo(), |number| {
        let (began, service, noted) = (Instant::now(), service.clone(), work.clone());
        runtime.spawn(async move {
            if let Ok(LoadShedResponse::Overload) = service.oneshot(number).await {
                noted.refused(number, began.elapsed());
            }
        });
    });
    runtime.shutdown_timeout(secs(1));
    work
}

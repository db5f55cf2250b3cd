//! Who takes the offers: pipelines of ours with one policy or another, and services of tower's making.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use little_loadshedder::{LoadShed as Shedder, LoadShedResponse};
use seda::{Admission, AdmitAll, Slo, lab::Demand, prelude::*};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tower::{ServiceBuilder, ServiceExt};

use super::{generator::offer_all, work::Work};
use crate::oracle::{Chosen, Oracle};

/// As good as none: more than a run can offer.
const NO_BOUND: usize = 1 << 20;
/// Of tower's peers: weight of a new value in little-loadshedder's mean, as in its example.
const WEIGHT: f64 = 0.01;
/// And what is left in their handlers when all is over.
const LEAVE_WITHIN: Duration = secs(1);

/// Who is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    Ours,
    Unbounded,
    Bounded(usize),
    /// What was found to be best for a scenario with trouble in that step.
    Oracle(Chosen, usize),
    /// `ConcurrencyLimit` of as many as there are places, under `LoadShed`.
    Tower,
    /// little-loadshedder aims at a mean, so it is given half of the objective.
    Little,
}

impl Service {
    pub(crate) fn name(self) -> String {
        match self {
            Service::Ours => crate::policies::OURS.to_string(),
            Service::Unbounded => "unbounded".to_string(),
            Service::Bounded(bound) => format!("bounded {bound}"),
            Service::Oracle(..) => "oracle".to_string(),
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
            Service::Oracle(chosen, trouble) => {
                staged(demand, places, work, NO_BOUND, Oracle::new(demand, trouble, chosen))
            }
            Service::Tower => {
                let limit = |handler| ServiceBuilder::new().load_shed().concurrency_limit(places).service(handler);
                towered(demand, places, work, limit, Result::is_err)
            }
            Service::Little => {
                let shedder = |handler| Shedder::new(handler, WEIGHT, demand.slo() / 2);
                towered(demand, places, work, shedder, |answer| matches!(answer, Ok(LoadShedResponse::Overload)))
            }
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

/// A handler that blocks, as a service of tower's.
#[derive(Clone)]
struct Blocking(Arc<Work>);

impl tower::Service<usize> for Blocking {
    type Response = ();
    type Error = JoinError;
    type Future = JoinHandle<()>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), JoinError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: usize) -> JoinHandle<()> {
        let work = self.0.clone();
        spawn_blocking(move || work.handle(number))
    }
}

/// The same load on tower's: `layers` go around the handler, and `is_refused` reads their answer.
fn towered<S>(
    demand: &Demand,
    places: usize,
    work: Work,
    layers: impl FnOnce(Blocking) -> S,
    is_refused: fn(&Result<S::Response, S::Error>) -> bool,
) -> Arc<Work>
where
    S: tower::Service<usize, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static,
{
    // As many that block at once as there are places.
    let runtime = &mut tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).max_blocking_threads(places).enable_time().build();
    let runtime = runtime.expect("there are threads");
    let work = Arc::new(work.begun());
    let service = layers(Blocking(work.clone()));
    let (handle, noted) = (runtime.handle().clone(), work.clone());
    offer_all(&work, demand.slo(), move |number| {
        let (began, service, noted) = (Instant::now(), service.clone(), noted.clone());
        handle.spawn(async move {
            if is_refused(&service.oneshot(number).await) {
                noted.refused(number, began.elapsed());
            }
        });
    });
    runtime.shutdown_timeout(LEAVE_WITHIN);
    work
}

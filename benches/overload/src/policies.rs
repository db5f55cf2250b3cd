//! Who is compared, on one stage.

use std::time::Duration;

use seda::{
    Admission, AdmitAll, Aimd, CoDel, Fresh, Gradient, MaxConcurrency, ResponseTime, Slo, TokenBucket, Vegas,
    lab::{Demand, Lab},
    ms,
    prelude::*,
    sim::{Run, Service},
    us,
};

/// Places for workers.
pub(crate) const PLACES: usize = 4;
/// Mean services in an objective.
pub(crate) const SLO_SERVICES: f64 = 12.5;
/// Mean service time of the usual stage, and all at which the bars are held; peers stand beside ours at the usual one.
pub(crate) const USUAL: Duration = ms(4);
pub(crate) const SCALES: [(&str, Duration); 4] =
    [("4ms", USUAL), ("10us", us(10)), ("400us", us(400)), ("100ms", ms(100))];
/// Ours, as it is called in tables.
pub(crate) const OURS: &str = "slo";
/// As good as none: more than a run can offer.
const NO_BOUND: usize = 1 << 20;

/// A distribution of service times about a mean.
pub(crate) type Shape = fn(Duration) -> Service;

/// The lab of one stage, for a mean service time.
pub(crate) fn lab<'a>(mean: Duration) -> Lab<'a> {
    let lab = Lab::new("overload", PLACES as f64 / mean.as_secs_f64(), mean.mul_f64(SLO_SERVICES));
    if seda_bench::quick() { lab.seeds(2).brief() } else { lab }
}

/// One stage with such a queue and policy, whose service times have that shape.
pub(crate) fn stage<A: Admission + 'static>(
    shape: Shape,
    bound: usize,
    policy: impl Fn(&Demand) -> A,
) -> impl Fn(&Demand) -> Run {
    move |demand| {
        let mean = demand.slo().div_f64(SLO_SERVICES);
        let mut p = Pipeline::named("overload");
        let work = (|_: u64| ()).threads(PLACES).queue(bound).when_full(WhenFull::Reject);
        let offers = p.sink("work", work.admission(policy(demand)));
        Run::new(p).entry(offers, demand.arrivals(), |number| number).service("work", demand.service(shape(mean)))
    }
}

/// What a user of seda gets by naming the objective.
pub(crate) fn ours(lab: Lab<'_>, shape: Shape) -> Lab<'_> {
    lab.contender(OURS, stage(shape, NO_BOUND, |demand| Slo::new(demand.slo())))
}

/// What others do, without knowledge of the scenario; those with a star are policies of others, written anew by us.
pub(crate) fn others(lab: Lab<'_>, shape: Shape) -> Lab<'_> {
    lab.contender("unbounded", stage(shape, NO_BOUND, |_| AdmitAll))
        .contender("bounded 1000", stage(shape, 1000, |_| AdmitAll))
        .contender("codel 5/100 *", stage(shape, NO_BOUND, |_| CoDel::new()))
        .contender("codel by service *", stage(shape, NO_BOUND, |_| CoDel::by_service()))
        .contender("fresh *", stage(shape, NO_BOUND, |demand| Fresh::new(demand.slo())))
        .contender("vegas *", stage(shape, NO_BOUND, |_| Vegas::new()))
        .contender("gradient *", stage(shape, NO_BOUND, |_| Gradient::new()))
        .contender("aimd *", stage(shape, NO_BOUND, |demand| Aimd::new(demand.slo())))
        .contender("response time *", stage(shape, NO_BOUND, |demand| ResponseTime::new(demand.slo())))
        .contender("at most 30", stage(shape, NO_BOUND, |_| MaxConcurrency::new(30)))
        .contender("token bucket 0.95", stage(shape, NO_BOUND, |demand| TokenBucket::new(0.95 * demand.capacity(), 30)))
}

/// Bounds that know the scenario.
pub(crate) fn oracle<A: Admission + 'static>(
    lab: Lab<'_>,
    name: String,
    shape: Shape,
    policy: impl Fn(&Demand) -> A + Send + Sync + 'static,
) -> Lab<'_> {
    lab.contender(name, stage(shape, NO_BOUND, policy))
}

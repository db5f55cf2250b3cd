//! How long handlers take.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use crate::{clock::ns, rng::Rng};

/// How long a handler takes for one event, and what befalls it. Times are drawn in the order in which events are begun, from
/// a stream of the stage's own.
///
/// ```
/// use seda_core::{ms, secs, sim::Service};
/// let exponential = Service::exponential(ms(4));
/// let mixed = Service::mix([(0.95, Service::exponential(ms(1))), (0.05, Service::exponential(ms(61)))]);
/// let slowing = Service::fixed(ms(4)).slowed(4.0, secs(10)..secs(20)).failing(0.01);
/// assert_eq!(mixed.mean(), ms(4));
/// # let _ = (exponential, slowing);
/// ```
#[derive(Clone)]
#[must_use = "a service time is given to `Run::service`"]
pub struct Service {
    shape: Shape,
    slow: Vec<(Range<u64>, f64)>,
    scale: Option<Arc<dyn Fn() -> f64 + Send + Sync>>,
    failing: f64,
    per_batch_ns: u64,
    computes: f64,
}

#[derive(Clone, Debug)]
enum Shape {
    Fixed(f64),
    Exponential(f64),
    /// Mean and deviation of the logarithm.
    LogNormal(f64, f64),
    Pareto(Pareto),
    /// Each with the sum of the shares up to it.
    Mix(Vec<(f64, Shape)>),
    /// Values in ns, each with the sum of the shares up to it.
    Recorded(Vec<(f64, f64)>),
}

/// Pareto's distribution between two bounds.
#[derive(Clone, Copy, Debug)]
struct Pareto {
    alpha: f64,
    low: f64,
    high: f64,
}

impl Service {
    fn new(shape: Shape) -> Self {
        Service { shape, slow: Vec::new(), scale: None, failing: 0.0, per_batch_ns: 0, computes: 0.0 }
    }

    /// The same for every event.
    pub fn fixed(time: Duration) -> Self {
        Service::new(Shape::Fixed(ns(time) as f64))
    }

    /// Exponentially distributed about a mean.
    pub fn exponential(mean: Duration) -> Self {
        Service::new(Shape::Exponential(ns(mean) as f64))
    }

    /// Log-normally distributed about a mean, with a standard deviation of so many means.
    pub fn log_normal(mean: Duration, deviation: f64) -> Self {
        let variance = (1.0 + deviation * deviation).ln();
        Service::new(Shape::LogNormal((ns(mean) as f64).ln() - variance / 2.0, variance.sqrt()))
    }

    /// Pareto's distribution of that exponent, cut off at so many means; the mean is that of what is left.
    ///
    /// # Panics
    /// Unless `alpha` and `most` are above 1.
    pub fn pareto(alpha: f64, mean: Duration, most: f64) -> Self {
        assert!(alpha > 1.0 && most > 1.0, "Pareto's exponent ({alpha}) and its cut ({most} means) are above 1");
        let mean = ns(mean) as f64;
        Service::new(Shape::Pareto(Pareto::about(alpha, mean, mean * most)))
    }

    /// One of several, by their shares: `mix([(0.95, quick), (0.05, slow)])`. Their times only; slow-downs and failures
    /// are said of the mix.
    ///
    /// # Panics
    /// If there is none, or a share is not above 0.
    pub fn mix(parts: impl IntoIterator<Item = (f64, Service)>) -> Self {
        Service::new(Shape::Mix(cumulated(parts.into_iter().map(|(share, part)| (share, part.shape)))))
    }

    /// As it was measured: times, each with how often it was seen.
    ///
    /// # Panics
    /// If there is none.
    pub fn recorded(times: impl IntoIterator<Item = (Duration, u64)>) -> Self {
        let seen = times.into_iter().filter(|&(_, times)| times > 0);
        Service::new(Shape::Recorded(cumulated(seen.map(|(time, times)| (times as f64, ns(time) as f64)))))
    }

    /// So many times slower for what is begun within these times of the run; a factor below 1 is faster.
    pub fn slowed(mut self, factor: f64, during: Range<Duration>) -> Self {
        self.slow.push((ns(during.start)..ns(during.end), factor));
        self
    }

    /// Each time is multiplied by what this says as the event is begun: for a handler that goes by something beside it, such as
    /// a [`Quality`](crate::Quality).
    ///
    /// ```
    /// use seda_core::{Quality, ms, sim::Service};
    /// let quality = Quality::new(0.2..=1.0);
    /// let knob = quality.clone();
    /// let service = Service::exponential(ms(4)).scaled(move || knob.level());
    /// # let _ = service;
    /// ```
    pub fn scaled(mut self, by: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.scale = Some(Arc::new(by));
        self
    }

    /// This share of the events fails, 0 to 1: after its time the visit ends as if the handler had panicked.
    pub fn failing(mut self, share: f64) -> Self {
        self.failing = share;
        self
    }

    /// And so much for each batch, whatever its size. Default: nothing.
    pub fn per_batch(mut self, time: Duration) -> Self {
        self.per_batch_ns = ns(time);
        self
    }

    /// For this share of its time, 0 to 1, the handler computes, and shares the [cores](super::Run::cores) with others; then
    /// it sleeps. Default: 0, it sleeps alone.
    pub fn computing(mut self, share: f64) -> Self {
        self.computes = share.clamp(0.0, 1.0);
        self
    }

    /// Mean time for one event, without slow-downs.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.shape.mean_ns().round() as u64)
    }

    pub(super) fn per_batch_ns(&self) -> u64 {
        self.per_batch_ns
    }

    pub(super) fn computes(&self) -> f64 {
        self.computes
    }

    /// Slower at this time of the run by so much.
    fn factor(&self, at_ns: u64) -> f64 {
        self.slow.iter().filter(|(during, _)| during.contains(&at_ns)).map(|(_, factor)| factor).product()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Service { shape, slow, scale, failing, per_batch_ns, computes } = self;
        let mut all = f.debug_struct("Service");
        all.field("shape", shape).field("slow", slow).field("is_scaled", &scale.is_some()).field("failing", failing);
        all.field("per_batch_ns", per_batch_ns).field("computes", computes).finish()
    }
}

/// Shares become sums up to 1.
fn cumulated<T>(parts: impl Iterator<Item = (f64, T)>) -> Vec<(f64, T)> {
    let mut sum = 0.0;
    let mut parts: Vec<(f64, T)> = parts
        .map(|(share, part)| {
            assert!(share > 0.0, "a share of {share} is none");
            sum += share;
            (sum, part)
        })
        .collect();
    assert!(!parts.is_empty(), "there is nothing to draw from");
    parts.iter_mut().for_each(|(upto, _)| *upto /= sum);
    parts
}

fn pick<'a, T>(parts: &'a [(f64, T)], rng: &mut Rng) -> &'a T {
    let at = rng.unit();
    let index = parts.partition_point(|(upto, _)| *upto <= at);
    &parts[index.min(parts.len() - 1)].1
}

fn shares<T>(parts: &[(f64, T)]) -> impl Iterator<Item = (f64, &T)> {
    let mut before = 0.0;
    parts.iter().map(move |(upto, part)| (upto - std::mem::replace(&mut before, *upto), part))
}

impl Shape {
    fn draw(&self, rng: &mut Rng) -> f64 {
        match self {
            Shape::Fixed(time) => *time,
            Shape::Exponential(mean) => rng.exponential(*mean),
            Shape::LogNormal(mean, deviation) => (mean + deviation * normal(rng)).exp(),
            Shape::Pareto(pareto) => pareto.draw(rng),
            Shape::Mix(parts) => pick(parts, rng).draw(rng),
            Shape::Recorded(times) => *pick(times, rng),
        }
    }

    fn mean_ns(&self) -> f64 {
        match self {
            Shape::Fixed(mean) | Shape::Exponential(mean) => *mean,
            Shape::LogNormal(mean, deviation) => (mean + deviation * deviation / 2.0).exp(),
            Shape::Pareto(pareto) => pareto.mean(),
            Shape::Mix(parts) => shares(parts).map(|(share, part)| share * part.mean_ns()).sum(),
            Shape::Recorded(times) => shares(times).map(|(share, time)| share * time).sum(),
        }
    }
}

/// Box and Muller, of which one of the two is thrown away.
fn normal(rng: &mut Rng) -> f64 {
    let (radius, turn) = ((-2.0 * (1.0 - rng.unit()).ln()).sqrt(), rng.unit());
    radius * (std::f64::consts::TAU * turn).cos()
}

impl Pareto {
    /// With that mean, by bisection on the lower bound, of which the mean is a rising function.
    fn about(alpha: f64, mean: f64, high: f64) -> Self {
        let (mut below, mut above) = (mean * 1e-6, mean);
        for _ in 0..100 {
            let low = f64::midpoint(below, above);
            if (Pareto { alpha, low, high }).mean() < mean { below = low } else { above = low }
        }
        Pareto { alpha, low: below, high }
    }

    fn mean(&self) -> f64 {
        let Pareto { alpha, low, high } = *self;
        let kept = 1.0 - (low / high).powf(alpha);
        low.powf(alpha) / kept * alpha / (alpha - 1.0) * (low.powf(1.0 - alpha) - high.powf(1.0 - alpha))
    }

    fn draw(&self, rng: &mut Rng) -> f64 {
        let kept = 1.0 - (self.low / self.high).powf(self.alpha);
        self.low * (1.0 - rng.unit() * kept).powf(-1.0 / self.alpha)
    }
}

/// A service with its streams.
pub(super) struct Draws {
    pub(super) service: Service,
    rng: Rng,
    failures: Rng,
}

impl Draws {
    pub(super) fn new(service: Service, mut rng: Rng) -> Self {
        let failures = Rng::new(rng.next());
        Draws { service, rng, failures }
    }

    /// For an event that is begun at this time of the run.
    pub(super) fn time_ns(&mut self, at_ns: u64) -> u64 {
        let time = self.service.shape.draw(&mut self.rng);
        let slower = if self.service.slow.is_empty() { 1.0 } else { self.service.factor(at_ns) };
        let scale = self.service.scale.as_ref().map_or(1.0, |scale| scale());
        (time * slower * scale).round() as u64
    }

    pub(super) fn fails(&mut self) -> bool {
        self.service.failing > 0.0 && self.failures.unit() < self.service.failing
    }
}

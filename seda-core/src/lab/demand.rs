//! A scenario laid on a service of a certain capacity and objective.

use std::{ops::Range, time::Duration};

use super::scenario::{Judged, Scenario, Step};
use crate::sim::{Arrivals, Service};

/// Lengths of the windows, in objectives: even parts of ten, in which recovery is judged.
const WINDOW_SLOS: u32 = 2;

/// What a scenario asks of a service: handed to whoever builds the run of it.
#[derive(Clone, Debug)]
pub struct Demand {
    scenario: Scenario,
    capacity: f64,
    slo: Duration,
    /// Where steps begin, and the last one ends, in objectives.
    edges: Vec<f64>,
    judged: Vec<Judged>,
}

impl Demand {
    /// `share` of their length is enough for the longer steps.
    pub(super) fn new(scenario: &Scenario, capacity: f64, slo: Duration, share: f64) -> Self {
        let per_slo = capacity * slo.as_secs_f64();
        let mut edges = vec![0.0];
        for step in &scenario.steps {
            edges.push(edges.last().unwrap_or(&0.0) + scenario.slos(step, per_slo, share));
        }
        let mut judged = scenario.judged.clone();
        if judged.is_empty() {
            judged.push(Judged { name: "all".to_string(), step: 0, after: 20.0, to: scenario.steps.len() - 1 });
        }
        Demand { scenario: scenario.clone(), capacity, slo, edges, judged }
    }

    /// Name of the scenario.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// The objective.
    #[must_use]
    pub fn slo(&self) -> Duration {
        self.slo
    }

    /// What the service can do, in events per second.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.capacity
    }

    /// When events are offered, for [`Run::entry`](crate::sim::Run::entry).
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals_of(1.0)
    }

    /// This share of them, by steps of the same times: for an entry, or a kind of event, among several.
    pub fn arrivals_of(&self, share: f64) -> Arrivals {
        let steps = self.scenario.steps.iter().zip(self.edges.windows(2)).map(|(step, edges)| {
            let rate = step.load * self.capacity * share;
            let arrivals = match step.burst {
                Some(offers) => Arrivals::bursts(offers, Duration::from_secs_f64(offers as f64 / rate)),
                None => Arrivals::poisson(rate),
            };
            arrivals.lasting(self.slo.mul_f64(edges[1] - edges[0]))
        });
        let arrivals = steps.reduce(Arrivals::then).unwrap_or_else(Arrivals::none);
        match self.scenario.behind(self.slo) {
            Some(clients) => arrivals.clients(clients),
            None => arrivals,
        }
    }

    /// That service time, slower where the scenario says so: for [`Run::service`](crate::sim::Run::service).
    pub fn service(&self, service: Service) -> Service {
        let slower = self.scenario.steps.iter().enumerate().filter(|(_, step)| step.slower != 1.0);
        slower.fold(service, |service, (at, step)| service.slowed(step.slower, self.step(at)))
    }

    /// When a step, counted from 0, begins and ends.
    #[must_use]
    pub fn step(&self, step: usize) -> Range<Duration> {
        self.at(self.edges[step])..self.at(self.edges[step + 1])
    }

    /// How long all of it lasts.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.at(*self.edges.last().unwrap_or(&0.0))
    }

    /// What is judged, by name.
    #[must_use]
    pub fn judged(&self) -> Vec<(String, Range<Duration>)> {
        let during = |judged: &Judged| {
            let from = self.edges[judged.step] + judged.after;
            (judged.name.clone(), self.at(from)..self.at(self.edges[judged.to + 1]))
        };
        self.judged.iter().map(during).collect()
    }

    /// What each step offers, in events per second, and how many times slower it makes handlers.
    pub fn steps(&self) -> impl Iterator<Item = (Range<Duration>, f64, f64)> {
        let of = |(at, step): (usize, &Step)| (self.step(at), step.load * self.capacity, step.slower);
        self.scenario.steps.iter().enumerate().map(of)
    }

    /// Length of the windows in which figures are kept.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.slo * WINDOW_SLOS
    }

    pub(super) fn first_judged(&self) -> &str {
        &self.judged[0].name
    }

    pub(super) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn at(&self, slos: f64) -> Duration {
        self.slo.mul_f64(slos)
    }
}

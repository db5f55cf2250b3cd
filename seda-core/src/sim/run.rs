//! A run, as it is put together.

use std::{ops::Range, sync::Arc, time::Duration};

use super::{
    arrivals::{Arrivals, Times},
    board::{Board, EntryRules},
    drive::{Call, Drive, Offers, Source},
    log::Log,
    measured::Measured,
    results::Results,
    service::{Draws, Service},
    stage::{Beside, Stage},
    tallies::Tallies,
};
use crate::{
    clock::ns,
    event::Event,
    graph::{Pipeline, StartError},
    rng::Rng,
    settings::Settings,
    stage::inlet::Inlet,
    test::Virtual,
};

/// Windows of this many objectives, where nothing else is said; without an objective, so many in all.
const WINDOW_SLOS: u32 = 10;
const WINDOWS: u32 = 20;

/// One run of a pipeline under a load: put together, then run by [`during`](Run::during). The [module](super) has an example.
#[must_use = "a run happens when it is told for how long"]
pub struct Run {
    pipeline: Pipeline,
    entries: Vec<EntryPlan>,
    services: Vec<(String, Option<String>, Service)>,
    calls: Vec<(Duration, Call)>,
    phases: Vec<(String, Range<Duration>)>,
    seed: u64,
    slo: Option<Duration>,
    window: Option<Duration>,
    warm_up: Duration,
    cores: Option<f64>,
    trace_lines: usize,
}

/// Makes an entry's offers once the pipeline stands.
type MakeOffers = Box<dyn FnOnce(&Virtual) -> Box<dyn Offers>>;

struct EntryPlan {
    arrivals: Arrivals,
    offers: MakeOffers,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run(seed {}, {} entries)", self.seed, self.entries.len())
    }
}

impl Run {
    /// Of this pipeline, with nothing offered yet and handlers that take no time.
    pub fn new(pipeline: Pipeline) -> Self {
        Run {
            pipeline,
            entries: Vec::new(),
            services: Vec::new(),
            calls: Vec::new(),
            phases: Vec::new(),
            seed: 0,
            slo: None,
            window: None,
            warm_up: Duration::ZERO,
            cores: None,
            trace_lines: 0,
        }
    }

    /// Offers events at an inlet; `make` makes them by their number at this entry, from 0. An inlet may have many of these,
    /// such as one for each kind of event.
    pub fn entry<T: Event>(
        mut self,
        inlet: Inlet<T>,
        arrivals: Arrivals,
        make: impl FnMut(u64) -> T + 'static,
    ) -> Self {
        let offers = Box::new(move |sim: &Virtual| super::drive::offers(sim.entry(inlet), make));
        self.entries.push(EntryPlan { arrivals, offers });
        self
    }

    /// How long the handler of a stage takes. Default: no time, beside what it says by [`Cx::spend`](crate::Cx::spend).
    pub fn service(mut self, stage: impl Into<String>, service: Service) -> Self {
        self.services.push((stage.into(), None, service));
        self
    }

    /// The same for events of one [kind](Arrivals::kind), in the place of what the stage has for all. A time
    /// [per batch](Service::per_batch) and a share of [cores](Service::computing) count only where they are said for all.
    pub fn service_of(mut self, stage: impl Into<String>, kind: impl Into<String>, service: Service) -> Self {
        self.services.push((stage.into(), Some(kind.into()), service));
        self
    }

    /// As it was measured of a pipeline at work: for each of its stages that this one has by name, service times, threads
    /// and the queue's bound; and the [cores](Run::cores), where nothing else is said of them. What is said for a stage after
    /// that is in its place.
    ///
    /// ```
    /// # use seda_core::{prelude::*, sim::{Arrivals, Measured, Run, Service}};
    /// fn service() -> (Pipeline, Inlet<u64>) {
    ///     let mut p = Pipeline::named("orders");
    ///     let orders = p.sink("price", (|_: u64| ()).threads(1..=8));
    ///     (p, orders)
    /// }
    ///
    /// let (p, orders) = service();
    /// let running = p.start()?;
    /// # running.offer(orders, 7)?;
    /// // After some minutes of work: what would ten times the load do?
    /// let measured = Measured::from(&running);
    /// let (p, orders) = service();
    /// let results = Run::new(p).like(&measured).entry(orders, Arrivals::poisson(500.0), |n| n).during(secs(10))?;
    /// # drop(results);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn like(mut self, measured: &Measured) -> Self {
        let names: Vec<String> = self.pipeline.queue_names().map(str::to_string).collect();
        let mut settings = Settings::new();
        for stage in measured.stages.iter().filter(|stage| names.contains(&stage.name)) {
            settings = stage.settings(settings);
            self.services.extend(stage.service().map(|service| (stage.name.clone(), None, service)));
        }
        self.pipeline.configure(&settings);
        self.cores = self.cores.or(measured.cores);
        self
    }

    /// The objective for a lineage, from its intended time: what ends later is done, but not good. Default: none. For the
    /// figures alone: what is shed for it is up to the policies of the pipeline.
    pub fn slo(mut self, slo: Duration) -> Self {
        self.slo = Some(slo);
        self
    }

    /// Where all that is drawn comes from. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// So many cores for all handlers that [compute](Service::computing): with more at work, each goes slower. Default: as
    /// many as there is work for.
    ///
    /// # Panics
    /// If it is not above 0.
    pub fn cores(mut self, cores: f64) -> Self {
        assert!(cores > 0.0, "{cores} cores are none");
        self.cores = Some(cores);
        self
    }

    /// What is offered in this time at the beginning is in no figures but those of windows and phases. Default: none.
    pub fn warm_up(mut self, time: Duration) -> Self {
        self.warm_up = time;
        self
    }

    /// Figures of their own for what is offered within these times.
    pub fn phase(mut self, name: impl Into<String>, during: Range<Duration>) -> Self {
        self.phases.push((name.into(), during));
        self
    }

    /// Length of the windows. Default: ten objectives; without one, a twentieth of the run.
    pub fn window(mut self, length: Duration) -> Self {
        self.window = Some(length);
        self
    }

    /// Keeps so many lines of what happens, from the start. Default: none.
    pub fn trace(mut self, lines: usize) -> Self {
        self.trace_lines = lines;
        self
    }

    /// Calls this again and again, the first time after one period: to look at the pipeline, or to change it.
    pub fn every(mut self, period: Duration, call: impl FnMut(&mut Virtual) + 'static) -> Self {
        self.calls.push((period, Box::new(call)));
        self
    }

    /// Runs it: offers for so long, then goes on until all that was offered has come to its end, at most for as long again.
    ///
    /// # Errors
    /// What the pipeline's checks find, all at once.
    ///
    /// # Panics
    /// If there is no stage of a name that was given.
    pub fn during(self, time: Duration) -> Result<Results, StartError> {
        let (seed, time_ns) = (self.seed, ns(time));
        let mut sim = Virtual::start(self.pipeline, seed)?;
        let window = self.window.or(self.slo.map(|slo| slo * WINDOW_SLOS)).unwrap_or(time / WINDOWS);
        let tallies = Tallies::new(ns(self.warm_up), ns(window));
        let board = Board::new(sim.clock(), tallies, Log::new(self.trace_lines), stream(seed, Stream::Jitter));
        let board = Arc::new(board);
        let mut sources = Vec::new();
        for (index, plan) in self.entries.into_iter().enumerate() {
            let kind = board.state().add_entry(&plan.arrivals, self.slo);
            let times = Times::new(&plan.arrivals, stream(seed, Stream::Arrivals(index)));
            sources.push(Source::new(times, &plan.arrivals, kind, (plan.offers)(&sim)));
        }
        board.state().add_stages(&sim, self.services, seed);
        for (name, during) in self.phases {
            board.state().tallies.phase(name, ns(during.start)..ns(during.end));
        }
        sim.model(Box::new(Beside::new(&board)), self.cores);
        let mut drive = Drive::new(sim, board, sources, self.calls);
        let took_ns = drive.run(time_ns);
        Ok(drive.results(seed, took_ns, time_ns.saturating_sub(ns(self.warm_up))))
    }
}

impl super::board::State {
    fn add_entry(&mut self, arrivals: &Arrivals, slo: Option<Duration>) -> Option<usize> {
        let kind = arrivals.kind.as_ref().map(|kind| self.tallies.kind(kind));
        let slo_ns = arrivals.slo.or(slo).map_or(u64::MAX, ns);
        self.entries.push(EntryRules { slo_ns, clients: arrivals.clients });
        kind
    }

    fn add_stages(&mut self, sim: &Virtual, services: Vec<(String, Option<String>, Service)>, seed: u64) {
        self.stages = sim.stage_names().map(Stage::named).collect();
        for (at, (name, kind, service)) in services.into_iter().enumerate() {
            let index = sim.stage(&name);
            let stage = &mut self.stages[index];
            match kind {
                None => {
                    stage.draws = Some(Draws::new(service, stream(seed, Stream::Service(index))));
                }
                Some(kind) => {
                    let draws = Draws::new(service, stream(seed, Stream::ServiceOfKind(at)));
                    let kind = self.tallies.kind(&kind);
                    self.stages[index].of_kind.push((kind, draws));
                }
            }
        }
    }
}

/// What is drawn, each by itself: more of the one leaves the others as they are.
enum Stream {
    Jitter,
    Arrivals(usize),
    Service(usize),
    ServiceOfKind(usize),
}

fn stream(seed: u64, stream: Stream) -> Rng {
    let (what, index) = match stream {
        Stream::Jitter => (1, 0),
        Stream::Arrivals(entry) => (2, entry),
        Stream::Service(stage) => (3, stage),
        Stream::ServiceOfKind(at) => (4, at),
    };
    // Far apart, whatever the seeds: each is the generator's answer to the one before.
    let mut rng = Rng::new(seed);
    let mut rng = Rng::new(rng.next().wrapping_add(what));
    let mut rng = Rng::new(rng.next().wrapping_add(index as u64));
    Rng::new(rng.next())
}

//! What is checked before any thread or socket: all findings at once, each with its cure.

use std::{fmt, sync::Arc};

use super::{
    Component, DomainPlan, Graph, Node, order,
    pipeline::{DeclaredDomain, Pipeline, open_ports},
};
use crate::{
    name,
    options::{Placement, StageOptions, Threads, WhenFull},
    stage::{
        core::{EdgeCore, Shared, Wiring},
        outlet::Target,
    },
    sync::lock,
};

/// Most threads of one domain: beyond it is a slip of the pen.
pub(crate) const THREADS_MOST: usize = 1024;
/// Most events of one async stage on their way at once, likewise.
pub(crate) const TASKS_MOST: usize = 1 << 16;
/// Tasks that take the events of one async stage. What they take and cannot end at once goes on by itself, so few will do.
pub(crate) const PUMPS_MOST: usize = 8;
/// Longest queue, for the same reason.
const QUEUE_MOST: usize = 1 << 30;

/// One thing that is wrong with a pipeline, and its cure.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong, and where.
    pub what: String,
    /// What to do.
    pub cure: String,
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Finding { what: what.into(), cure: cure.into() }
    }
}

/// Why a pipeline did not start: every finding, not the first alone. No thread ran, no event was taken.
#[derive(Clone, PartialEq, Eq)]
pub struct StartError {
    /// Name of the pipeline.
    pub pipeline: String,
    /// At least one.
    pub findings: Vec<Finding>,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.findings.len();
        write!(f, "pipeline `{}` cannot start: {n} finding{}", self.pipeline, if n == 1 { "" } else { "s" })?;
        for (at, Finding { what, cure }) in self.findings.iter().enumerate() {
            write!(f, "\n{:>3}. {what}\n     cure: {cure}", at + 1)?;
        }
        Ok(())
    }
}

/// Reads as [`Display`](fmt::Display) does, since `main` and `unwrap` show this form.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {}

/// Numbers of one stage that make no sense.
pub(super) fn of_options(stage: &str, options: &mut StageOptions, keyed_and_parallel: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut find = |what: String, cure: &str| found.push(Finding::new(format!("stage `{stage}`: {what}"), cure));
    for option in &options.twice {
        find(format!("`.{option}(..)` is given twice"), "give it once");
    }
    if let Placement::Own(threads) = options.placement
        && let Some(what) = of_threads(threads)
    {
        find(what, "give 1 to 1024 threads, the least first: `.threads(2..=8)`");
    }
    if options.limit_without_domain {
        find(
            "`.limit(..)` without a domain before it".into(),
            "an own pool's limit is its `.threads(..)`; in a domain, say `.on(&domain)` first",
        );
    }
    if let Some(option) = options.threads_for_tasks {
        find(
            format!("`.{option}(..)` on an async handler, which runs on the host's runtime"),
            "say how many events may be on their way at once: `.limit(64)`",
        );
    }
    if let Placement::Tasks { limit } = options.placement
        && !(1..=TASKS_MOST).contains(&limit)
    {
        find(format!("a limit of {limit} events on their way"), "give 1 to 65536");
    }
    if let Placement::Domain { limit: Some(0), .. } = options.placement {
        find("a limit of 0 workers would never run".into(), "give at least 1");
    }
    if options.queue_events == 0 || options.queue_events > QUEUE_MOST {
        find(format!("a queue bound of {} events", options.queue_events), "give 1 to 2^30 events");
    }
    if options.queue_bytes == Some(0) {
        find("a queue bound of 0 bytes".into(), "give the bytes that the queue may hold");
    }
    if options.batch_max == 0 {
        find("a batch of at most 0 events".into(), "give at least 1");
    }
    if options.classes == 0 {
        find("0 priority classes".into(), "give at least 1");
    }
    if options.max_age.is_some_and(|age| age.is_zero()) {
        find("a time to live of zero lets nothing through".into(), "give a time above zero, or none");
    }
    if keyed_and_parallel {
        find(
            "`.keyed(..)` on a data-parallel handler, which works on one key's events at once".into(),
            "use a plain handler with `.threads(..)`",
        );
    }
    let policy = options.admission.get_mut().ok().and_then(|policy| policy.as_ref());
    if let Some(what) = policy.and_then(|policy| policy.check()) {
        find(what, "correct the policy's parameters");
    }
    found
}

fn of_threads(threads: Threads) -> Option<String> {
    let fits = threads.min >= 1 && threads.min <= threads.max && threads.max <= THREADS_MOST;
    (!fits).then(|| format!("{}..={} threads", threads.min, threads.max))
}

/// Checks everything, then lays the graph out for a driver.
pub(super) fn plan(mut pipeline: Pipeline) -> Result<Graph, StartError> {
    let wires = Wires::of(&pipeline);
    let mut findings = std::mem::take(&mut pipeline.findings);
    findings.extend(of_names(&pipeline));
    findings.extend(of_ports(&pipeline));
    findings.extend(of_refusing_edges(&pipeline));
    findings.extend(of_blocking_cycles(&pipeline, &wires));
    findings.extend(of_blocking_uses(&pipeline, &wires));
    if cfg!(panic = "abort") {
        findings.push(Finding::new(
            "this program is built with `panic = \"abort\"`, so a panic in one handler would end the process",
            "remove it from the profile in Cargo.toml",
        ));
    }
    if !findings.is_empty() {
        return Err(StartError { pipeline: pipeline.shared.name.clone(), findings });
    }
    let graph = lay_out(pipeline, &wires);
    start_handlers(graph)
}

/// Runs the handlers' own start; any that fails is a finding.
fn start_handlers(graph: Graph) -> Result<Graph, StartError> {
    let failed = graph.stages.iter().filter_map(|node| {
        let error = node.activation.start(node.places).err()?;
        Some(Finding::new(
            format!("stage `{}` could not start: {error}", node.name),
            "see what its handler's start needs",
        ))
    });
    let findings: Vec<_> = failed.collect();
    if findings.is_empty() {
        return Ok(graph);
    }
    Err(StartError { pipeline: graph.shared.name.clone(), findings })
}

/// Who feeds whom.
struct Wires {
    /// Links and declared uses.
    next: Vec<Vec<usize>>,
    /// Those of them whose target blocks when full.
    blocking: Vec<Vec<usize>>,
}

impl Wires {
    fn of(pipeline: &Pipeline) -> Self {
        let n = pipeline.stages.len();
        let mut wires = Wires { next: vec![Vec::new(); n], blocking: vec![Vec::new(); n] };
        let sketch = lock(&pipeline.sketch);
        let links = sketch.edges.iter().filter_map(|drawn| match drawn.to {
            Target::Stage(to) => Some((drawn.edge.from as usize, to as usize)),
            Target::Answer(_) => None,
        });
        let uses = pipeline.stages.iter().enumerate().flat_map(|(from, stage)| {
            stage.uses.iter().filter(|(id, _)| *id == pipeline.shared.id).map(move |(_, to)| (from, *to as usize))
        });
        for (from, to) in links.chain(uses).filter(|(from, to)| *from < n && *to < n) {
            wires.next[from].push(to);
            if pipeline.stages[to].when_full == WhenFull::Block {
                wires.blocking[from].push(to);
            }
        }
        wires
    }
}

fn of_names(pipeline: &Pipeline) -> Vec<Finding> {
    let mut found = Vec::new();
    if pipeline.stages.is_empty() {
        found.push(Finding::new("the pipeline has no stages", "declare one with `.stage(..)` or `.source(..)`"));
    }
    let stages = pipeline.stages.iter().map(|stage| ("stage", &stage.name));
    let domains = pipeline.domains.iter().map(|domain| ("domain", &domain.name));
    let mut seen: Vec<&str> = Vec::new();
    for (kind, name) in stages.chain(domains) {
        if let Some(fault) = name::fault(name) {
            found.push(Finding::new(
                format!("{kind} `{name}`: the name {fault}"),
                "configuration and metrics hang on it: use words like `resize-images`",
            ));
        }
        if seen.contains(&name.as_str()) {
            found.push(Finding::new(format!("two stages or domains are named `{name}`"), "give each its own name"));
        }
        seen.push(name);
    }
    for (index, DeclaredDomain { name, threads, .. }) in pipeline.domains.iter().enumerate() {
        if let Some(what) = of_threads(*threads) {
            found.push(Finding::new(format!("domain `{name}`: {what}"), "give 1 to 1024 threads, the least first"));
        }
        let on = |stage: &&super::pipeline::Declared| matches!(stage.placement, Placement::Domain { domain, .. } if domain.index as usize == index);
        if pipeline.stages.iter().find(on).is_none() {
            found.push(Finding::new(
                format!("domain `{name}` runs no stage"),
                "put one on it with `.on(&domain)`, or remove it",
            ));
        }
    }
    let foreign = pipeline.stages.iter().filter(|stage| stage.uses.iter().any(|(id, _)| *id != pipeline.shared.id));
    found.extend(foreign.map(|stage| {
        Finding::new(
            format!("stage `{}` uses an inlet of another pipeline", stage.name),
            "hold an `Entry` of that pipeline instead",
        )
    }));
    found
}

fn of_ports(pipeline: &Pipeline) -> Option<Finding> {
    let open = open_ports(&pipeline.sketch);
    let what = format!("{} open port{}: {}", open.len(), if open.len() == 1 { "" } else { "s" }, open.join("; "));
    (!open.is_empty()).then(|| Finding::new(what, "link each, or end it: `p.end(\"name\", outlet, drop)`"))
}

/// A refusal on an inner edge has nobody to go back to.
fn of_refusing_edges(pipeline: &Pipeline) -> Vec<Finding> {
    let sketch = lock(&pipeline.sketch);
    let found = sketch.edges.iter().filter_map(|drawn| {
        let Target::Stage(to) = drawn.to else { return None };
        let stage = &pipeline.stages[to as usize];
        let refuses = match (stage.has_policy, stage.when_full == WhenFull::Reject) {
            (true, _) => "may shed",
            (_, true) => "rejects when full",
            _ => return None,
        };
        let what =
            format!("`{}` {refuses}, and what it refuses of `{}` has nowhere to go", stage.name, drawn.edge.port);
        (!drawn.has_overflow)
            .then(|| Finding::new(what, "open an overflow outlet on the edge: `let (out, over) = out.overflow();`"))
    });
    found.collect()
}

/// A cycle whose every edge blocks can fill up and stand still for ever.
fn of_blocking_cycles(pipeline: &Pipeline, wires: &Wires) -> Vec<Finding> {
    let components = order::components(&wires.blocking);
    let cycles = components
        .iter()
        .filter(|stages| stages.len() > 1 || stages.iter().any(|&stage| wires.blocking[stage].contains(&stage)));
    let found = cycles.map(|stages| {
        let names: Vec<_> = stages.iter().map(|&stage| format!("`{}`", pipeline.stages[stage].name)).collect();
        Finding::new(
            format!(
                "a cycle in which every queue blocks when full could wait for itself for ever: {}",
                names.join(", ")
            ),
            "let one queue on it reject with an overflow outlet, or drop: `.when_full(WhenFull::Reject)`",
        )
    });
    found.collect()
}

/// A handler that waits for room keeps a worker from every stage of its domain: none of them may be what makes room.
fn of_blocking_uses(pipeline: &Pipeline, wires: &Wires) -> Vec<Finding> {
    let domain = |stage: usize| match pipeline.stages[stage].placement {
        Placement::Domain { domain, .. } => Some(domain.index),
        Placement::Own(_) | Placement::Tasks { .. } => None,
    };
    let reaches = order::reach(&wires.next);
    let mut found = Vec::new();
    for (from, stage) in pipeline.stages.iter().enumerate() {
        for &(_, to) in stage.uses.iter().filter(|(id, _)| *id == pipeline.shared.id) {
            let to = to as usize;
            let shares = |other: usize| domain(from).is_some() && domain(from) == domain(other);
            let waits_for = |other: usize| shares(other) && (other == to || reaches[to][other]);
            let target = &pipeline.stages[to];
            if target.when_full == WhenFull::Block && (0..pipeline.stages.len()).any(waits_for) {
                let what = format!(
                    "the handler of `{}` offers to `{}`, and room there is made by a stage of its own domain",
                    stage.name, target.name
                );
                found.push(Finding::new(what, "give the stage threads of its own, or link the two"));
            }
        }
    }
    found
}

// ---- layout

fn lay_out(pipeline: Pipeline, wires: &Wires) -> Graph {
    let components = order::components(&wires.next);
    let mut component_of = vec![0; pipeline.stages.len()];
    for (index, stages) in components.iter().enumerate() {
        stages.iter().for_each(|&stage| component_of[stage] = index);
    }
    let (domains, domain_of) = lay_domains(&pipeline, &components, &component_of);
    let reaches = order::reach(&wires.next);
    let sketch = lock(&pipeline.sketch);
    let edges: Vec<Arc<EdgeCore>> = sketch.edges.iter().map(|drawn| drawn.edge.clone()).collect();
    if !pipeline.answers.is_empty() {
        reach_answers(&sketch.edges, &reaches, pipeline.answers.len());
    }
    drop(sketch);
    let _ = pipeline.shared.wiring.set(Wiring {
        inboxes: pipeline.stages.iter().map(|stage| Arc::downgrade(&stage.inbox)).collect(),
        reaches,
        domain_of: domain_of.iter().map(|&domain| domain as u32).collect(),
        names: pipeline.stages.iter().map(|stage| stage.name.clone()).collect(),
    });
    let upstream_of = |index: usize| {
        let feeds = |from: &usize| wires.next[*from].iter().any(|&to| component_of[to] == index);
        let mut upstream: Vec<usize> = (0..component_of.len()).filter(feeds).map(|from| component_of[from]).collect();
        upstream.sort_unstable();
        upstream.dedup();
        upstream.retain(|&other| other != index);
        upstream
    };
    let upstream: Vec<Vec<usize>> = (0..components.len()).map(upstream_of).collect();
    let needs_pool = pipeline.stages.iter().any(|stage| stage.data_parallel);
    Graph {
        shared: pipeline.shared,
        edges,
        answers: pipeline.answers,
        components: components
            .into_iter()
            .zip(upstream)
            .map(|(stages, upstream)| Component { stages, upstream })
            .collect(),
        watchdog_ns: pipeline.watchdog_ns,
        needs_pool,
        stages: pipeline
            .stages
            .into_iter()
            .zip(&domain_of)
            .map(|(stage, &domain)| Node {
                places: first_places(&stage.placement, stage.is_source, &domains[domain]),
                name: stage.name,
                domain,
                activation: stage.activation,
                inbox: stage.inbox,
            })
            .collect(),
        domains,
    }
}

fn first_places(placement: &Placement, source: bool, domain: &DomainPlan) -> usize {
    let limit = match placement {
        Placement::Domain { limit: Some(limit), .. } => *limit,
        _ => domain.threads.min,
    };
    if source { 1 } else { limit.min(domain.threads.min) }
}

fn lay_domains(
    pipeline: &Pipeline,
    components: &[Vec<usize>],
    component_of: &[usize],
) -> (Vec<DomainPlan>, Vec<usize>) {
    let mut domains: Vec<DomainPlan> = pipeline
        .domains
        .iter()
        .map(|declared| DomainPlan {
            name: declared.name.clone(),
            own: false,
            caller_runs: declared.caller_runs,
            tasks: false,
            threads: declared.threads,
            stages: Vec::new(),
            spans: Vec::new(),
        })
        .collect();
    let mut domain_of = vec![0; pipeline.stages.len()];
    // Components come upstream first; a domain prefers what is downstream.
    for &stage in components.iter().rev().flatten() {
        let declared = &pipeline.stages[stage];
        domain_of[stage] = match declared.placement {
            Placement::Domain { domain, .. } => domain.index as usize,
            Placement::Own(threads) => {
                domains.push(own_domain(&declared.name, threads, false));
                domains.len() - 1
            }
            Placement::Tasks { limit } => {
                let shared = &pipeline.shared;
                // On virtual time each event on its way has a worker of its own, as none of them takes any.
                let runs = if shared.clock.is_virtual() { limit } else { pumps(shared, limit) };
                domains.push(own_domain(&declared.name, runs.into(), true));
                domains.len() - 1
            }
        };
        domains[domain_of[stage]].stages.push(stage);
    }
    for domain in &mut domains {
        let component = |bit: usize| component_of[domain.stages[bit]];
        let n = domain.stages.len();
        let span = |bit: usize| {
            let low = (0..=bit).rev().take_while(|&other| component(other) == component(bit)).last().unwrap_or(bit);
            let high = (bit..n).take_while(|&other| component(other) == component(bit)).last().unwrap_or(bit) + 1;
            (low as u32, high as u32)
        };
        domain.spans = (0..n).map(span).collect();
    }
    (domains, domain_of)
}

fn own_domain(name: &str, threads: Threads, tasks: bool) -> DomainPlan {
    let (stages, spans) = (Vec::new(), Vec::new());
    DomainPlan { name: name.to_string(), own: true, caller_runs: false, tasks, threads, stages, spans }
}

/// Tasks that take an async stage's events: no more than the runtime runs at once.
fn pumps(shared: &Shared, limit: usize) -> usize {
    shared.tasks.get().map_or(1, |runtime| runtime.workers()).clamp(1, PUMPS_MOST.min(limit))
}

/// Tells each edge which asks can still be answered behind it.
fn reach_answers(edges: &[crate::stage::outlet::EdgeSketch], reaches: &[Vec<bool>], asks: usize) {
    let answers_at = |ask: usize| edges.iter().filter(move |drawn| drawn.to == Target::Answer(ask as u32));
    for drawn in edges {
        let reachable = |ask: &usize| match drawn.to {
            Target::Answer(answer) => answer as usize == *ask,
            Target::Stage(to) => answers_at(*ask).any(|answer| {
                let from = answer.edge.from as usize;
                from == to as usize || reaches[to as usize][from]
            }),
        };
        let here: Vec<u32> = (0..asks).filter(reachable).map(|ask| ask as u32).collect();
        let _ = drawn.edge.asks.set(here.into());
    }
}

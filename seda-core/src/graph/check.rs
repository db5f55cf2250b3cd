//! What is checked before any thread or socket: all findings at once, each with its cure.

use std::{
    fmt,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use super::{
    Component, DomainPlan, Graph, Node, ThreadBudget, declare::Declared, knobs, link::open_ports, numbers, order,
    pipeline::Pipeline, shape::Shape, thread_budget::Share, whole::DeclaredDomain,
};
use crate::{
    admission::Behind,
    finding::{Finding, list},
    name,
    options::{Placement, QUEUE_MOST, TASKS_MOST, THREADS_MOST, Threads},
    settings::{
        keys::{ASYNC, OWN},
        table::Table,
    },
    stage::{
        book::WayOut,
        core::{EdgeCore, Shared, Wiring},
        outlet::Target,
    },
    sync::lock,
};

/// Most priority classes: the floors of those below the highest take less than half of the capacity.
const CLASSES_MOST: u8 = 10;
/// Tasks that take the events of one async stage. What they take and cannot end at once goes on by itself, so few will do.
pub(crate) const PUMPS_MOST: usize = 8;

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
        list(f, &format!("pipeline `{}` cannot start", self.pipeline), &self.findings)
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
fn of_stage(stage: &mut Declared) -> Vec<Finding> {
    let Declared { name: stage, options, keyed, data_parallel, .. } = stage;
    let mut found = Vec::new();
    let mut find = |what: String, cure: &str| found.push(Finding::new(format!("stage `{stage}`: {what}"), cure));
    for option in &options.twice {
        find(format!("`.{option}(..)` is given twice"), "give it once");
    }
    if let Placement::Own(threads) = options.placement
        && let Some((what, cure)) = of_threads(threads)
    {
        find(what, cure);
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
        && !(1 <= limit.min && limit.min <= limit.max && limit.max <= TASKS_MOST)
    {
        find(format!("a limit of {limit} events on their way"), "give 1 to 65536");
    }
    if let Placement::Domain { limit: Some(Threads { min: 0, .. }), .. } = options.placement {
        find("a limit of 0 workers would never run".into(), "give at least 1");
    }
    if options.queue_events == 0 || options.queue_events > QUEUE_MOST {
        find(format!("a queue bound of {} events", options.queue_events), "give 1 to 2^30 events");
    }
    if options.queue_bytes == Some(0) {
        find("a queue bound of 0 bytes".into(), "give the bytes that the queue may hold");
    }
    match options.batch_max {
        Threads { max: 0, .. } => find("a batch of at most 0 events".into(), "give at least 1"),
        Threads { min, max } if min == 0 || min > max => {
            find(format!("batches of {min}..={max} events"), "give the least first, 1 or more: `.batch_max(1..=64)`");
        }
        _ => {}
    }
    if options.classes == 0 {
        find("0 priority classes".into(), "give at least 1");
    }
    if options.classes > CLASSES_MOST {
        let (classes, floors) = (options.classes, 5 * (u32::from(options.classes) - 1));
        find(
            format!("{classes} priority classes, whose floors of 5 % each would be {floors} % of the capacity"),
            "give at most 10",
        );
    }
    if options.max_age.is_some_and(|age| age.is_zero()) {
        find("a time to live of zero lets nothing through".into(), "give a time above zero, or none");
    }
    if *keyed && *data_parallel {
        find(
            "`.keyed(..)` on a data-parallel handler, which works on one key's events at once".into(),
            "use a plain handler with `.threads(..)`",
        );
    }
    let policy = options.admission.get_mut().ok().and_then(|policy| policy.as_ref());
    if *keyed && policy.is_some_and(|policy| policy.order().is_some()) {
        find(
            "a policy that takes the newest first, on a keyed stage, whose events have an order".into(),
            "take another policy, such as `Slo`, or leave out `.keyed(..)`",
        );
    }
    if let Some(what) = policy.and_then(|policy| policy.check()) {
        find(what, "correct the policy's parameters");
    }
    found
}

/// What is wrong with a number of threads, and its cure.
fn of_threads(Threads { min, max }: Threads) -> Option<(String, &'static str)> {
    let what = if min == max { format!("{min} threads") } else { format!("{min}..={max} threads") };
    if min > max {
        return Some((what, "give the least first: `.threads(2..=8)`"));
    }
    if min == 0 {
        return Some((what, "give at least 1"));
    }
    (max > THREADS_MOST).then_some((what, "give at most 1024"))
}

/// Checks everything, then lays the graph out for a driver.
pub(super) fn plan(mut pipeline: Pipeline) -> Result<Graph, StartError> {
    let shape = Shape::of(&pipeline);
    let mut findings = std::mem::take(&mut pipeline.findings);
    let (table, of_settings) = numbers::table(&pipeline);
    findings.extend(of_settings);
    // One that configuration takes the last stage from simply has no threads.
    let in_code = domains_in_use(&pipeline);
    numbers::write_back(&mut pipeline, &table);
    findings.extend(pipeline.stages.iter_mut().flat_map(of_stage));
    findings.extend(of_names(&pipeline, &in_code));
    findings.extend(of_ports(&pipeline));
    findings.extend(of_futures(&pipeline));
    findings.extend(of_answers(&pipeline));
    findings.extend(shape.check(&numbers::manners(&pipeline)));
    findings.extend(knobs::check(&pipeline, &table));
    if cfg!(panic = "abort") {
        findings.push(Finding::new(
            "this program is built with `panic = \"abort\"`, so a panic in one handler would end the process",
            "remove it from the profile in Cargo.toml",
        ));
    }
    if !findings.is_empty() {
        return Err(StartError { pipeline: pipeline.shared.name.clone(), findings });
    }
    numbers::set_up(&mut pipeline, &table);
    let manners = numbers::manners(&pipeline);
    for (at, stage) in pipeline.stages.iter().enumerate() {
        stage.activation.inbox.pause_sources(shape.is_fed_by_sources(at, &manners));
    }
    drop(manners);
    let budget = pipeline.thread_budget.take();
    let mut graph = lay_out(pipeline, shape, table);
    take_threads(&mut graph, budget)?;
    graph.spread_objectives();
    knobs::tell_of_ranges(&graph);
    start_handlers(graph)
}

/// Its least, from the budget of the process.
fn take_threads(graph: &mut Graph, budget: Option<ThreadBudget>) -> Result<(), StartError> {
    let least = graph.domains.iter().filter(|plan| !plan.tasks).map(|plan| plan.threads.min).sum();
    let most = budget.as_ref().map_or(0, ThreadBudget::most);
    match Share::begin(budget, least, &graph.shared) {
        Ok(share) => graph.share = share,
        Err(left) => {
            let what = format!(
                "stages and domains have {least} threads at least, and of the budget of {most} threads {left} are left"
            );
            let cure = "declare fewer, let stages share a domain, or make the budget larger";
            let findings = vec![Finding::new(what, cure)];
            return Err(StartError { pipeline: graph.shared.name.clone(), findings });
        }
    }
    Ok(())
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

fn of_names(pipeline: &Pipeline, in_code: &[bool]) -> Vec<Finding> {
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
        if kind == "domain" && (name == OWN || name == ASYNC) {
            found.push(Finding::new(
                format!("a domain is named `{name}`, which in configuration stands for a place of another kind"),
                "give it another name",
            ));
        }
        if seen.contains(&name.as_str()) {
            found.push(Finding::new(format!("two stages or domains are named `{name}`"), "give each its own name"));
        }
        seen.push(name);
    }
    let in_use = domains_in_use(pipeline);
    for (index, DeclaredDomain { name, threads, .. }) in pipeline.domains.iter().enumerate() {
        if let Some((what, cure)) = of_threads(*threads) {
            found.push(Finding::new(format!("domain `{name}`: {what}"), cure));
        }
        if !in_code[index] && !in_use[index] {
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

/// Which of the declared domains run a stage.
fn domains_in_use(pipeline: &Pipeline) -> Vec<bool> {
    let mut in_use = vec![false; pipeline.domains.len()];
    for stage in &pipeline.stages {
        if let Placement::Domain { domain, .. } = stage.options.placement {
            in_use[domain.index as usize] = true;
        }
    }
    in_use
}

/// A stage whose value is a future runs nothing: it was given an `async fn` as if that were a function.
fn of_futures(pipeline: &Pipeline) -> Vec<Finding> {
    let sketch = lock(&pipeline.sketch);
    // What the compiler calls the future of an `async fn` or block, and a closure; neither can be named as an event.
    let futures = sketch.ports.iter().filter(|port| port.event.ends_with("{{closure}}"));
    let found = futures.map(|port| {
        let what = format!("`{}` gives a future, which nobody awaits: {}", port.name, port.event);
        Finding::new(what, "an async handler is a `task`: `p.stage(\"name\", task(handler))`")
    });
    found.collect()
}

/// An ask that nothing answers would let every asker wait in vain.
fn of_answers(pipeline: &Pipeline) -> Vec<Finding> {
    let sketch = lock(&pipeline.sketch);
    let answered = |ask: usize| sketch.edges.iter().any(|drawn| drawn.to == Target::Answer(ask as u32));
    let open = pipeline.answers.iter().enumerate().filter(|(ask, _)| !answered(*ask));
    let found = open.map(|(_, (name, _))| {
        Finding::new(
            format!("nothing leads to `{name}`, so no ask would be answered"),
            "link it: `p.link(outlet, answer)`",
        )
    });
    found.collect()
}

fn of_ports(pipeline: &Pipeline) -> Option<Finding> {
    let open = open_ports(&pipeline.sketch);
    let what = format!("{} open port{}: {}", open.len(), if open.len() == 1 { "" } else { "s" }, open.join("; "));
    (!open.is_empty()).then(|| Finding::new(what, "link each, or end it: `p.end(\"name\", outlet, drop)`"))
}

// ---- layout

/// A stage with an objective looks at those behind it: what they have no time for is better shed here.
fn show_the_way(pipeline: &Pipeline, reaches: &[Vec<bool>], components: &[Vec<usize>], domain_of: &[usize]) {
    let books = |stage: usize| &pipeline.stages[stage].activation.inbox;
    let tell_kinds: Vec<usize> = (0..pipeline.stages.len()).filter(|&stage| books(stage).tells_kinds()).collect();
    for from in 0..pipeline.stages.len() {
        let told_by = tell_kinds.iter().filter(|&&by| by == from || reaches[by][from]).map(|&by| by as u32);
        let mut told_by = told_by.peekable();
        if told_by.peek().is_some() {
            books(from).core.gauge.tell_apart(told_by);
        }
        // What waits at one that leads back here may wait for this very stage: it would never let go.
        let leads_on = |&to: &usize| reaches[from][to] && !reaches[to][from];
        let stages: Vec<usize> = components.iter().flatten().copied().filter(leads_on).collect();
        let behind = stages.iter().map(|&to| Behind {
            gauge: books(to).core.gauge.clone(),
            domain: domain_of[to] as u32,
            after: (0..stages.len()).filter(|&at| stages[at] != to && reaches[stages[at]][to]).collect(),
        });
        books(from).lead_to(WayOut {
            own: books(from).core.gauge.clone(),
            domain: domain_of[from] as u32,
            behind: behind.collect(),
            tells_kinds: tell_kinds.contains(&from).then_some(from as u32),
        });
    }
}

fn lay_out(pipeline: Pipeline, shape: Shape, table: Table) -> Graph {
    let next = shape.next();
    let components = order::components(&next);
    let mut component_of = vec![0; pipeline.stages.len()];
    for (index, stages) in components.iter().enumerate() {
        stages.iter().for_each(|&stage| component_of[stage] = index);
    }
    let (domains, domain_of) = lay_domains(&pipeline, &components, &component_of);
    let reaches = order::reach(&next);
    show_the_way(&pipeline, &reaches, &components, &domain_of);
    for stage in domains.iter().filter(|domain| domain.stages.len() > 1).flat_map(|domain| &domain.stages) {
        pipeline.stages[*stage].activation.inbox.share_threads();
    }
    let sketch = lock(&pipeline.sketch);
    let edges: Vec<Arc<EdgeCore>> = sketch.edges.iter().map(|drawn| drawn.edge.clone()).collect();
    if !pipeline.answers.is_empty() {
        reach_answers(&sketch.edges, &reaches, pipeline.answers.len());
    }
    drop(sketch);
    let _ = pipeline.shared.wiring.set(Wiring {
        inboxes: pipeline.stages.iter().map(|stage| Arc::downgrade(&stage.activation.inbox)).collect(),
        reaches,
        domain_of: domain_of.iter().map(|&domain| domain as u32).collect(),
        names: pipeline.stages.iter().map(|stage| stage.name.clone()).collect(),
    });
    let upstream_of = |index: usize| {
        let feeds = |from: &usize| next[*from].iter().any(|&to| component_of[to] == index);
        let mut upstream: Vec<usize> = (0..component_of.len()).filter(feeds).map(|from| component_of[from]).collect();
        upstream.sort_unstable();
        upstream.dedup();
        upstream.retain(|&other| other != index);
        upstream
    };
    let upstream: Vec<Vec<usize>> = (0..components.len()).map(upstream_of).collect();
    let drawing = pipeline.graph();
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
        table: Mutex::new(table),
        changes: AtomicU64::new(0),
        controllers: Mutex::new(pipeline.controllers),
        decisions: Mutex::default(),
        shape,
        share: Share::default(),
        needs_pool,
        drawing,
        stages: pipeline
            .stages
            .into_iter()
            .zip(&domain_of)
            .map(|(stage, &domain)| Node {
                places: first_places(&stage.options.placement, stage.is_source, &domains[domain]),
                name: stage.name,
                domain,
                weighs: stage.weighs,
                is_source: stage.is_source,
                activation: stage.activation,
            })
            .collect(),
        domains,
    }
}

fn first_places(placement: &Placement, source: bool, domain: &DomainPlan) -> usize {
    let limit = match placement {
        Placement::Domain { limit: Some(limit), .. } => limit.min,
        _ => domain.threads.min,
    };
    if source { 1 } else { limit.min(domain.threads.min) }
}

fn lay_domains(
    pipeline: &Pipeline,
    components: &[Vec<usize>],
    component_of: &[usize],
) -> (Vec<DomainPlan>, Vec<usize>) {
    let in_use = domains_in_use(pipeline);
    let mut domains: Vec<DomainPlan> = Vec::new();
    let mut index_of = vec![0; pipeline.domains.len()];
    for (index, declared) in pipeline.domains.iter().enumerate().filter(|(index, _)| in_use[*index]) {
        index_of[index] = domains.len();
        domains.push(DomainPlan {
            name: declared.name.clone(),
            own: false,
            caller_runs: declared.caller_runs,
            tasks: false,
            threads: declared.threads,
            stages: Vec::new(),
            spans: Vec::new(),
        });
    }
    let mut domain_of = vec![0; pipeline.stages.len()];
    // Components come upstream first; a domain prefers what is downstream.
    for &stage in components.iter().rev().flatten() {
        let declared = &pipeline.stages[stage];
        domain_of[stage] = match declared.options.placement {
            Placement::Domain { domain, .. } => index_of[domain.index as usize],
            Placement::Own(threads) => {
                domains.push(own_domain(&declared.name, threads, false));
                domains.len() - 1
            }
            Placement::Tasks { limit } => {
                let shared = &pipeline.shared;
                // On virtual time each event on its way has a worker of its own, as none of them takes any.
                let runs = if shared.clock.is_virtual() { limit.max } else { pumps(shared, limit.max) };
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

//! The numbers of a pipeline before its start: what the code says, then what configuration says, checked together and
//! written to where they are used.

use super::{
    check::PUMPS_MOST,
    declare::Declared,
    fits, objective,
    pipeline::Pipeline,
    shape::Manner,
    whole::{PUBLISH_EVERY, WATCHDOG},
};
use crate::{
    admission::{Admission, IN_CODE, Need, Numbers, SLO, WRAPPERS, known},
    clock::ns,
    control::DEMAND,
    finding::Finding,
    options::{DomainId, Placement, StageOptions, Threads, WhenFull},
    settings::{
        Names, Origin, Place,
        keys::{ASYNC, Knob, OWN},
        table::{Row, Rows, Table},
        value::Value,
    },
};

/// The keys of what policies need.
pub(super) const NEEDS: [(Knob, Need); 4] =
    [(Knob::Slo, Need::Slo), (Knob::Rate, Need::Rate), (Knob::Burst, Need::Burst), (Knob::Concurrency, Need::Events)];
/// The keys of what stands around them, in the order of [`WRAPPERS`].
pub(super) const AROUND: [Knob; WRAPPERS.len()] = [Knob::Deadline, Knob::Fair, Knob::Priority, Knob::Defer];

/// All names.
pub(super) fn names(pipeline: &Pipeline) -> Names {
    Names {
        pipeline: pipeline.shared.name.clone(),
        domains: pipeline.domains.iter().map(|domain| domain.name.clone()).collect(),
        stages: pipeline.stages.iter().map(|stage| stage.name.clone()).collect(),
    }
}

/// The value of every key as the code alone has it, for what looks at a pipeline before its configuration is mended.
pub(crate) fn table_of_code(pipeline: &Pipeline) -> Table {
    let mut table = of_code(pipeline, &names(pipeline));
    objective::inherit(pipeline, &mut table);
    table
}

/// The value of every key as the pipeline stands, and what is wrong with those that configuration set.
pub(crate) fn table(pipeline: &Pipeline) -> (Table, Vec<Finding>) {
    let names = names(pipeline);
    let mut table = of_code(pipeline, &names);
    let mut findings = Vec::new();
    for configured in &pipeline.configured {
        findings.extend(table.apply(&configured.settings(&names)).1);
    }
    table.stages.iter_mut().for_each(objective_is_policy);
    objective::inherit(pipeline, &mut table);
    findings.extend(
        [Knob::Trace, Knob::PublishEvery].into_iter().filter_map(|knob| fits::of_feature(&table.pipeline, knob)),
    );
    for (stage, rows) in pipeline.stages.iter().zip(&table.stages) {
        findings.extend(fits::of_place(stage, rows, &names));
        findings.extend(fits::of_policy(rows));
        findings.extend(fits::of_tenants(stage, rows));
    }
    for at in 0..table.stages.len() {
        let limit = limit_range(&table, at);
        let rows = &mut table.stages[at];
        rows.row_mut(Knob::Limit).range = limit;
        begin_at_least(rows.row_mut(Knob::Threads));
        begin_at_least(rows.row_mut(Knob::Limit));
        let batch = rows.row_mut(Knob::BatchMax);
        begin_at_least(batch);
        // Any other can be set later.
        batch.range = None;
    }
    table.domains.iter_mut().for_each(|rows| begin_at_least(rows.row_mut(Knob::DomainThreads)));
    (table, findings)
}

/// An objective that is configured by itself is a policy: the one that needs nothing else.
fn objective_is_policy(rows: &mut Rows) {
    let objective = rows.row(Knob::Slo).clone();
    let has_one = rows.word(Knob::Policy).is_some_and(|name| needs(name, Need::Slo));
    if objective.configured && objective.value != Value::None && !rows.is_configured(Knob::Policy) && !has_one {
        let policy = rows.row_mut(Knob::Policy);
        policy.value = word(SLO);
        (policy.origin, policy.excerpt) = (objective.origin, objective.excerpt);
        policy.configured = true;
    }
}

/// A range begins at its least, and is the range from then on.
fn begin_at_least(row: &mut Row) {
    if let Value::Threads(threads) = row.value {
        row.range = row.range.or(Some(threads));
        row.held = (threads.min < threads.max).then_some(threads.min);
    }
}

/// Without a limit of its own, a stage may be given any up to the threads of its domain, or what an async one has by
/// default.
fn limit_range(table: &Table, stage: usize) -> Option<Threads> {
    let rows = &table.stages[stage];
    let row = rows.row(Knob::Limit);
    match row.value {
        Value::Threads(threads) if row.origin == Origin::Default => return Some(Threads { min: 1, max: threads.max }),
        Value::None => {}
        _ => return None,
    }
    let domain = table.domains.iter().find(|domain| Some(domain.name()) == rows.word(Knob::Domain))?;
    domain.threads(Knob::DomainThreads).map(|threads| Threads { min: 1, max: threads.max })
}

fn of_code(pipeline: &Pipeline, names: &Names) -> Table {
    let mut table = Table::new(names);
    let own = &pipeline.numbers;
    let budget = own.byte_budget.map_or(Value::None, Value::Bytes);
    table.pipeline.code(Knob::ByteBudget, budget, own.byte_budget.is_some());
    table.pipeline.code(Knob::Watchdog, Value::Time(own.watchdog.unwrap_or(WATCHDOG)), own.watchdog.is_some());
    table.pipeline.code(Knob::Metrics, Value::Flag(own.metrics.unwrap_or(true)), own.metrics.is_some());
    let every = own.publish_every.unwrap_or(PUBLISH_EVERY);
    let every = if every.is_zero() { Value::None } else { Value::Time(every) };
    table.pipeline.code(Knob::PublishEvery, every, own.publish_every.is_some());
    // A share out of bounds, as code may give, is the nearest that is within.
    let share = own.trace.unwrap_or_default().clamp(0.0, 1.0);
    table.pipeline.code(Knob::Trace, Value::Rate(share), own.trace.is_some());
    let control = own.control.unwrap_or_default();
    table.pipeline.code(Knob::Control, word(control.word()), own.control.is_some());
    let most = own.threads_max.map_or(Value::None, |most| Value::Count(most as u64));
    table.pipeline.code(Knob::ThreadsMax, most, own.threads_max.is_some());
    table.pipeline.code(Knob::PipelineSlo, own.slo.map_or(Value::None, Value::Time), own.slo.is_some());
    for rows in table.domains.iter_mut().chain(&mut table.stages) {
        turned_in_code(pipeline, rows);
    }
    for (rows, domain) in table.domains.iter_mut().zip(&pipeline.domains) {
        rows.code(Knob::DomainThreads, Value::Threads(domain.threads), true);
        rows.code(Knob::CallerRuns, Value::Flag(domain.caller_runs), domain.caller_runs);
    }
    for (rows, stage) in table.stages.iter_mut().zip(&pipeline.stages) {
        stage_in_code(rows, stage, names);
    }
    table
}

/// Who turns the threads, or the limit, of a place.
fn turned_in_code(pipeline: &Pipeline, rows: &mut Rows) {
    let (knobs, knob): (&[Knob], _) = match rows.place {
        Place::Domain(_) => (&[Knob::DomainThreads], Knob::DomainController),
        _ => (&[Knob::Threads, Knob::Limit], Knob::StageController),
    };
    let own = knobs.iter().any(|&knob| pipeline.controllers.iter().any(|(key, _)| *key == rows.path(knob)));
    rows.code(knob, word(if own { IN_CODE } else { DEMAND }), own);
}

fn stage_in_code(rows: &mut Rows, stage: &Declared, names: &Names) {
    rows.keyed = stage.keyed;
    let options = &stage.options;
    let (domain, threads, limit) = match options.placement {
        Placement::Own(threads) => (None, threads, None),
        Placement::Domain { domain, limit } => {
            (names.domains.get(domain.index as usize).map(String::as_str), 1.into(), limit)
        }
        Placement::Tasks { limit } => (Some(ASYNC), 1.into(), Some(limit)),
    };
    rows.code(Knob::Domain, word(domain.unwrap_or(OWN)), domain.is_some());
    rows.code(Knob::Threads, Value::Threads(threads), domain.is_none() && options.was_given("threads"));
    rows.code(Knob::Limit, limit.map_or(Value::None, Value::Threads), options.was_given("limit"));
    rows.code(Knob::QueueEvents, Value::Count(options.queue_events as u64), options.was_given("queue"));
    rows.code(Knob::QueueBytes, options.queue_bytes.map_or(Value::None, Value::Bytes), options.queue_bytes.is_some());
    rows.code(Knob::MaxAge, options.max_age.map_or(Value::None, Value::Time), options.max_age.is_some());
    rows.code(Knob::WhenFull, word(&options.when_full.to_string()), options.was_given("when_full"));
    rows.code(Knob::BatchMax, Value::Threads(options.batch_max), options.was_given("batch_max"));
    policy_in_code(rows, options.policy);
}

fn policy_in_code(rows: &mut Rows, of: Numbers) {
    AROUND.iter().for_each(|&knob| rows.code(knob, Value::Flag(false), false));
    let Some(name) = of.policy else { return };
    rows.code(Knob::Policy, word(name), true);
    let count = |n: Option<usize>| n.map(|n| Value::Count(n as u64));
    let numbers = [
        (Knob::Slo, of.slo.map(Value::Time)),
        (Knob::Rate, of.rate.map(Value::Rate)),
        (Knob::Burst, count(of.burst)),
        (Knob::Concurrency, count(of.events)),
    ];
    for (knob, value) in numbers {
        value.into_iter().for_each(|value| rows.code(knob, value, true));
    }
}

fn word(text: &str) -> Value {
    Value::Word(text.to_string())
}

/// The policy that the values say.
pub(super) fn policy(rows: &Rows) -> Numbers {
    let Some(name) = rows.word(Knob::Policy) else { return Numbers::default() };
    let known = known(name);
    let needs = |need| known.is_some_and(|known| known.needs.contains(&need));
    Numbers {
        policy: Some(known.map_or(IN_CODE, |known| known.name)),
        slo: rows.time(Knob::Slo).filter(|_| needs(Need::Slo)),
        rate: rows.rate(Knob::Rate).filter(|_| needs(Need::Rate)),
        burst: rows.count(Knob::Burst).filter(|_| needs(Need::Burst)),
        events: rows.count(Knob::Concurrency).filter(|_| needs(Need::Events)),
        wrapped: AROUND.map(|knob| rows.flag(knob)),
    }
}

fn needs(name: &str, need: Need) -> bool {
    known(name).is_some_and(|known| known.needs.contains(&need))
}

pub(crate) fn when_full(rows: &Rows) -> WhenFull {
    let all = [WhenFull::Block, WhenFull::Reject, WhenFull::DropNewest, WhenFull::DropOldest];
    let said = rows.word(Knob::WhenFull);
    all.into_iter().find(|policy| said == Some(&*policy.to_string())).unwrap_or_default()
}

/// Where a stage runs, from where its code puts it.
pub(crate) fn placement(code: Placement, rows: &Rows, table: &Table, pipeline: u32) -> Placement {
    let named = |name: &str| table.domains.iter().position(|rows| rows.name() == name);
    match (code, rows.word(Knob::Domain).and_then(named)) {
        (Placement::Tasks { limit }, _) => Placement::Tasks { limit: rows.threads(Knob::Limit).unwrap_or(limit) },
        (_, Some(index)) => {
            Placement::Domain { domain: DomainId { pipeline, index: index as u32 }, limit: rows.threads(Knob::Limit) }
        }
        (_, None) => Placement::Own(rows.threads(Knob::Threads).unwrap_or(1.into())),
    }
}

/// Gives the declarations the numbers of the table.
pub(super) fn write_back(pipeline: &mut Pipeline, table: &Table) {
    for (domain, rows) in pipeline.domains.iter_mut().zip(&table.domains) {
        domain.threads = rows.threads(Knob::DomainThreads).unwrap_or(domain.threads);
        domain.caller_runs = rows.flag(Knob::CallerRuns);
    }
    let id = pipeline.shared.id;
    for (stage, rows) in pipeline.stages.iter_mut().zip(&table.stages) {
        let options = &mut stage.options;
        options.placement = placement(options.placement, rows, table, id);
        options.queue_events = rows.count(Knob::QueueEvents).unwrap_or(options.queue_events);
        options.queue_bytes = rows.bytes(Knob::QueueBytes);
        options.max_age = rows.time(Knob::MaxAge);
        options.when_full = when_full(rows);
        options.batch_max = rows.threads(Knob::BatchMax).unwrap_or(options.batch_max);
        let numbers = policy(rows);
        if numbers != options.policy {
            // What is put around a policy that stands in code is put around that.
            let own = (numbers.bare() == options.policy).then(|| options.take_admission()).flatten();
            options.policy = numbers;
            options.admission = std::sync::Mutex::new(numbers.policy(own));
        }
    }
}

/// Of its policy, also where that is in a wrapper.
fn of_policy(options: &StageOptions, is: impl Fn(&dyn Admission) -> bool) -> bool {
    options.admission.lock().is_ok_and(|policy| policy.as_ref().is_some_and(|policy| is(&**policy)))
}

/// What the checks of the wiring need of each stage.
pub(super) fn manners(pipeline: &Pipeline) -> Vec<Manner<'_>> {
    let manners = pipeline.stages.iter().map(|stage| Manner {
        name: &stage.name,
        when_full: stage.options.when_full,
        has_policy: stage.options.policy.policy.is_some(),
        has_objective: of_policy(&stage.options, |policy| policy.objective_ns().is_some()),
        defers: of_policy(&stage.options, |policy| policy.defers()),
        is_source: stage.is_source,
        domain: match stage.options.placement {
            Placement::Domain { domain, .. } => Some(domain.index as usize),
            Placement::Own(_) | Placement::Tasks { .. } => None,
        },
    });
    manners.collect()
}

/// All checks are passed: the numbers go to where they are used.
pub(super) fn set_up(pipeline: &mut Pipeline, table: &Table) {
    let shared = pipeline.shared.clone();
    shared.measure(table.pipeline.flag(Knob::Metrics));
    shared.watch(table.pipeline.time(Knob::Watchdog).map_or(u64::MAX, ns));
    shared.trace(table.pipeline.rate(Knob::Trace).unwrap_or_default());
    shared.publish_every(table.pipeline.time(Knob::PublishEvery));
    if let Some(bytes) = table.pipeline.bytes(Knob::ByteBudget) {
        shared.budget.keep(bytes);
    }
    for at in 0..pipeline.stages.len() {
        let (most, first) = places(pipeline, at);
        let stage = &mut pipeline.stages[at];
        stage.activation.set_up(&mut stage.options, most, first);
    }
}

/// Most places for workers that a stage can ever have, and how many it has at first.
fn places(pipeline: &Pipeline, stage: usize) -> (usize, usize) {
    let stage = &pipeline.stages[stage];
    let (most, first) = match stage.options.placement {
        Placement::Own(threads) => (threads.max, threads.min),
        Placement::Tasks { limit } => (limit.max + PUMPS_MOST, limit.min),
        Placement::Domain { domain, limit } => {
            let threads = pipeline.domains[domain.index as usize].threads.max;
            let limit = limit.unwrap_or(threads.into());
            (limit.max.min(threads), limit.min.min(threads))
        }
    };
    // A source has one state.
    if stage.is_source { (1, 1) } else { (most, first) }
}

/// A controller without a range to turn.
fn of_controller(rows: &Rows) -> Option<String> {
    let knobs = [Knob::Threads, Knob::Limit, Knob::DomainThreads];
    let turns = rows.rows.iter().any(|row| knobs.contains(&row.key.knob) && row.held.is_some());
    (!turns).then(|| "has no effect while there is no range for it to turn".to_string())
}

/// What there is to know about a value beside the value.
pub(crate) fn note(rows: &Rows, row: &Row) -> Option<String> {
    if row.inherited {
        return objective::note(rows, row.key.knob);
    }
    let domain = rows.word_if_any(Knob::Domain).filter(|domain| *domain != OWN);
    match (row.key.knob, domain) {
        (Knob::StageController | Knob::DomainController, _) => return of_controller(rows),
        (Knob::Threads, Some(ASYNC)) => {
            return Some("has no effect: an async stage runs on the host's runtime".to_string());
        }
        (Knob::Threads, Some(domain)) => {
            return Some(format!("has no effect: the stage runs on the threads of the domain `{domain}`"));
        }
        (Knob::Limit, None) => return Some("has no effect: the stage has threads of its own".to_string()),
        _ => {}
    }
    let range = match (row.held, row.range) {
        (Some(held), _) => Some(format!("{held} now; its controller turns it within {}", row.value)),
        (None, Some(range)) if range.min < range.max => Some(format!("a live change can set it within {range}")),
        _ => None,
    };
    let keyed = rows.keyed && matches!(row.key.knob, Knob::Threads | Knob::Limit);
    let keyed = keyed.then(|| "events of one key go one after the other all the same".to_string());
    let both: Vec<String> = range.into_iter().chain(keyed).collect();
    (!both.is_empty()).then(|| both.join("; "))
}

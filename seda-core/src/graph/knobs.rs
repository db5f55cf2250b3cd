//! The knobs that were given a range, as controllers see and turn them.

use std::sync::atomic::Ordering;

use super::{Graph, live::number, pipeline::Pipeline, thread_budget::Share};
use crate::{
    control::{Control, Which},
    finding::Finding,
    options::{Placement, Threads},
    settings::{
        keys::{ASYNC, Knob, OWN},
        near::did_you_mean,
        table::{Row, Rows, Spot, Table},
    },
    sync::lock,
};

/// One of them, as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    spot: Spot,
    knob: Knob,
    /// In full: `stage.price.threads`.
    pub(crate) key: String,
    /// The stage or domain.
    pub(crate) name: String,
    pub(crate) what: &'static str,
    pub(crate) value: usize,
    pub(crate) range: Threads,
    pub(crate) control: Control,
    pub(crate) which: Which,
    /// The stage, or those of the domain.
    pub(crate) stages: Vec<usize>,
    /// Whose threads it is.
    pub(crate) domain: Option<usize>,
    /// Live changes that had been made when it was looked at.
    as_of: u64,
}

const KNOBS: [(Knob, &str); 4] = [
    (Knob::Threads, "threads"),
    (Knob::DomainThreads, "threads"),
    (Knob::Limit, "limit"),
    (Knob::BatchMax, "batch_max"),
];

impl Graph {
    /// All of them, in the order of their declaration.
    pub(crate) fn held(&self) -> Vec<Held> {
        let table = lock(&self.table);
        let domains = table.domains.iter().enumerate().map(|(at, rows)| (Spot::Domain(at), rows));
        let stages = table.stages.iter().enumerate().map(|(at, rows)| (Spot::Stage(at), rows));
        let all = domains.chain(stages);
        let all = all.flat_map(|(spot, rows)| rows.rows.iter().map(move |row| (spot, rows, row)));
        all.filter_map(|(spot, rows, row)| self.one(&table, spot, rows, row)).collect()
    }

    fn one(&self, table: &Table, spot: Spot, rows: &Rows, row: &Row) -> Option<Held> {
        let knob = row.key.knob;
        let (_, what) = *KNOBS.iter().find(|(other, _)| *other == knob)?;
        let (value, mut range) = (row.held?, rows.threads(knob)?);
        let domain = rows.word_if_any(Knob::Domain).filter(|domain| *domain != OWN);
        let (stages, threads_of) = match (spot, knob, domain) {
            (Spot::Domain(_), ..) => {
                let at = self.domains.iter().position(|plan| !plan.own && plan.name == rows.name())?;
                range.max = range.max.min(places(self, table, at)).max(range.min);
                (self.domains[at].stages.clone(), Some(at))
            }
            (Spot::Stage(stage), Knob::Threads, None) => (vec![stage], Some(self.stages[stage].domain)),
            (Spot::Stage(stage), Knob::Limit, Some(domain)) if !self.stages[stage].is_source => {
                let most = self.domains[self.stages[stage].domain].threads.max;
                range.max = if domain == ASYNC { range.max } else { range.max.min(most).max(range.min) };
                (vec![stage], None)
            }
            (Spot::Stage(stage), Knob::BatchMax, _) if !self.is_alone(stage) => (vec![stage], None),
            _ => return None,
        };
        let (control, which) = (control(table, rows), which(rows, knob));
        let (key, name) = (rows.path(knob), rows.name().to_string());
        let as_of = self.changes.load(Ordering::Relaxed);
        Some(Held { spot, knob, key, name, what, value, range, control, which, stages, domain: threads_of, as_of })
    }

    /// On virtual time, each event of an async stage has a place of its own.
    pub(super) fn is_alone(&self, stage: usize) -> bool {
        self.shared.clock.is_virtual() && self.domains[self.stages[stage].domain].tasks
    }

    /// Most threads that controllers give in all.
    pub(crate) fn threads_max(&self) -> Option<usize> {
        lock(&self.table).pipeline.count(Knob::ThreadsMax)
    }

    /// Turns one; false where a live change came since it was looked at: a number may have taken it away, another range may
    /// hold, and threads may have been added that the ceiling was not reckoned with.
    pub(crate) fn adjust(
        &self,
        held: &Held,
        to: usize,
        resize: impl FnOnce(usize, usize) -> std::io::Result<()>,
    ) -> std::io::Result<bool> {
        let mut table = lock(&self.table);
        // Changes are counted under this lock.
        if self.changes.load(Ordering::Relaxed) != held.as_of {
            return Ok(false);
        }
        if let Some(domain) = held.domain {
            resize(domain, to)?;
        }
        table.rows_mut(held.spot).row_mut(held.knob).held = Some(to);
        self.turn(&table, held.spot, held.knob);
        Ok(true)
    }
}

/// Whether controllers turn what is of this place.
fn control(table: &Table, rows: &Rows) -> Control {
    let own = rows.word_if_any(Knob::StageControl).or(rows.word_if_any(Knob::DomainControl));
    own.or(table.pipeline.word(Knob::Control)).and_then(Control::read).unwrap_or_default()
}

/// Who turns it.
fn which(rows: &Rows, knob: Knob) -> Which {
    match knob {
        Knob::BatchMax => Which::BatchCost,
        _ => Which::read(rows.word_if_any(Knob::StageController).or(rows.word_if_any(Knob::DomainController))),
    }
}

/// Most workers that the stages of a domain can ever take at once.
fn places(graph: &Graph, table: &Table, domain: usize) -> usize {
    let of = |&stage: &usize| {
        let limit = table.stages[stage].threads(Knob::Limit).map_or(usize::MAX, |limit| limit.max);
        if graph.stages[stage].is_source { 1 } else { limit }
    };
    graph.domains[domain].stages.iter().map(of).fold(0, usize::saturating_add)
}

/// Says which ranges of threads reach beyond what can ever be used.
pub(super) fn tell_of_ranges(graph: &Graph) {
    let table = lock(&graph.table);
    for (at, plan) in graph.domains.iter().enumerate().filter(|(_, plan)| !plan.own && !plan.tasks) {
        let (most, range) = (places(graph, &table, at), plan.threads);
        if range.min < range.max && most < range.max {
            let (domain, pipeline) = (&plan.name, &graph.shared.name);
            tracing::warn!(%pipeline, %domain, %range, most, "a range of threads beyond what the stages' limits let be used");
        }
    }
}

/// What is wrong with ranges, ceiling and controllers, before the start.
pub(super) fn check(pipeline: &Pipeline, table: &Table) -> Vec<Finding> {
    let mut found: Vec<_> = of_ceiling(pipeline, table).into_iter().collect();
    for stage in pipeline.stages.iter().filter(|stage| stage.is_source) {
        let Threads { min, max } = stage.options.batch_max;
        if min < max {
            let what = format!(
                "stage `{}`: batches of {min}..{max} events for a source, before which nothing waits",
                stage.name
            );
            found.push(Finding::new(what, format!("give a number: `.batch_max({max})`")));
        }
    }
    let stages =
        table.stages.iter().flat_map(|rows| [Knob::Threads, Knob::Limit, Knob::BatchMax].map(|knob| rows.path(knob)));
    let domains = table.domains.iter().map(|rows| rows.path(Knob::DomainThreads));
    let keys: Vec<String> = stages.chain(domains).collect();
    for (at, (key, _)) in pipeline.controllers.iter().enumerate() {
        if !keys.contains(key) {
            let what = format!("there is no knob `{key}` for a controller to turn");
            found.push(Finding::new(what, did_you_mean(key, "knobs", keys.iter().map(String::as_str))));
        }
        if pipeline.controllers[..at].iter().any(|(other, _)| other == key) {
            found.push(Finding::new(format!("two controllers are given for `{key}`"), "give one"));
        }
    }
    found
}

/// The ceiling is at least what is declared.
fn of_ceiling(pipeline: &Pipeline, table: &Table) -> Option<Finding> {
    let most = table.pipeline.count(Knob::ThreadsMax)?;
    let own = pipeline.stages.iter().filter_map(|stage| match stage.options.placement {
        Placement::Own(threads) => Some(threads.min),
        _ => None,
    });
    let least = own.chain(pipeline.domains.iter().map(|domain| domain.threads.min)).fold(0, usize::saturating_add);
    (least > most).then(|| {
        let what = format!("stages and domains have {least} threads at least");
        table.pipeline.finding(Knob::ThreadsMax, &what, &format!("allow {least} or more, or let stages share a domain"))
    })
}

/// A live change that the budget of the process has too few threads for.
pub(super) fn of_budget(share: &Share, more: usize) -> Finding {
    let (most, left) = (share.most().unwrap_or(0), share.left());
    let what = format!("{more} more threads are asked for, and of the budget of {most} threads {left} are left");
    Finding::new(what, "give fewer, or fewer to others first")
}

/// The same while it runs, by what stands.
pub(super) fn of_live_ceiling(graph: &Graph, next: &Table) -> Option<Finding> {
    let most = next.pipeline.count(Knob::ThreadsMax)?;
    let of = |rows: &Rows, knob| number(rows.row(knob));
    let own = graph
        .domains
        .iter()
        .filter(|plan| plan.own && !plan.tasks)
        .map(|plan| of(&next.stages[plan.stages[0]], Knob::Threads));
    let shared = graph.domains.iter().filter(|plan| !plan.own && !plan.tasks).filter_map(|plan| {
        next.domains.iter().find(|rows| rows.name() == plan.name).map(|rows| of(rows, Knob::DomainThreads))
    });
    let now = own.chain(shared).fold(0, usize::saturating_add);
    (now > most).then(|| {
        let what = format!("there are {now} threads now");
        next.pipeline.finding(Knob::ThreadsMax, &what, "give fewer threads by their keys first, or a higher ceiling")
    })
}

#[cfg(test)]
mod tests {
    use crate::{graph::pipeline::Pipeline, settings::Settings, stage::tune::StageOptionsExt};

    #[test]
    fn what_was_looked_at_before_a_live_change_is_not_turned_after_it() {
        let mut p = Pipeline::named("shop");
        p.sink("work", drop::<u64>.threads(1..=8));
        let graph = p.plan().unwrap();
        let held = graph.held().remove(0);
        assert!(graph.adjust(&held, 6, |_, _| Ok(())).unwrap());
        let fewer = Settings::new().stage("work", |work| work.threads(2..=4));
        graph.change(&fewer, &mut |_, _| Ok(())).unwrap();
        assert!(!graph.adjust(&held, 7, |_, threads| panic!("{threads} of at most 4")).unwrap());
        let now = graph.held().remove(0);
        assert_eq!((now.value, now.range.max), (4, 4));
        assert!(graph.adjust(&now, 3, |_, _| Ok(())).unwrap());
    }
}

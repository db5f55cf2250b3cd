//! Changes while it runs: everything is looked at first, with the new values in place of the old, then all of it is done,
//! or nothing.

use std::sync::atomic::Ordering;

use super::{Graph, fits, knobs, numbers, objective, shape::Manner};
use crate::{
    clock::ns,
    finding::Finding,
    options::Threads,
    settings::{
        ChangeError, Changed, Configure, Explained, Names, Origin,
        keys::{ASYNC, Knob, OWN},
        table::{Row, Rows, Spot, Table},
        value::Value,
    },
    stage::books::Turn,
    sync::lock,
};

/// Changes the number of threads of a domain.
type Resize<'a> = &'a mut dyn FnMut(usize, usize) -> std::io::Result<()>;

impl Graph {
    pub(crate) fn names(&self) -> Names {
        let table = lock(&self.table);
        Names {
            pipeline: self.shared.name.clone(),
            domains: table.domains.iter().map(|rows| rows.name().to_string()).collect(),
            stages: table.stages.iter().map(|rows| rows.name().to_string()).collect(),
        }
    }

    pub(crate) fn explain(&self, key: &str) -> Result<Explained, ChangeError> {
        lock(&self.table).explain(key, numbers::note)
    }

    pub(crate) fn explain_all(&self) -> Vec<Explained> {
        lock(&self.table).explain_all(numbers::note)
    }

    /// All or nothing; `resize` is the driver's.
    pub(crate) fn change(&self, from: &dyn Configure, resize: Resize<'_>) -> Result<Changed, ChangeError> {
        let settings = from.settings(&self.names());
        let mut table = lock(&self.table);
        let mut next = table.clone();
        let (mut set, mut findings) = next.apply(&settings);
        objective::pass_on(&mut next, &mut set);
        for &(spot, knob) in &set {
            let now = number(table.rows(spot).row(knob));
            let row = next.rows_mut(spot).row_mut(knob);
            if row.origin == Origin::Code {
                row.origin = Origin::Live;
            }
            hold(row, now);
        }
        let mut seen = Vec::new();
        set.retain(|of| {
            let first = !seen.contains(of);
            seen.push(*of);
            first && is_different(&table, &next, *of)
        });
        findings.extend(set.iter().filter_map(|&(spot, knob)| self.refuse(&next, spot, knob)));
        findings.extend(next.stages.iter().flat_map(fits::of_policy));
        findings.extend(objective::refuse(&table, &next));
        findings.extend(self.shape.check(&self.manners(&next)));
        if set.iter().any(|(_, knob)| matches!(knob, Knob::ThreadsMax | Knob::Threads | Knob::DomainThreads)) {
            findings.extend(knobs::of_live_ceiling(self, &next));
        }
        if !findings.is_empty() {
            return Err(ChangeError { findings });
        }
        let (more, fewer) = self.grown(&table, &next, &set);
        if !self.share.take_all(more) {
            return Err(ChangeError::one(knobs::of_budget(&self.share, more)));
        }
        self.resize_all(&table, &next, &set, resize).inspect_err(|_| self.share.give(more))?;
        self.share.give(fewer);
        set.iter().for_each(|&(spot, knob)| self.turn(&next, spot, knob));
        if set.iter().any(|(_, knob)| *knob == Knob::Slo) {
            self.spread_objectives();
        }
        let changed = set.iter().map(|&(spot, knob)| {
            let (old, new) = (table.rows(spot), next.rows(spot));
            (new.path(knob), old.row(knob).value.to_string(), new.row(knob).value.to_string())
        });
        let changed = Changed { keys: changed.collect() };
        *table = next;
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(changed)
    }

    /// Why a value cannot be changed, or not to this, while it runs.
    fn refuse(&self, next: &Table, spot: Spot, knob: Knob) -> Option<Finding> {
        let rows = next.rows(spot);
        let finding = |what: &str, cure: &str| Some(rows.finding(knob, what, cure));
        let restart = "set it in code or configuration, and start anew";
        match knob {
            Knob::Domain => finding("a stage cannot change its threads while it runs", restart),
            Knob::CallerRuns => finding("who runs a domain cannot be changed while it runs", restart),
            Knob::Policy | Knob::Deadline | Knob::Fair | Knob::Priority | Knob::Defer => {
                finding("the kind of admission cannot be changed while it runs, only its numbers", restart)
            }
            Knob::ByteBudget if !self.shared.budget.is_kept() => finding(
                "the pipeline started without a byte budget, so its queues have not counted",
                "start it with one, however large; then it can be changed",
            ),
            Knob::Trace | Knob::PublishEvery => fits::of_feature(rows, knob),
            Knob::Threads | Knob::Limit | Knob::DomainThreads => self.refuse_threads(rows, knob),
            Knob::QueueBytes if matches!(spot, Spot::Stage(at) if !self.stages[at].weighs) => finding(
                "its code does not say what an event weighs",
                "add `.weight(|e| ..)` to the stage's handler, with the bytes of `e`",
            ),
            Knob::QueueEvents | Knob::QueueBytes | Knob::MaxAge | Knob::WhenFull if matches!(spot, Spot::Stage(at) if self.stages[at].is_source) => {
                finding("the stage is a source, which has no queue", "set the numbers of the stages behind it")
            }
            _ => None,
        }
    }

    fn manners<'a>(&self, table: &'a Table) -> Vec<Manner<'a>> {
        let index = |name: &str| table.domains.iter().position(|rows| rows.name() == name);
        let manners = table.stages.iter().zip(&self.stages).map(|(rows, node)| Manner {
            name: rows.name(),
            when_full: numbers::when_full(rows),
            has_policy: rows.row(Knob::Policy).value != Value::None,
            // Also of one that is in a wrapper; its kind does not change.
            has_objective: node.activation.inbox.core.has_objective(),
            defers: node.activation.inbox.defers(),
            is_source: node.is_source,
            domain: rows.word(Knob::Domain).filter(|domain| *domain != OWN).and_then(index),
        });
        manners.collect()
    }

    fn refuse_threads(&self, rows: &Rows, knob: Knob) -> Option<Finding> {
        let domain = rows.word_if_any(Knob::Domain).filter(|domain| *domain != OWN);
        let name = rows.name();
        match (knob, domain) {
            (Knob::Threads, Some(ASYNC)) => {
                let what = "the stage is async: it runs on the host's runtime";
                return Some(rows.finding(knob, what, &format!("change `stage.{name}.limit`")));
            }
            (Knob::Threads, Some(domain)) => {
                let what = format!("the stage runs on the threads of the domain `{domain}`");
                return Some(rows.finding(knob, &what, &format!("change `domain.{domain}.threads`")));
            }
            (Knob::Limit, None) => {
                let what = "the stage has threads of its own, and they are its limit";
                return Some(rows.finding(knob, what, &format!("change `stage.{name}.threads`")));
            }
            _ => {}
        }
        let row = rows.row(knob);
        let (Value::Threads(threads), Some(range)) = (&row.value, row.range) else { return None };
        if threads.min >= range.min && threads.max <= range.max {
            return None;
        }
        let wider = Threads { min: range.min.min(threads.min), max: range.max.max(threads.max) };
        let option = if knob == Knob::Limit { "limit" } else { "threads" };
        Some(rows.finding(
            knob,
            &format!("it started with {range} and stays within that"),
            &format!("declare the range: `.{option}({}..={})`, or `{option} = \"{wider}\"`", wider.min, wider.max),
        ))
    }

    /// By how many threads a change makes them more in all, or fewer.
    fn grown(&self, before: &Table, next: &Table, set: &[(Spot, Knob)]) -> (usize, usize) {
        let knobs = set.iter().filter(|(_, knob)| matches!(knob, Knob::Threads | Knob::DomainThreads));
        // A domain that runs no stage has no threads.
        let knobs = knobs.filter(|(spot, _)| self.domains.iter().any(|plan| plan.name == next.rows(*spot).name()));
        let of = |table: &Table| {
            let numbers = knobs.clone().map(|&(spot, knob)| number(table.rows(spot).row(knob)));
            numbers.fold(0, usize::saturating_add)
        };
        let (before, next) = (of(before), of(next));
        (next.saturating_sub(before), before.saturating_sub(next))
    }

    /// First of all, as it alone can fail; what was done is undone then.
    fn resize_all(
        &self,
        old: &Table,
        next: &Table,
        set: &[(Spot, Knob)],
        resize: Resize<'_>,
    ) -> Result<(), ChangeError> {
        let mut done = Vec::new();
        for &(spot, knob) in set.iter().filter(|(_, knob)| matches!(knob, Knob::Threads | Knob::DomainThreads)) {
            let rows = next.rows(spot);
            // A domain that runs no stage has no threads.
            let Some(domain) = self.domains.iter().position(|plan| plan.name == rows.name()) else { continue };
            let (before, after) = (number(old.rows(spot).row(knob)), number(rows.row(knob)));
            if let Err(error) = resize(domain, after) {
                // Fewer threads can always be had.
                done.iter().for_each(|&(domain, before)| drop(resize(domain, before)));
                let what = format!("no thread could be added to `{}`: {error}", rows.name());
                return Err(ChangeError::one(Finding::new(what, "allow the process more threads")));
            }
            done.push((domain, before));
        }
        Ok(())
    }

    pub(super) fn turn(&self, next: &Table, spot: Spot, knob: Knob) {
        let rows = next.rows(spot);
        let turn = match knob {
            Knob::Metrics => return self.shared.measure(rows.flag(knob)),
            Knob::Trace => return self.shared.trace(rows.rate(knob).unwrap_or_default()),
            Knob::PublishEvery => return self.shared.publish_every(rows.time(knob)),
            Knob::Watchdog => return self.shared.watch(rows.time(knob).map_or(u64::MAX, ns)),
            Knob::ByteBudget => return self.shared.budget.change(rows.bytes(knob)),
            Knob::QueueEvents => Turn::Events(rows.count(knob).unwrap_or(usize::MAX)),
            Knob::QueueBytes => Turn::Bytes(rows.bytes(knob)),
            Knob::MaxAge => Turn::MaxAge(rows.time(knob)),
            Knob::WhenFull => Turn::WhenFull(numbers::when_full(rows)),
            Knob::BatchMax => Turn::BatchMax(number(rows.row(knob))),
            Knob::Limit => Turn::Limit(number(rows.row(knob))),
            Knob::Rate | Knob::Burst | Knob::Concurrency => Turn::Policy(numbers::policy(rows).policy(None)),
            // It keeps what it has learned.
            Knob::Slo => match rows.time(knob) {
                Some(objective) => Turn::Objective(objective),
                None => return,
            },
            Knob::DomainThreads | Knob::CallerRuns | Knob::Domain | Knob::Threads => return,
            Knob::Policy | Knob::Deadline | Knob::Fair | Knob::Priority | Knob::Defer => return,
            Knob::Control | Knob::DomainControl | Knob::StageControl | Knob::ThreadsMax => return,
            Knob::PipelineSlo | Knob::DomainController | Knob::StageController => return,
        };
        if let Spot::Stage(at) = spot {
            if self.is_alone(at) && matches!(turn, Turn::BatchMax(_)) {
                return;
            }
            self.stages[at].activation.inbox.turn(turn);
        }
    }
}

fn is_different(table: &Table, next: &Table, (spot, knob): (Spot, Knob)) -> bool {
    table.rows(spot).row(knob).value != next.rows(spot).row(knob).value
}

/// The number that holds of threads, or of a limit.
pub(super) fn number(row: &Row) -> usize {
    match (row.held, &row.value, row.range) {
        (Some(held), ..) => held,
        (None, Value::Threads(threads), _) => threads.min,
        // Without a limit: as many as there may be.
        (None, _, range) => range.map_or(usize::MAX, |range| range.max),
    }
}

/// A new range keeps the number that holds now, as far as it allows it.
fn hold(row: &mut Row, now: usize) {
    let Value::Threads(threads) = row.value else {
        row.held = None;
        return;
    };
    row.held = (threads.min < threads.max).then(|| now.clamp(threads.min, threads.max));
}

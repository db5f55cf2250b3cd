//! Objectives: the pipeline's, which is the default of its entry stages, and what one asks of the stages behind.

use super::{Graph, pipeline::Pipeline, shape::Shape};
use crate::{
    admission::SLO,
    finding::Finding,
    settings::{
        keys::Knob,
        table::{Rows, Spot, Table},
        value::Value,
    },
};

/// Gives it to the entry stages that say no admission of their own.
pub(super) fn inherit(pipeline: &Pipeline, table: &mut Table) {
    let objective = table.pipeline.row(Knob::PipelineSlo).clone();
    if objective.value == Value::None {
        return;
    }
    let sources: Vec<bool> = pipeline.stages.iter().map(|stage| stage.is_source).collect();
    let shape = Shape::of(pipeline);
    for (at, rows) in table.stages.iter_mut().enumerate() {
        let policy = rows.row(Knob::Policy);
        // One that was told to admit all says so.
        if !shape.is_entry(at, &sources) || policy.value != Value::None || policy.configured {
            continue;
        }
        for (knob, value) in [(Knob::Policy, Value::Word(SLO.to_string())), (Knob::Slo, objective.value.clone())] {
            let row = rows.row_mut(knob);
            (row.value, row.origin, row.excerpt) = (value, objective.origin.clone(), objective.excerpt.clone());
            row.inherited = true;
        }
    }
}

/// A live change of it is one of each stage that has it.
pub(super) fn pass_on(next: &mut Table, set: &mut Vec<(Spot, Knob)>) {
    if !set.contains(&(Spot::Pipeline, Knob::PipelineSlo)) {
        return;
    }
    let objective = next.pipeline.row(Knob::PipelineSlo).clone();
    if objective.value == Value::None {
        return;
    }
    for (at, rows) in next.stages.iter_mut().enumerate() {
        let row = rows.row_mut(Knob::Slo);
        if row.inherited {
            (row.value, row.origin) = (objective.value.clone(), objective.origin.clone());
            set.push((Spot::Stage(at), Knob::Slo));
        }
    }
}

/// Why it cannot be changed to this while it runs.
pub(super) fn refuse(before: &Table, next: &Table) -> Option<Finding> {
    let of = |table: &Table| table.pipeline.time(Knob::PipelineSlo);
    let restart = "set it in code or configuration, and start anew";
    match (of(before), of(next)) {
        (None, Some(_)) => {
            let what = "the pipeline started without one, so its entries admit all";
            Some(next.pipeline.finding(Knob::PipelineSlo, what, restart))
        }
        (Some(_), None) => {
            let what = "the pipeline started with one, by which its entries admit";
            Some(next.pipeline.finding(Knob::PipelineSlo, what, "set another time, or start anew"))
        }
        _ => None,
    }
}

/// What there is to know of a stage's objective, or of its policy.
pub(super) fn note(rows: &Rows, knob: Knob) -> Option<String> {
    let inherited = matches!(knob, Knob::Policy | Knob::Slo) && rows.row(Knob::Slo).inherited;
    inherited.then(|| "the pipeline's `slo`, as the stage says none".to_string())
}

impl Graph {
    /// A stage behind others keeps its batches within the least of their objectives; at the start, and when one was changed.
    pub(super) fn spread_objectives(&self) {
        let objective = |stage: usize| self.stages[stage].activation.inbox.core.objective_ns();
        let with: Vec<usize> = (0..self.stages.len()).filter(|&stage| objective(stage).is_some()).collect();
        let Some(wiring) = self.shared.wiring.get().filter(|_| !with.is_empty()) else { return };
        for (to, node) in self.stages.iter().enumerate() {
            let before = with.iter().filter(|&&from| from != to && wiring.reaches[from][to]);
            let least = before.filter_map(|&from| objective(from)).min();
            node.activation.inbox.is_behind(least);
        }
    }
}

//! The half of the lab that runs on threads: each part one question, or the scenarios of one kind of handler.

mod batches;
mod branch;
mod capacity;
mod cost;
mod feasible;
mod generator;
mod hidden;
mod idle;
mod job;
mod knob;
mod machine;
mod place;
mod pool;
mod reality;
mod services;
mod slow_stage;
mod storm;
mod work;
mod workers;

use std::time::Instant;

use seda::lab::Report;
use seda_bench::Table;

use self::machine::Machine;

type Part = (&'static str, fn(&mut Table, &mut Report));

/// In this order: first what has no other load beside it.
const PARTS: [Part; 10] = [
    ("idle", |table, _| idle::run(table)),
    ("cost", |table, _| cost::run(table)),
    ("sleeping", place::sleeping),
    ("spinning", place::spinning),
    ("slow-stage", |table, _| slow_stage::run(table)),
    ("hidden", |table, _| hidden::run(table)),
    ("workers", |table, _| workers::run(table)),
    ("batches", |table, _| batches::run(table)),
    ("branch", |table, _| branch::run(table)),
    ("reality", |table, _| reality::run(table)),
];

pub(crate) fn run(table: &mut Table, report: &mut Report) {
    // Some of the parts alone, for a look: `SEDA_LAB_PARTS=hidden,branch`.
    let only = std::env::var("SEDA_LAB_PARTS").unwrap_or_default();
    for (name, part) in PARTS.iter().filter(|(name, _)| only.is_empty() || only.split(',').any(|only| only == *name)) {
        let (rows, began, machine) = (table.len(), Instant::now(), Machine::now());
        part(table, report);
        eprintln!("{name}: {:.0} s; {}", began.elapsed().as_secs_f64(), machine.since());
        // Those that have none of their own.
        table.note_short(rows, &machine.since());
    }
}

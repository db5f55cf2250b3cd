//! What is written on an event beside its value: deadlines, objectives and kinds on its way in, and its loss.

use super::cx::note;
use crate::{
    event::{Aim, Kind, Marks},
    queue::{Batch, Read},
    ticket::Loss,
};

/// The deadline that was read off an event becomes its own, unless it has an earlier one.
pub(super) fn keep_deadline(marks: &mut Option<Box<Marks>>, read: Read) {
    if read.deadline_ns == 0 {
        return;
    }
    let marks = marks.get_or_insert_default();
    marks.deadline_ns = earliest(marks.deadline_ns, read.deadline_ns);
    if marks.aim != Aim::default() {
        // An objective that is longer further on does not prolong it.
        marks.aim.beside_ns = earliest(marks.aim.beside_ns, read.deadline_ns);
    }
}

/// Of two deadlines, 0 being none.
pub(super) fn earliest(a_ns: u64, b_ns: u64) -> u64 {
    if a_ns == 0 || b_ns == 0 { a_ns.max(b_ns) } else { a_ns.min(b_ns) }
}

/// The objective of a stage becomes the deadline of what is offered there, for the stages behind; and the kind is known from
/// here on.
pub(super) fn mark(marks: &mut Option<Box<Marks>>, objective: Option<(u64, u64)>, kind: Kind) {
    if let Some((now_ns, objective_ns)) = objective {
        let marks = marks.get_or_insert_default();
        let (ends_ns, beside_ns) = (now_ns.saturating_add(objective_ns), marks.deadline_ns);
        if beside_ns == 0 || ends_ns < beside_ns {
            marks.deadline_ns = ends_ns;
            marks.aim = Aim { objective_ns, beside_ns };
        }
    }
    if kind != Kind::default() {
        marks.get_or_insert_default().kind = kind;
    }
}

/// A stage with a longer objective than the one that an event came with gives it that time, from now on.
pub(super) fn take_longer_aim(marks: &mut Marks, now_ns: u64, objective_ns: u64) {
    let Aim { objective_ns: before_ns, beside_ns } = marks.aim;
    if before_ns != 0 && objective_ns > before_ns {
        marks.deadline_ns = earliest(now_ns.saturating_add(objective_ns), beside_ns);
        marks.aim.objective_ns = objective_ns;
    }
}

/// Who asked is told of it, if there is one to tell.
pub(super) fn lose(marks: Option<&Marks>, loss: &Loss) {
    if let Some(marks) = marks {
        note(marks, loss);
    }
}

/// All of a batch.
pub(super) fn lose_all(batch: &mut Batch, loss: &Loss) {
    batch.all_marks().for_each(|marks| lose(marks.as_deref(), loss));
}

//! What of a batch is still worth handling.

use super::{
    core::StageCore,
    inbox::lose_all,
    places::{Hand, Sheet},
};
use crate::{event::Marks, queue::Apart, ticket::Loss};

/// Where each event has its stamp, one wait stands for so many: neighbours in a batch have waited about as long.
const ALIKE: usize = 8;

/// Expired events end here, before any handler sees them; the waits of the others are noted.
pub(super) fn sift(hand: &mut Hand, core: &StageCore, now_ns: u64) {
    let Hand { batch, sheet: Sheet { account, .. }, .. } = hand;
    if core.shared.traces() {
        batch.all_marks().for_each(end_wait);
    }
    let mut any_expired = false;
    let mut counted = 0;
    for (at, apart) in batch.aparts() {
        if apart.stamp_ns != 0 {
            // A stamp stands for the events since the last one.
            let wait_ns = now_ns.saturating_sub(apart.stamp_ns);
            account.wait_ns = account.wait_ns.max(wait_ns);
            if counted == 0 || at + 1 - counted >= ALIKE {
                account.waits.push((wait_ns, (at + 1 - counted) as u32));
                counted = at + 1;
            }
        }
        any_expired |= expired(apart, core, now_ns);
    }
    account.waits_end((batch.len() - counted) as u32, core.shared.measures());
    if any_expired {
        let mut gone = batch.sift(|apart| expired(apart, core, now_ns));
        lose_all(&mut gone, &Loss::Expired);
        account.expired = gone.len() as u64;
    }
    batch.forget_stamps();
    if core.gauge.tells_apart() {
        batch.all_marks().for_each(|marks| count_passing(marks, core));
    }
}

/// Of the kinds that this stage tells apart, those that go on from here.
fn count_passing(marks: &Option<Box<Marks>>, core: &StageCore) {
    let told = marks.as_ref().and_then(|marks| marks.kind.told());
    if let Some((by, place)) = told.filter(|(by, _)| *by == core.id) {
        core.gauge.came(by, place);
    }
}

fn end_wait(marks: &mut Option<Box<Marks>>) {
    if let Some(trace) = marks.as_mut().and_then(|marks| marks.trace.as_mut()) {
        trace.taken();
    }
}

fn expired(apart: &Apart, core: &StageCore, now_ns: u64) -> bool {
    let Apart { stamp_ns, marks, .. } = apart;
    let age_ns = if *stamp_ns == 0 { 0 } else { now_ns.saturating_sub(*stamp_ns) };
    let patience_ns = core.patience_ns();
    let too_old = patience_ns != 0 && age_ns > patience_ns;
    too_old || marks.as_ref().is_some_and(|marks| marks.deadline_ns != 0 && now_ns >= marks.deadline_ns)
}

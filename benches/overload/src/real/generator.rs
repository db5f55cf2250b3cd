//! An open loop: offers at their times, whatever becomes of them.

use std::{sync::Arc, thread, time::Duration};

use seda_bench::sleep_exactly;

use super::work::{Work, ms_of};

/// After the last offer, for what is still on its way.
const GRACE_SLOS: u32 = 4;

/// Makes all offers from a thread that sleeps in between; one that slept too long offers at once, and the times do not
/// shift. How late each was made is noted: a generator that distorts is seen. Then waits for a few objectives.
pub(crate) fn offer_all(work: &Arc<Work>, slo: Duration, mut offer: impl FnMut(usize) + Send) {
    thread::scope(|scope| {
        let generator = scope.spawn(|| {
            sleep_exactly();
            let mut late_ms = Vec::with_capacity(work.due.len());
            for (number, due) in work.due.iter().enumerate() {
                if let Some(early) = due.checked_sub(work.began.elapsed()).filter(|early| !early.is_zero()) {
                    thread::sleep(early);
                }
                late_ms.push(ms_of(work.began.elapsed().saturating_sub(*due)));
                offer(number);
            }
            work.were_late(late_ms);
        });
        generator.join().expect("the generator ends");
    });
    thread::sleep(slo * GRACE_SLOS);
}

//! An open loop: offers at their times, whatever becomes of them.

use std::{sync::Arc, thread, time::Duration};

use seda_bench::sleep_exactly;

use super::work::Work;

/// After the last offer, for what is still on its way.
const GRACE_SLOS: u32 = 4;

/// Makes all offers from a thread that sleeps in between; one that slept too long offers at once, and the times do not
/// shift. Then waits for a few objectives.
pub(crate) fn offer_all(work: &Arc<Work>, slo: Duration, mut offer: impl FnMut(usize) + Send) {
    thread::scope(|scope| {
        let generator = scope.spawn(|| {
            sleep_exactly();
            for (number, due) in work.due.iter().enumerate() {
                if let Some(early) = due.checked_sub(work.began.elapsed()).filter(|early| !early.is_zero()) {
                    thread::sleep(early);
                }
                offer(number);
            }
        });
        generator.join().expect("the generator ends");
    });
    thread::sleep(slo * GRACE_SLOS);
}

//! Taking turns: every contender once per round, in alternating order, after one round that is not counted.

use std::{thread, time::Duration};

use crate::Sample;

/// Rounds without the knob; 21 gives a median bounds that mean something.
const ROUNDS: usize = 21;
const QUICK_ROUNDS: usize = 3;
/// A smoke run does a tenth of the work.
const QUICK_SHARE: usize = 10;
/// Even, so that each contender goes first as often as last within a round.
const SLICES: usize = 4;
/// Between two turns: what the one before left running (workers about to park) is not charged to the next.
const PAUSE: Duration = Duration::from_millis(5);

/// One side of a comparison: runs one round and says what it took.
pub type Contender<'a, S> = &'a mut dyn FnMut() -> S;

/// How many rounds: `SEDA_BENCH_ROUNDS`, or 21 (3 in a smoke run).
pub fn rounds() -> usize {
    let asked = std::env::var("SEDA_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if quick() { QUICK_ROUNDS } else { ROUNDS }).max(1)
}

/// Whether this is a smoke run (`SEDA_BENCH_QUICK=1`), whose figures mean nothing.
pub fn quick() -> bool {
    std::env::var("SEDA_BENCH_QUICK").is_ok_and(|value| value == "1")
}

/// `n`, or a tenth of it in a smoke run.
pub fn scaled(n: usize) -> usize {
    if quick() { (n / QUICK_SHARE).max(1) } else { n }
}

/// Runs the contenders round by round, forwards in even rounds and backwards in odd ones, so that none always follows
/// the same neighbour; answers the samples of each contender in the order in which they were given.
pub fn interleave<S>(rounds: usize, contenders: &mut [Contender<'_, S>]) -> Vec<Vec<S>> {
    for contender in contenders.iter_mut() {
        turn(contender);
    }
    let mut samples: Vec<Vec<S>> = contenders.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds {
        for place in 0..contenders.len() {
            let index = if round % 2 == 0 { place } else { contenders.len() - 1 - place };
            samples[index].push(turn(&mut contenders[index]));
        }
    }
    samples
}

/// Like [`interleave`], with each round cut into slices: contenders change over after each slice, and a round's sample is
/// the sum of its slices. A saturated chain stays for a while in whatever gear it fell into (batches form, or do not),
/// and so does whatever else the machine runs; a round of several slices sees more than one.
pub fn interleave_sliced(rounds: usize, contenders: &mut [Contender<'_, Sample>]) -> Vec<Vec<Sample>> {
    let slices = interleave(rounds * SLICES, contenders);
    slices.into_iter().map(|slices| slices.chunks(SLICES).map(|round| round.iter().sum()).collect()).collect()
}

/// `(ours, peer)` per round, by one figure of a sample.
pub fn pairs<S>(ours: &[S], peer: &[S], figure: impl Fn(&S) -> f64) -> Vec<(f64, f64)> {
    ours.iter().zip(peer).map(|(ours, peer)| (figure(ours), figure(peer))).collect()
}

fn turn<S>(contender: &mut Contender<'_, S>) -> S {
    let sample = contender();
    thread::sleep(PAUSE);
    sample
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn contenders_take_turns_in_alternating_order() {
        let order = RefCell::new(Vec::new());
        let samples = interleave(2, &mut [&mut || order.borrow_mut().push("a"), &mut || order.borrow_mut().push("b")]);
        assert_eq!(order.into_inner(), ["a", "b", "a", "b", "b", "a"]);
        assert_eq!(samples.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }
}

use super::*;
use crate::admission::{AdmitAll, TokenBucket};

/// From that second on, in each millisecond so many offers of each level, the highest first: how many of each were
/// admitted in a millisecond of the next second.
fn admitted(policy: &mut Priority, from: u64, offers: &[(u8, usize)]) -> Vec<f64> {
    let (mut counts, mut rng) = (vec![0; offers.len()], crate::rng::Rng::new(1));
    for ms in from * 1000 + 1..=from * 1000 + 2000 {
        let now_ns = ms * 1_000_000;
        let mut went_in = 0;
        for (count, &(class, n)) in counts.iter_mut().zip(offers) {
            // More or less: what goes on evenly shows nobody that there is capacity left.
            for _ in 0..(n as f64 * (0.5 + rng.unit())).round() as usize {
                let is_in = policy.offer(&Offer { now_ns, events: 1, class, ..Offer::default() }) == Verdict::Admit;
                went_in += usize::from(is_in);
                *count += usize::from(is_in && ms > from * 1000 + 1000);
            }
        }
        policy.settle(&Settle { now_ns, events: went_in, ..Settle::default() });
    }
    counts.into_iter().map(|count| count as f64 / 1000.0).collect()
}

/// So many in a millisecond, whoever they are.
fn bucket(most: f64) -> TokenBucket {
    TokenBucket::new(1000.0 * most, 40)
}

fn around(most: f64) -> Priority {
    Priority::new(bucket(most))
}

#[test]
fn the_highest_go_in_the_next_as_far_as_there_is_capacity_and_those_below_have_their_floor() {
    let [high, middle, low] = admitted(&mut around(10.0), 0, &[(127, 4), (60, 20), (0, 40)])[..] else {
        panic!("three")
    };
    assert!(high >= 3.9, "{high}");
    assert!((5.0..=6.1).contains(&middle), "{middle}");
    assert!((0.15..=0.7).contains(&low), "{low}");
    assert!(low + middle + high >= 9.4, "{low}, {middle}, {high}");
}

#[test]
fn nothing_is_cut_while_nothing_is_shed_and_no_more_when_the_demand_is_less() {
    let mut policy = Priority::new(AdmitAll);
    let all = admitted(&mut policy, 0, &[(127, 20), (0, 40)]);
    assert_eq!((policy.cut.from, all.iter().sum::<f64>() > 59.0), (0, true));
    let mut policy = around(10.0);
    admitted(&mut policy, 0, &[(127, 4), (0, 40)]);
    assert!(policy.cut.from > 0);
    let all = admitted(&mut policy, 2, &[(127, 4), (0, 3)]);
    assert!(policy.cut.from == 0 && all.iter().sum::<f64>() > 6.8, "{all:?}");
}

#[test]
fn capacity_that_has_grown_is_found() {
    let mut policy = around(10.0);
    admitted(&mut policy, 0, &[(127, 4), (0, 40)]);
    policy.policy = Box::new(bucket(20.0));
    let [high, low] = admitted(&mut policy, 2, &[(127, 4), (0, 40)])[..] else { panic!("two") };
    assert!(low >= 12.0 && high >= 3.9, "{low} and {high}");
}

#[test]
fn the_last_fifth_of_the_room_is_for_what_is_critical() {
    let mut policy = Priority::new(crate::MaxConcurrency::new(100)).critical(100);
    let mut admits = |class, backlog| {
        let load = Load { backlog, limit: 4, ..Load::default() };
        policy.offer(&Offer { now_ns: 1, events: 1, class, load, ..Offer::default() }) == Verdict::Admit
    };
    assert_eq!([admits(99, 79), admits(99, 80), admits(100, 80), admits(100, 99)], [true, false, true, true]);
}

#[test]
fn levels_without_a_floor_and_shares_that_are_none_are_refused_with_the_numbers() {
    let told = |policy: Priority| policy.check().unwrap_or_default();
    assert!(told(Priority::new(AdmitAll).floor(0.0)).starts_with("levels without a floor"));
    assert!(told(Priority::new(AdmitAll).floor(1.5)).starts_with("a floor of 1.5"));
    assert!(told(Priority::new(AdmitAll).reserve(f64::NAN)).starts_with("a reserve of NaN"));
    assert!(told(Priority::new(AdmitAll).critical(200)).starts_with("critical from level 200"));
    assert_eq!(Priority::new(AdmitAll).check(), None);
}

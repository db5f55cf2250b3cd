use super::*;

const SERVICE_NS: u64 = 4_000_000;

/// One that has seen a thousand services of 4 ms by four workers, the last just now.
fn seasoned(slo_ms: u64) -> (Slo, u64) {
    let (mut policy, mut now_ns) = (Slo::new(Duration::from_millis(slo_ms)), 1);
    for _ in 0..1000 {
        assert_eq!(policy.offer(&offer(now_ns, 0, 0)), Verdict::Admit);
        now_ns += SERVICE_NS;
        policy.settle(&settle(now_ns, 0));
    }
    (policy, now_ns)
}

fn offer(now_ns: u64, backlog: usize, busy: usize) -> Offer {
    let load = Load { backlog, busy, limit: 4, ..Load::default() };
    Offer { now_ns, events: 1, load, ..Offer::default() }
}

fn settle(now_ns: u64, wait_ns: u64) -> Settle<'static> {
    let load = Load { limit: 4, ..Load::default() };
    Settle { now_ns, events: 1, wait_ns, service_ns: SERVICE_NS, load, ..Settle::default() }
}

#[test]
fn what_fits_is_admitted_and_what_does_not_is_told_when_to_come_back() {
    let (mut policy, now_ns) = seasoned(50);
    assert_eq!(policy.offer(&offer(now_ns, 45, 4)), Verdict::Admit);
    let Verdict::Shed { reason, retry_after: Some(after) } = policy.offer(&offer(now_ns, 86, 4)) else {
        panic!("86 events before it take 86 ms");
    };
    assert_eq!(reason.as_str(), "slo");
    // 41 too many, at one each millisecond, times 1 to 2.
    assert!((Duration::from_millis(40)..Duration::from_millis(83)).contains(&after), "{after:?}");
}

#[test]
fn those_who_are_refused_together_are_not_told_to_come_back_together() {
    let (mut policy, now_ns) = seasoned(50);
    let mut told: Vec<_> = (0..100).map(|_| policy.offer(&offer(now_ns, 86, 4))).collect();
    told.dedup();
    assert!(told.len() > 90);
}

#[test]
fn a_deadline_that_is_nearer_than_the_objective_counts() {
    let (mut policy, now_ns) = seasoned(50);
    let near = Offer { deadline_ns: Some(now_ns + 10_000_000), ..offer(now_ns, 20, 4) };
    assert!(matches!(policy.offer(&near), Verdict::Shed { .. }));
    let far = Offer { deadline_ns: Some(now_ns + 30_000_000), ..offer(now_ns, 20, 4) };
    assert_eq!(policy.offer(&far), Verdict::Admit);
}

#[test]
fn handlers_that_hang_close_the_door_and_the_first_that_returns_opens_it() {
    let (mut policy, now_ns) = seasoned(50);
    let later_ns = now_ns + 60_000_000;
    assert!(matches!(policy.offer(&offer(later_ns, 0, 4)), Verdict::Shed { .. }));
    policy.settle(&settle(later_ns, 0));
    assert_eq!(policy.offer(&offer(later_ns, 0, 4)), Verdict::Admit);
}

#[test]
fn nothing_measured_yet_admits_all_and_a_free_place_always_does() {
    let mut new = Slo::new(Duration::from_millis(50));
    assert_eq!(new.offer(&offer(1, 500, 4)), Verdict::Admit);
    let (mut tight, now_ns) = seasoned(1);
    assert_eq!(tight.offer(&offer(now_ns, 0, 3)), Verdict::Admit);
}

#[test]
fn an_objective_that_nothing_can_meet_still_lets_a_free_place_work() {
    let (tight, _) = seasoned(1);
    assert_eq!(tight.patience_ns(), Some(1_000_000));
    let (mut lowered, _) = seasoned(50);
    lowered.aim(Duration::from_millis(1));
    assert_eq!(lowered.patience_ns(), Some(1_000_000));
}

#[test]
fn an_objective_below_the_service_time_is_told_with_the_numbers() {
    let told = seasoned(1).0.concern().unwrap_or_default();
    assert!(told.starts_with("the objective of 1.0ms is below the service time: 4.0ms on the mean"), "{told}");
    assert_eq!(seasoned(50).0.concern(), None);
    assert!(Slo::new(Duration::ZERO).check().is_some());
}

#[test]
fn a_clock_that_jumps_changes_nothing_by_itself() {
    let (mut policy, now_ns) = seasoned(50);
    for at_ns in [now_ns + 1_000_000_000_000_000, 5, now_ns] {
        policy.settle(&settle(at_ns, 0));
        assert_eq!(policy.offer(&offer(at_ns, 10, 4)), Verdict::Admit, "at {at_ns}");
    }
}

/// The quickest of many stretches, as what else the machine does only adds to it.
fn each_ns(mut event: impl FnMut(u64)) -> f64 {
    const STRETCH: u64 = 20_000;
    let stretches = (0..300).map(|stretch| {
        let began = std::time::Instant::now();
        (stretch * STRETCH..(stretch + 1) * STRETCH).for_each(&mut event);
        began.elapsed().as_nanos() as f64 / STRETCH as f64
    });
    stretches.fold(f64::INFINITY, f64::min)
}

/// `cargo test --release -p seda-core --lib cost_of -- --ignored --nocapture`
#[test]
#[ignore = "prints what an event costs; means something in a release build alone"]
fn cost_of_an_event() {
    let (mut policy, mut now_ns) = seasoned(50);
    let all = each_ns(|n| {
        now_ns += 1_000_000;
        assert!(std::hint::black_box(policy.offer(&offer(now_ns, (n % 20) as usize, 4))) == Verdict::Admit || n < 100);
        policy.take(&Take { now_ns, events: 1, load: Load { busy: 4, limit: 4, ..Load::default() } });
        let service_ns = SERVICE_NS + n % 1024 * 1024;
        policy.settle(&Settle { service_ns, wait_ns: 1_000_000, ..settle(now_ns, 0) });
    });
    let shed = each_ns(|_| assert!(policy.offer(&offer(now_ns, 400, 4)) != Verdict::Admit));
    println!("{all:.1} ns for offer, take and settle of one event, {shed:.1} ns for one that is shed");
}

#[test]
fn a_steady_demand_looks_the_same_after_a_live_change_of_the_objective() {
    let (mut policy, _) = seasoned(1000);
    assert!((0.2..0.3).contains(&policy.load()), "{}", policy.load());
    for slo_ms in [20, 1000] {
        policy.aim(Duration::from_millis(slo_ms));
        assert!((0.15..0.35).contains(&policy.load()), "{} of {slo_ms} ms", policy.load());
    }
}

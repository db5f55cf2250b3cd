use super::*;

/// One place, and so many events a second at so long each.
fn busy(gauge: &Gauge, queued: u64, handled: u64, each_ns: u64) {
    let taken_in = handled + queued + 1;
    let busy_ns = handled * each_ns;
    gauge.publish(Reading { queued, in_hand: 1, places: 1, busy_ns, handled, taken_in, ..Reading::default() });
}

fn gauges(n: usize) -> Vec<Arc<Gauge>> {
    (0..n).map(|_| Arc::default()).collect()
}

/// One behind the other, each on threads of its own.
fn row(gauges: &[Arc<Gauge>], domain: impl Fn(usize) -> u32) -> Path {
    let behind = gauges[1..].iter().enumerate();
    let behind: Vec<Behind> = behind
        .map(|(at, gauge)| Behind { gauge: gauge.clone(), domain: domain(at + 1), after: (0..at).collect() })
        .collect();
    let mut path = Path::new(gauges[0].clone(), domain(0), &behind, None);
    path.aim(400);
    path
}

fn ahead(path: &mut Path, now_ns: u64) -> Ahead {
    path.look(now_ns, 0, 1, 0).ahead.unwrap()
}

#[test]
fn the_slowest_stage_that_all_come_to_is_the_tightest_and_all_before_it_stand_before_it() {
    let gauges = gauges(4);
    let mut path = row(&gauges, |at| at as u32);
    busy(&gauges[0], 0, 100, 10);
    busy(&gauges[1], 2, 100, 10);
    busy(&gauges[2], 7, 90, 40);
    busy(&gauges[3], 0, 89, 10);
    let told = ahead(&mut path, 1);
    // 98 of the 100 come to it: of the one in hand at the entry and the three of the next one, nearly all.
    assert_eq!(told, Ahead { events: 10, each_ns: 40, before_ns: 10, service_ns: 60, way: 0 });
    busy(&gauges[2], 9, 90, 40);
    assert_eq!(ahead(&mut path, 2).events, 12);
}

#[test]
fn a_stage_that_one_in_ten_comes_to_does_not_decide_for_the_others() {
    let gauges = gauges(3);
    let mut path = row(&gauges, |at| at as u32);
    busy(&gauges[0], 0, 1000, 10);
    busy(&gauges[1], 50, 50, 1000);
    busy(&gauges[2], 0, 950, 20);
    assert_eq!(ahead(&mut path, 1).each_ns, 20);
}

#[test]
fn stages_that_share_their_threads_are_as_tight_as_all_of_them_together() {
    let gauges = gauges(3);
    let mut path = row(&gauges, |_| 7);
    gauges.iter().for_each(|gauge| busy(gauge, 0, 100, 10));
    assert_eq!(ahead(&mut path, 1).each_ns, 30);
}

#[test]
fn a_stage_with_more_time_than_this_one_judges_for_itself() {
    let gauges = gauges(3);
    let mut path = row(&gauges, |at| at as u32);
    busy(&gauges[0], 0, 100, 10);
    let slow = Reading { handled: 100, taken_in: 100, busy_ns: 100_000, objective_ns: 40_000, ..Reading::default() };
    gauges[1].publish(slow);
    busy(&gauges[2], 0, 100, 50);
    assert_eq!(path.look(1, 0, 1, 0).ahead, None);
}

#[test]
fn what_has_no_room_at_a_stage_behind_is_refused_at_the_entry_and_counts_as_its_demand() {
    let gauges = gauges(2);
    let mut path = row(&gauges, |at| at as u32);
    busy(&gauges[0], 0, 100, 10);
    let reading = |queued| Reading {
        queued,
        in_hand: 1,
        places: 1,
        busy_ns: 4000,
        handled: 100,
        taken_in: 100,
        room: Some(5),
        ..Reading::default()
    };
    gauges[1].publish(reading(3));
    assert_eq!(path.look(1, 0, 1, 0).refused, None);
    gauges[1].publish(reading(5));
    let outlook = path.look(2, 0, 1, 0);
    let after = outlook.refused.unwrap();
    assert_eq!(gauges[1].shed_before(), 0, "what waits instead is no loss");
    path.shed(&outlook, 1);
    assert!((Duration::from_nanos(40)..Duration::from_nanos(160)).contains(&after), "{after:?}");
    assert_eq!(gauges[1].shed_before(), 1);
    assert_eq!(path.look(3, 0, 1, 1).refused, None, "of a higher class, which goes before others there");
}

#[test]
fn an_objective_that_changes_changes_how_often_the_stations_are_read() {
    let gauges = gauges(2);
    let mut path = row(&gauges, |at| at as u32);
    busy(&gauges[0], 0, 100, 10);
    busy(&gauges[1], 0, 100, 20);
    assert_eq!(ahead(&mut path, 1).each_ns, 20);
    path.aim(4_000_000);
    ahead(&mut path, 2);
    busy(&gauges[1], 0, 200, 100);
    assert_eq!(ahead(&mut path, 500_000).each_ns, 20, "a quarter of the objective is not over");
    path.aim(400);
    assert!(ahead(&mut path, 500_001).each_ns > 100);
}

use super::{
    arrivals::{Arrivals, Times},
    service::{Draws, Service},
};
use crate::{ms, rng::Rng, secs, us};

const SEED: u64 = 42;

/// Mean, and the share beyond a time, both of many draws; in ms.
fn drawn(service: Service, beyond: f64) -> (f64, f64) {
    const DRAWS: u32 = 400_000;
    let mut draws = Draws::new(service, Rng::new(SEED));
    let (mut sum, mut above) = (0.0, 0u32);
    for _ in 0..DRAWS {
        let time = draws.time_ns(0) as f64 / 1e6;
        sum += time;
        above += u32::from(time > beyond);
    }
    (sum / f64::from(DRAWS), f64::from(above) / f64::from(DRAWS))
}

fn near(found: f64, exact: f64) {
    assert!((found / exact - 1.0).abs() < 0.02, "seed {SEED}: found {found}, exactly it is {exact}");
}

#[test]
fn a_log_normal_has_the_mean_and_the_tail_that_it_should() {
    let service = Service::log_normal(ms(4), 1.0);
    assert_eq!(service.mean(), ms(4));
    // Its median is the mean over the root of 2.
    let (mean, above_median) = drawn(service, 4.0 / 2f64.sqrt());
    near(mean, 4.0);
    near(above_median, 0.5);
}

#[test]
fn a_cut_pareto_keeps_its_mean_and_its_slope() {
    let service = Service::pareto(1.5, ms(4), 100.0);
    assert_eq!(service.mean(), ms(4));
    let (_, tens) = drawn(service.clone(), 10.0);
    let (mean, forties) = drawn(service, 40.0);
    assert!((mean / 4.0 - 1.0).abs() < 0.04, "seed {SEED}: {mean}");
    // Four times as far, an eighth of the share, less what the cut takes off both: (400/40)^-1.5 and (400/10)^-1.5.
    let exact = (1.0 - 10f64.powf(-1.5)) / (1.0 - 40f64.powf(-1.5)) / 8.0;
    assert!((forties / tens / exact - 1.0).abs() < 0.05, "seed {SEED}: {}", forties / tens);
}

#[test]
fn a_mix_and_a_record_keep_their_shares() {
    let mix = Service::mix([(19.0, Service::fixed(ms(1))), (1.0, Service::exponential(ms(61)))]);
    assert_eq!(mix.mean(), ms(4));
    let (mean, slow) = drawn(mix, 1.0);
    near(mean, 4.0);
    assert!((slow - 0.05 * (-1.0f64 / 61.0).exp()).abs() < 0.002, "seed {SEED}: {slow}");
    let record = Service::recorded([(ms(1), 30), (ms(5), 0), (ms(2), 10)]);
    assert_eq!(record.mean(), us(1250));
    near(drawn(record, 1.0).1, 0.25);
}

fn times(arrivals: &Arrivals, until_ms: u64) -> Vec<u64> {
    let mut times = Times::new(arrivals, Rng::new(SEED));
    std::iter::from_fn(|| times.next()).take_while(|&at_ns| at_ns < until_ms * 1_000_000).collect()
}

#[test]
fn parts_follow_one_another_and_the_last_one_ends_or_stays() {
    let steps = Arrivals::steps([(1_000.0, secs(1)), (9_000.0, secs(1)), (1_000.0, secs(1))]);
    let at = times(&steps, 5_000);
    let within = |from: u64| at.iter().filter(|&&at_ns| at_ns / 1_000_000_000 == from).count();
    assert!((900..1_100).contains(&within(0)) && (8_700..9_300).contains(&within(1)), "seed {SEED}");
    assert!((900..1_100).contains(&within(4)), "seed {SEED}: the last stays");
    assert!(at.is_sorted());
    let pause = Arrivals::constant(100.0).lasting(ms(25)).then(Arrivals::none().lasting(ms(25)));
    assert_eq!(
        times(&pause.then(Arrivals::recorded([ms(3), ms(1)])), 1_000),
        [10, 20, 51, 53].map(|ms| ms * 1_000_000)
    );
}

#[test]
fn bursts_come_together_and_nothing_comes_while_it_is_off() {
    assert_eq!(times(&Arrivals::bursts(3, ms(10)), 25), [10, 10, 10, 20, 20, 20].map(|ms| ms * 1_000_000));
    let at = times(&Arrivals::on_off(10_000.0, ms(10), ms(30)), 4_000);
    assert!((9_500..10_500).contains(&at.len()), "seed {SEED}: {}", at.len());
    assert!(at.iter().all(|at_ns| at_ns / 1_000_000 % 40 < 10));
}

#[test]
fn another_draw_elsewhere_leaves_a_stream_as_it_is() {
    let mut plain = Draws::new(Service::exponential(ms(4)), Rng::new(SEED));
    let mut failing = Draws::new(Service::exponential(ms(4)).failing(0.5), Rng::new(SEED));
    for _ in 0..100 {
        failing.fails();
        assert_eq!(plain.time_ns(0), failing.time_ns(0));
    }
}

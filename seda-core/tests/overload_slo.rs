//! The default policy keeps goodput and latency under overload, at every scale, with one number given.

mod overload;

use std::time::Duration;

use overload::{Phase, Scenario, Service, Window, phase, run};
use seda_core::{Slo, ms, us};

/// From 10 us to 100 ms.
const SCALES: [Duration; 4] = [us(10), us(400), ms(4), ms(100)];

fn windows(scenario: &Scenario) -> Vec<Window> {
    run(scenario, Slo::new(scenario.slo()))
}

fn steady(mean: Duration, load: f64, seed: u64) -> Window {
    let scenario = Scenario { seed, ..Scenario::new(mean, &[phase(220.0, load)]) };
    Window::sum(&windows(&scenario)[20..220])
}

#[test]
fn goodput_is_flat_from_twice_to_ten_times_the_capacity_and_the_tail_keeps_the_objective() {
    for (at, mean) in SCALES.into_iter().enumerate() {
        let (load, bar) = if at % 2 == 0 { (10.0, 0.95) } else { (2.0, 0.97) };
        let sum = steady(mean, load, 1);
        let goodput = sum.goodput(200, 1.0);
        assert!(goodput >= bar, "{goodput} of capacity at {load} times and {mean:?}");
        assert!(sum.p99() <= 1.05, "p99 {} SLO at {load} times and {mean:?}", sum.p99());
    }
}

#[test]
fn below_the_capacity_next_to_nothing_is_shed() {
    for (load, most) in [(0.5, 0.0), (0.8, 0.0005), (0.95, 0.015)] {
        let sum = steady(ms(4), load, 2);
        assert!(sum.shed_share() <= most, "{} shed at {load}", sum.shed_share());
        assert!(sum.p99() <= 1.05, "p99 {} SLO at {load}", sum.p99());
    }
}

#[test]
fn a_step_to_ten_times_is_met_within_four_slos_and_forgotten_within_ten() {
    for mean in [us(10), ms(4)] {
        let scenario = Scenario::new(mean, &[phase(40.0, 0.8), phase(140.0, 10.0), phase(240.0, 0.8)]);
        let windows = windows(&scenario);
        let over = Window::sum(&windows[44..140]);
        assert!(over.goodput(96, 1.0) >= 0.95, "{}", over.goodput(96, 1.0));
        for from in 44..130 {
            let ten = Window::sum(&windows[from..from + 10]).goodput(10, 1.0);
            // Of 500 services, the noise of their sum is 4.5 %.
            assert!(ten >= 0.90 - 0.06, "{ten} from {from} on");
        }
        let after = Window::sum(&windows[150..240]);
        assert_eq!(after.shed, 0, "after the step");
    }
}

#[test]
fn a_spike_to_1_4_times_costs_neither_tail_nor_goodput() {
    let scenario = Scenario::new(ms(4), &[phase(40.0, 0.8), phase(240.0, 1.4)]);
    let sum = Window::sum(&windows(&scenario)[44..240]);
    assert!(sum.p99() <= 1.0, "p99 {} SLO", sum.p99());
    assert!(sum.goodput(196, 1.0) >= 0.95, "{}", sum.goodput(196, 1.0));
}

#[test]
fn service_four_times_slower_is_followed_and_its_end_too() {
    for mean in [us(10), ms(100)] {
        let slow = Phase { until: 240.0, load: 0.8, slow: 4.0 };
        let scenario = Scenario::new(mean, &[phase(40.0, 0.8), slow, phase(320.0, 0.8)]);
        let windows = windows(&scenario);
        let goodput = Window::sum(&windows[40..240]).goodput(200, 4.0);
        // The best bound on the queue, found by search, reaches 0.92.
        assert!(goodput >= 0.95 * 0.92, "{goodput} of the capacity while slow");
        let after = Window::sum(&windows[244..320]);
        assert!(after.shed_share() <= 0.001, "{} shed afterwards", after.shed_share());
        assert!(after.p99() <= 1.0, "p99 {} SLO afterwards", after.p99());
    }
}

#[test]
fn heavy_tails_cost_little_of_what_any_bound_could_reach() {
    // Best bound found by search over 0 to 46 waiting events, as a share of the capacity.
    for (service, feasible) in [(Service::Mixture, 0.972), (Service::Pareto, 0.96)] {
        let scenario = Scenario { service, ..Scenario::new(ms(4), &[phase(220.0, 10.0)]) };
        let sum = Window::sum(&windows(&scenario)[20..220]);
        let goodput = sum.goodput(200, 1.0);
        assert!(goodput >= 0.95 * feasible, "{goodput} of the capacity");
        assert!(sum.expired_share() <= 0.01, "{} expired", sum.expired_share());
    }
}

#[test]
fn bursts_that_fit_the_objective_are_let_in() {
    for mean in [us(10), ms(4)] {
        let scenario = Scenario { burst: 32, ..Scenario::new(mean, &[phase(520.0, 0.6)]) };
        let sum = Window::sum(&windows(&scenario)[20..520]);
        assert!(sum.shed_share() <= 0.005, "{} shed", sum.shed_share());
        assert!(sum.p99() <= 1.0, "p99 {} SLO", sum.p99());
    }
}

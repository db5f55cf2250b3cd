//! Loads and times as a user writes and reads them.

use std::{ops::RangeInclusive, time::Duration};

use crate::lab::{self, Loads};

/// Loads at which a range is looked at, in capacities.
const STEPS: [f64; 9] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
/// More than that offers nothing but refusals, and less shows nothing.
const LOADS: RangeInclusive<f64> = 0.01..=100.0;
/// Shorter ones are below what a thumbnail takes, and longer ones are none.
const OBJECTIVES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
const SECONDS: RangeInclusive<f64> = 0.05..=3600.0;

/// `0.5x..10x`, or some as `0.8x,2x`.
///
/// # Errors
/// What it could not be.
pub fn loads(text: &str) -> Result<Loads, String> {
    let loads = lab::loads_by(text, &STEPS)?;
    match loads.0.iter().find(|load| !LOADS.contains(load)) {
        Some(load) => {
            Err(format!("{load}x is no load for one machine; say one from {}x to {}x", LOADS.start(), LOADS.end()))
        }
        None => Ok(loads),
    }
}

/// A time as `200ms` or `0.5s`.
///
/// # Errors
/// What it could not be.
pub fn objective(text: &str) -> Result<Duration, String> {
    let time = lab::time(text)?;
    if OBJECTIVES.contains(&time) { Ok(time) } else { Err(format!("{text} is no objective; say one from 1ms to 60s")) }
}

/// How long a step lasts.
///
/// # Errors
/// What it could not be.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches('s').parse::<f64>().ok().filter(|number| SECONDS.contains(number));
    let seconds = number.map(Duration::from_secs_f64);
    seconds.ok_or_else(|| {
        format!("`{text}` is no number of seconds; say one from {} to {}", SECONDS.start(), SECONDS.end())
    })
}

/// A time as people say it.
pub fn said(time: Duration) -> String {
    let ms = milliseconds(time);
    if ms < 1e3 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1e3) }
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_goes_by_round_loads_between_its_ends() {
        assert_eq!(loads("0.5x..10x"), Ok(Loads(vec![0.5, 1.0, 2.0, 5.0, 10.0])));
        assert_eq!(loads("0.8..3x"), Ok(Loads(vec![0.8, 1.0, 2.0, 3.0])));
        assert_eq!(loads("10x,0.5x,3"), Ok(Loads(vec![10.0, 0.5, 3.0])));
    }

    #[test]
    fn what_one_machine_cannot_show_is_told_with_the_cure() {
        assert_eq!(loads("1x,1000x").unwrap_err(), "1000x is no load for one machine; say one from 0.01x to 100x");
        assert_eq!(objective("2us").unwrap_err(), "2us is no objective; say one from 1ms to 60s");
        assert_eq!(objective("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(seconds("0").unwrap_err(), "`0` is no number of seconds; say one from 0.05 to 3600");
        assert!(seconds("0.2s").is_ok() && seconds("x").is_err() && seconds("NaN").is_err());
    }

    #[test]
    fn a_time_is_said_in_the_unit_that_it_is_thought_of_in() {
        let said = [4, 999, 1_000, 12_340].map(|ms| said(Duration::from_millis(ms)));
        assert_eq!(said, ["4 ms", "999 ms", "1.0 s", "12.3 s"]);
    }
}

//! Loads and times as a user writes them.

use std::{str::FromStr, time::Duration};

/// Loads of a range between its ends, per decade.
const DIGITS: [f64; 3] = [1.0, 2.0, 5.0];
/// More than that offers nothing but refusals, and less shows nothing.
const LOADS: (f64, f64) = (0.01, 100.0);
/// Shorter objectives are below what a thumbnail takes, and longer ones are none.
const OBJECTIVES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(60));

/// Loads, in capacities, one after the other.
#[derive(Clone, PartialEq, Debug)]
pub struct Loads(pub Vec<f64>);

impl FromStr for Loads {
    type Err = String;

    /// `2x`, `0.5x,2x` or `0.5x..10x`; the range goes by 1, 2, 5, 10.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((from, to)) = text.split_once("..") {
            let (from, to) = (load(from, text)?, load(to, text)?);
            return if from < to {
                Ok(Loads(between(from, to)))
            } else {
                Err(format!("`{text}` goes down; write `{to}x..{from}x`"))
            };
        }
        text.split(',').map(|part| load(part, text)).collect::<Result<_, _>>().map(Loads)
    }
}

/// The ends, and what is round between them.
fn between(from: f64, to: f64) -> Vec<f64> {
    let decades = -2..=2;
    let round = decades.flat_map(|decade| DIGITS.map(|digit| digit * 10f64.powi(decade)));
    let within = round.filter(|load| *load > from * 1.001 && *load < to * 0.999);
    std::iter::once(from).chain(within).chain([to]).collect()
}

fn load(part: &str, text: &str) -> Result<f64, String> {
    let number = part.trim().trim_end_matches(['x', 'X']).parse::<f64>();
    let number = number.map_err(|_| {
        format!("`{text}` is no load; give it in capacities of the service, as in `2x`, `0.5x,2x` or `0.5x..10x`")
    })?;
    let (least, most) = LOADS;
    let is_possible = (least..=most).contains(&number);
    if is_possible {
        Ok(number)
    } else {
        Err(format!("a load is from {least}x to {most}x, and `{}` is not", part.trim()))
    }
}

/// An objective: `200ms` or `0.5s`.
///
/// # Errors
/// A sentence with the cure.
pub fn objective(text: &str) -> Result<Duration, String> {
    let (number, milliseconds) = match text.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => (text.strip_suffix('s').unwrap_or_default(), 1e3),
    };
    let no_time = || format!("`{text}` is no time; write it with its unit, as in `200ms` or `0.5s`");
    let number: f64 = number.trim().parse().map_err(|_| no_time())?;
    let time = Duration::try_from_secs_f64(number * milliseconds / 1e3).map_err(|_| no_time())?;
    let (least, most) = OBJECTIVES;
    if (least..=most).contains(&time) {
        Ok(time)
    } else {
        Err(format!("an objective is from {least:?} to {most:?}, and `{text}` is not"))
    }
}

/// Seconds of a step.
///
/// # Errors
/// A sentence with the cure.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 =
        text.trim_end_matches('s').parse().map_err(|_| format!("`{text}` is no number of seconds, as in `6`"))?;
    let is_possible = (0.05..=3600.0).contains(&number);
    if is_possible {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err(format!("a step lasts from 0.05 to 3600 seconds, and not `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(text: &str) -> Result<Vec<f64>, String> {
        text.parse().map(|Loads(loads)| loads)
    }

    #[test]
    fn a_range_goes_by_round_loads_between_its_ends() {
        assert_eq!(loads("0.5x..10x"), Ok(vec![0.5, 1.0, 2.0, 5.0, 10.0]));
        assert_eq!(loads("0.8..3x"), Ok(vec![0.8, 1.0, 2.0, 3.0]));
        assert_eq!(loads("0.01..0.03"), Ok(vec![0.01, 0.02, 0.03]));
    }

    #[test]
    fn a_load_or_a_list_stands_as_it_is_written() {
        assert_eq!(loads("2x"), Ok(vec![2.0]));
        assert_eq!(loads("10x, 0.5x,3"), Ok(vec![10.0, 0.5, 3.0]));
    }

    #[test]
    fn what_is_no_load_is_told_with_the_cure() {
        assert_eq!(loads("10x..2x").unwrap_err(), "`10x..2x` goes down; write `2x..10x`");
        assert!(loads("much").unwrap_err().starts_with("`much` is no load; give it in capacities"));
        assert!(loads("").is_err() && loads("1x,,2x").is_err() && loads("NaN").is_err());
        assert_eq!(loads("0x").unwrap_err(), "a load is from 0.01x to 100x, and `0x` is not");
    }

    #[test]
    fn an_objective_has_a_unit_and_is_possible() {
        assert_eq!(objective("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(objective("0.5 s"), Ok(Duration::from_millis(500)));
        for text in ["200", "ms", "-1s", "0ms", "2h", "1e9s"] {
            assert!(objective(text).is_err(), "{text}");
        }
        assert!(seconds("6").is_ok() && seconds("0.2s").is_ok() && seconds("0").is_err() && seconds("x").is_err());
    }
}

//! What the words on the command line mean. Each error is one sentence that says what could be said instead.

use std::{fmt, time::Duration};

use seda::sim::Service;

/// Loads at which a range is looked at, in capacities.
const SWEEP: [f64; 9] = [0.5, 0.8, 0.95, 1.0, 1.2, 1.5, 2.0, 4.0, 10.0];

/// Steady loads, in capacities.
#[derive(Clone, PartialEq, Debug)]
pub struct Loads(pub Vec<f64>);

/// An admission policy with its numbers.
#[derive(Clone, PartialEq, Debug)]
pub enum Policy {
    /// seda's own, for an objective.
    Slo,
    /// All is admitted.
    All,
    /// All up to a bound of the queue.
    Bounded(usize),
    /// With the preset of 5 and 100 ms.
    CoDel,
    /// By ratio to the service time.
    CoDelByService,
    /// The newest first while a queue stands.
    Fresh,
    /// A limit by how many seem to queue.
    Vegas,
    /// A limit by the ratio of latencies.
    Gradient,
    /// A limit that grows by one and shrinks by a tenth.
    Aimd,
    /// SEDA's own of 2003.
    ResponseTime,
    /// So many at once.
    MaxConcurrency(usize),
    /// So many a second.
    Rate(f64),
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Slo => f.write_str("slo"),
            Policy::All => f.write_str("none"),
            Policy::Bounded(bound) => write!(f, "bounded:{bound}"),
            Policy::CoDel => f.write_str("codel"),
            Policy::CoDelByService => f.write_str("codel:service"),
            Policy::Fresh => f.write_str("fresh"),
            Policy::Vegas => f.write_str("vegas"),
            Policy::Gradient => f.write_str("gradient"),
            Policy::Aimd => f.write_str("aimd"),
            Policy::ResponseTime => f.write_str("response-time"),
            Policy::MaxConcurrency(events) => write!(f, "concurrency:{events}"),
            Policy::Rate(rate) => write!(f, "rate:{rate}"),
        }
    }
}

/// `slo`, `none`, `bounded:1000`, `codel`, `codel:service`, `fresh`, `vegas`, `gradient`, `aimd`, `response-time`,
/// `concurrency:30`, `rate:950`.
///
/// # Errors
/// What it could not be.
pub fn policy(text: &str) -> Result<Policy, String> {
    let (name, number) = text.split_once(':').unwrap_or((text, ""));
    let count = || number.parse::<usize>().ok().filter(|count| *count > 0);
    let found = match (name, number) {
        ("slo", "") => Some(Policy::Slo),
        ("none", "") => Some(Policy::All),
        ("codel", "") => Some(Policy::CoDel),
        ("codel", "service") => Some(Policy::CoDelByService),
        ("fresh", "") => Some(Policy::Fresh),
        ("vegas", "") => Some(Policy::Vegas),
        ("gradient", "") => Some(Policy::Gradient),
        ("aimd", "") => Some(Policy::Aimd),
        ("response-time", "") => Some(Policy::ResponseTime),
        ("bounded", _) => count().map(Policy::Bounded),
        ("concurrency", _) => count().map(Policy::MaxConcurrency),
        ("rate", _) => number.parse().ok().filter(|rate: &f64| *rate > 0.0 && rate.is_finite()).map(Policy::Rate),
        _ => None,
    };
    found.ok_or_else(|| {
        "say slo, none, codel, codel:service, fresh, vegas, gradient, aimd, response-time, or one with a number as \
         bounded:1000, concurrency:30, rate:950"
            .to_string()
    })
}

/// A time as `4ms`, `10us`, `1.5s`.
///
/// # Errors
/// What it could not be.
pub fn time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(format!("`{text}` is no time; say one as 4ms, 10us or 1.5s")),
    };
    let seconds = number.parse::<f64>().ok().map(|number| number * scale).filter(|seconds| *seconds > 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| format!("`{text}` is no time above zero; say one as 4ms, 10us or 1.5s"))
}

/// `exp:4ms`, `fixed:4ms`, `lognormal:4ms:2` (a standard deviation of two means), `pareto:4ms:1.5` (cut at 100 means), or
/// several with their shares, `0.95*exp:1ms+0.05*exp:61ms`.
///
/// # Errors
/// What it could not be.
pub fn service(text: &str) -> Result<Service, String> {
    if !text.contains('*') {
        return one(text);
    }
    let part = |part: &str| {
        let (share, rest) = part.split_once('*').ok_or_else(|| format!("`{part}` has no share; say 0.5*exp:4ms"))?;
        let share: f64 = share.parse().map_err(|_| format!("`{share}` is no share; say one as 0.5"))?;
        if share > 0.0 { Ok((share, one(rest)?)) } else { Err(format!("a share of {share} is none; leave it out")) }
    };
    Ok(Service::mix(text.split('+').map(part).collect::<Result<Vec<_>, String>>()?))
}

fn one(text: &str) -> Result<Service, String> {
    let mut words = text.split(':');
    let shape = words.next().unwrap_or_default();
    let mean = time(words.next().unwrap_or_default())?;
    let number = words.next().map(|word| word.parse::<f64>().map_err(|_| format!("`{word}` in `{text}` is no number")));
    match (shape, number.transpose()?) {
        ("exp", None) => Ok(Service::exponential(mean)),
        ("fixed", None) => Ok(Service::fixed(mean)),
        ("lognormal", deviation) if deviation.is_none_or(|deviation| deviation > 0.0) => {
            Ok(Service::log_normal(mean, deviation.unwrap_or(1.0)))
        }
        ("pareto", alpha) if alpha.is_none_or(|alpha| alpha > 1.0) => {
            Ok(Service::pareto(alpha.unwrap_or(1.5), mean, 100.0))
        }
        _ => Err(format!("`{text}` is no service time; say exp:4ms, fixed:4ms, lognormal:4ms:2 or pareto:4ms:1.5")),
    }
}

/// `0.5x..10x`, or some as `0.8x,2x`.
///
/// # Errors
/// What it could not be.
pub fn loads(text: &str) -> Result<Loads, String> {
    loads_by(text, &SWEEP)
}

/// The same, with a range looked at by `steps` between its ends.
///
/// # Errors
/// What it could not be.
pub fn loads_by(text: &str, steps: &[f64]) -> Result<Loads, String> {
    let load = |word: &str| {
        let number = word.trim_end_matches('x').parse::<f64>().ok().filter(|load| *load > 0.0 && load.is_finite());
        number.ok_or_else(|| format!("`{word}` is no load; say one as 2x, some as 0.8x,2x, or a range as 0.5x..10x"))
    };
    let Some((from, to)) = text.split_once("..") else {
        return Ok(Loads(text.split(',').map(load).collect::<Result<Vec<_>, String>>()?));
    };
    let (from, to) = (load(from)?, load(to)?);
    if from > to {
        return Err(format!("the range {from}x..{to}x is empty; say the lower load first"));
    }
    let between = steps.iter().copied().filter(|load| from < *load && *load < to);
    let mut loads: Vec<f64> = std::iter::once(from).chain(between).chain([to]).collect();
    loads.dedup();
    Ok(Loads(loads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_loads_has_its_ends_and_what_is_usual_between() {
        assert_eq!(loads("0.9x..2x"), Ok(Loads(vec![0.9, 0.95, 1.0, 1.2, 1.5, 2.0])));
        assert_eq!(loads("0.8x,3x"), Ok(Loads(vec![0.8, 3.0])));
        assert_eq!(loads("2x..2x"), Ok(Loads(vec![2.0])));
        assert!(loads("2x..1x").unwrap_err().contains("lower load first"));
        assert!(loads("often").unwrap_err().contains("0.5x..10x"));
    }

    #[test]
    fn a_service_time_has_the_mean_that_was_said() {
        for text in ["exp:4ms", "fixed:4ms", "lognormal:4ms:2", "pareto:4ms:1.5", "0.5*exp:2ms+0.5*fixed:6ms"] {
            let mean = service(text).unwrap().mean().as_secs_f64();
            assert!((mean - 0.004).abs() < 4e-6, "{text}: {mean}");
        }
        for text in ["exp", "exp:4", "exp:0ms", "exp:4ms:2", "uniform:4ms", "exp:1ms*0.5", "0*exp:1ms"] {
            assert!(service(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_policy_is_printed_as_it_is_said() {
        for text in ["slo", "none", "bounded:1000", "codel", "codel:service", "fresh", "concurrency:30", "rate:950"] {
            assert_eq!(policy(text).unwrap().to_string(), text);
        }
        assert!(policy("bounded").is_err() && policy("codel:7").is_err() && policy("rate:0").is_err());
    }
}

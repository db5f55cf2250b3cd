//! Figures for tables of 80 columns: whole where there is room, shortened where there is not.

use std::time::Duration;

/// A number in at most `width` characters, 4 or more: `12345`, or `12.3k` where that is too long.
pub(crate) fn fit(n: u64, width: usize) -> String {
    let whole = n.to_string();
    if whole.len() <= width {
        return whole;
    }
    let mut value = n as f64;
    let mut units = ["", "k", "M", "G", "T", "P", "E"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    // 999.5 and more would be written as four digits.
    while value >= 999.5 {
        value /= 1000.0;
        unit = units.next().unwrap_or_default();
    }
    let with_a_tenth = format!("{value:.1}{unit}");
    if with_a_tenth.len() <= width { with_a_tenth } else { format!("{value:.0}{unit}") }
}

/// A duration in at most eight characters.
pub(crate) fn short(duration: Duration) -> String {
    const UNITS: [(f64, &str); 6] =
        [(60.0 * 60.0 * 24.0, "d"), (60.0 * 60.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
    let secs = duration.as_secs_f64();
    // Ninety seconds read better than a minute and a half.
    let fits = |&&(unit, _): &&(f64, &str)| secs >= if unit >= 60.0 { 10.0 * unit } else { unit };
    match UNITS.iter().find(fits) {
        None => format!("{} ns", duration.as_nanos()),
        Some(&(unit, name)) if secs / unit >= 100.0 => format!("{}{name}", spaced(secs / unit)),
        Some(&(unit, name)) => format!("{:.1} {name}", secs / unit),
    }
}

fn spaced(value: f64) -> String {
    // Ages of worlds.
    if value >= 1e6 { format!("{} ", fit(value as u64, 5)) } else { format!("{value:.0} ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shortened_only_where_it_does_not_fit() {
        let all =
            [(0, 4), (9_999, 4), (10_000, 4), (999_499, 4), (999_500, 4), (1_234_567_890, 10), (1_234_567_890, 6)];
        let shown: Vec<_> = all.into_iter().map(|(n, width)| fit(n, width)).collect();
        assert_eq!(shown, ["0", "9999", "10k", "999k", "1.0M", "1234567890", "1.2G"]);
    }

    #[test]
    fn no_figure_is_wider_than_its_column() {
        for power in 0..64 {
            for n in [(1u64 << power) - 1, 1 << power, u64::MAX >> power] {
                (4..12).for_each(|width| assert!(fit(n, width).len() <= width, "{n} in {width}: {}", fit(n, width)));
                let text = short(Duration::from_nanos(n));
                assert!(text.chars().count() <= 8, "{n} ns: {text}");
            }
        }
        assert!(short(Duration::MAX).chars().count() <= 8, "{}", short(Duration::MAX));
    }

    #[test]
    fn durations_are_read_in_the_unit_that_suits_them() {
        let ns = [0, 999, 1_000, 123_456, 5_250_000, 90_000_000_000, 900_000_000_000, 90_000_000_000_000];
        let shown: Vec<_> = ns.into_iter().map(|ns| short(Duration::from_nanos(ns))).collect();
        assert_eq!(shown, ["0 ns", "999 ns", "1.0 µs", "123 µs", "5.2 ms", "90.0 s", "15.0 min", "25.0 h"]);
    }
}

//! Times and sizes as text, with their units.

use std::time::Duration;

/// Names of the units of a time, with their length in ns; the largest that fits is shown.
const TIMES: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
/// Names of the units of a size, with their bytes.
const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// A time from text: `250 ms`.
pub(crate) fn read_time(text: &str) -> Result<Duration, String> {
    read(text, &TIMES).map(Duration::from_nanos)
}

/// A size from text: `64 MiB`.
pub(crate) fn read_bytes(text: &str) -> Result<u64, String> {
    read(text, &SIZES)
}

/// The time in the largest unit that gives a whole number: reads back as the same.
pub(crate) fn show_time(time: Duration) -> String {
    show(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), TIMES.iter())
}

/// The size in the largest binary unit that gives a whole number.
pub(crate) fn show_bytes(bytes: u64) -> String {
    show(bytes, SIZES.iter().filter(|(name, _)| !matches!(*name, "kB" | "MB" | "GB")))
}

fn show<'a>(n: u64, units: impl DoubleEndedIterator<Item = &'a (&'a str, u64)>) -> String {
    let fits = units.rev().find(|(_, unit)| n != 0 && n.is_multiple_of(*unit));
    fits.map_or_else(|| "0".to_string(), |(name, unit)| format!("{} {name}", n / unit))
}

fn names(units: &[(&str, u64)]) -> String {
    units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A pattern for a JSON Schema: a number, perhaps with a fraction, and its unit.
pub(crate) fn time_pattern() -> String {
    pattern(&TIMES)
}

/// The same for sizes.
pub(crate) fn bytes_pattern() -> String {
    pattern(&SIZES)
}

fn pattern(units: &[(&str, u64)]) -> String {
    format!("^[0-9]+([.][0-9]+)? ?({})$", units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("|"))
}

fn read(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..at], text[at..].trim_start());
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_number = number.split_once('.').map_or(digits(number), |(whole, part)| digits(whole) && digits(part));
    if !is_number {
        return Err("it must begin with a number".to_string());
    }
    if unit.is_empty() {
        return Err(format!("it needs a unit: {}", names(units)));
    }
    // `µs` is what people copy from a table.
    let meant = if matches!(unit, "µs" | "μs") { "us" } else { unit };
    let Some((_, size)) = units.iter().find(|(name, _)| *name == meant) else {
        return Err(format!("`{unit}` is not one of the units {}", names(units)));
    };
    let value = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(*size),
        Err(_) => number.parse::<f64>().ok().map(|n| n * *size as f64).filter(|n| *n < 1e18).map(|n| n.round() as u64),
    };
    value.ok_or_else(|| "it is too large".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{mib, ms, secs, us};

    #[test]
    fn times_and_sizes_are_read_with_their_units_and_shown_so_that_they_read_back() {
        for (text, time) in [("250 ms", ms(250)), ("1.5s", ms(1500)), ("2 min", secs(120)), ("7 µs", us(7))] {
            assert_eq!(read_time(text).unwrap(), time, "{text}");
            assert_eq!(read_time(&show_time(time)).unwrap(), time, "{text}");
        }
        for (text, bytes) in [("64 MiB", mib(64)), ("1 kB", 1000), ("0.5KiB", 512), ("3 B", 3)] {
            assert_eq!(read_bytes(text).unwrap(), bytes, "{text}");
            assert_eq!(read_bytes(&show_bytes(bytes)).unwrap(), bytes, "{text}");
        }
        assert_eq!((show_time(ms(1500)), show_bytes(1536)), ("1500 ms".to_string(), "1536 B".to_string()));
    }

    #[test]
    fn what_is_no_time_or_size_says_what_it_lacks() {
        assert_eq!(read_time("250").unwrap_err(), "it needs a unit: ns, us, ms, s, min, h, d");
        assert_eq!(read_time("soon").unwrap_err(), "it must begin with a number");
        assert_eq!(read_time("5 parsecs").unwrap_err(), "`parsecs` is not one of the units ns, us, ms, s, min, h, d");
        assert_eq!(read_bytes("64 mib").unwrap_err(), "`mib` is not one of the units B, kB, KiB, MB, MiB, GB, GiB");
        assert_eq!(read_bytes("99999999999 GiB").unwrap_err(), "it is too large");
    }
}

//! Times as text, `slo = "50 ms"`, in the units that configuration takes.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, LitStr, Result};

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// The time that the text says, as an expression.
pub(crate) fn time(option: &str, text: &LitStr) -> Result<TokenStream> {
    match read(&text.value()) {
        Ok(ns) => Ok(quote!(::core::time::Duration::from_nanos(#ns))),
        Err(why) => Err(not_a_time(option, text, &why)),
    }
}

pub(crate) fn not_a_time(option: &str, at: impl ToTokens, why: &str) -> Error {
    Error::new_spanned(at, format!("`{option}` takes a time, `{option} = \"50 ms\"` or `{option} = ms(50)`: {why}"))
}

fn read(text: &str) -> std::result::Result<u64, String> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..at], text[at..].trim_start());
    let Some(number) = number.parse::<f64>().ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit())) else {
        return Err("it must begin with a number".to_string());
    };
    let names = || UNITS.map(|(name, _)| name).join(", ");
    if unit.is_empty() {
        return Err(format!("it needs a unit: {}", names()));
    }
    let meant = if matches!(unit, "µs" | "μs") { "us" } else { unit };
    let Some((_, ns)) = UNITS.iter().find(|(name, _)| *name == meant) else {
        return Err(format!("`{unit}` is not one of the units {}", names()));
    };
    match number * *ns as f64 {
        ns if ns < 1.0 => Err("it is not above 0".to_string()),
        ns if ns >= 1e18 => Err("it is too large".to_string()),
        ns => Ok(ns.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn times_are_read_as_configuration_reads_them() {
        for (text, ns) in [("50 ms", 50_000_000), ("1.5s", 1_500_000_000), ("7 µs", 7_000), ("2 min", 120_000_000_000)]
        {
            assert_eq!(read(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_says_what_it_lacks() {
        for (text, why) in [
            ("50", "it needs a unit: ns, us, ms, s, min, h, d"),
            ("soon", "it must begin with a number"),
            ("5 parsecs", "`parsecs` is not one of the units ns, us, ms, s, min, h, d"),
            ("0 ms", "it is not above 0"),
            ("99999999 d", "it is too large"),
        ] {
            assert_eq!(read(text), Err(why.to_string()), "{text}");
        }
    }
}

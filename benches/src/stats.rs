//! The arithmetic: medians, percentiles and bootstrap bounds; no clock, no input or output.

/// Resamples per bootstrap; the 95 % bounds of a median of 21 no longer move in the third digit.
const RESAMPLES: usize = 4_000;
/// Fixed, so that the same rounds always print the same bounds.
const SEED: u64 = 0x5EDA_2026;

/// The 95 % bounds of a median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// 2.5 % of the resampled medians lie below.
    pub low: f64,
    /// 2.5 % of the resampled medians lie above.
    pub high: f64,
}

/// The middle value, or the mean of the two in the middle; NaN for nothing.
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let n = sorted.len();
    match n {
        0 => f64::NAN,
        _ if n % 2 == 1 => sorted[n / 2],
        _ => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The value at `share` (0 to 1) of the sorted values, nearest rank; NaN for nothing.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let sorted = sorted(values);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// The percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, section 13.3) of the median.
pub fn bootstrap_median(values: &[f64]) -> Bounds {
    let mut dice = SplitMix(SEED);
    let mut draw = vec![0.0; values.len()];
    let medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            draw.fill_with(|| values[dice.below(values.len())]);
            median(&draw)
        })
        .collect();
    Bounds { low: percentile(&medians, 0.025), high: percentile(&medians, 0.975) }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): good enough to draw rounds, and five lines instead of a dependency.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&values, 0.0), 1.0);
    }

    #[test]
    fn bounds_enclose_the_median_and_repeat() {
        let values: Vec<f64> = (0..21).map(|n| 1.0 + f64::from(n % 7) / 10.0).collect();
        let bounds = bootstrap_median(&values);
        assert!(bounds.low <= median(&values) && median(&values) <= bounds.high);
        assert_eq!(bounds, bootstrap_median(&values));
    }
}

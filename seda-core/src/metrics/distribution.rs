use std::time::Duration;

use hdrhistogram::Histogram;

use super::snapshot::Percentiles;

/// Two digits: every quantile is right to 1 %, and the longest range that is told apart takes 18 KiB.
const DIGITS: u8 = 2;
/// An hour. What takes longer is counted as an hour; the true maximum is kept beside.
const MOST_NS: u64 = 3_600_000_000_000;
/// What most stages need (one second), so that recording does not grow the table again and again.
const FIRST_NS: u64 = 1_000_000_000;

/// An HDR histogram that takes memory only once something is recorded, and never more than for an hour's range.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distribution {
    table: Option<Box<Histogram<u64>>>,
    max: u64,
    count: u64,
    sum: f64,
    /// Of the squares.
    squares: f64,
}

impl Distribution {
    pub(crate) fn record(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.max = self.max.max(value);
        self.count += times;
        self.sum += value as f64 * times as f64;
        self.squares += (value as f64).powi(2) * times as f64;
        let table = self.table.get_or_insert_with(|| Box::new(table(FIRST_NS)));
        if value > table.high() && table.high() < MOST_NS {
            widen(table);
        }
        table.saturating_record_n(value.min(MOST_NS), times);
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Standard deviation over the mean; 0 where nothing was recorded.
    pub(crate) fn deviation(&self) -> f64 {
        let mean = self.mean();
        if mean == 0.0 { 0.0 } else { (self.squares / self.count as f64 / (mean * mean) - 1.0).max(0.0).sqrt() }
    }

    /// The quantile of what was recorded after `before`, an earlier copy; 0 where that is nothing.
    pub(crate) fn quantile_since(&self, before: &Distribution, q: f64) -> u64 {
        let (Some(table), true) = (&self.table, self.count > before.count) else { return 0 };
        let Some(old) = &before.table else { return self.quantile(q) };
        let mut new = Histogram::clone(table);
        new.subtract(&**old).expect("a table only grows");
        new.value_at_quantile(q).min(self.max)
    }

    pub(crate) fn quantile(&self, q: f64) -> u64 {
        // A bucket's upper edge may lie above what was seen.
        self.table.as_ref().map_or(0, |table| table.value_at_quantile(q).min(self.max))
    }

    /// Each bucket's middle, and how many fell into it.
    #[cfg(feature = "sim")]
    pub(crate) fn buckets(&self) -> Vec<(u64, u64)> {
        let Some(table) = &self.table else { return Vec::new() };
        let middle = |value| table.median_equivalent(value).min(self.max);
        table.iter_recorded().map(|bucket| (middle(bucket.value_iterated_to()), bucket.count_at_value())).collect()
    }

    /// What was recorded after `before`, an earlier copy: each bucket's middle, and how many fell into it. At most `most`
    /// in all: of more, each bucket keeps its share.
    #[cfg(feature = "metrics")]
    pub(crate) fn since(&self, before: &Distribution, most: u64) -> Vec<(u64, u64)> {
        let (Some(table), true) = (&self.table, self.count > before.count) else { return Vec::new() };
        let mut new = Histogram::clone(table);
        if let Some(old) = &before.table {
            new.subtract(&**old).expect("a table only grows");
        }
        let all = new.len();
        let (mut seen, mut kept) = (0, 0);
        let shares = new.iter_recorded().map(|bucket| {
            seen += bucket.count_at_value();
            // Of the sum and not of each, so that small buckets are not all lost to rounding.
            let upto = if all <= most { seen } else { (seen as f64 / all as f64 * most as f64).round() as u64 };
            (table.median_equivalent(bucket.value_iterated_to()), upto - std::mem::replace(&mut kept, upto))
        });
        shares.filter(|&(_, times)| times > 0).collect()
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |q| Duration::from_nanos(self.quantile(q));
        Percentiles {
            count: self.count,
            mean: Duration::from_nanos(self.mean() as u64),
            p50: at(0.50),
            p90: at(0.90),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(self.max),
        }
    }
}

fn table(most_ns: u64) -> Histogram<u64> {
    Histogram::new_with_bounds(1, most_ns, DIGITS).expect("the bounds are constants that fit")
}

/// Once in a table's life.
#[cold]
fn widen(narrow: &mut Histogram<u64>) {
    let mut wide = table(MOST_NS);
    wide.add(&*narrow).expect("the wider range holds the narrower one");
    *narrow = wide;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_one_percent() {
        let mut d = Distribution::default();
        (1..=10_000u64).for_each(|v| d.record(v * 1000, 1));
        let p99 = d.quantile(0.99) as f64;
        assert!((p99 / 9_900_000.0 - 1.0).abs() < 0.01, "{p99}");
        assert_eq!(d.max, 10_000_000);
    }

    #[test]
    fn a_value_of_hours_is_kept_as_the_maximum_and_breaks_nothing() {
        let mut d = Distribution::default();
        d.record(10 * MOST_NS, 2);
        d.record(5, 1);
        assert_eq!(d.percentiles().max, Duration::from_secs(36_000));
        assert_eq!(d.count, 3);
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn what_came_since_a_copy_is_told_once_also_when_the_table_was_widened() {
        let mut d = Distribution::default();
        d.record(1_000, 3);
        let before = d.clone();
        d.record(1_000, 2);
        d.record(2 * FIRST_NS, 1);
        let near = |(value, times): (u64, u64), of: u64, n: u64| times == n && value.abs_diff(of) <= of / 100;
        let since = d.since(&before, 1000);
        assert!(since.len() == 2 && near(since[0], 1_000, 2) && near(since[1], 2 * FIRST_NS, 1), "{since:?}");
        assert!(d.since(&d.clone(), 1000).is_empty());
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn of_too_many_each_bucket_keeps_its_share() {
        let mut d = Distribution::default();
        d.record(1_000, 3_000_000);
        d.record(9_000, 1_000_000);
        let times: Vec<u64> = d.since(&Distribution::default(), 1000).into_iter().map(|(_, times)| times).collect();
        assert_eq!(times, [750, 250]);
    }

    #[test]
    fn nothing_recorded_takes_no_table() {
        assert!(Distribution::default().table.is_none());
        assert_eq!(Distribution::default().quantile(0.5), 0);
    }
}

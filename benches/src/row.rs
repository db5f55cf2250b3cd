//! One row: a question, its rounds, and the bar it is held against.

use serde_json::{Value, json};

use crate::stats::{bootstrap_median, median};

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better, as for events per second; the bar is a least value.
    Higher,
    /// Less is better, as for nanoseconds; the bar is a most value.
    Lower,
}

/// A question with the values of all its rounds.
#[derive(Clone, Debug)]
#[must_use = "a row is printed once a table has it"]
pub struct Row {
    id: String,
    question: String,
    unit: String,
    peer: Option<String>,
    better: Better,
    bar: Option<f64>,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    note: Option<String>,
}

impl Row {
    /// Ours against a peer's: the bar is held against the median of ours/peer within a round.
    pub fn paired(
        id: impl Into<String>,
        question: impl Into<String>,
        unit: impl Into<String>,
        peer: impl Into<String>,
        better: Better,
        bar: f64,
    ) -> Self {
        Self::new(id.into(), question.into(), unit.into(), Some(peer.into()), better, Some(bar))
    }

    /// A value without a peer: the bar is held against its median.
    pub fn single(
        id: impl Into<String>,
        question: impl Into<String>,
        unit: impl Into<String>,
        better: Better,
        bar: f64,
    ) -> Self {
        Self::new(id.into(), question.into(), unit.into(), None, better, Some(bar))
    }

    /// A further peer beside a row that has the bar; without a bar of its own, and printed beneath.
    pub fn beside(
        id: impl Into<String>,
        question: impl Into<String>,
        unit: impl Into<String>,
        peer: impl Into<String>,
        better: Better,
    ) -> Self {
        Self::new(id.into(), question.into(), unit.into(), Some(peer.into()), better, None)
    }

    /// A value to look at: neither peer nor bar, printed beneath.
    pub fn aside(id: impl Into<String>, question: impl Into<String>, unit: impl Into<String>, better: Better) -> Self {
        Self::new(id.into(), question.into(), unit.into(), None, better, None)
    }

    fn new(id: String, question: String, unit: String, peer: Option<String>, better: Better, bar: Option<f64>) -> Self {
        Self { id, question, unit, peer, better, bar, ours: Vec::new(), theirs: Vec::new(), note: None }
    }

    /// The rounds of a row with a peer: `(ours, peer)` each.
    pub fn rounds(mut self, rounds: impl IntoIterator<Item = (f64, f64)>) -> Self {
        assert!(self.peer.is_some(), "row {} has no peer: give it values, not rounds", self.id);
        (self.ours, self.theirs) = rounds.into_iter().unzip();
        self
    }

    /// The values of a row without a peer, one per round.
    pub fn values(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        assert!(self.peer.is_none(), "row {} has a peer: give it rounds, not values", self.id);
        self.ours = values.into_iter().collect();
        self
    }

    /// What the row comes to.
    pub(crate) fn verdict(&self) -> Verdict {
        let judged = self.judged();
        let ratio = median(&judged);
        let bounds = bootstrap_median(&judged);
        let meets = self.bar.map(|bar| match self.better {
            Better::Higher => ratio >= bar,
            Better::Lower => ratio <= bar,
        });
        Verdict {
            ours: median(&self.ours),
            peer: self.peer.as_ref().map(|_| median(&self.theirs)),
            ratio,
            low: bounds.low,
            high: bounds.high,
            meets,
        }
    }

    /// The object of this row in `target/bench/NAME.json`.
    pub(crate) fn json(&self) -> Value {
        let verdict = self.verdict();
        json!({
            "id": self.id,
            "question": self.question,
            "ours": verdict.ours,
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": verdict.peer,
            "better": match self.better { Better::Higher => "higher", Better::Lower => "lower" },
            "ratio": verdict.ratio,
            "low": verdict.low,
            "high": verdict.high,
            "bar": self.bar,
            "rounds": self.ours.len(),
        })
    }

    /// The cells of this row in the printed table, in the order of the table's head.
    pub(crate) fn cells(&self) -> [String; 8] {
        let verdict = self.verdict();
        let bar = self.bar.map_or_else(|| "-".to_string(), |bar| format!("{} {}", self.sign(), number(bar)));
        let met = verdict.meets.map_or("", |meets| if meets { "ok" } else { "short" });
        [
            self.id.clone(),
            format!("{} {}", number(verdict.ours), self.unit),
            self.peer.clone().unwrap_or_else(|| "-".to_string()),
            verdict.peer.map_or_else(|| "-".to_string(), number),
            number(verdict.ratio),
            format!("{} - {}", number(verdict.low), number(verdict.high)),
            bar,
            met.to_string(),
        ]
    }

    /// The row's id and question, for the lines above the table.
    pub(crate) fn asks(&self) -> (&str, &str) {
        (&self.id, &self.question)
    }

    /// Whether it misses its bar.
    pub(crate) fn is_short(&self) -> bool {
        self.verdict().meets == Some(false)
    }

    /// A sentence for whoever reads why it came out so; printed beneath its question, and in no file.
    pub(crate) fn note(&mut self, note: &str) {
        self.note = Some(note.to_string());
    }

    pub(crate) fn noted(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// How many rounds it has.
    pub(crate) fn round_count(&self) -> usize {
        self.ours.len()
    }

    /// Rows with a bar come first.
    pub(crate) fn has_bar(&self) -> bool {
        self.bar.is_some()
    }

    fn sign(&self) -> &'static str {
        match self.better {
            Better::Higher => ">=",
            Better::Lower => "<=",
        }
    }

    /// What the bar is held against: the ratio within each round, or the value where there is no peer.
    fn judged(&self) -> Vec<f64> {
        assert!(!self.ours.is_empty(), "row {} has no rounds", self.id);
        if self.peer.is_none() {
            return self.ours.clone();
        }
        self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect()
    }
}

/// The medians of a row and whether it meets its bar (`None` without one).
pub(crate) struct Verdict {
    ours: f64,
    peer: Option<f64>,
    ratio: f64,
    low: f64,
    high: f64,
    meets: Option<bool>,
}

/// Three digits that matter, without an exponent: the noise is in the second.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 1e4 => format!("{:.1} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_taken_within_the_round() {
        // The machine halves its speed in the last round; the ratio does not notice.
        let row =
            Row::paired("a", "?", "M/s", "peer", Better::Higher, 2.0).rounds([(8.0, 4.0), (8.0, 4.0), (4.0, 2.0)]);
        let verdict = row.verdict();
        assert_eq!((verdict.ratio, verdict.low, verdict.high), (2.0, 2.0, 2.0));
        assert_eq!(verdict.meets, Some(true));
    }

    #[test]
    fn a_row_without_a_peer_has_its_own_value_as_ratio() {
        let row = Row::single("a", "?", "KiB", Better::Lower, 64.0).values([70.0, 80.0, 60.0]);
        let json = row.json();
        assert_eq!(json["ratio"], 70.0);
        assert_eq!(json["peer_value"], Value::Null);
        assert_eq!(row.verdict().meets, Some(false));
    }

    #[test]
    fn an_object_has_exactly_the_agreed_keys() {
        let row = Row::beside("a/b", "?", "M/s", "flume", Better::Higher).rounds([(1.0, 2.0)]);
        let mut keys: Vec<_> = row.json().as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        let mut agreed =
            ["id", "question", "ours", "unit", "peer", "peer_value", "better", "ratio", "low", "high", "bar"]
                .map(String::from)
                .to_vec();
        agreed.push("rounds".to_string());
        agreed.sort();
        assert_eq!(keys, agreed);
    }
}

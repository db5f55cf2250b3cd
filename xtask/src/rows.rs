//! The rows that the benches write, and the one table of them all.

use serde_json::Value;

/// One measured answer, as a bench writes it to `target/bench/NAME.json`.
pub(crate) struct Row {
    id: String,
    ours: f64,
    unit: String,
    peer: String,
    peer_value: Option<f64>,
    higher_is_better: bool,
    ratio: f64,
    low: f64,
    high: f64,
    bar: Option<f64>,
}

pub(crate) fn parse(text: &str) -> Result<Vec<Row>, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("its rows are no JSON: {e}"))?;
    let rows = value.as_array().ok_or("its rows are no array")?;
    rows.iter().map(|row| Row::from(row).ok_or_else(|| format!("a row lacks a field: {row}"))).collect()
}

impl Row {
    fn from(row: &Value) -> Option<Row> {
        Some(Row {
            id: row["id"].as_str()?.to_string(),
            ours: row["ours"].as_f64()?,
            unit: row["unit"].as_str()?.to_string(),
            peer: row["peer"].as_str().unwrap_or("-").to_string(),
            peer_value: row["peer_value"].as_f64(),
            higher_is_better: row["better"].as_str()? == "higher",
            ratio: row["ratio"].as_f64()?,
            low: row["low"].as_f64()?,
            high: row["high"].as_f64()?,
            bar: row["bar"].as_f64(),
        })
    }

    fn meets_its_bar(&self) -> bool {
        self.bar.is_none_or(|bar| if self.higher_is_better { self.ratio >= bar } else { self.ratio <= bar })
    }

    fn cells(&self) -> [String; 8] {
        let sign = if self.higher_is_better { "≥" } else { "≤" };
        [
            self.id.clone(),
            number(self.ours),
            self.unit.clone(),
            self.peer.clone(),
            self.peer_value.map_or("-".to_string(), number),
            format!("{} [{}, {}]", number(self.ratio), number(self.low), number(self.high)),
            self.bar.map_or("-".to_string(), |bar| format!("{sign} {bar}")),
            if self.meets_its_bar() { "" } else { "below the bar" }.to_string(),
        ]
    }
}

/// All rows in columns, and under them how many miss their bar and which.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["id", "ours", "unit", "peer", "its value", "ratio [95 %]", "bar", ""].map(str::to_string);
    let cells: Vec<[String; 8]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    let below: Vec<&str> = rows.iter().filter(|row| !row.meets_its_bar()).map(|row| row.id.as_str()).collect();
    let verdict = if below.is_empty() {
        "none below the bar".to_string()
    } else {
        format!("below the bar: {}", below.join(", "))
    };
    format!("{text}\n{} rows, {verdict}\n", rows.len())
}

/// Three figures that count, whatever the size: rows hold millions of events and shares of a core.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2} M", value / 1e6),
        size if size >= 1e4 => format!("{:.1} k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = r#"[
        {"id":"chain-own","question":"?","ours":9.0e6,"unit":"events/s","peer":"crossbeam","peer_value":8.0e6,
         "better":"higher","ratio":1.12,"low":1.0,"high":1.2,"bar":1.0,"rounds":21},
        {"id":"idle","question":"?","ours":0.02,"unit":"cores","peer":null,"peer_value":null,
         "better":"lower","ratio":0.02,"low":0.02,"high":0.02,"bar":0.01,"rounds":21}]"#;

    #[test]
    fn a_row_is_held_against_its_bar_in_the_direction_it_says() {
        let rows = parse(ROWS).unwrap();
        assert!(rows[0].meets_its_bar());
        assert!(!rows[1].meets_its_bar());
    }

    #[test]
    fn the_table_ends_with_the_rows_that_miss_their_bar() {
        let table = table(&parse(ROWS).unwrap());
        assert!(table.contains("chain-own  9.00 M"), "{table}");
        assert!(table.ends_with("2 rows, below the bar: idle\n"), "{table}");
    }

    #[test]
    fn a_row_without_a_ratio_is_refused() {
        assert!(parse(r#"[{"id":"x"}]"#).err().unwrap().contains("lacks a field"));
    }
}

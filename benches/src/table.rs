//! The rows of one bench, printed and written to `target/bench/NAME.json`.

use std::path::PathBuf;

use serde_json::Value;

use crate::{rounds, row::Row};

const HEAD: [&str; 8] = ["id", "ours", "peer", "peer's", "ratio", "95 %", "bar", ""];

/// The rows of one bench.
#[must_use = "finish() prints and writes it"]
pub struct Table {
    name: String,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table; `name` becomes the name of the JSON file.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, row: Row) -> &mut Self {
        self.rows.push(row);
        self
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Notes why it may be so for the rows from this one on that miss their bar and have no note yet.
    pub fn note_short(&mut self, from: usize, note: &str) {
        let short = self.rows[from..].iter_mut().filter(|row| row.is_short() && row.noted().is_none());
        short.for_each(|row| row.note(note));
    }

    /// Prints the table and writes `target/bench/NAME.json`. Rows under their bar are printed as `short`; the
    /// process does not fail for them, since what to do about one is for its reader to decide.
    ///
    /// # Panics
    /// When the file cannot be written: a bench whose result is lost should not look well.
    pub fn finish(&self) {
        println!("\n{}", self.render());
        let path = target_dir().join("bench").join(format!("{}.json", self.name));
        let rows = Value::Array(self.ordered().map(Row::json).collect());
        let text = serde_json::to_string_pretty(&rows).expect("rows are plain JSON");
        std::fs::create_dir_all(path.parent().expect("a file in a folder"))
            .and_then(|()| std::fs::write(&path, text + "\n"))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// The rows with a bar, then those beside them.
    fn ordered(&self) -> impl Iterator<Item = &Row> {
        let barred = self.rows.iter().filter(|row| row.has_bar());
        barred.chain(self.rows.iter().filter(|row| !row.has_bar()))
    }

    fn render(&self) -> String {
        let quick = if rounds::quick() { ", QUICK: a smoke run, not a measurement" } else { "" };
        let rounds = self.rows.iter().map(Row::round_count).max().unwrap_or(0);
        let mut text = format!("{} ({rounds} rounds{quick})\n", self.name);
        for row in self.ordered() {
            let (id, question) = row.asks();
            text += &format!("  {id}: {question}\n");
            if let Some(note) = row.noted() {
                text += &format!("    short: {note}\n");
            }
        }
        let mut cells = vec![HEAD.map(String::from)];
        cells.extend(self.ordered().map(Row::cells));
        text + "\n" + &align(&cells)
    }
}

/// Pads each column to its widest cell.
fn align(cells: &[[String; 8]]) -> String {
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |row: &[String; 8]| {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    cells.iter().map(line).collect()
}

/// Where cargo puts what it builds: the environment's word, or `target` beside the workspace's manifest.
pub fn target_dir() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(beside, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Better;

    #[test]
    fn rows_with_a_bar_stand_first_and_columns_line_up() {
        let mut table = Table::new("t");
        table.row(Row::beside("a/flume", "?", "M/s", "flume", Better::Higher).rounds([(1.0, 2.0)]));
        table.row(Row::single("long-name", "?", "µs", Better::Lower, 3.0).values([2.0]));
        let text = table.render();
        assert!(text.find("long-name  2.00") < text.find("a/flume  "), "{text}");
        assert!(text.contains("ok"), "{text}");
    }
}

//! All outcomes: as a table, and as files.

use std::{fmt, fs, io, path::Path};

use super::{outcome::Outcome, page, plots};
use crate::name::cut;

/// What came of all contenders in all scenarios. Printed, it is a table of medians over the seeds.
#[derive(Clone, Debug, Default)]
#[must_use = "a report is printed, or written"]
pub struct Report {
    title: String,
    outcomes: Vec<Outcome>,
    tables: Vec<Table>,
}

/// One that somebody else reckoned.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A picture, and the outcomes that it shows.
pub(super) struct Section<'a> {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) outcomes: Vec<&'a Outcome>,
    pub(super) svg: String,
    pub(super) is_sweep: bool,
}

impl Report {
    /// Without outcomes yet.
    pub fn new(title: impl Into<String>) -> Self {
        Report { title: title.into(), ..Report::default() }
    }

    /// One more.
    pub fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// All of another one.
    pub fn extend(&mut self, other: Report) {
        self.outcomes.extend(other.outcomes);
        self.tables.extend(other.tables);
    }

    /// A table of your own, such as scores: above the scenarios on the page, behind them in print. The first row is the one
    /// that counts.
    pub fn table(&mut self, caption: impl Into<String>, head: &[&str], rows: Vec<Vec<String>>) {
        let head = head.iter().map(ToString::to_string).collect();
        self.tables.push(Table { caption: caption.into(), head, rows });
    }

    /// Keeps those for which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(&Outcome) -> bool) {
        self.outcomes.retain(keep);
    }

    /// All, scenario by scenario in the order in which they were added.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// One contender in one scenario.
    #[must_use]
    pub fn outcome(&self, scenario: &str, contender: &str) -> Option<&Outcome> {
        let is_it = |outcome: &&Outcome| outcome.demand().name() == scenario && outcome.contender() == contender;
        self.outcomes.iter().find(is_it)
    }

    /// One page of HTML with all tables and pictures, which opens from disk and fetches nothing.
    #[must_use]
    pub fn page(&self) -> String {
        page::page(&self.title, &self.tables, &self.sections())
    }

    /// Writes that page to `index.html`, and each picture to a file of its own, in this folder, which is made.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let sections = self.sections();
        for section in &sections {
            let name = section.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            fs::write(folder.join(format!("{name}.svg")), &section.svg)?;
        }
        fs::write(folder.join("index.html"), page::page(&self.title, &self.tables, &sections))
    }

    /// A section for each scenario; those of a sweep share one.
    fn sections(&self) -> Vec<Section<'_>> {
        let mut sections: Vec<Section<'_>> = Vec::new();
        for outcome in &self.outcomes {
            let scenario = outcome.demand().scenario();
            let name = scenario.sweep.as_ref().map_or(&scenario.name, |(sweep, _)| sweep);
            match sections.iter_mut().find(|section| section.name == *name) {
                Some(section) => section.outcomes.push(outcome),
                None => {
                    let (name, about, svg) = (name.clone(), scenario.about.clone(), String::new());
                    let is_sweep = scenario.sweep.is_some();
                    sections.push(Section { name, about, outcomes: vec![outcome], svg, is_sweep });
                }
            }
        }
        for section in &mut sections {
            if section.is_sweep {
                section.about = "a steady load, from half the capacity to ten times".to_string();
            }
            section.svg = if section.is_sweep {
                plots::over_load(&section.outcomes)
            } else {
                plots::over_time(&section.outcomes)
            };
        }
        sections
    }
}

pub(super) const HEAD: [&str; 8] = ["contender", "goodput", "p50", "p99", "refused", "unstarted", "wasted", "answered"];

/// Medians of one judged stretch, as text in the order of the head: shares in percent, latencies in objectives.
pub(super) fn cells(outcome: &Outcome, judged: &str) -> [String; 8] {
    let of = |measure: fn(&super::Measures) -> f64| outcome.median(judged, measure);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let slos = |latency: f64| if latency.is_finite() { format!("{latency:.2}") } else { "never".to_string() };
    [
        outcome.contender().to_string(),
        percent(of(|m| m.goodput)),
        slos(of(|m| m.p50)),
        slos(of(|m| m.p99)),
        percent(of(|m| m.refused)),
        percent(of(|m| m.expired)),
        percent(of(|m| m.wasted)),
        percent(of(|m| m.answered)),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: goodput in capacities, latency of the admitted in objectives, medians over the seeds",
            self.title
        )?;
        let mut before = String::new();
        let [contender, rest @ ..] = HEAD;
        for outcome in &self.outcomes {
            let (demand, judged) = (outcome.demand(), outcome.first_judged());
            if before != demand.name() {
                before = demand.name().to_string();
                write!(f, "\n{before}, {judged}\n  {contender:<28}")?;
                rest.iter().try_for_each(|name| write!(f, "{name:>11}"))?;
                writeln!(f)?;
            }
            let [contender, rest @ ..] = cells(outcome, judged);
            write!(f, "  {:<28}", cut(&contender, 28))?;
            rest.iter().try_for_each(|cell| write!(f, "{cell:>11}"))?;
            writeln!(f)?;
        }
        self.tables.iter().try_for_each(|table| write!(f, "\n{table}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.caption)?;
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let [first, rest @ ..] = row.as_slice() else { continue };
            write!(f, "  {:<28}", cut(first, 28))?;
            rest.iter().try_for_each(|cell| write!(f, " {cell:>10}"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

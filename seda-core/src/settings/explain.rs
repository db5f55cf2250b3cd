//! What a key is, what it is now, and who said so.

use std::fmt;

use super::{
    Origin, split,
    table::{Row, Rows, Table},
};
use crate::settings::ChangeError;

/// One key of one pipeline: what it is, its unit and default, its value now, and which layer set it.
///
/// ```
/// # use seda_core::prelude::*;
/// # let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>.queue(500));
/// let bound = p.explain("stage.price.queue.events").unwrap();
/// assert_eq!((&*bound.value, bound.origin.to_string()), ("500", "code".to_string()));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Explained {
    /// In full: `stage.price.queue.events`.
    pub key: String,
    /// Its value now.
    pub value: String,
    /// Which layer set it.
    pub origin: Origin,
    /// What it says.
    pub what: &'static str,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What values it takes.
    pub takes: String,
    /// What holds where nobody says anything.
    pub default: &'static str,
    /// Whether it can be changed while running.
    pub live: bool,
    /// What else there is to know now: why it has no effect, or that a range is held.
    pub note: Option<String>,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} = {} ({})", self.key, self.value, self.origin)?;
        writeln!(f, "    {}", self.what)?;
        let live = if self.live { "can be changed while running" } else { "is set before the start" };
        write!(f, "    takes {}; default {}; {live}", self.takes, self.default)?;
        self.note.iter().try_for_each(|note| write!(f, "\n    {note}"))
    }
}

impl Table {
    /// One key, by its full name; `note` adds what else there is to know.
    pub(crate) fn explain(
        &self,
        path: &str,
        note: impl Fn(&Rows, &Row) -> Option<String>,
    ) -> Result<Explained, ChangeError> {
        let (place, key) = split(path).map_err(ChangeError::one)?;
        let spot = self.spot(&place).map_err(ChangeError::one)?;
        let rows = self.rows(spot);
        Ok(explained(rows, rows.row(key.knob), note))
    }

    /// Every key.
    pub(crate) fn explain_all(&self, note: impl Fn(&Rows, &Row) -> Option<String> + Copy) -> Vec<Explained> {
        self.all().flat_map(|rows| rows.rows.iter().map(move |row| explained(rows, row, note))).collect()
    }
}

fn explained(rows: &Rows, row: &Row, note: impl Fn(&Rows, &Row) -> Option<String>) -> Explained {
    Explained {
        key: rows.place.path(row.key.name),
        value: row.value.to_string(),
        origin: row.origin.clone(),
        what: row.key.what,
        unit: row.key.unit,
        takes: row.key.takes(),
        default: row.key.default,
        live: row.key.live,
        note: note(rows, row),
    }
}

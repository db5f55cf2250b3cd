//! The value of each key of one pipeline, with who set it.

use std::time::Duration;

use super::{
    Entry, Excerpt, Names, Origin, Place, Settings, cannot_be,
    keys::{self, Key, Knob, Scope, key_of},
    near::did_you_mean,
    value::Value,
};
use crate::{finding::Finding, options::Threads};

/// The values of one pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) pipeline: Rows,
    pub(crate) domains: Vec<Rows>,
    pub(crate) stages: Vec<Rows>,
}

/// The values of one place, in the order of its keys.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) place: Place,
    pub(crate) rows: Vec<Row>,
    /// Of a stage: its code says a key.
    pub(crate) keyed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    pub(crate) excerpt: Option<Excerpt>,
    /// Of threads: what the pipeline started with, within which they can be changed.
    pub(crate) range: Option<Threads>,
    /// Of a range: the number that it is held at.
    pub(crate) held: Option<usize>,
    /// Set by something else than an option in code.
    pub(crate) configured: bool,
    /// Of a stage: what the pipeline has for all.
    pub(crate) inherited: bool,
}

/// Where a place stands in a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spot {
    Pipeline,
    Domain(usize),
    Stage(usize),
}

impl Rows {
    /// Nothing is set.
    pub(crate) fn new(place: Place) -> Self {
        let scope = match place {
            Place::Pipeline => Scope::Pipeline,
            Place::Domain(_) => Scope::Domain,
            Place::Stage(_) => Scope::Stage,
        };
        let row = |key| Row {
            key,
            value: Value::None,
            origin: Origin::Default,
            excerpt: None,
            range: None,
            held: None,
            configured: false,
            inherited: false,
        };
        Rows { place, rows: keys::of(scope).map(row).collect(), keyed: false }
    }

    pub(crate) fn row(&self, knob: Knob) -> &Row {
        self.rows.iter().find(|row| row.key.knob == knob).expect("a place has the keys of its scope")
    }

    pub(crate) fn row_mut(&mut self, knob: Knob) -> &mut Row {
        self.rows.iter_mut().find(|row| row.key.knob == knob).expect("a place has the keys of its scope")
    }

    /// What the code says, or a default.
    pub(crate) fn code(&mut self, knob: Knob, value: Value, given: bool) {
        let row = self.row_mut(knob);
        row.value = value;
        row.origin = if given { Origin::Code } else { Origin::Default };
    }

    pub(crate) fn count(&self, knob: Knob) -> Option<usize> {
        match self.row(knob).value {
            Value::Count(n) => Some(usize::try_from(n).unwrap_or(usize::MAX)),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, knob: Knob) -> Option<u64> {
        match self.row(knob).value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn time(&self, knob: Knob) -> Option<Duration> {
        match self.row(knob).value {
            Value::Time(time) => Some(time),
            _ => None,
        }
    }

    pub(crate) fn threads(&self, knob: Knob) -> Option<Threads> {
        match self.row(knob).value {
            Value::Threads(threads) => Some(threads),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, knob: Knob) -> bool {
        self.row(knob).value == Value::Flag(true)
    }

    pub(crate) fn rate(&self, knob: Knob) -> Option<f64> {
        match self.row(knob).value {
            Value::Rate(rate) => Some(rate),
            _ => None,
        }
    }

    pub(crate) fn word(&self, knob: Knob) -> Option<&str> {
        match &self.row(knob).value {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The same for a key that not every place has.
    pub(crate) fn word_if_any(&self, knob: Knob) -> Option<&str> {
        let row = self.rows.iter().find(|row| row.key.knob == knob)?;
        match &row.value {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether somebody beside the code set it.
    pub(crate) fn is_configured(&self, knob: Knob) -> bool {
        self.row(knob).configured
    }

    /// What is wrong with a value that was set: with its name, who set it, and the lines that say so.
    pub(crate) fn finding(&self, knob: Knob, what: &str, cure: &str) -> Finding {
        let row = self.row(knob);
        let path = self.place.path(row.key.name);
        let what = format!("`{path}` is set to {} ({}), but {what}", row.value, row.origin);
        Finding::new(what, cure).with_excerpt(row.excerpt.as_ref().map(Excerpt::show))
    }
}

impl Table {
    pub(crate) fn new(names: &Names) -> Self {
        Table {
            pipeline: Rows::new(Place::Pipeline),
            domains: names.domains.iter().map(|name| Rows::new(Place::Domain(name.clone()))).collect(),
            stages: names.stages.iter().map(|name| Rows::new(Place::Stage(name.clone()))).collect(),
        }
    }

    pub(crate) fn rows(&self, spot: Spot) -> &Rows {
        match spot {
            Spot::Pipeline => &self.pipeline,
            Spot::Domain(at) => &self.domains[at],
            Spot::Stage(at) => &self.stages[at],
        }
    }

    pub(crate) fn rows_mut(&mut self, spot: Spot) -> &mut Rows {
        match spot {
            Spot::Pipeline => &mut self.pipeline,
            Spot::Domain(at) => &mut self.domains[at],
            Spot::Stage(at) => &mut self.stages[at],
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Rows> {
        std::iter::once(&self.pipeline).chain(&self.domains).chain(&self.stages)
    }

    /// Where a place stands.
    pub(crate) fn spot(&self, place: &Place) -> Result<Spot, Finding> {
        let (kind, name, there) = match place {
            Place::Pipeline => return Ok(Spot::Pipeline),
            Place::Domain(name) => ("domain", name, &self.domains),
            Place::Stage(name) => ("stage", name, &self.stages),
        };
        if let Some(at) = there.iter().position(|rows| rows.place == *place) {
            return Ok(if kind == "stage" { Spot::Stage(at) } else { Spot::Domain(at) });
        }
        Err(no_such(kind, name, there.iter().map(Rows::name)))
    }

    /// Sets what can be set, and tells what cannot. Gives what was set, in order.
    pub(crate) fn apply(&mut self, settings: &Settings) -> (Vec<(Spot, Knob)>, Vec<Finding>) {
        let (mut set, mut findings) = (Vec::new(), settings.findings.clone());
        for entry in &settings.entries {
            match self.set(entry) {
                Ok(spot) => set.push((spot, entry.key.knob)),
                // A name that is not there is told once, however many values are set for it.
                Err(finding) if findings.contains(&finding) => {}
                Err(finding) => findings.push(finding),
            }
        }
        (set, findings)
    }

    fn set(&mut self, entry: &Entry) -> Result<Spot, Finding> {
        let spot = self.spot(&entry.place)?;
        if let Some(why) = entry.key.kind.check(&entry.value) {
            let path = entry.place.path(entry.key.name);
            let shown = format!("`{}`", entry.value);
            return Err(
                cannot_be(&path, entry.key, shown, &why).with_excerpt(entry.excerpt.as_ref().map(Excerpt::show))
            );
        }
        let row = self.rows_mut(spot).row_mut(entry.key.knob);
        row.value = entry.value.clone();
        row.origin = entry.origin.clone();
        row.excerpt = entry.excerpt.clone();
        (row.configured, row.inherited) = (true, false);
        Ok(spot)
    }
}

impl Rows {
    pub(crate) fn name(&self) -> &str {
        match &self.place {
            Place::Pipeline => "",
            Place::Domain(name) | Place::Stage(name) => name,
        }
    }

    pub(crate) fn path(&self, knob: Knob) -> String {
        self.place.path(key_of(knob).name)
    }
}

/// The finding of a name that no stage, or domain, has.
pub(crate) fn no_such<'a>(kind: &str, name: &str, there_are: impl IntoIterator<Item = &'a str>) -> Finding {
    Finding::new(format!("there is no {kind} `{name}`"), did_you_mean(name, &format!("{kind}s"), there_are))
}

//! The numbers of one pipeline as data: set in code, read from layers, changed while it runs, explained.
//!
//! `keys.rs` is the one list of what there is; `table.rs` holds the value of each key of one pipeline, with who set it.

mod amounts;
mod build;
mod change;
mod explain;
pub(crate) mod keys;
pub(crate) mod near;
mod schema;
pub(crate) mod table;
pub(crate) mod value;

pub use build::{DomainSettings, StageSettings};
pub use change::{ChangeError, Changed};
pub use explain::Explained;
pub use keys::{Key, Scope, keys};
pub(crate) use schema::schema;

use std::{fmt, sync::Arc};

use self::{near::did_you_mean, value::Value};
use crate::finding::Finding;

/// Numbers for one pipeline, any of them: for [`Pipeline::configure`](crate::Pipeline::configure) before the start, and for
/// [`Running::change`](crate::Running::change) after it. Of two that say the same, the later holds.
///
/// ```
/// use seda_core::{Settings, prelude::*};
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>);
/// p.configure(&Settings::new().watchdog(secs(5)).stage("price", |price| price.threads(2..=8).queue(500)));
/// let running = p.start().unwrap();
/// running.change(&Settings::new().stage("price", |price| price.threads(4))).unwrap();
/// assert_eq!(running.explain("stage.price.threads").unwrap().value, "4");
/// ```
///
/// What can be set (`NAME` stands for the name of a stage or domain):
///
#[doc = include_str!("keys.md")]
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing before they are given to a pipeline"]
pub struct Settings {
    pub(crate) entries: Vec<Entry>,
    /// What was wrong where they were read.
    pub(crate) findings: Vec<Finding>,
}

/// One value, for one place.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    /// The lines that say so.
    pub(crate) excerpt: Option<Excerpt>,
}

/// Lines of a file, shown when somebody reads them.
#[derive(Clone)]
pub(crate) struct Excerpt(Arc<dyn Fn() -> String + Send + Sync>);

impl Excerpt {
    #[cfg(feature = "config")]
    pub(crate) fn new(show: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Excerpt(Arc::new(show))
    }

    pub(crate) fn show(&self) -> String {
        self.0()
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Excerpt")
    }
}

/// What a value is set for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Pipeline,
    Domain(String),
    Stage(String),
}

impl Place {
    /// A key of it in full: `stage.price.queue.events`.
    pub(crate) fn path(&self, key: &str) -> String {
        match self {
            Place::Pipeline => key.to_string(),
            Place::Domain(name) => format!("domain.{name}.{key}"),
            Place::Stage(name) => format!("stage.{name}.{key}"),
        }
    }
}

/// Which layer set a value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The program.
    Code,
    /// A configuration file.
    File {
        /// As it was named.
        path: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A change while running.
    Live,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Code => f.write_str("code"),
            Origin::File { path, line } => write!(f, "{path}:{line}"),
            Origin::Variable(name) => f.write_str(name),
            Origin::Live => f.write_str("live"),
        }
    }
}

/// What configures a pipeline: [`Settings`], or what was read from files and the environment.
pub trait Configure {
    /// The settings for the pipeline with these names.
    #[doc(hidden)]
    fn settings(&self, names: &Names) -> Settings;
    /// A copy to be read when all names are known.
    #[doc(hidden)]
    fn keep(&self) -> Box<dyn Configure + Send + Sync>;
}

/// The names of one pipeline.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Names {
    pub(crate) pipeline: String,
    pub(crate) domains: Vec<String>,
    pub(crate) stages: Vec<String>,
}

impl Configure for Settings {
    fn settings(&self, _: &Names) -> Settings {
        self.clone()
    }

    fn keep(&self) -> Box<dyn Configure + Send + Sync> {
        Box::new(self.clone())
    }
}

/// The finding of a value that its key does not take.
pub(crate) fn cannot_be(path: &str, key: &Key, shown: impl fmt::Display, why: &str) -> Finding {
    let colon = if why.is_empty() { "" } else { ": " };
    Finding::new(format!("`{path}` cannot be {shown}{colon}{why}"), format!("give {}", key.takes()))
}

/// The place and the key of a path: the name in the middle may hold dots itself.
pub(crate) fn split(path: &str) -> Result<(Place, &'static Key), Finding> {
    let (scope, rest) = match path.split_once('.') {
        Some(("stage", rest)) => (Scope::Stage, rest),
        Some(("domain", rest)) => (Scope::Domain, rest),
        _ => (Scope::Pipeline, path),
    };
    let place = |name: &str| match scope {
        Scope::Pipeline => Place::Pipeline,
        Scope::Domain => Place::Domain(name.to_string()),
        Scope::Stage => Place::Stage(name.to_string()),
    };
    let ends = |key: &&Key| match scope {
        Scope::Pipeline => rest == key.name,
        _ => rest.strip_suffix(key.name).is_some_and(|name| name.len() > 1 && name.ends_with('.')),
    };
    if let Some(key) = keys::of(scope).find(ends) {
        let name = &rest[..rest.len() - key.name.len()];
        return Ok((place(name.trim_end_matches('.')), key));
    }
    let (name, key) = match scope {
        Scope::Pipeline => ("", rest),
        _ => rest.split_once('.').unwrap_or((rest, "")),
    };
    let whole: Vec<String> = keys::of(scope).map(|key| place(name).path(key.name)).collect();
    let what = format!("there is no key `{path}`");
    let near = near::nearest(key, keys::of(scope).map(|key| key.name)).map(|near| place(name).path(near));
    let cure = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => did_you_mean(path, "keys", whole.iter().map(String::as_str)),
    };
    Err(Finding::new(what, cure))
}

//! Layers of configuration: files and the environment, read when they are asked for, checked as a whole, laid one over the
//! other by the `config` crate.
//!
//! `tree.rs` is what a file says with the place of each word, `validate.rs` holds it against the list of keys, `merge.rs`
//! gives one pipeline what is its own.

mod env;
mod json;
mod merge;
mod text;
mod toml;
mod tree;
mod validate;

use std::{ffi::OsString, fmt, io, path::Path, sync::Arc};

use self::{text::Source, validate::Layer};
use crate::{
    finding::{Finding, list},
    settings::{Configure, Names, Settings},
};

/// What to read, the later laid over the earlier. Nothing is read before [`read`](Layers::read).
///
/// ```
/// use seda_core::{Layers, prelude::*};
/// let config = Layers::new()
///     .toml("seda.toml", r#"
///         [pipeline.orders.stage.price]
///         threads = "2..8"
///         queue = { events = 500, max_age = "250 ms" }
///     "#)                                     // a file: `.file("seda.toml")`
///     .vars("SEDA", [("SEDA__PIPELINE__ORDERS__STAGE__PRICE__THREADS", "4")]) // the process's own: `.env("SEDA")`
///     .read();
/// let mut p = Pipeline::named("orders");
/// p.configure(&config);
/// p.sink("price", drop::<u64>);
/// let running = p.start().unwrap();
/// assert_eq!(running.explain("stage.price.threads").unwrap().value, "4");
/// assert_eq!(running.explain("stage.price.queue.events").unwrap().origin.to_string(), "seda.toml:4");
/// ```
///
/// A file is TOML or JSON, by its ending, and holds a table for each pipeline: `[pipeline.orders]`, in it `[pipeline.orders.stage.price]`
/// and `[pipeline.orders.domain.front]`, with the keys of [`Settings`].
///
/// A variable has the same path, its parts joined by `__`, in capitals; in the names of pipelines, stages and domains a `_` stands for
/// any run of characters that are no letters or digits: `SEDA__PIPELINE__ORDERS__STAGE__RESIZE_IMAGES__QUEUE__MAX_AGE="1 s"`.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is read before `.read()`"]
pub struct Layers {
    steps: Vec<Step>,
    others: bool,
    pipelines: Vec<String>,
}

#[derive(Clone, Debug)]
enum Step {
    File {
        path: String,
        must: bool,
    },
    Text {
        source: Source,
        form: Form,
    },
    /// The environment of the process.
    Env {
        prefix: String,
    },
    Vars {
        prefix: String,
        vars: Vec<(OsString, OsString)>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Toml,
    Json,
}

impl Layers {
    /// No layer but the code.
    pub fn new() -> Self {
        Layers::default()
    }

    /// A file, TOML or JSON by its ending (`.toml`, `.json`, `.jsonc`). That it is missing is a finding.
    pub fn file(self, path: impl Into<String>) -> Self {
        self.step(Step::File { path: path.into(), must: true })
    }

    /// A file that may be missing.
    pub fn file_if_there(self, path: impl Into<String>) -> Self {
        self.step(Step::File { path: path.into(), must: false })
    }

    /// TOML that is at hand as text; findings call it `name`.
    pub fn toml(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(Step::Text { source: Source::new(name.into(), text.into()), form: Form::Toml })
    }

    /// JSON that is at hand as text; comments and trailing commas are allowed.
    pub fn json(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.step(Step::Text { source: Source::new(name.into(), text.into()), form: Form::Json })
    }

    /// The environment of the process: variables that begin with `prefix` and two underscores, `SEDA__`.
    pub fn env(self, prefix: impl Into<String>) -> Self {
        self.step(Step::Env { prefix: prefix.into() })
    }

    /// The same of variables that are given here, for tests and for other sources of that form.
    pub fn vars<N, V>(self, prefix: impl Into<String>, vars: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.step(Step::Vars { prefix: prefix.into(), vars })
    }

    /// The files hold other programs' tables too, or the service's own: what stands beside `pipeline` is let be.
    pub fn beside_others(self) -> Self {
        Layers { others: true, ..self }
    }

    /// The pipelines that the layers are for: another name in them is a finding. Without this, a name that is nearly that of
    /// a pipeline for which nothing is set is one, and so are layers that name pipelines but not the one that starts.
    pub fn pipelines<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        Layers { pipelines: names.into_iter().map(Into::into).collect(), ..self }
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Reads all of it, now. What is wrong is kept in the result and told, all at once, where that is used: by the start of
    /// a pipeline that it configures, by a change from it, or by [`Config::check`]. Blocks for the files.
    pub fn read(self) -> Config {
        let others = self.others;
        Config {
            layers: self.steps.into_iter().filter_map(|step| step.read(others)).collect(),
            pipelines: self.pipelines.into(),
        }
    }
}

impl Step {
    fn read(self, others: bool) -> Option<Layer> {
        match self {
            Step::File { path, must } => file(path, must, others),
            Step::Text { source, form } => Some(form.read(source, others)),
            Step::Env { prefix } => Some(env::read(&prefix, std::env::vars_os())),
            Step::Vars { prefix, vars } => Some(env::read(&prefix, vars)),
        }
    }
}

impl Form {
    fn read(self, source: Source, others: bool) -> Layer {
        let source = Arc::new(source);
        let (tree, faults) = match self {
            Form::Toml => toml::read(&source.text),
            Form::Json => json::read(&source.text),
        };
        let name = match self {
            Form::Toml => "TOML",
            Form::Json => "JSON",
        };
        validate::layer(&source, &tree, (name, faults), others)
    }
}

fn file(path: String, must: bool, others: bool) -> Option<Layer> {
    let wrong = |what: String, cure: &str| Some(Layer::wrong(Finding::new(what, cure)));
    let form = match Path::new(&path).extension().and_then(|ending| ending.to_str()) {
        Some("toml") => Form::Toml,
        Some("json" | "jsonc") => Form::Json,
        _ => {
            return wrong(
                format!("the file `{path}` is neither TOML nor JSON by its name"),
                "name it `.toml` or `.json`",
            );
        }
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(form.read(Source::new(path, text), others)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must => None,
        Err(error) => {
            let (why, cure) = match error.kind() {
                io::ErrorKind::NotFound => ("is not there", "create it, or read it with `.file_if_there(..)`"),
                io::ErrorKind::PermissionDenied => ("may not be read by this process", "allow it to"),
                io::ErrorKind::InvalidData => ("is not UTF-8", "save it as UTF-8"),
                io::ErrorKind::IsADirectory => ("is a folder", "name the file in it"),
                _ => ("cannot be read", "look at the disk that it is on"),
            };
            wrong(format!("the configuration file `{path}` {why}"), cure)
        }
    }
}

/// What was read from layers; for any number of pipelines, each of which takes what is under its name.
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing before it is given to a pipeline"]
pub struct Config {
    layers: Arc<[Layer]>,
    /// Those that may be named, if that is known.
    pipelines: Arc<[String]>,
}

impl Config {
    /// Whether everything that was read makes sense by itself. Whether names of stages and domains are right is known at
    /// the start, which tells this too.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn check(&self) -> Result<(), ConfigError> {
        let findings = self.layers.iter().flat_map(|layer| &layer.findings).map(|(_, finding)| finding.clone());
        let findings: Vec<Finding> = findings.collect();
        if findings.is_empty() { Ok(()) } else { Err(ConfigError { findings }) }
    }
}

impl Configure for Config {
    fn settings(&self, names: &Names) -> Settings {
        merge::settings(&self.layers, &self.pipelines, names)
    }

    fn keep(&self) -> Box<dyn Configure + Send + Sync> {
        Box::new(self.clone())
    }
}

/// What is wrong with a configuration: every finding, not the first alone.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// At least one.
    pub findings: Vec<Finding>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, "the configuration is not right", &self.findings)
    }
}

/// Reads as [`Display`](fmt::Display) does, since `main` and `unwrap` show this form.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

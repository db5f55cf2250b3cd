//! A file held against the list of keys: what it sets, whom it names, and everything that is wrong with it.

use std::sync::Arc;

use super::{
    text::{Source, Span, excerpt},
    tree::{Fault, Member, Node},
};
use crate::{
    finding::Finding,
    settings::{
        Excerpt, Origin, Place, cannot_be,
        keys::{self, Key, Scope},
        near::{did_you_mean, nearest},
        value::{Raw, Value},
    },
};

/// What one file, or the environment, says.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) leaves: Vec<Leaf>,
    pub(super) names: Vec<Named>,
    /// With the pipeline that they are about, if they are about one.
    pub(super) findings: Vec<(Option<String>, Finding)>,
    /// Names are those of variables: in capitals, a `_` for what is no letter.
    pub(super) folded: bool,
}

/// One value.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) pipeline: String,
    pub(super) place: Place,
    pub(super) key: &'static Key,
    pub(super) value: Value,
    pub(super) origin: Origin,
    pub(super) excerpt: Option<Excerpt>,
}

/// A pipeline, stage or domain that is named, whether anything is set for it or not.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) pipeline: String,
    pub(super) place: Place,
    /// In words, where no lines can be shown.
    pub(super) by: Option<String>,
    pub(super) excerpt: Option<Excerpt>,
}

impl Layer {
    pub(super) fn wrong(finding: Finding) -> Self {
        Layer { findings: vec![(None, finding)], ..Layer::default() }
    }
}

/// Reads a tree. On a line with a fault of syntax, nothing else is found.
pub(super) fn layer(source: &Arc<Source>, tree: &[Member], (form, faults): (&str, Vec<Fault>), others: bool) -> Layer {
    let mut reader = Reader { source, layer: Layer::default(), pipeline: None, lame: Vec::new() };
    for (span, why) in faults {
        let line = source.line(span.start);
        if !reader.lame.contains(&line) {
            reader.lame.push(line);
            let finding = Finding::new(format!("`{}` is not {form} here: {why}", source.name), "correct the line");
            reader.layer.findings.push((None, finding.with_excerpt(Some(source.show(&span)))));
        }
    }
    for member in tree {
        match (&*member.name, &member.node) {
            ("$schema", Node::Leaf(Raw::Text(_))) => {}
            ("pipeline", node) => reader.tables("pipeline", node, member, Reader::pipeline),
            (name, _) if others && nearest(name, ["pipeline"]).is_none() => {}
            (name, _) => reader.find(
                &member.name_span,
                format!("there is no key `{name}` at the top"),
                "the tables are `[pipeline.NAME]`; for files that others share, say `.beside_others()`".to_string(),
            ),
        }
    }
    reader.layer
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    layer: Layer,
    /// The one whose table is read.
    pipeline: Option<String>,
    /// Lines with a fault.
    lame: Vec<usize>,
}

impl Reader<'_> {
    fn find(&mut self, span: &Span, what: String, cure: String) {
        if !self.lame.contains(&self.source.line(span.start)) {
            let finding = Finding::new(what, cure).with_excerpt(Some(self.source.show(span)));
            self.layer.findings.push((self.pipeline.clone(), finding));
        }
    }

    /// Tables by name: of pipelines, stages or domains.
    fn tables(&mut self, path: &str, node: &Node, at: &Member, each: fn(&mut Self, &Member, &[Member])) {
        let Node::Table(members) = node else {
            self.no_table(path, "named tables", at);
            return;
        };
        for member in members {
            match &member.node {
                Node::Table(inside) => each(self, member, inside),
                Node::Leaf(_) => self.no_table(&format!("{path}.{}", member.name), "keys", member),
            }
        }
    }

    fn no_table(&mut self, path: &str, of: &str, at: &Member) {
        let shown = match &at.node {
            Node::Leaf(raw) => raw.to_string(),
            Node::Table(_) => "a table".to_string(),
        };
        self.find(&at.span, format!("`{path}` is a table of {of}, not {shown}"), format!("write `[{path}]` over them"));
    }

    fn pipeline(&mut self, at: &Member, members: &[Member]) {
        self.pipeline = Some(at.name.clone());
        self.name(Place::Pipeline, at);
        for member in members {
            match &*member.name {
                "stage" | "domain" => {
                    let path = format!("pipeline.{}.{}", at.name, member.name);
                    let each = if member.name == "stage" { Reader::stage } else { Reader::domain };
                    self.tables(&path, &member.node, member, each);
                }
                _ => self.key(&Place::Pipeline, Scope::Pipeline, "", member),
            }
        }
        self.pipeline = None;
    }

    fn stage(&mut self, at: &Member, members: &[Member]) {
        self.place(Place::Stage(at.name.clone()), Scope::Stage, at, members);
    }

    fn domain(&mut self, at: &Member, members: &[Member]) {
        self.place(Place::Domain(at.name.clone()), Scope::Domain, at, members);
    }

    fn place(&mut self, place: Place, scope: Scope, at: &Member, members: &[Member]) {
        self.name(place.clone(), at);
        members.iter().for_each(|member| self.key(&place, scope, "", member));
    }

    fn name(&mut self, place: Place, at: &Member) {
        let pipeline = self.pipeline.clone().unwrap_or_default();
        let excerpt = Some(excerpt(self.source, &at.name_span));
        self.layer.names.push(Named { pipeline, place, by: None, excerpt });
    }

    /// A key, or a table of keys whose names begin with the table's.
    fn key(&mut self, place: &Place, scope: Scope, before: &str, at: &Member) {
        let name = format!("{before}{}", at.name);
        let inside = format!("{name}.");
        let is_table = keys::of(scope).any(|key| key.name.starts_with(&inside));
        match (&at.node, keys::named(scope, &name)) {
            (Node::Leaf(raw), Some(key)) => self.value(place, key, raw, at),
            (Node::Table(_), Some(key)) => {
                let path = place.path(&name);
                let finding = cannot_be(&path, key, "a table", "");
                self.find(&at.name_span, finding.what, finding.cure);
            }
            (Node::Table(members), None) if is_table => {
                members.iter().for_each(|member| self.key(place, scope, &inside, member));
            }
            (Node::Leaf(raw), None) if is_table => {
                let keys: Vec<_> = keys::of(scope).filter_map(|key| key.name.strip_prefix(&inside)).collect();
                let cure = format!("write `{} = {{ {} = .. }}`", at.name, keys[0]);
                let what = format!("`{}` is a table of {}, not {raw}", place.path(&name), keys.join(", "));
                self.find(&at.span, what, cure);
            }
            (_, None) => self.unknown(place, scope, before, at),
        }
    }

    fn unknown(&mut self, place: &Place, scope: Scope, before: &str, at: &Member) {
        let path = place.path(&format!("{before}{}", at.name));
        // Names at this level, then one of another level that ends like this.
        let mut here: Vec<&str> = keys::of(scope)
            .filter_map(|key| key.name.strip_prefix(before))
            .map(|name| name.split('.').next().unwrap_or(name))
            .collect();
        here.dedup();
        if scope == Scope::Pipeline {
            here.extend(["stage", "domain"]);
        }
        let elsewhere = keys::of(scope).find(|key| key.name.rsplit('.').next() == Some(&*at.name));
        let cure = match elsewhere {
            Some(key) => format!("did you mean `{}`?", key.name),
            None => did_you_mean(&at.name, "keys here", here),
        };
        self.find(&at.name_span, format!("there is no key `{path}`"), cure);
    }

    fn value(&mut self, place: &Place, key: &'static Key, raw: &Raw, at: &Member) {
        match key.kind.read(raw, key.optional) {
            Ok(value) => self.layer.leaves.push(Leaf {
                pipeline: self.pipeline.clone().unwrap_or_default(),
                place: place.clone(),
                key,
                value,
                origin: self.source.origin(&at.span),
                excerpt: Some(excerpt(self.source, &at.span)),
            }),
            Err(why) => {
                let finding = cannot_be(&place.path(key.name), key, raw, &why);
                self.find(&at.span, finding.what, finding.cure);
            }
        }
    }
}

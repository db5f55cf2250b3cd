//! From what was declared to a drawing; nothing is checked here, so that a graph that cannot start can be looked at.

use super::{Drawing, Kind, Node, Open, Way, layers};
use crate::{
    admission::SLO,
    graph::{declare::Declared, link::short_type, numbers, pipeline::Pipeline},
    options::{Placement, Threads},
    settings::{
        keys::Knob,
        table::{Rows, Table},
        value::Value,
    },
    stage::outlet::{Sketch, Target},
    sync::lock,
};

impl Pipeline {
    /// The graph as declared so far, to be shown as text, Mermaid or DOT; open ports are marked. Where something is wrong
    /// with its configuration, which then does not start, nothing of that is drawn, and the drawing says so.
    #[must_use]
    pub fn graph(&self) -> Drawing {
        let (table, findings) = match numbers::table(self) {
            (table, findings) if findings.is_empty() => (table, 0),
            (_, findings) => (numbers::table_of_code(self), findings.len()),
        };
        let sketch = lock(&self.sketch);
        let stages = self.stages.iter().zip(&table.stages);
        let mut nodes: Vec<Node> = stages.map(|(stage, rows)| self.node(stage, rows, &table)).collect();
        nodes.extend(self.answers.iter().map(|(name, _)| Node {
            name: name.clone(),
            kind: Kind::Answer,
            domain: None,
            how: "back to who asked".to_string(),
            layer: 0,
        }));
        let mut ways = self.links(&sketch);
        ways.extend(self.uses());
        lay(&mut nodes, &mut ways);
        let open = sketch.ports.iter().filter(|port| !port.wired).map(|port| Open {
            from: port.stage as usize,
            port: port_of(&port.name, &self.stages[port.stage as usize].name),
            event: short_type(port.event),
        });
        Drawing {
            pipeline: self.shared.name.clone(),
            domains: self.domains.iter().map(|domain| domain.name.clone()).collect(),
            nodes,
            ways,
            open: open.collect(),
            findings,
            numbers: None,
        }
    }

    fn node(&self, stage: &Declared, rows: &Rows, table: &Table) -> Node {
        let placement = numbers::placement(stage.options.placement, rows, table, self.shared.id);
        let (domain, threads) = match placement {
            Placement::Own(threads) => (None, of_threads(threads)),
            Placement::Tasks { limit } => (None, format!("async, {limit} at once")),
            Placement::Domain { domain, limit } => {
                let at = domain.index as usize;
                let limit = limit.map(|n| format!(", at most {n}")).unwrap_or_default();
                (Some(at), format!("on {}{limit}", self.domains[at].name))
            }
        };
        let parallel = if stage.data_parallel { ", parallel" } else { "" };
        let offers = if stage.is_source { String::new() } else { of_offers(stage, rows) };
        let kind = if stage.is_source { Kind::Source } else { Kind::Stage };
        Node { name: stage.name.clone(), kind, domain, how: format!("{threads}{parallel}{offers}"), layer: 0 }
    }

    fn links(&self, sketch: &Sketch) -> Vec<Way> {
        let links = sketch.edges.iter().enumerate().map(|(index, drawn)| {
            let from = drawn.edge.from as usize;
            let to = match drawn.to {
                Target::Stage(to) => to as usize,
                Target::Answer(ask) => self.stages.len() + ask as usize,
            };
            let port = port_of(&drawn.edge.port, &self.stages[from].name);
            Way { from, to, port, is_use: false, back: false, edge: Some(index) }
        });
        links.collect()
    }

    fn uses(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for (from, stage) in self.stages.iter().enumerate() {
            let ours = stage.uses.iter().filter(|(pipeline, _)| *pipeline == self.shared.id);
            ways.extend(ours.map(|&(_, to)| Way {
                from,
                to: to as usize,
                port: String::new(),
                is_use: true,
                back: false,
                edge: None,
            }));
        }
        ways
    }
}

/// Finds the entries, the layers and the ways that close a cycle.
fn lay(nodes: &mut [Node], ways: &mut [Way]) {
    for (index, node) in nodes.iter_mut().enumerate() {
        // A way from itself does not feed a stage.
        if node.kind == Kind::Stage && !ways.iter().any(|way| way.to == index && way.from != index) {
            node.kind = Kind::Entry;
        }
    }
    let starts: Vec<usize> =
        (0..nodes.len()).filter(|&node| matches!(nodes[node].kind, Kind::Source | Kind::Entry)).collect();
    let ends: Vec<(usize, usize)> = ways.iter().map(|way| (way.from, way.to)).collect();
    let (layer, back) = layers::of(nodes.len(), &ends, &starts);
    nodes.iter_mut().zip(layer).for_each(|(node, layer)| node.layer = layer);
    ways.iter_mut().zip(back).for_each(|(way, back)| way.back = back);
}

/// What meets an offer: the queue, and what was said of it beside.
fn of_offers(stage: &Declared, rows: &Rows) -> String {
    let mut text = format!(", queue {}, {}", rows.row(Knob::QueueEvents).value, numbers::when_full(rows));
    let age = &rows.row(Knob::MaxAge).value;
    if *age != Value::None {
        text.push_str(&format!(", max age {age}"));
    }
    text.push_str(&of_admission(rows));
    text + if stage.keyed { ", keyed" } else { "" }
}

/// Of an objective, how long it is, and whether the stage says it.
fn of_admission(rows: &Rows) -> String {
    let (policy, objective) = (rows.row(Knob::Policy), rows.row(Knob::Slo));
    match &policy.value {
        Value::None => String::new(),
        Value::Word(word) if word == SLO && objective.inherited => format!(", slo {} of the pipeline", objective.value),
        Value::Word(word) if word == SLO => format!(", slo {}", objective.value),
        policy => format!(", admission {policy}"),
    }
}

fn of_threads(threads: Threads) -> String {
    if threads.max == 1 { "1 thread".to_string() } else { format!("{threads} threads") }
}

/// `price.err` of the stage `price` is `err`.
fn port_of(name: &str, stage: &str) -> String {
    let rest = name.strip_prefix(stage).unwrap_or(name);
    rest.strip_prefix('.').unwrap_or(rest).to_string()
}

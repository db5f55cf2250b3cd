//! Graphviz' language: <https://graphviz.org/doc/info/lang.html>.

use std::fmt::Write;

use super::{Drawing, Kind};

pub(super) fn draw(of: &Drawing) -> String {
    let mut text = format!("digraph \"{}\" {{\n", escaped(&of.pipeline));
    of.warning().iter().for_each(|warning| text.push_str(&format!("    // {warning}\n")));
    text.push_str("    rankdir=LR;\n    node [shape=box];\n");
    for (domain, name) in of.domains.iter().enumerate() {
        let _ = writeln!(text, "    subgraph cluster_{domain} {{\n        label=\"{}\";", escaped(name));
        nodes(of, Some(domain), "        ", &mut text);
        text.push_str("    }\n");
    }
    nodes(of, None, "    ", &mut text);
    for way in &of.ways {
        let style = if way.is_use { ", style=dotted" } else { "" };
        let label = escaped(&of.label(way));
        let _ = writeln!(text, "    n{} -> n{} [label=\"{label}\"{style}];", way.from, way.to);
    }
    for (index, open) in of.open.iter().enumerate() {
        let _ = writeln!(text, "    o{index} [label=\"open: {}\", style=dashed];", escaped(&open.event));
        let _ = writeln!(text, "    n{} -> o{index} [label=\"{}\", style=dashed];", open.from, escaped(&open.port));
    }
    text.push_str("}\n");
    text
}

fn nodes(of: &Drawing, domain: Option<usize>, indent: &str, text: &mut String) {
    for (index, node) in of.nodes.iter().enumerate().filter(|(_, node)| node.domain == domain) {
        let shape = match node.kind {
            Kind::Source => ", shape=cds",
            Kind::Entry => ", shape=rarrow",
            Kind::Stage => "",
            Kind::Answer => ", shape=larrow",
        };
        let label = format!("{}\\n{}", escaped(&node.name), escaped(&of.caption(index)));
        let _ = writeln!(text, "{indent}n{index} [label=\"{label}\"{shape}];");
    }
}

/// Within quotes: those, backslashes, and the ampersand of an entity.
fn escaped(words: &str) -> String {
    let mut text = String::new();
    for c in words.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '&' => text.push_str("&amp;"),
            c if c.is_control() => text.push('?'),
            c => text.push(c),
        }
    }
    text
}

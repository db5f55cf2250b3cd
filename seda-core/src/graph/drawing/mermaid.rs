//! A Mermaid flowchart: <https://mermaid.js.org/syntax/flowchart.html>.

use std::fmt::Write;

use super::{Drawing, Kind};

pub(super) fn draw(of: &Drawing) -> String {
    let mut text = String::from("flowchart LR\n");
    of.warning().iter().for_each(|warning| text.push_str(&format!("    %% {warning}\n")));
    for (domain, name) in of.domains.iter().enumerate() {
        let _ = writeln!(text, "    subgraph d{domain}[\"{}\"]", escaped(name));
        nodes(of, Some(domain), "        ", &mut text);
        text.push_str("    end\n");
    }
    nodes(of, None, "    ", &mut text);
    for way in &of.ways {
        let arrow = if way.is_use { "-.->" } else { "-->" };
        let label = of.label(way);
        let label = if label.is_empty() { label } else { format!("|\"{}\"|", escaped(&label)) };
        let _ = writeln!(text, "    n{} {arrow}{label} n{}", way.from, way.to);
    }
    for (index, open) in of.open.iter().enumerate() {
        let port = if open.port.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&open.port)) };
        let _ = writeln!(text, "    n{} -->{port} o{index}((\"open: {}\"))", open.from, escaped(&open.event));
        let _ = writeln!(text, "    style o{index} stroke-dasharray: 4 4");
    }
    text
}

fn nodes(of: &Drawing, domain: Option<usize>, indent: &str, text: &mut String) {
    for (index, node) in of.nodes.iter().enumerate().filter(|(_, node)| node.domain == domain) {
        let (left, right) = match node.kind {
            Kind::Source => ("([", "])"),
            Kind::Entry => ("[/", "/]"),
            Kind::Stage => ("[", "]"),
            Kind::Answer => ("{{", "}}"),
        };
        let caption = escaped(&of.caption(index));
        let _ = writeln!(text, "{indent}n{index}{left}\"{}<br/>{caption}\"{right}", escaped(&node.name));
    }
}

/// By numbered entities, for what would end the string, begin another entity, or be read as HTML or Markdown.
fn escaped(words: &str) -> String {
    let mut text = String::new();
    for c in words.chars() {
        let plain = c.is_alphanumeric() || " -_./:,?".contains(c);
        let _ = if plain { write!(text, "{c}") } else { write!(text, "#{};", u32::from(c)) };
    }
    text
}

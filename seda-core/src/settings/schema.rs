//! A JSON Schema (draft 2020-12) of the configuration of one pipeline: it knows the names of this very one.

use std::fmt::Write;

use super::{
    Names,
    amounts::{bytes_pattern, time_pattern},
    keys::{self, Key, OWN, Scope},
    value::Kind,
};

/// A JSON value to be written; only what a schema needs.
enum Json {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The schema as JSON text.
pub(crate) fn schema(names: &Names) -> String {
    let stages = of_names(&names.stages, Scope::Stage, names);
    let domains = of_names(&names.domains, Scope::Domain, names);
    let mut pipeline = of_keys(Scope::Pipeline, names);
    pipeline.push(("stage".to_string(), stages));
    if !names.domains.is_empty() {
        pipeline.push(("domain".to_string(), domains));
    }
    let pipelines = closed(vec![(names.pipeline.clone(), closed(pipeline))]);
    let mut root = vec![
        ("$schema".to_string(), text("https://json-schema.org/draft/2020-12/schema")),
        ("title".to_string(), text(&format!("configuration of the pipeline {}", names.pipeline))),
    ];
    let Json::Object(body) = closed(vec![("$schema".to_string(), kind("string")), ("pipeline".to_string(), pipelines)])
    else {
        unreachable!("a closed table is an object")
    };
    root.extend(body);
    let mut out = String::new();
    write(&mut out, &Json::Object(root), 0);
    out.push('\n');
    out
}

fn text(text: &str) -> Json {
    Json::Text(text.to_string())
}

fn kind(name: &str) -> Json {
    Json::Object(vec![("type".to_string(), text(name))])
}

/// A table with these keys and no others.
fn closed(properties: Vec<(String, Json)>) -> Json {
    Json::Object(vec![
        ("type".to_string(), text("object")),
        ("additionalProperties".to_string(), Json::Flag(false)),
        ("properties".to_string(), Json::Object(properties)),
    ])
}

fn of_names(there_are: &[String], scope: Scope, names: &Names) -> Json {
    closed(there_are.iter().map(|name| (name.clone(), closed(of_keys(scope, names)))).collect())
}

/// The keys of a scope; those with a dot in tables of their own.
fn of_keys(scope: Scope, names: &Names) -> Vec<(String, Json)> {
    let mut properties: Vec<(String, Json)> = Vec::new();
    for key in keys::of(scope) {
        let Some((table, _)) = key.name.split_once('.') else {
            properties.push((key.name.to_string(), of_key(key, names)));
            continue;
        };
        if properties.iter().all(|(name, _)| name != table) {
            let inside = keys::of(scope).filter_map(|key| Some((key, key.name.split_once('.')?)));
            let inside = inside.filter(|(_, (other, _))| *other == table);
            let inside = inside.map(|(key, (_, name))| (name.to_string(), of_key(key, names))).collect();
            properties.push((table.to_string(), closed(inside)));
        }
    }
    properties
}

fn of_key(key: &Key, names: &Names) -> Json {
    let description = format!("{}; default: {}", key.what, key.default);
    let mut choices = of_kind(key.kind, names);
    if key.optional {
        choices.push(vec![("const", text("none"))]);
    }
    let mut all = vec![("description".to_string(), Json::Text(description))];
    let mut choices: Vec<_> = choices.into_iter().map(owned).collect();
    match choices.len() {
        1 => all.append(&mut choices[0]),
        _ => all.push(("anyOf".to_string(), Json::List(choices.into_iter().map(Json::Object).collect()))),
    }
    Json::Object(all)
}

fn owned(pairs: Vec<(&str, Json)>) -> Vec<(String, Json)> {
    pairs.into_iter().map(|(name, json)| (name.to_string(), json)).collect()
}

/// The forms that a kind of value has.
fn of_kind(kind: Kind, names: &Names) -> Vec<Vec<(&'static str, Json)>> {
    let number = |least, most| {
        let limits = [("minimum", Json::Number(least)), ("maximum", Json::Number(most))];
        [("type", text("integer"))].into_iter().chain(limits).collect()
    };
    let pattern = |pattern: &str| vec![("type", text("string")), ("pattern", text(pattern))];
    let words = |words: Vec<&str>| vec![("enum", Json::List(words.into_iter().map(text).collect()))];
    match kind {
        Kind::Flag => vec![vec![("type", text("boolean"))]],
        Kind::Count { most } => vec![number(1, most)],
        Kind::Share => {
            vec![vec![("type", text("number")), ("minimum", Json::Number(0)), ("maximum", Json::Number(1))]]
        }
        Kind::Rate => vec![vec![("type", text("number")), ("exclusiveMinimum", Json::Number(0))]],
        Kind::Bytes => vec![pattern(&bytes_pattern())],
        Kind::Time => vec![pattern(&time_pattern())],
        Kind::Threads { most } => {
            vec![number(1, most as u64), pattern("^[1-9][0-9]*( ?[.][.]=? ?[1-9][0-9]*)?$")]
        }
        Kind::Word(choices) => vec![words(choices.to_vec())],
        Kind::Domain => vec![words(names.domains.iter().map(String::as_str).chain([OWN]).collect())],
    }
}

fn write(out: &mut String, json: &Json, depth: usize) {
    let pad = "  ".repeat(depth + 1);
    match json {
        Json::Text(text) => quote(out, text),
        Json::Number(n) => write!(out, "{n}").expect("a string takes what is written"),
        Json::Flag(flag) => write!(out, "{flag}").expect("a string takes what is written"),
        Json::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(out, item, depth);
            }
            out.push(']');
        }
        Json::Object(pairs) => {
            out.push('{');
            for (at, (name, item)) in pairs.iter().enumerate() {
                out.push_str(if at == 0 { "\n" } else { ",\n" });
                out.push_str(&pad);
                quote(out, name);
                out.push_str(": ");
                write(out, item, depth + 1);
            }
            if !pairs.is_empty() {
                out.push('\n');
                out.push_str(&pad[2..]);
            }
            out.push('}');
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes what is written"),
            c => out.push(c),
        }
    }
    out.push('"');
}

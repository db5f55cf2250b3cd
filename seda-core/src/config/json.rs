//! JSON as a tree; with comments and trailing commas, as people write them in files.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, ObjectPropName, Value},
    common::Range,
    parse_to_ast,
};

use super::{
    text::Span,
    tree::{Fault, Member, Node},
};
use crate::settings::value::Raw;

pub(super) fn read(text: &str) -> (Vec<Member>, Vec<Fault>) {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => parsed,
        Err(error) => return (Vec::new(), vec![(span(error.range()), error.kind().to_string().to_lowercase())]),
    };
    let mut faults = Vec::new();
    let members = match &parsed.value {
        Some(Value::Object(object)) => members(object, &mut faults),
        _ => {
            faults.push((0..text.len(), "the whole must be an object: `{ \"pipeline\": .. }`".to_string()));
            Vec::new()
        }
    };
    (members, faults)
}

fn members(object: &Object<'_>, faults: &mut Vec<Fault>) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    for property in &object.properties {
        let name_span = match &property.name {
            ObjectPropName::String(name) => span(name.range),
            ObjectPropName::Word(name) => span(name.range),
        };
        let name = property.name.as_str().to_string();
        if members.iter().any(|member| member.name == name) {
            faults.push((name_span, format!("`{name}` stands here twice")));
            continue;
        }
        let (node, span) = node(&property.value, faults);
        members.push(Member { name, name_span, node, span });
    }
    members
}

fn node(value: &Value<'_>, faults: &mut Vec<Fault>) -> (Node, Span) {
    let other = |what: &str| Raw::Other(what.to_string());
    let (raw, range) = match value {
        Value::Object(object) => return (Node::Table(members(object, faults)), span(object.range)),
        Value::StringLit(text) => (Raw::Text(text.value.to_string()), text.range),
        Value::NumberLit(n) => (number(n.value), n.range),
        Value::BooleanLit(flag) => (Raw::Flag(flag.value), flag.range),
        Value::Array(list) => (other("a list"), list.range),
        Value::NullKeyword(null) => (other("`null`"), null.range),
    };
    (Node::Leaf(raw), span(range))
}

fn number(text: &str) -> Raw {
    let whole = text.parse().map(Raw::Whole);
    whole.or_else(|_| text.parse().map(Raw::Number)).unwrap_or_else(|_| Raw::Other(format!("`{text}`")))
}

fn span(range: Range) -> Span {
    range.start..range.end
}

//! TOML as a tree. The parser goes on after a fault, so that all are found.

use ::toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::tree::{Fault, Member, Node};
use crate::settings::value::Raw;

pub(super) fn read(text: &str) -> (Vec<Member>, Vec<Fault>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let fault = |error: ::toml::de::Error| (error.span().unwrap_or(0..0), error.message().to_string());
    (members(table.get_ref()), errors.into_iter().map(fault).collect())
}

fn members(table: &DeTable<'_>) -> Vec<Member> {
    let member = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Member {
        name: AsRef::<str>::as_ref(name.get_ref()).to_string(),
        name_span: name.span(),
        node: node(value.get_ref()),
        span: value.span(),
    };
    let mut members: Vec<Member> = table.iter().map(member).collect();
    // In the order of the file, for findings.
    members.sort_by_key(|member| member.name_span.start);
    members
}

fn node(value: &DeValue<'_>) -> Node {
    Node::Leaf(match value {
        DeValue::Table(table) => return Node::Table(members(table)),
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Integer(n) => {
            i64::from_str_radix(n.as_str(), n.radix()).map_or_else(|_| Raw::Other(format!("`{n}`")), Raw::Whole)
        }
        DeValue::Float(n) => n.as_str().parse().map_or_else(|_| Raw::Other(format!("`{n}`")), Raw::Number),
        DeValue::Datetime(_) => Raw::Other("a date".to_string()),
        DeValue::Array(_) => Raw::Other("a list".to_string()),
    })
}

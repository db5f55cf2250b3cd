//! What a file says, in whatever format, with the place of each word.

use super::text::Span;
use crate::settings::value::Raw;

/// A value in a file.
#[derive(Debug)]
pub(super) enum Node {
    Table(Vec<Member>),
    Leaf(Raw),
}

/// A name and its value.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) node: Node,
    pub(super) span: Span,
}

/// A fault of the syntax.
pub(super) type Fault = (Span, String);

//! A file's text, and how a part of it is shown.

use std::{ops::Range, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::settings::{Excerpt, Origin};

/// Bytes of a text.
pub(super) type Span = Range<usize>;

/// A text, by the name that findings call it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(name: String, text: String) -> Self {
        Source { name, text }
    }

    /// Counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub(super) fn origin(&self, span: &Span) -> Origin {
        Origin::File { path: self.name.clone(), line: self.line(span.start) }
    }

    /// The lines of a part with a caret under it; without colour, as nobody knows where it will be read.
    pub(super) fn show(&self, span: &Span) -> String {
        // The end of a text has no character to stand under.
        let end = span.end.min(self.text.len());
        let marked = AnnotationKind::Primary.span(span.start.min(end)..end);
        let snippet = Snippet::source(&*self.text).path(&*self.name).annotation(marked);
        Renderer::plain().render(&[Group::with_level(Level::ERROR).element(snippet)])
    }
}

/// The same, made when it is read.
pub(super) fn excerpt(source: &Arc<Source>, span: &Span) -> Excerpt {
    let (source, span) = (source.clone(), span.clone());
    Excerpt::new(move || source.show(&span))
}

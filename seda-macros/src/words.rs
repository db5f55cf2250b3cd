//! Names made of names, and the right name nearest to a wrong one.

use proc_macro2::{Ident, Span};

/// `look_up` to `look-up`.
pub(crate) fn kebab_of_fn(name: &Ident) -> String {
    plain(name).trim_matches('_').replace('_', "-")
}

/// `ImageResizer` to `image-resizer`.
pub(crate) fn kebab_of_type(name: &Ident) -> String {
    snake(name).replace('_', "-")
}

/// `look_up` to `LookUp`.
pub(crate) fn camel(name: &Ident) -> String {
    let words = plain(name);
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    words.split('_').filter(|word| !word.is_empty()).map(capital).collect()
}

/// `HttpError` to `http_error`, `HTTPError` too.
pub(crate) fn snake(name: &Ident) -> String {
    let chars: Vec<char> = plain(name).chars().collect();
    let mut snake = String::new();
    for (at, c) in chars.iter().enumerate() {
        let after_word = at > 0 && !chars[at - 1].is_uppercase() && chars[at - 1] != '_';
        let before_word = at > 0 && chars[at - 1].is_uppercase() && chars.get(at + 1).is_some_and(|c| c.is_lowercase());
        if c.is_uppercase() && (after_word || before_word) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// An identifier, raw where the word is a keyword.
pub(crate) fn ident(word: &str, span: Span) -> Ident {
    if let Ok(mut ident) = syn::parse_str::<Ident>(word) {
        ident.set_span(span);
        return ident;
    }
    match word {
        "self" | "super" | "crate" | "Self" => Ident::new(&format!("{word}_"), span),
        word => Ident::new_raw(word, span),
    }
}

/// The word without `r#`.
pub(crate) fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_string()
}

/// The one of `known` that `word` was meant to be, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.len() / 3).max(1);
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|name| (distance(word, name), *name)).filter(|(far, _)| *far <= most).min();
    // Or one that was only begun; with one or two letters, too much begins.
    let begun = || known.iter().copied().find(|name| word.len() > 2 && name.starts_with(word));
    near.map(|(_, name)| name).or_else(begun)
}

/// Letters to add, take away or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(word: &str) -> Ident {
        ident(word, Span::call_site())
    }

    #[test]
    fn names_are_cut_at_their_words() {
        for (variant, port) in
            [("Paid", "paid"), ("HttpError", "http_error"), ("HTTPError", "http_error"), ("V2", "v2")]
        {
            assert_eq!(snake(&name(variant)), port);
        }
        assert_eq!(kebab_of_fn(&name("look_up")), "look-up");
        assert_eq!(kebab_of_type(&name("ImageResizer")), "image-resizer");
        assert_eq!(camel(&name("look_up")), "LookUp");
    }

    #[test]
    fn keywords_become_raw() {
        assert_eq!(name("type").to_string(), "r#type");
        assert_eq!(name("crate").to_string(), "crate_");
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        let known = || ["threads", "queue", "keyed"].into_iter();
        assert_eq!(nearest("thread", known()), Some("threads"));
        assert_eq!(nearest("que", known()), Some("queue"));
        assert_eq!(nearest("ke", known()), None);
        assert_eq!(nearest("colour", known()), None);
    }
}

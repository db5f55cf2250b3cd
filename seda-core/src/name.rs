//! Names of stages, domains and ports: configuration, metrics and dashboards hang on them.

/// Why a name cannot be one, if so.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    (!name.chars().all(fits)).then_some("has characters other than letters, digits and - _ . / :")
}

/// At most `most` characters, the end marked where it was cut.
pub(crate) fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_string();
    }
    name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

//! The promise that seda-core is small, and brings no async runtime along.

use std::collections::BTreeSet;

use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;

/// Crates in seda-core's tree, itself included: the bar of the bench row `crates`.
const CRATES_MAX: usize = 40;

/// What runs futures. Offers and asks are plain futures, and async handlers run on the host's runtime by a feature: the
/// default tree needs none of them.
const RUNTIMES: [&str; 9] = [
    "tokio",
    "async-std",
    "smol",
    "async-executor",
    "async-global-executor",
    "futures-executor",
    "monoio",
    "glommio",
    "compio",
];

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    let line = "cargo tree -p seda-core --edges normal,build --prefix none --format {p}";
    let crates = names_and_versions(&Line::of(line).output(&repo.root)?);
    println!("{} crates in seda-core's tree, at most {CRATES_MAX}", crates.len());
    if crates.len() > CRATES_MAX {
        return Err(format!("{} crates, {CRATES_MAX} allowed: {crates:?}", crates.len()));
    }
    let runtime = crates.iter().find(|(name, _)| RUNTIMES.contains(&name.as_str()));
    match runtime {
        Some((name, _)) => Err(format!("seda-core depends on the async runtime `{name}`")),
        None => Ok(Ended::Passed),
    }
}

/// One of each; `cargo tree` marks what it has shown before with `(*)`, and a path dependency with its folder.
fn names_and_versions(tree: &str) -> BTreeSet<(String, String)> {
    let pair = |row: &str| {
        let mut words = row.split_whitespace();
        Some((words.next()?.to_string(), words.next()?.to_string()))
    };
    tree.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_shown_twice_counts_once_and_two_versions_count_twice() {
        let tree = "seda-core v0.1.0 (/here)\nrayon v1.10.0\nrayon v1.10.0 (*)\n\nrayon v2.0.0\n";
        assert_eq!(names_and_versions(tree).len(), 3);
    }
}

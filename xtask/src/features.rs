//! Each feature of each package compiles without the others.

use crate::repo::{Package, Repo};
use crate::shell::Line;
use crate::step::Ended;

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    for package in repo.packages.iter().filter(|package| is_for_users(repo, package)) {
        for arguments in one_by_one(&package.features) {
            let line = format!("cargo check -p {} --no-default-features{arguments}", package.name);
            Line::of(&line).run(&repo.root)?;
        }
    }
    Ok(Ended::Passed)
}

/// Benches and xtask are built one way only.
fn is_for_users(repo: &Repo, package: &Package) -> bool {
    ["benches", "xtask"].iter().all(|ours| !package.dir.starts_with(repo.root.join(ours)))
}

/// Cargo's arguments for no feature at all, then for each by itself.
fn one_by_one(features: &[String]) -> Vec<String> {
    let each = features.iter().filter(|feature| *feature != "default");
    let each = each.map(|feature| format!(" --features {feature}"));
    std::iter::once(String::new()).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_feature_is_a_case_of_its_own_and_default_is_none() {
        let features = ["default", "metrics", "tokio"].map(str::to_string);
        assert_eq!(one_by_one(&features), ["", " --features metrics", " --features tokio"]);
    }
}

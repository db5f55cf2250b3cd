//! The environment as a layer.

use std::ffi::OsString;

use super::validate::{Layer, Leaf, Named};
use crate::{
    finding::Finding,
    settings::{
        Origin, Place, cannot_be,
        keys::{self, Key, Scope},
        near::did_you_mean,
        value::Raw,
    },
};

/// Between the parts of a path. A single one stands within a name.
const BETWEEN: &str = "__";

/// A name as it stands in a variable: capitals, and a `_` for any run of what is no letter or digit.
pub(super) fn fold(name: &str) -> String {
    let upper = name.to_uppercase();
    let words = upper.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

/// Reads the variables with the prefix.
pub(super) fn read(prefix: &str, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Layer {
    let mut layer = Layer { folded: true, ..Layer::default() };
    let mut ours: Vec<(String, OsString)> = vars
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| after(name, prefix).is_some_and(|rest| rest.starts_with('_')))
        .collect();
    ours.sort();
    for (name, value) in ours {
        let rest = after(&name, prefix).unwrap_or_default();
        let one = one(&name, rest, value);
        match one {
            Some(Ok((named, leaf))) => {
                layer.names.push(named);
                layer.leaves.push(leaf);
            }
            Some(Err((pipeline, finding))) => layer.findings.push((pipeline, finding)),
            None => {}
        }
    }
    layer
}

/// What follows the prefix, in whatever case it is written.
fn after<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let head = name.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &name[prefix.len()..])
}

type One = Result<(Named, Leaf), (Option<String>, Finding)>;

/// One variable; none if it is somebody else's.
fn one(variable: &str, rest: &str, value: OsString) -> Option<One> {
    let upper = rest.to_uppercase();
    let Some(path) = upper.strip_prefix(BETWEEN) else {
        // `SEDA_LOG` may be anybody's, `SEDA_PIPELINE` hardly.
        return upper.starts_with("_PIPELINE").then(|| Err((None, single(variable, rest))));
    };
    let parts: Vec<&str> = path.split(BETWEEN).collect();
    let ["PIPELINE", pipeline, within @ ..] = &parts[..] else {
        let what = format!("the variable `{variable}` names nothing that there is");
        let cure = "its path begins with the pipeline: `..__PIPELINE__NAME__STAGE__NAME__THREADS`";
        return Some(Err((None, Finding::new(what, cure))));
    };
    let pipeline = (*pipeline).to_string();
    let wrong = |finding| Some(Err((Some(pipeline.clone()), finding)));
    let (place, scope, key) = place(within);
    let Some(key) = keys::of(scope).find(|other| other.name == key) else {
        return wrong(unknown(variable, scope, &key));
    };
    let Ok(text) = value.into_string() else {
        return wrong(Finding::new(format!("the variable `{variable}` is not UTF-8"), format!("give {}", key.takes())));
    };
    let raw = Raw::Word(text);
    match key.kind.read(&raw, key.optional) {
        Ok(value) => Some(Ok((
            Named { pipeline: pipeline.clone(), place: place.clone(), by: Some(variable.to_string()), excerpt: None },
            Leaf { pipeline, place, key, value, origin: Origin::Variable(variable.to_string()), excerpt: None },
        ))),
        Err(why) => wrong(words(cannot_be(variable, key, &raw, &why))),
    }
}

/// In an environment there are no quotes to write.
fn words(mut finding: Finding) -> Finding {
    finding.cure = finding.cure.replace("`\"", "`").replace("\"`", "`");
    finding
}

/// Where the path leads: what is left of it is the key, in small letters with dots.
fn place(within: &[&str]) -> (Place, Scope, String) {
    let key = |parts: &[&str]| parts.join(".").to_lowercase();
    match within {
        ["STAGE", name, rest @ ..] => (Place::Stage((*name).to_string()), Scope::Stage, key(rest)),
        ["DOMAIN", name, rest @ ..] => (Place::Domain((*name).to_string()), Scope::Domain, key(rest)),
        rest => (Place::Pipeline, Scope::Pipeline, key(rest)),
    }
}

fn single(variable: &str, rest: &str) -> Finding {
    let prefix = &variable[..variable.len() - rest.len()];
    Finding::new(
        format!("the variable `{variable}` has one underscore after `{prefix}`, so it would set nothing"),
        format!("join the parts of the path by two: `{prefix}__PIPELINE__..`"),
    )
}

fn unknown(variable: &str, scope: Scope, key: &str) -> Finding {
    let names: Vec<String> = keys::of(scope).map(|key: &Key| key.name.replace('.', BETWEEN).to_uppercase()).collect();
    let written = key.replace('.', BETWEEN).to_uppercase();
    let what = format!("the variable `{variable}` ends in `{written}`, which is no key of a {scope}");
    Finding::new(what, did_you_mean(&written, "keys", names.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_a_variable_cannot_hold() {
        assert_eq!(fold("resize-images"), "RESIZE_IMAGES");
        assert_eq!(fold("a.b/c::d-"), "A_B_C_D");
    }
}

//! Configured numbers that fit their keys, and not the stage that they are for.

use super::{
    declare::Declared,
    numbers::{AROUND, NEEDS},
};
use crate::{
    admission::{KNOWN, known},
    finding::Finding,
    options::Placement,
    settings::{
        Names,
        keys::{Knob, OWN},
        near::did_you_mean,
        table::Rows,
        value::Value,
    },
};

/// A number for what this build does not have.
pub(super) fn of_feature(rows: &Rows, knob: Knob) -> Option<Finding> {
    let (feature, is_built) = match knob {
        Knob::Trace => ("tracing", cfg!(feature = "tracing")),
        Knob::PublishEvery => ("metrics", cfg!(feature = "metrics")),
        _ => return None,
    };
    if is_built || !rows.is_configured(knob) {
        return None;
    }
    let cure = format!("build seda with its feature `{feature}`, or take it out");
    Some(rows.finding(knob, &format!("this program is built without the feature `{feature}`"), &cure))
}

/// Configured numbers that do not fit where the stage runs, or what it is.
pub(super) fn of_place(stage: &Declared, rows: &Rows, names: &Names) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut find = |knob, what: &str, cure: &str| {
        if rows.is_configured(knob) {
            found.push(rows.finding(knob, what, cure));
        }
    };
    let name = rows.name();
    let is_async = matches!(stage.options.placement, Placement::Tasks { .. });
    match rows.word(Knob::Domain).filter(|domain| *domain != OWN) {
        _ if is_async => {
            let cure = "take it out; what can be set is its `limit`";
            find(Knob::Domain, "the stage is async: it runs on the host's runtime", cure);
            find(Knob::Threads, "the stage is async: it runs on the host's runtime", cure);
        }
        None => find(
            Knob::Limit,
            "the stage has threads of its own, and they are its limit",
            &format!("set `stage.{name}.threads`, or put it on a domain"),
        ),
        Some(domain) if !names.domains.iter().any(|other| other == domain) => {
            let there_are = names.domains.iter().map(String::as_str).chain([OWN]);
            find(Knob::Domain, "the code declares no such domain", &did_you_mean(domain, "domains", there_are));
        }
        Some(domain) => find(
            Knob::Threads,
            &format!("the stage runs on the threads of the domain `{domain}`"),
            &format!("set `domain.{domain}.threads`, or `stage.{name}.domain = \"own\"`"),
        ),
    }
    if rows.bytes(Knob::QueueBytes).is_some() && !stage.weighs {
        find(
            Knob::QueueBytes,
            "its code does not say what an event weighs",
            "add `.weight(|e| ..)` to the stage's handler, with the bytes of `e`",
        );
    }
    if stage.is_source {
        let what = "the stage is a source: it has one worker, and no queue";
        for knob in [Knob::Threads, Knob::QueueEvents, Knob::QueueBytes, Knob::MaxAge, Knob::WhenFull, Knob::Policy] {
            find(knob, what, "take it out; what can be set of a source is its `batch_max` and its domain");
        }
    }
    found
}

/// Numbers of admission that do not make a policy.
pub(super) fn of_policy(rows: &Rows) -> Vec<Finding> {
    let (policy, name) = (rows.word(Knob::Policy), rows.name());
    let mut found = Vec::new();
    for (knob, need) in NEEDS {
        let row = rows.row(knob);
        let is_needed = policy.and_then(known).is_some_and(|known| known.needs.contains(&need));
        if is_needed && row.value == Value::None {
            let key = rows.path(knob);
            found.push(rows.finding(
                Knob::Policy,
                &format!("`{key}` is not set"),
                &format!("set it: {}", row.key.takes()),
            ));
        }
        if !is_needed && rows.is_configured(knob) {
            let of = KNOWN.iter().filter(|known| known.needs.contains(&need)).map(|known| format!("`{}`", known.name));
            let of: Vec<_> = of.collect();
            let what = format!("the policy of the stage is not {}", of.join(" or "));
            let first = of[0].trim_matches('`');
            found.push(rows.finding(
                knob,
                &what,
                &format!("set `stage.{name}.admission.policy = \"{first}\"` with it"),
            ));
        }
    }
    if policy.is_none() {
        let around = AROUND.into_iter().filter(|&knob| rows.flag(knob));
        let cure = format!("set an objective: `stage.{name}.admission.slo`");
        found.extend(around.map(|knob| rows.finding(knob, "the stage has no policy, and admits all", &cure)));
    }
    found
}

/// Shares for nobody.
pub(super) fn of_tenants(stage: &Declared, rows: &Rows) -> Option<Finding> {
    let cure = "add `.tenant(|e| ..)` to the stage's handler, with whom `e` is for";
    let is_missing = rows.flag(Knob::Fair) && !stage.options.was_given("tenant");
    is_missing.then(|| rows.finding(Knob::Fair, "its code does not say who an event is for", cure))
}

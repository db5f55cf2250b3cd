//! Configured numbers that fit their keys, and not the stage that they are for.

use super::declare::Declared;
use crate::{
    finding::Finding,
    options::Placement,
    settings::{
        Names,
        keys::{Knob, MAX_CONCURRENCY, OWN, SLO, TOKEN_BUCKET},
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
    let numbers = [
        (Knob::Rate, TOKEN_BUCKET),
        (Knob::Burst, TOKEN_BUCKET),
        (Knob::Concurrency, MAX_CONCURRENCY),
        (Knob::Slo, SLO),
    ];
    for (knob, of) in numbers {
        let row = rows.row(knob);
        if policy == Some(of) && row.value == Value::None {
            let key = rows.path(knob);
            found.push(rows.finding(
                Knob::Policy,
                &format!("`{key}` is not set"),
                &format!("set it: {}", row.key.takes()),
            ));
        }
        if policy != Some(of) && rows.is_configured(knob) {
            let what = format!("the policy of the stage is not `{of}`");
            found.push(rows.finding(knob, &what, &format!("set `stage.{name}.admission.policy = \"{of}\"` with it")));
        }
    }
    found
}

//! Policies as numbers alone: what configuration can set, as one table.

use std::{any::Any, time::Duration};

use super::{
    Admission, Aimd, CoDel, Deadline, Defer, Fair, Fresh, Gradient, MaxConcurrency, Priority, ResponseTime, Slo,
    TokenBucket, Vegas,
};

/// A policy, and what is around it, as data.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Numbers {
    /// By its name in configuration; none where all are admitted.
    pub(crate) policy: Option<&'static str>,
    pub(crate) slo: Option<Duration>,
    pub(crate) rate: Option<f64>,
    pub(crate) burst: Option<usize>,
    pub(crate) events: Option<usize>,
    /// In the order of [`WRAPPERS`].
    pub(crate) wrapped: [bool; WRAPPERS.len()],
}

/// A number that a policy needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    Slo,
    Rate,
    Burst,
    Events,
}

/// A policy that is numbers alone.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    /// What a policy in code says, if it is this one.
    read: fn(&dyn Any) -> Option<Numbers>,
    /// None where a number is missing.
    make: fn(Numbers) -> Option<Box<dyn Admission>>,
}

/// What stands for a policy that is the user's own code.
pub(crate) const IN_CODE: &str = "in code";
pub(crate) const SLO: &str = "slo";
pub(crate) const TOKEN_BUCKET: &str = "token-bucket";
pub(crate) const MAX_CONCURRENCY: &str = "max-concurrency";

const NOTHING: Numbers =
    Numbers { policy: None, slo: None, rate: None, burst: None, events: None, wrapped: [false; WRAPPERS.len()] };

/// All of them, the default of those with an objective first.
pub(crate) const KNOWN: [Known; 10] = [
    Known {
        name: SLO,
        needs: &[Need::Slo],
        read: |it| it.downcast_ref().map(|it: &Slo| Numbers { slo: Some(it.slo), ..NOTHING }),
        make: |of| boxed(Slo::new(of.slo?)),
    },
    Known {
        name: "codel",
        needs: &[],
        read: |it| it.downcast_ref().filter(|it: &&CoDel| !it.by_service).map(|_| NOTHING),
        make: |_| boxed(CoDel::new()),
    },
    Known {
        name: "codel-by-service",
        needs: &[],
        read: |it| it.downcast_ref().filter(|it: &&CoDel| it.by_service).map(|_| NOTHING),
        make: |_| boxed(CoDel::by_service()),
    },
    Known {
        name: "fresh",
        needs: &[Need::Slo],
        read: |it| it.downcast_ref().map(|it: &Fresh| Numbers { slo: Some(it.slo), ..NOTHING }),
        make: |of| boxed(Fresh::new(of.slo?)),
    },
    Known {
        name: "response-time",
        needs: &[Need::Slo],
        read: |it| {
            let it = it.downcast_ref::<ResponseTime>().filter(|it| it.is_of_one_class())?;
            Some(Numbers { slo: Some(it.target), ..NOTHING })
        },
        make: |of| boxed(ResponseTime::new(of.slo?)),
    },
    Known {
        name: "aimd",
        needs: &[Need::Slo],
        read: |it| it.downcast_ref().map(|it: &Aimd| Numbers { slo: Some(it.timeout()), ..NOTHING }),
        make: |of| boxed(Aimd::new(of.slo?)),
    },
    Known {
        name: "vegas",
        needs: &[],
        read: |it| it.downcast_ref().map(|_: &Vegas| NOTHING),
        make: |_| boxed(Vegas::new()),
    },
    Known {
        name: "gradient",
        needs: &[],
        read: |it| it.downcast_ref().map(|_: &Gradient| NOTHING),
        make: |_| boxed(Gradient::new()),
    },
    Known {
        name: TOKEN_BUCKET,
        needs: &[Need::Rate, Need::Burst],
        read: |it| {
            let bucket = it.downcast_ref::<TokenBucket>()?;
            Some(Numbers { rate: Some(bucket.rate), burst: Some(bucket.burst), ..NOTHING })
        },
        make: |of| boxed(TokenBucket::new(of.rate?, of.burst?)),
    },
    Known {
        name: MAX_CONCURRENCY,
        needs: &[Need::Events],
        read: |it| it.downcast_ref().map(|it: &MaxConcurrency| Numbers { events: Some(it.events), ..NOTHING }),
        make: |of| boxed(MaxConcurrency::new(of.events?)),
    },
];

type Wrap = fn(Box<dyn Admission>) -> Box<dyn Admission>;

/// What can be put around a policy; the first is the inmost.
pub(crate) const WRAPPERS: [Wrap; 4] = [
    |policy| Box::new(Deadline::new(policy)),
    |policy| Box::new(Fair::new(policy)),
    |policy| Box::new(Priority::new(policy)),
    |policy| Box::new(Defer::new(policy)),
];

/// Names of the policies.
pub(crate) const NAMES: [&str; KNOWN.len()] = {
    let mut names = [""; KNOWN.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = KNOWN[at].name;
        at += 1;
    }
    names
};

fn boxed(policy: impl Admission + 'static) -> Option<Box<dyn Admission>> {
    Some(Box::new(policy))
}

/// The one of that name.
pub(crate) fn known(name: &str) -> Option<&'static Known> {
    const { &KNOWN }.iter().find(|known| known.name == name)
}

impl Numbers {
    pub(crate) fn of(policy: &dyn Any) -> Self {
        let read = |known: &'static Known| (known.read)(policy).map(|of| Numbers { policy: Some(known.name), ..of });
        const { &KNOWN }.iter().find_map(read).unwrap_or(Numbers { policy: Some(IN_CODE), ..NOTHING })
    }

    /// Nothing around it.
    pub(crate) fn bare(self) -> Self {
        Numbers { wrapped: NOTHING.wrapped, ..self }
    }

    /// The policy of these numbers, around it what they say; `own` in its place, if there is one.
    pub(crate) fn policy(self, own: Option<Box<dyn Admission>>) -> Option<Box<dyn Admission>> {
        let policy = own.or_else(|| known(self.policy?).and_then(|known| (known.make)(self)))?;
        let around = WRAPPERS.iter().zip(self.wrapped).filter(|(_, is)| *is);
        Some(around.fold(policy, |policy, (wrap, _)| wrap(policy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_numbers_reads_as_them() {
        let all = Numbers {
            slo: Some(Duration::from_millis(50)),
            rate: Some(2.5),
            burst: Some(3),
            events: Some(7),
            ..Numbers::default()
        };
        for known in &KNOWN {
            let needs = |need| known.needs.contains(&need);
            let of = Numbers {
                policy: Some(known.name),
                slo: all.slo.filter(|_| needs(Need::Slo)),
                rate: all.rate.filter(|_| needs(Need::Rate)),
                burst: all.burst.filter(|_| needs(Need::Burst)),
                events: all.events.filter(|_| needs(Need::Events)),
                ..Numbers::default()
            };
            assert!(of.policy(None).is_some(), "{}", known.name);
            assert_eq!(Numbers { policy: Some(known.name), ..NOTHING }.policy(None).is_none(), !known.needs.is_empty());
        }
        assert_eq!(Numbers::of(&Aimd::new(Duration::from_millis(50))).slo, all.slo);
        assert_eq!(Numbers::of(&CoDel::by_service()).policy, Some("codel-by-service"));
        assert_eq!(Numbers::of(&Fair::new(CoDel::new())).policy, Some(IN_CODE));
    }
}

//! Options, said on the handler: `price.threads(2..=8).keyed(|o| o.id)`.

use std::{sync::Mutex, time::Duration};

use super::{
    cx::Cx,
    described::{Described, Description, EventKey, hash_of},
    handler::{IntoStage, StageParts},
    inlet::Inlet,
};
use crate::{
    admission::{Admission, Numbers, Slo, tenant_of},
    options::{DomainId, Placement, Threads, WhenFull},
};

/// Threads that several stages share; made by [`Pipeline::domain`](crate::Pipeline::domain).
///
/// ```
/// use seda_core::prelude::*;
/// let mut p = Pipeline::named("orders");
/// let quick = p.domain("quick", 2..=4);
/// let (decode, price) = (|line: &'static str| line.len(), |pieces: usize| pieces * 250);
/// let (lines, orders) = p.stage("decode", decode.on(&quick));
/// let prices = p.then_with("price", orders, price.on(&quick).limit(1)); // one of its threads at a time
/// p.end("print", prices, |cents| println!("{cents}"));
/// # p.start().unwrap().offer(lines, "ada 2").unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Domain(pub(crate) DomainId);

/// Options of a stage, as methods of its handler. Each is said once; all have a bound and a default.
///
/// ```
/// use seda_core::{prelude::*, TokenBucket};
/// fn price(order: (u32, u64)) -> u64 { order.1 * 2 }
///
/// let mut p = Pipeline::named("orders");
/// let tuned = price
///     .threads(2..=8)                            // its own pool; default 1
///     .queue(500)                                // events; default 1000
///     .when_full(WhenFull::Reject)               // default: block
///     .keyed(|order| order.0)                    // one order's events one after the other
///     .max_age(ms(250))                          // older ones expire unseen
///     .admission(TokenBucket::new(1e6, 100));    // default: all are admitted
/// let (orders, prices) = p.stage("price", tuned);
/// # p.end("end", prices, drop);
/// # let running = p.start().unwrap();
/// # running.offer(orders, (1, 2)).unwrap();
/// ```
pub trait StageOptionsExt<M>: IntoStage<M> + Sized + Send + Sync + 'static {
    /// The name that stands with the code, for [`Pipeline::add`](crate::Pipeline::add).
    fn named(self, name: impl Into<String>) -> StageParts<Self::In, Self::Out> {
        option(self, "named", |parts| parts.options.name = Some(name.into()))
    }

    /// Threads of its own: a number, or a range, which starts at its least and within which a
    /// [controller](crate::Controller) turns it by the load. Default 1.
    fn threads(self, threads: impl Into<Threads>) -> StageParts<Self::In, Self::Out> {
        let threads = threads.into();
        option(self, "threads", |parts| parts.options.place("threads", |_| Placement::Own(threads)))
    }

    /// Runs on the threads of a domain, with the stages that share it.
    fn on(self, domain: &Domain) -> StageParts<Self::In, Self::Out> {
        let domain = domain.0;
        option(self, "on", |parts| {
            parts.options.place("on", |before| match before {
                Placement::Domain { limit, .. } => Placement::Domain { domain, limit },
                _ => Placement::Domain { domain, limit: None },
            });
        })
    }

    /// Most workers of its domain that may be in this stage at once; default all of them. Of an async handler, most events
    /// on their way at once; default 64. A number, or a range, which starts at its least and within which a
    /// [controller](crate::Controller) turns it by the load.
    fn limit(self, at_once: impl Into<Threads>) -> StageParts<Self::In, Self::Out> {
        let at_once = at_once.into();
        option(self, "limit", |parts| match &mut parts.options.placement {
            Placement::Domain { limit, .. } => *limit = Some(at_once),
            Placement::Tasks { limit } => *limit = at_once,
            Placement::Own(_) => parts.options.limit_without_domain = true,
        })
    }

    /// Bound of the queue, in events. Default 1000.
    fn queue(self, events: usize) -> StageParts<Self::In, Self::Out> {
        option(self, "queue", |parts| parts.options.queue_events = events)
    }

    /// Bound of the queue in bytes too, by the weight of each event. An event over the bound enters an empty queue.
    fn queue_bytes(
        self,
        bytes: u64,
        weight: impl Fn(&Self::In) -> u64 + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "queue_bytes", |parts| {
            parts.options.queue_bytes = Some(bytes);
            parts.extract.weight = Some(Box::new(weight));
        })
    }

    /// Says how many bytes an event holds, for the pipeline's byte budget, without a bound of the queue's own.
    fn weight(self, weight: impl Fn(&Self::In) -> u64 + Send + Sync + 'static) -> StageParts<Self::In, Self::Out> {
        option(self, "weight", |parts| parts.extract.weight = Some(Box::new(weight)))
    }

    /// What an offer to a full queue does. Default [`WhenFull::Block`].
    fn when_full(self, when_full: WhenFull) -> StageParts<Self::In, Self::Out> {
        option(self, "when_full", |parts| parts.options.when_full = when_full)
    }

    /// Events of one key are handled in their order, one after the other; other keys go on beside them. Which worker gets a
    /// key changes, so state of a key stands beside the workers and not in [`per_worker`](crate::per_worker). Keys are
    /// compared by a 64-bit hash: two that collide share an order. Default: no keys, and with several threads no order. For a key
    /// that the event owns, a `String`, see [`keyed_by`](StageOptionsExt::keyed_by).
    fn keyed<K: EventKey>(
        self,
        key: impl Fn(&Self::In) -> K + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "keyed", |parts| {
            parts.extract.key = Some(Box::new(move |event| hash_of(&key(event))));
        })
    }

    /// The same by a key that is borrowed from the event, so that nothing is cloned: a `String`, a part of one, a field.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// struct Order { customer: String, cents: u64 }
    ///
    /// let bill = |order: Order| println!("{} owes {}", order.customer, order.cents);
    /// let mut p = Pipeline::named("orders");
    /// let orders = p.sink("bill", bill.threads(4).keyed_by(|order| &order.customer));
    /// let running = p.start()?;
    /// running.offer(orders, Order { customer: "ada".into(), cents: 250 })?;
    /// # assert!(running.drain(Deadlines::default()).balanced());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn keyed_by<K: EventKey + ?Sized>(
        self,
        key: impl Fn(&Self::In) -> &K + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "keyed", |parts| {
            parts.extract.key = Some(Box::new(move |event| hash_of(key(event))));
        })
    }

    /// Priority classes 0 to `classes` − 1, at most 10: the highest is taken first, but for one event in 18 of each lower class
    /// that waits, so that it has 5 % of the capacity whatever the others ask for; drop-oldest drops of the lowest first. An event's
    /// class is the greater of this and the one that it was offered with.
    fn classes(
        self,
        classes: u8,
        class: impl Fn(&Self::In) -> u8 + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "classes", |parts| {
            parts.options.classes = classes;
            parts.extract.class = Some(Box::new(class));
        })
    }

    /// Who an event is for, so that one who asks for too much takes nothing from the others: for a policy in
    /// [`Fair`](crate::Fair). Tenants are told apart by a 64-bit hash; of many that are offered at once, the first one's counts.
    /// Default: all are one tenant.
    ///
    /// ```
    /// use seda_core::{Fair, Slo, prelude::*};
    /// let answer = |(_customer, _question): (u32, String)| ();
    /// let fair = Fair::new(Slo::new(ms(50)));
    /// let mut p = Pipeline::named("api");
    /// let calls = p.sink("answer", answer.threads(4).tenant(|call| call.0).admission(fair));
    /// p.start()?.offer(calls, (7, "why?".into()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn tenant<K: EventKey>(
        self,
        tenant: impl Fn(&Self::In) -> K + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "tenant", |parts| {
            parts.extract.tenant = Some(Box::new(move |event| tenant_of(&tenant(event))));
        })
    }

    /// What kind of event it is, for the stages downstream: where events of a kind come to is learnt, and what a stage on that way
    /// has no room for is shed here, before anything was done for it, and with that stage's time to try again; other kinds are
    /// not touched. A stage downstream refuses by its policy, or by a full queue that rejects; without either it counts for the
    /// objective of this one. Kinds are told apart by a 64-bit hash; 16 of them, those beyond count as events of no kind. Of
    /// several stages that say a kind, the latest counts.
    ///
    /// Where the kind shows only further down, the branch decides, by its [overflow](crate::Open::overflow). Default: no kinds,
    /// and only a stage that all events come to decides here.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// enum Wish { Page(u32), Picture(u32) }
    ///
    /// let look = |wish: Wish| match wish { Wish::Page(n) => Ok(n), Wish::Picture(n) => Err(n) };
    /// let mut p = Pipeline::named("site");
    /// let (wishes, pages, pictures) = p.stage("look", look.kind(|wish| matches!(wish, Wish::Picture(_)))).tried();
    /// p.end("send", pages, |_| ());
    /// let (pictures, over) = pictures.overflow();
    /// p.end_with("draw", pictures, (|_| ()).threads(4).slo(secs(1))); // slow: what it has no time for is shed at `look`
    /// p.end("sorry", over, |_| ());
    /// let running = p.start()?;
    /// running.offer(wishes, Wish::Page(1))?;
    /// running.offer(wishes, Wish::Picture(2))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn kind<K: EventKey>(
        self,
        kind: impl Fn(&Self::In) -> K + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "kind", |parts| {
            parts.extract.kind = Some(Box::new(move |event| hash_of(&kind(event)).max(1)));
        })
    }

    /// The deadline of each event, counted from its offer to this stage; `None` for none. No handler sees it later, here or
    /// downstream: it ends as expired. An earlier one that it already has stays.
    fn deadline<D: Into<Option<Duration>>>(
        self,
        after: impl Fn(&Self::In) -> D + Send + Sync + 'static,
    ) -> StageParts<Self::In, Self::Out> {
        option(self, "deadline", |parts| {
            parts.extract.deadline = Some(Box::new(move |event| after(event).into()));
        })
    }

    /// Goes by what the event says of itself: its key, weight, class, tenant and deadline, as far as they are not said here by
    /// `.keyed(..)`, `.weight(..)`, `.classes(..)`, `.tenant(..)`, `.deadline(..)`. See [`Described`].
    fn described(self) -> StageParts<Self::In, Self::Out>
    where
        Self::In: Described,
    {
        option(self, "described", |parts| Description::of().complete(parts))
    }

    /// Time to live in the queue: what waited longer expires, counted and unseen. Default: none.
    fn max_age(self, age: Duration) -> StageParts<Self::In, Self::Out> {
        option(self, "max_age", |parts| parts.options.max_age = Some(age))
    }

    /// Most events that a worker takes at once. It never waits for more than are there. Default 64.
    /// A number, or a range, within which a [controller](crate::BatchCost) turns it by what a batch costs.
    fn batch_max(self, events: impl Into<Threads>) -> StageParts<Self::In, Self::Out> {
        let events = events.into();
        option(self, "batch_max", |parts| parts.options.batch_max = events)
    }

    /// The admission policy. Default: all are admitted, but for entries of a pipeline with an [objective](crate::Pipeline::slo).
    /// Which one when is a table in
    /// [the guide](https://docs.rs/seda-rt/latest/seda/guide/concepts/overload/index.html#which-to-use).
    fn admission(self, policy: impl Admission + 'static) -> StageParts<Self::In, Self::Out> {
        let numbers = Numbers::of(&policy);
        option(self, "admission", |parts| {
            parts.options.policy = numbers;
            parts.options.admission = Mutex::new(Some(Box::new(policy)));
        })
    }

    /// Admits what is predicted to end within this time of its offer, and sheds the rest at the door: short for
    /// `.admission(Slo::new(..))`. See [`Slo`]; for all entries at once, [`Pipeline::slo`](crate::Pipeline::slo).
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("pages");
    /// let requests = p.sink("render", (|_: String| ()).threads(4).slo(ms(50)));
    /// let running = p.start()?;
    /// if let Err(refused) = running.offer(requests, "/".to_string()) {
    ///     println!("{}; 503, Retry-After: {:?}", refused.why, refused.why.retry_after());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn slo(self, objective: Duration) -> StageParts<Self::In, Self::Out> {
        self.admission(Slo::new(objective))
    }

    /// What the stage does last, once: when a drain has brought everything upstream to its end, all that came of it is
    /// handled, and the handler is flushed; on a worker's thread. For what the handler holds and should close in time, as a
    /// connection. Not called when the pipeline is told to cancel before. Default: nothing.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("orders");
    /// let orders = p.source("orders", 1..=3);
    /// let ship = |order: u32| println!("ship {order}");
    /// p.end_with("ship", orders, ship.threads(2).at_end(|_| println!("that was all")));
    /// p.start()?.finish();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn at_end(self, f: impl FnOnce(&Cx) + Send + 'static) -> StageParts<Self::In, Self::Out> {
        option(self, "at_end", |parts| parts.at_end = Mutex::new(Some(Box::new(f))))
    }

    /// The handler holds that inlet and offers to it: an edge for the check of cycles and the order of a drain.
    fn uses<T>(self, inlet: Inlet<T>) -> StageParts<Self::In, Self::Out> {
        let mut parts = self.into_parts();
        parts.options.uses.push((inlet.pipeline, inlet.stage));
        parts
    }
}

impl<H, M> StageOptionsExt<M> for H where H: IntoStage<M> + Sized + Send + Sync + 'static {}

fn option<H, M>(
    handler: H,
    name: &'static str,
    set: impl FnOnce(&mut StageParts<H::In, H::Out>),
) -> StageParts<H::In, H::Out>
where
    H: IntoStage<M> + Send + Sync + 'static,
{
    let mut parts = handler.into_parts();
    parts.options.given(name);
    set(&mut parts);
    parts
}

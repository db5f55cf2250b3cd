//! Events that say of themselves what a stage may go by.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::handler::StageParts;
use crate::{admission::tenant_of, options::Extract};

/// What can be a key: anything with `Hash`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key: it has no `Hash`",
    label = "has no `Hash`",
    note = "key by a field that has it, a number or a `String`, or put `#[derive(Hash)]` above the type"
)]
pub trait EventKey: Hash {}

#[diagnostic::do_not_recommend]
impl<K: Hash + ?Sized> EventKey for K {}

/// Hashed with fixed keys, so that a simulation replays.
pub(super) fn hash_of(key: &(impl EventKey + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// An event that says of itself its key, weight, class, tenant or deadline, for stages that go by it:
/// [`.described()`](crate::StageOptionsExt::described).
///
/// `#[derive(Event)]` writes it from attributes on fields. By hand:
///
/// ```
/// use std::time::Duration;
/// use seda_core::{Described, Description, prelude::*};
///
/// struct Order { id: u64, tier: u8, body: Vec<u8>, patience: Duration }
///
/// impl Described for Order {
///     fn describe(event: Description<Self>) -> Description<Self> {
///         event
///             .key(|order| &order.id)
///             .weight(|order| order.body.len() as u64)
///             .classes(3, |order| order.tier)
///             .deadline(|order| order.patience)
///     }
/// }
///
/// fn price(order: Order) -> usize { order.body.len() }
///
/// let mut p = Pipeline::named("orders");
/// let (orders, prices) = p.stage("price", price.threads(4).described());
/// p.end("print", prices, |n| println!("{n}"));
/// # let running = p.start().unwrap();
/// # running.offer(orders, Order { id: 1, tier: 0, body: vec![], patience: secs(9) }).unwrap();
/// # assert!(running.drain(Default::default()).balanced());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not describe itself",
    label = "`.described()` has nothing to go by",
    note = "put `#[derive(Event)]` above the type, and `#[event(key)]`, `#[event(weight)]`, `#[event(class)]`, `#[event(tenant)]` or `#[event(deadline)]` above its fields",
    note = "or say it at the stage: `.keyed(..)`, `.weight(..)`, `.classes(..)`, `.tenant(..)`, `.deadline(..)`"
)]
pub trait Described: Sized {
    /// Adds what it says of itself to a description that says nothing yet.
    fn describe(event: Description<Self>) -> Description<Self>;
}

/// What events of a type say of themselves; see [`Described`]. Each is said once: the latest counts.
#[must_use]
pub struct Description<T> {
    extract: Extract<T>,
    classes: Option<u8>,
}

impl<T> std::fmt::Debug for Description<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Description of {}", std::any::type_name::<T>())
    }
}

impl<T> Description<T> {
    /// What `T` says.
    pub(super) fn of() -> Self
    where
        T: Described,
    {
        T::describe(Description { extract: Extract::default(), classes: None })
    }

    /// The key, borrowed: as [`keyed`](crate::StageOptionsExt::keyed).
    pub fn key<K: EventKey + ?Sized>(mut self, key: impl Fn(&T) -> &K + Send + Sync + 'static) -> Self {
        self.extract.key = Some(Box::new(move |event| hash_of(key(event))));
        self
    }

    /// The bytes that it holds: as [`weight`](crate::StageOptionsExt::weight).
    pub fn weight(mut self, weight: impl Fn(&T) -> u64 + Send + Sync + 'static) -> Self {
        self.extract.weight = Some(Box::new(weight));
        self
    }

    /// Its priority class, of so many: as [`classes`](crate::StageOptionsExt::classes).
    pub fn classes(mut self, classes: u8, class: impl Fn(&T) -> u8 + Send + Sync + 'static) -> Self {
        self.classes = Some(classes);
        self.extract.class = Some(Box::new(class));
        self
    }

    /// Who it is for, borrowed: as [`tenant`](crate::StageOptionsExt::tenant).
    pub fn tenant<K: EventKey + ?Sized>(mut self, tenant: impl Fn(&T) -> &K + Send + Sync + 'static) -> Self {
        self.extract.tenant = Some(Box::new(move |event| tenant_of(tenant(event))));
        self
    }

    /// Its deadline, counted from the offer to the stage: as [`deadline`](crate::StageOptionsExt::deadline).
    pub fn deadline<D: Into<Option<Duration>>>(mut self, after: impl Fn(&T) -> D + Send + Sync + 'static) -> Self {
        self.extract.deadline = Some(Box::new(move |event| after(event).into()));
        self
    }

    /// Adds to a stage what was not said of it.
    pub(super) fn complete<O>(self, parts: &mut StageParts<T, O>) {
        let (said, own) = (&mut parts.extract, self.extract);
        said.key = said.key.take().or(own.key);
        said.weight = said.weight.take().or(own.weight);
        said.tenant = said.tenant.take().or(own.tenant);
        said.deadline = said.deadline.take().or(own.deadline);
        if said.class.is_none() {
            said.class = own.class;
            parts.options.classes = self.classes.unwrap_or(parts.options.classes);
        }
    }
}

//! What an outlet's values mean: `.tried()`, `.route()`, `.some()`, `.each()`, `.map()`, `.filter()`, `.fan()`,
//! `.overflow()`.

use std::{collections::VecDeque, marker::PhantomData, sync::Arc};

use super::adapting::Adapting;
use super::inlet::Inlet;
use super::{
    emit::{EachEmit, Emit, FanEmit, Handing, MapEmit, SiftEmit, TwoEmit},
    outlet::{Outlet, Port},
};
use crate::{
    event::{Envelope, Event},
    queue::Batch,
};

/// Opens an outlet, alone or as it comes from [`Pipeline::stage`](crate::Pipeline::stage) with its inlet: the inlet is
/// passed through, so that `let (inlet, ok, errors) = p.stage(..).tried();` reads in one line.
pub trait Open: Sized {
    /// The event that the outlet carries.
    type Event: Event;
    /// One thing in place of the outlet.
    type One<X>;
    /// Two outlets in its place.
    type Two<A, B>;

    #[doc(hidden)]
    fn one<X>(self, f: impl FnOnce(Outlet<Self::Event>) -> X) -> Self::One<X>;

    #[doc(hidden)]
    fn two<A, B>(self, f: impl FnOnce(Outlet<Self::Event>) -> (A, B)) -> Self::Two<A, B>;

    /// A `Result`: the values and, apart, the errors, which so cannot be forgotten.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("numbers");
    /// let (parse, numbers, bad) = p.stage("parse", |s: String| s.parse::<u32>()).tried();
    /// p.end("sum", numbers, |n| println!("{n}"));
    /// p.end("complain", bad, |e| eprintln!("{e}"));
    /// # let running = p.start().unwrap();
    /// # running.offer(parse, "7".into()).unwrap();
    /// # running.drain(Default::default());
    /// ```
    #[allow(clippy::type_complexity, reason = "an alias would hide in the docs what the two outlets carry")]
    fn tried(self) -> Self::Two<Outlet<<Self::Event as IsResult>::Ok>, Outlet<<Self::Event as IsResult>::Err>>
    where
        Self::Event: IsResult,
    {
        self.two(|outlet| {
            let (ok_port, ok) = outlet.branch("");
            let (err_port, err) = outlet.branch("err");
            outlet.wire(Box::new(move || {
                let (a, b) = ((Batch::default(), ok_port.make()), (Batch::default(), err_port.make()));
                Box::new(TwoEmit { f: <Self::Event as IsResult>::result, a, b, from: PhantomData })
            }));
            (ok, err)
        })
    }

    /// An enum, a `Result` or an `Option`: an outlet for each variant. For an enum of yours see [`Route`].
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("users");
    /// let look_up = |id: u32| if id < 10 { Some(format!("user {id}")) } else { None };
    /// let (ids, (found, missing)) = p.stage("look-up", look_up).route();
    /// p.end("greet", found, |name| println!("hello, {name}"));
    /// p.end("count", missing, drop); // of `()`
    /// # p.start().unwrap().offer(ids, 7).unwrap();
    /// ```
    fn route(self) -> Self::One<<Self::Event as Route>::Ports>
    where
        Self::Event: Route,
    {
        self.one(Route::open)
    }

    /// An `Option`: `Some` goes on, `None` ends here; an asker of it hears [`Filtered`](crate::AskError::Filtered).
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("numbers");
    /// let words = p.source("words", ["1", "two", "3"]);
    /// let numbers = p.then("parse", words, |word| word.parse::<u32>().ok()).some();
    /// p.end("print", numbers, |n| println!("{n}"));
    /// # assert_eq!(p.start().unwrap().finish().ledger().stage("print").unwrap().done, 2);
    /// ```
    fn some(self) -> Self::One<Outlet<<Self::Event as IsOption>::Some>>
    where
        Self::Event: IsOption,
    {
        self.one(|outlet| sift(outlet, IsOption::option))
    }

    /// An iterable: an event for each item, drawn only as far as there is room. Each carries the marks of the one that it
    /// came from: deadline, class, ticket.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("words");
    /// let lines = p.source("lines", ["one two", "three"]);
    /// let words = p.then("split", lines, |line| line.split(' ')).each();
    /// p.end("print", words, |word| println!("{word}"));
    /// # assert_eq!(p.start().unwrap().finish().ledger().stage("print").unwrap().done, 3);
    /// ```
    fn each(self) -> Self::One<Outlet<<Self::Event as IntoIterator>::Item>>
    where
        Self::Event: IntoIterator<Item: Event, IntoIter: Send>,
    {
        self.one(|outlet| {
            let (port, items) = outlet.branch("");
            outlet.wire(Box::new(move || {
                Box::new(EachEmit::<Self::Event> {
                    drawn_from: VecDeque::new(),
                    made: Batch::default(),
                    next: port.make(),
                })
            }));
            items
        })
    }

    /// Another event in the place of each; cheap, on the thread of the stage. One that panics fails its event, as a panic of
    /// the stage's handler does; the stage's row counts it, and an asker hears of it.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("numbers");
    /// let print = p.sink("print", |line: String| println!("{line}"));
    /// let (small, large) = (p.source("small", [1u8]), p.source("large", [1u64 << 40]));
    /// p.link(small.map(|n| n.to_string()), print); // two types, one inlet
    /// p.link(large.map(|n| n.to_string()), print);
    /// # assert_eq!(p.start().unwrap().finish().ledger().stage("print").unwrap().done, 2);
    /// ```
    fn map<U: Event>(self, f: impl Fn(Self::Event) -> U + Send + Sync + 'static) -> Self::One<Outlet<U>> {
        self.one(|outlet| {
            let (port, mapped) = outlet.branch("");
            let f = Arc::new(f);
            outlet.wire(Box::new(move || {
                Box::new(MapEmit { f: f.clone(), made: Batch::default(), next: port.make(), from: PhantomData })
            }));
            mapped
        })
    }

    /// Only events that `keep` says yes to; the others end here. A panic is as at [`map`](Open::map).
    fn filter(self, keep: impl Fn(&Self::Event) -> bool + Send + Sync + 'static) -> Self::One<Outlet<Self::Event>> {
        self.one(|outlet| sift(outlet, move |event| keep(&event).then_some(event)))
    }

    /// N outlets with a copy of each event; `Arc` makes a copy cheap. A full queue behind one of them holds up the others,
    /// unless it rejects or drops.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("orders");
    /// let [to_ship, to_bill] = p.source("orders", [1, 2]).fan();
    /// p.end("ship", to_ship, |order: u32| println!("ship {order}"));
    /// p.end("bill", to_bill, |order: u32| println!("bill {order}"));
    /// # assert_eq!(p.start().unwrap().finish().ledger().stage("bill").unwrap().done, 2);
    /// ```
    fn fan<const N: usize>(self) -> Self::One<[Outlet<Self::Event>; N]>
    where
        Self::Event: Clone,
    {
        const { assert!(N > 0, "a fan needs at least one outlet") };
        self.one(|outlet| {
            let branches: Vec<_> = (1..=N).map(|n| outlet.branch(&n.to_string())).collect();
            let (ports, outlets): (Vec<_>, Vec<_>) = branches.into_iter().unzip();
            outlet.wire(Box::new(move || {
                Box::new(FanEmit {
                    event: PhantomData::<fn(Self::Event)>,
                    copies: ports.iter().map(|_| Batch::default()).collect(),
                    ways: ports.iter().map(|port| port.make()).collect(),
                })
            }));
            outlets.try_into().unwrap_or_else(|_| unreachable!("there are N of them"))
        })
    }

    /// The outlet, and one for what its link refuses: needed where the stage behind sheds, or rejects when full.
    ///
    /// ```
    /// use seda_core::prelude::*;
    /// let mut p = Pipeline::named("orders");
    /// let (orders, over) = p.source("orders", 0..100).overflow();
    /// let count = |_: u32| ();
    /// p.end_with("count", orders, count.queue(2).when_full(WhenFull::Reject));
    /// p.end("uncounted", over, drop);
    /// # assert!(p.start().unwrap().finish().balanced());
    /// ```
    fn overflow(self) -> Self::Two<Outlet<Self::Event>, Outlet<Self::Event>> {
        self.two(Outlet::with_overflow)
    }
}

impl<T: Event> Open for Outlet<T> {
    type Event = T;
    type One<X> = X;
    type Two<A, B> = (A, B);

    fn one<X>(self, f: impl FnOnce(Outlet<T>) -> X) -> X {
        f(self)
    }

    fn two<A, B>(self, f: impl FnOnce(Outlet<T>) -> (A, B)) -> (A, B) {
        f(self)
    }
}

impl<I, T: Event> Open for (Inlet<I>, Outlet<T>) {
    type Event = T;
    type One<X> = (Inlet<I>, X);
    type Two<A, B> = (Inlet<I>, A, B);

    fn one<X>(self, f: impl FnOnce(Outlet<T>) -> X) -> (Inlet<I>, X) {
        (self.0, f(self.1))
    }

    fn two<A, B>(self, f: impl FnOnce(Outlet<T>) -> (A, B)) -> (Inlet<I>, A, B) {
        let (a, b) = f(self.1);
        (self.0, a, b)
    }
}

fn sift<T: Event, U: Event>(outlet: Outlet<T>, f: impl Fn(T) -> Option<U> + Send + Sync + 'static) -> Outlet<U> {
    let (port, kept) = outlet.branch("");
    let f = Arc::new(f);
    outlet.wire(Box::new(move || {
        Box::new(SiftEmit { f: f.clone(), made: Batch::default(), next: port.make(), from: PhantomData })
    }));
    kept
}

/// `Result`, for [`Open::tried`].
#[diagnostic::on_unimplemented(
    message = "`.tried()` is for a stage that returns `Result`, this one returns `{Self}`",
    label = "does not return `Result`",
    note = "link the outlet as it is, or open it with what fits its type: `.route()`, `.some()`, `.each()`"
)]
pub trait IsResult {
    /// Type of the values.
    type Ok: Event;
    /// Type of the errors.
    type Err: Event;

    #[doc(hidden)]
    fn result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T: Event, E: Event> IsResult for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn result(self) -> Result<T, E> {
        self
    }
}

/// `Option`, for [`Open::some`].
#[diagnostic::on_unimplemented(
    message = "`.some()` is for a stage that returns `Option`, this one returns `{Self}`",
    label = "does not return `Option`"
)]
pub trait IsOption {
    /// Type of the values.
    type Some: Event;

    #[doc(hidden)]
    fn option(self) -> Option<Self::Some>;
}

impl<T: Event> IsOption for Option<T> {
    type Some = T;

    fn option(self) -> Option<T> {
        self
    }
}

/// A branch: an enum with an outlet for each variant.
///
/// Written by hand in a dozen lines beside the enum:
///
/// ```
/// use seda_core::prelude::*;
///
/// enum Priced { Paid(u64), Fraud(String) }
///
/// struct PricedPorts { paid: Outlet<u64>, fraud: Outlet<String> }
///
/// impl Route for Priced {
///     type Ports = PricedPorts;
///     fn open(outlet: Outlet<Self>) -> PricedPorts {
///         let mut branches = Branches::of(outlet);
///         let (to_paid, paid) = branches.port("paid");
///         let (to_fraud, fraud) = branches.port("fraud");
///         branches.split(move |priced, to| match priced {
///             Priced::Paid(id) => to.give(to_paid, id),
///             Priced::Fraud(order) => to.give(to_fraud, order),
///         });
///         PricedPorts { paid, fraud }
///     }
/// }
///
/// let mut p = Pipeline::named("orders");
/// let (price, priced) = p.stage("price", |n: u64| if n < 9 { Priced::Paid(n) } else { Priced::Fraud(n.to_string()) });
/// let PricedPorts { paid, fraud } = priced.route(); // forget one and it does not compile
/// p.end("ship", paid, |id| println!("ship {id}"));
/// p.end("review", fraud, |order| println!("review {order}"));
/// # let running = p.start().unwrap();
/// # running.offer(price, 3).unwrap();
/// # running.drain(Default::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a branch: `.route()` is for `Result`, `Option` and enums with `Route`",
    label = "has no `Route`",
    note = "put `#[derive(Route)]` above the enum, or implement it by hand, as its documentation shows"
)]
pub trait Route: Event + Sized {
    /// An outlet for each variant.
    type Ports;

    /// Opens the outlet.
    fn open(outlet: Outlet<Self>) -> Self::Ports;
}

impl<T: Event, E: Event> Route for Result<T, E> {
    type Ports = (Outlet<T>, Outlet<E>);

    fn open(outlet: Outlet<Self>) -> Self::Ports {
        outlet.tried()
    }
}

impl<T: Event> Route for Option<T> {
    type Ports = (Outlet<T>, Outlet<()>);

    fn open(outlet: Outlet<Self>) -> Self::Ports {
        let (some_port, some) = outlet.branch("");
        let (none_port, none) = outlet.branch("none");
        outlet.wire(Box::new(move || {
            let (a, b) = ((Batch::default(), some_port.make()), (Batch::default(), none_port.make()));
            Box::new(TwoEmit { f: |event: Option<T>| event.ok_or(()), a, b, from: PhantomData })
        }));
        (some, none)
    }
}

/// Builds the ports of a [`Route`] by hand.
#[must_use = "`split` says which event goes where"]
pub struct Branches<T> {
    outlet: Outlet<T>,
    ports: Vec<Port>,
}

/// One port of a [`Route`], as its split function names it.
#[derive(Debug)]
pub struct To<U> {
    index: usize,
    event: PhantomData<fn(U)>,
}

impl<U> Clone for To<U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U> Copy for To<U> {}

impl<T: Event> Branches<T> {
    /// Begins with the outlet that is to be opened.
    pub fn of(outlet: Outlet<T>) -> Self {
        Branches { outlet, ports: Vec::new() }
    }

    /// One more port; its name is what open ports, edges and metrics are called by.
    pub fn port<U: Event>(&mut self, name: &str) -> (To<U>, Outlet<U>) {
        let (port, outlet) = self.outlet.branch::<U>(name);
        let index = self.ports.len();
        self.ports.push(port);
        (To { index, event: PhantomData }, outlet)
    }

    /// Says which event goes where: each to one port, as only giving it away makes what `f` must return.
    pub fn split(self, f: impl Fn(T, Give<'_>) -> Given + Send + Sync + 'static) {
        let (f, ports) = (Arc::new(f), self.ports);
        self.outlet.wire(Box::new(move || {
            let ways = ports.iter().map(|port| Way { made: Batch::default(), next: port.make() }).collect();
            Box::new(SplitEmit { f: f.clone(), ways, event: PhantomData })
        }));
    }
}

impl<T> std::fmt::Debug for Branches<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Branches({} of {:?})", self.ports.len(), self.outlet)
    }
}

/// Where a split function puts its event.
#[derive(Debug)]
pub struct Give<'a> {
    ways: &'a mut [Way],
    marks: Adapting,
}

impl Give<'_> {
    /// The event goes to that port.
    pub fn give<U: Event>(self, to: To<U>, event: U) -> Given {
        self.ways[to.index].made.open().push(Envelope { event, stamp_ns: 0, marks: self.marks.marks() });
        Given(())
    }
}

/// The event was given to a port; made by [`Give::give`] alone.
#[derive(Debug)]
pub struct Given(());

struct Way {
    made: Batch,
    next: Box<dyn Emit>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("port")
    }
}

struct SplitEmit<T, F> {
    f: Arc<F>,
    ways: Vec<Way>,
    event: PhantomData<fn(T)>,
}

impl<T: Event, F: Fn(T, Give<'_>) -> Given + Send + Sync> Emit for SplitEmit<T, F> {
    fn emit(&mut self, batch: &mut Batch) {
        let mut batch = batch.open();
        while let Some(Envelope { event, marks, .. }) = batch.pop() {
            (self.f)(event, Give { ways: &mut self.ways, marks: Adapting::new(marks) });
        }
        self.ways.iter_mut().for_each(|way| way.next.emit(&mut way.made));
    }

    fn flush(&mut self, to: &Handing<'_>) -> bool {
        self.ways.iter_mut().fold(true, |all, way| way.next.flush(to) & all)
    }

    fn abandon(&mut self) {
        self.ways.iter_mut().for_each(|way| way.next.abandon());
    }
}

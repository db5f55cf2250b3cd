//! A macro and its hand-written twin make the same graph, which behaves the same.
#![cfg(feature = "macros")]

use std::time::Duration;

use seda::{BoxError, Described, Description, StageParts, prelude::*, test::Virtual, test::collect};

#[derive(Clone)]
struct Order {
    id: u64,
    cents: u64,
}

struct Rates {
    percent: u64,
}

fn order(id: u64) -> Order {
    Order { id, cents: id * 100 }
}

/// Runs a pipeline through: its numbers, its ledger with all its ports, and what came out.
fn run(mut p: Pipeline, head: Inlet<Order>, outs: Vec<Outlet<u64>>) -> String {
    let ends: Vec<_> =
        outs.into_iter().enumerate().map(|(at, out)| collect(&mut p, &format!("end-{at}"), out)).collect();
    let mut sim = Virtual::start(p, 7).unwrap();
    sim.entry(head).offer_many((1..=20).map(order).collect()).unwrap();
    let before = format!("{:?}", sim.snapshot());
    sim.run();
    let report = sim.drain(Deadlines::default());
    assert!(report.balanced(), "{report}");
    let seen: Vec<Vec<u64>> = ends.iter().map(|end| end.take()).collect();
    format!("{before}\n{:?}\n{seen:?}", report.ledger())
}

// ---- #[stage] above a function

mod by_macro {
    use super::*;

    #[stage(LookUp, threads = 2..=8, queue = 50, keyed_by = |order| &order.id, classes(2, |order| u8::from(order.id > 10)))]
    pub(super) fn look_up(order: Order, rates: &Rates, label: &str, _cx: &Cx) -> Result<u64, u64> {
        assert_eq!(label, "rates");
        if order.id.is_multiple_of(3) { Err(order.id) } else { Ok(order.cents * rates.percent) }
    }
}

mod by_hand {
    use super::*;

    pub(super) fn look_up(order: Order, rates: &Rates, label: &str, cx: &Cx) -> Result<u64, u64> {
        by_macro::look_up(order, rates, label, cx)
    }

    pub(super) struct LookUp {
        pub(super) rates: Rates,
        pub(super) label: String,
    }

    impl LookUp {
        pub(super) const NAME: &str = "look-up";
    }

    impl Handler for LookUp {
        type In = Order;
        type Out = Result<u64, u64>;

        fn handle(&self, order: Order, cx: &Cx) -> Result<u64, u64> {
            look_up(order, &self.rates, &self.label, cx)
        }

        fn options(stage: StageParts<Self::In, Self::Out>) -> StageParts<Self::In, Self::Out> {
            stage
                .named("look-up")
                .threads(2..=8)
                .queue(50)
                .keyed(|order| order.id)
                .classes(2, |order| u8::from(order.id > 10))
        }
    }
}

#[test]
fn a_function_with_what_it_borrows_is_the_same_by_hand() {
    let rates = || Rates { percent: 3 };
    let label = || "rates".to_string();
    assert_eq!(by_macro::LookUp::NAME, by_hand::LookUp::NAME);
    let mut p = Pipeline::named("orders");
    let (head, ok, bad) = p.add(by_macro::LookUp { rates: rates(), label: label() }).tried();
    let by_macro = run(p, head, vec![ok, bad]);
    let mut p = Pipeline::named("orders");
    let (head, ok, bad) = p.add(by_hand::LookUp { rates: rates(), label: label() }).tried();
    assert_eq!(by_macro, run(p, head, vec![ok, bad]));
}

#[test]
fn a_function_below_the_macro_can_still_be_called() {
    let mut p = Pipeline::named("orders");
    let rates = Rates { percent: 2 };
    // As a closure of this test, and beside it as a stage.
    let (_, out) = p.stage("test", move |event: Order, cx: &Cx| by_macro::look_up(event, &rates, "rates", cx));
    p.end("end", out, drop);
    drop(p);
    assert_eq!(cents(order(2)), 200);
}

#[stage(Cents)]
fn cents(order: Order) -> u64 {
    order.cents
}

#[test]
fn an_option_in_the_attribute_gives_way_to_the_one_at_the_call() {
    let mut p = Pipeline::named("orders");
    let (_, out) = p.add(by_macro::LookUp { rates: Rates { percent: 1 }, label: String::new() }.queue(9));
    let (_, cents) = p.add(Cents);
    p.end("end", out, drop);
    p.end("cents-end", cents, drop);
    let snapshot = Virtual::start(p, 1).unwrap().snapshot();
    let look_up = snapshot.stage("look-up").unwrap();
    assert_eq!((look_up.queue_bound, look_up.threads), (9, 2));
    assert_eq!(snapshot.stage(Cents::NAME).unwrap().queue_bound, seda::QUEUE_EVENTS);
}

// ---- #[stage] above an impl

struct Price {
    percent: u64,
}

#[stage(name = "pricer", queue = 40)]
impl Price {
    const MOST: u64 = 1000;

    fn handle(&self, order: Order) -> u64 {
        (order.cents * self.percent).min(Self::MOST)
    }

    fn start(&self) -> Result<(), std::num::ParseIntError> {
        "12".parse::<u64>().map(|_| ())
    }

    fn flush(&self, emit: &mut dyn FnMut(u64)) {
        emit(self.percent);
    }
}

struct PriceByHand(Price);

impl Handler for PriceByHand {
    type In = Order;
    type Out = u64;

    fn handle(&self, order: Order, _: &Cx) -> u64 {
        self.0.handle(order)
    }

    fn start(&self) -> Result<(), BoxError> {
        Ok(self.0.start()?)
    }

    fn flush(&self, emit: &mut dyn FnMut(u64)) {
        self.0.flush(emit);
    }

    fn options(stage: StageParts<Order, u64>) -> StageParts<Order, u64> {
        stage.named("pricer").queue(40)
    }
}

#[test]
fn an_impl_with_a_shared_self_is_the_same_by_hand() {
    let mut p = Pipeline::named("orders");
    let (head, out) = p.add(Price { percent: 2 });
    let by_macro = run(p, head, vec![out]);
    assert!(by_macro.ends_with("1000, 2]]"), "flushed: {by_macro}");
    let mut p = Pipeline::named("orders");
    let (head, out) = p.add(PriceByHand(Price { percent: 2 }));
    assert_eq!(by_macro, run(p, head, vec![out]));
}

#[derive(Default)]
struct Till {
    cents: u64,
}

#[stage]
impl Till {
    fn handle(&mut self, order: Order, cx: &Cx) -> u64 {
        assert_eq!(cx.stage(), Till::NAME);
        self.cents += order.cents;
        self.cents
    }

    fn flush(&mut self, emit: &mut dyn FnMut(u64)) {
        emit(self.cents);
    }
}

#[derive(Default)]
struct TillByHand(u64);

impl HandlerMut for TillByHand {
    type In = Order;
    type Out = u64;

    fn handle(&mut self, order: Order, _: &Cx) -> u64 {
        self.0 += order.cents;
        self.0
    }

    fn flush(&mut self, emit: &mut dyn FnMut(u64)) {
        emit(self.0);
    }

    fn options(stage: StageParts<Order, u64>) -> StageParts<Order, u64> {
        stage.named("till")
    }
}

#[test]
fn an_impl_with_a_self_of_its_own_is_the_same_by_hand() {
    let mut p = Pipeline::named("orders");
    let (head, out) = p.add(per_worker(Till::default));
    let by_macro = run(p, head, vec![out]);
    let mut p = Pipeline::named("orders");
    let (head, out) = p.add(per_worker(TillByHand::default));
    assert_eq!(by_macro, run(p, head, vec![out]));
}

// ---- #[stage] above what is async

#[stage(Fetch, limit = 4)]
async fn fetch(order: Order, rates: &Rates, cx: TaskCx) -> u64 {
    assert_eq!(cx.stage(), "fetch");
    std::future::ready(order.cents * rates.percent).await
}

#[test]
fn an_async_function_is_the_same_as_a_task_by_hand() {
    let mut p = Pipeline::named("orders");
    let (head, out) = p.add(Fetch { rates: Rates { percent: 2 } });
    let by_macro = run(p, head, vec![out]);
    let mut p = Pipeline::named("orders");
    let rates = std::sync::Arc::new(Rates { percent: 2 });
    let by_hand = task(move |order: Order, cx: TaskCx| {
        let rates = rates.clone();
        async move { fetch(order, &rates, cx).await }
    });
    let (head, out) = p.stage("fetch", by_hand.limit(4));
    assert_eq!(by_macro, run(p, head, vec![out]));
}

struct Store {
    percent: u64,
}

#[stage(name = "store", limit = 4)]
impl Store {
    async fn handle(&self, order: Order) -> u64 {
        std::future::ready(order.cents * self.percent).await
    }

    fn start(&self) -> Result<(), BoxError> {
        Ok(())
    }

    fn flush(&self, emit: &mut dyn FnMut(u64)) {
        emit(self.percent);
    }
}

#[test]
fn an_async_impl_keeps_its_state_and_flushes() {
    let mut p = Pipeline::named("orders");
    let (head, out) = p.add(Store { percent: 2 });
    assert!(run(p, head, vec![out]).ends_with("4000, 2]]"));
}

// ---- #[derive(Route)]

#[derive(Route)]
#[allow(dead_code, reason = "`Type` shows a port whose name is a keyword")]
enum Priced<T> {
    Paid(T),
    Fraud(Order, u64),
    Lost,
    HeldBack { id: u64, why: T },
    Type(u64),
}

fn branch(order: Order) -> Priced<u64> {
    match order.id % 4 {
        0 => Priced::Paid(order.cents),
        1 => Priced::Fraud(order.clone(), order.id),
        2 => Priced::Lost,
        _ => Priced::HeldBack { id: order.id, why: 1 },
    }
}

struct ByHand(Priced<u64>);

struct ByHandPorts {
    paid: Outlet<u64>,
    fraud: Outlet<(Order, u64)>,
    lost: Outlet<()>,
    held_back: Outlet<PricedHeldBack<u64>>,
    r#type: Outlet<u64>,
}

impl Route for ByHand {
    type Ports = ByHandPorts;

    fn open(outlet: Outlet<Self>) -> ByHandPorts {
        let mut branches = Branches::of(outlet);
        let (to_paid, paid) = branches.port("paid");
        let (to_fraud, fraud) = branches.port("fraud");
        let (to_lost, lost) = branches.port("lost");
        let (to_held, held_back) = branches.port("held_back");
        let (to_type, r#type) = branches.port("type");
        branches.split(move |ByHand(priced), to| match priced {
            Priced::Paid(cents) => to.give(to_paid, cents),
            Priced::Fraud(order, score) => to.give(to_fraud, (order, score)),
            Priced::Lost => to.give(to_lost, ()),
            Priced::HeldBack { id, why } => to.give(to_held, PricedHeldBack { id, why }),
            Priced::Type(n) => to.give(to_type, n),
        });
        ByHandPorts { paid, fraud, lost, held_back, r#type }
    }
}

#[test]
fn every_variant_is_a_port_and_the_same_by_hand() {
    let mut p = Pipeline::named("orders");
    let (head, priced) = p.stage("branch", branch);
    let PricedPorts { paid, fraud, lost, held_back, r#type } = priced.route();
    let outs =
        vec![paid, fraud.map(|(_, score)| score), lost.map(|()| 0), held_back.map(|held| held.id + held.why), r#type];
    let by_macro = run(p, head, outs);
    assert!(by_macro.contains("branch.held_back") && by_macro.contains("branch.type"), "{by_macro}");
    let mut p = Pipeline::named("orders");
    let (head, priced) = p.stage("branch", |order: Order| ByHand(branch(order)));
    let ByHandPorts { paid, fraud, lost, held_back, r#type } = priced.route();
    let outs =
        vec![paid, fraud.map(|(_, score)| score), lost.map(|()| 0), held_back.map(|held| held.id + held.why), r#type];
    assert_eq!(by_macro, run(p, head, outs));
}

#[stage(Timed, slo = "50 ms", max_age = "1.5 s")]
fn timed(order: Order) -> u64 {
    order.id
}

#[test]
fn times_as_text_are_those_of_the_units() {
    let mut p = Pipeline::named("orders");
    let (_, out) = p.add(Timed);
    p.end("end", out, drop);
    for (key, value) in [("admission.slo", "50 ms"), ("queue.max_age", "1500 ms")] {
        assert_eq!(p.explain(&format!("stage.timed.{key}")).unwrap().value, value, "{key}");
    }
}

// ---- #[derive(Event)]

#[derive(Event)]
#[event(classes = 3)]
struct Job<T> {
    #[event(key)]
    name: String,
    #[event(weight)]
    body: Vec<u8>,
    #[event(weight)]
    more: u32,
    #[event(class)]
    class: Class,
    #[event(tenant)]
    customer: String,
    #[event(deadline)]
    patience: Option<Duration>,
    n: T,
}

#[derive(Clone, Copy)]
struct Class(u8);

impl From<Class> for u8 {
    fn from(class: Class) -> u8 {
        class.0
    }
}

#[derive(Event)]
struct Pair(#[event(key)] u64, u64);

struct JobByHand(Job<u64>);

impl Described for JobByHand {
    fn describe(event: Description<Self>) -> Description<Self> {
        event
            .key(|event| &event.0.name)
            .weight(|event| event.0.body.len() as u64 + u64::from(event.0.more))
            .classes(3, |event| event.0.class.0)
            .tenant(|event| &event.0.customer)
            .deadline(|event| event.0.patience)
    }
}

fn job(order: Order) -> Job<u64> {
    Job {
        name: (order.id % 2).to_string(),
        body: vec![0; order.id as usize],
        more: 1000,
        class: Class((order.id % 3) as u8),
        customer: (order.id % 4).to_string(),
        patience: order.id.is_multiple_of(5).then(|| ms(1)),
        n: order.id,
    }
}

#[test]
fn an_event_that_describes_itself_is_the_same_by_hand() {
    let mut p = Pipeline::named("jobs");
    let (head, jobs) = p.stage("make", job);
    let out = p.then_with(
        "work",
        jobs,
        (|job: Job<u64>, cx: &Cx| {
            cx.spend(ms(1));
            job.n
        })
        .described(),
    );
    let by_macro = run(p, head, vec![out]);
    assert!(by_macro.contains("expired: 4"), "{by_macro}");
    let mut p = Pipeline::named("jobs");
    let (head, jobs) = p.stage("make", |order: Order| JobByHand(job(order)));
    let out = p.then_with(
        "work",
        jobs,
        (|job: JobByHand, cx: &Cx| {
            cx.spend(ms(1));
            job.0.n
        })
        .described(),
    );
    assert_eq!(by_macro, run(p, head, vec![out]));
}

#[test]
fn a_tuple_struct_describes_itself_too() {
    let mut p = Pipeline::named("pairs");
    let (pairs, out) = p.stage("work", (|pair: Pair| pair.1).threads(2).described());
    let seen = collect(&mut p, "end", out);
    let sim = Virtual::start(p, 1).unwrap();
    sim.offer(pairs, Pair(1, 2)).unwrap();
    assert!(sim.drain(Deadlines::default()).balanced());
    assert_eq!(seen.take(), [2]);
}

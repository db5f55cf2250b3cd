//! What the macros write, and what they say of mistakes.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::{event, route, stage};

/// Tokens of an expansion that fits a screen: some 40 lines of ten.
const SCREEN: usize = 400;

fn tokens(stream: TokenStream) -> usize {
    let of = |token| match token {
        TokenTree::Group(group) => 2 + tokens(group.stream()),
        _ => 1,
    };
    stream.into_iter().map(of).sum()
}

#[test]
fn a_stage_expands_to_what_fits_a_screen() {
    let args = quote!(LookUp, threads = 2..=8, keyed = |order| order.id);
    let item = quote!(
        pub fn look_up(order: Order, db: &Db, cx: &Cx) -> Result<Priced, Bad> {
            todo!()
        }
    );
    let stage = tokens(stage::beside(args, item).unwrap());
    assert!((100..200).contains(&stage), "{stage} tokens");
    let item = quote!(impl Count {
        async fn handle(&self, n: u64) -> u64 { n }
        fn start(&self) -> Result<(), Bad> { Ok(()) }
        fn flush(&self, emit: &mut dyn FnMut(u64)) {}
    });
    let stage = tokens(stage::beside(TokenStream::new(), item).unwrap());
    assert!(stage < SCREEN, "{stage} tokens");
}

#[test]
fn derives_expand_to_what_fits_a_screen() {
    let branch = route::derive(&syn::parse_quote!(
        enum Priced {
            Paid(u64),
            Fraud(Order, u64),
            Held { id: u64 },
            Lost,
        }
    ));
    let branch = tokens(branch.unwrap());
    assert!(branch < SCREEN, "{branch} tokens");
    let event = event::derive(&syn::parse_quote!(
        #[event(classes = 3)]
        struct Order {
            #[event(key)]
            id: u64,
            #[event(class)]
            tier: u8,
            #[event(weight)]
            body: Vec<u8>,
            #[event(tenant)]
            customer: String,
            #[event(deadline)]
            patience: Duration,
        }
    ));
    let event = tokens(event.unwrap());
    assert!(event < SCREEN / 3, "{event} tokens");
}

#[test]
fn the_expansion_of_a_stage_is_what_its_page_shows() {
    let expanded = stage::beside(
        quote!(Cents),
        quote!(
            fn cents(order: Order) -> u64 {
                order.cents
            }
        ),
    )
    .unwrap();
    let by_hand = quote! {
        #[doc = "The stage of [`cents`], for `Pipeline::add`."]
        struct Cents;
        impl Cents {
            #[doc = "Name of the stage."]
            const NAME: &'static str = "cents";
        }
        impl ::seda::Handler for Cents {
            type In = Order;
            type Out = u64;
            fn handle(&self, event: Self::In, _: &::seda::Cx) -> Self::Out { cents(event) }
            fn options(stage: ::seda::StageParts<Self::In, Self::Out>) -> ::seda::StageParts<Self::In, Self::Out> {
                use ::seda::StageOptionsExt as _;
                stage.named("cents")
            }
        }
    };
    assert_eq!(expanded.to_string(), by_hand.to_string());
}

/// What `#[stage(args)]` above an item is told.
fn told(args: TokenStream, item: TokenStream) -> String {
    stage::beside(args, item).unwrap_err().to_string()
}

#[test]
fn every_mistake_in_a_signature_has_its_own_words() {
    let mistakes = [
        (
            quote!(
                fn f() -> u64 {
                    1
                }
            ),
            "takes its event as the first argument",
        ),
        (
            quote!(
                fn f(e: &Order) -> u64 {
                    1
                }
            ),
            "a handler owns its event",
        ),
        (
            quote!(
                fn f(e: Option<&Order>) -> u64 {
                    1
                }
            ),
            "an event owns its data",
        ),
        (
            quote!(
                fn f(e: Order) -> Cow<'_, str> {
                    1
                }
            ),
            "returns a value that it owns",
        ),
        (
            quote!(
                fn f(e: Order) -> impl Iterator<Item = u8> {
                    1
                }
            ),
            "has a name",
        ),
        (
            quote!(
                fn f(e: Order, n: u64) -> u64 {
                    1
                }
            ),
            "takes one event",
        ),
        (
            quote!(
                fn f(e: Order, n: &mut u64) -> u64 {
                    1
                }
            ),
            "many workers call it at once",
        ),
        (
            quote!(
                fn f(e: Order, cx: Cx) -> u64 {
                    1
                }
            ),
            "takes `cx: &Cx`",
        ),
        (
            quote!(
                async fn f(e: Order, cx: &Cx) -> u64 {
                    1
                }
            ),
            "by value, as its future outlives",
        ),
        (
            quote!(
                fn f(e: Order, db: &dyn Store) -> u64 {
                    1
                }
            ),
            "a type of known size",
        ),
        (
            quote!(
                fn f<T>(e: T) -> u64 {
                    1
                }
            ),
            "cannot be generic",
        ),
        (
            quote!(
                unsafe fn f(e: Order) -> u64 {
                    1
                }
            ),
            "cannot be `unsafe`",
        ),
        (
            quote!(
                fn f(&self, e: Order) -> u64 {
                    1
                }
            ),
            "stands above the `impl`",
        ),
        (
            quote!(
                struct F;
            ),
            "not above a `struct`",
        ),
        (
            quote!(
                mod f {}
            ),
            "not above a `mod`",
        ),
        (quote!(impl Handler for F { fn handle(&self, e: Order) {} }), "writes that of the trait itself"),
    ];
    for (item, words) in mistakes {
        let text = told(quote!(F), item.clone());
        assert!(text.contains(words), "{item}: {text}");
    }
}

#[test]
fn every_mistake_in_an_impl_has_its_own_words() {
    let mistakes = [
        (quote!(impl F { fn handle(self, e: Order) {} }), "cannot take `self` itself"),
        (quote!(impl F { fn handle(e: Order) {} }), "`handle` takes `&self`"),
        (quote!(impl F { async fn handle(&mut self, e: Order) {} }), "an async `handle` has many events"),
        (quote!(impl F { fn run(&self, e: Order) {} }), "has a `fn handle("),
        (quote!(impl F { fn handle(&self, e: Order, db: &Db) {} }), "keep it as a field"),
        (quote!(impl F { fn handle(&self, e: Order) {} fn start(&mut self) {} }), "`start` is written"),
        (
            quote!(
                impl<T> F<T> {
                    fn handle(&self, e: T) {}
                }
            ),
            "cannot be generic",
        ),
    ];
    for (item, words) in mistakes {
        let text = told(TokenStream::new(), item.clone());
        assert!(text.contains(words), "{item}: {text}");
    }
    let item = quote!(impl F { fn handle(&self, e: Order) {} });
    assert!(told(quote!(F), item).contains("leave `F` out"));
}

#[test]
fn every_mistake_in_the_attribute_has_its_own_words() {
    let mistakes = [
        (quote!(), "write `#[stage(LookUp)]`"),
        (quote!(F, thread = 2), "did you mean `threads`?"),
        (quote!(F, colour = 2), "there are `threads`, "),
        (quote!(F, queue = 1, queue = 2), "`queue` is given twice"),
        (quote!(F, classes = 3), "is written `classes(3, |event| event.class)`"),
        (quote!(F, queue), "is written `queue = 500`"),
        (quote!(F, name = "look up"), "of letters, digits and"),
        (quote!(F, name), "`name` is written"),
        (quote!(F, on(&domain)), "is said where the stage is added"),
        (quote!(F, limit = 4), "an own pool's limit is its `threads"),
        (quote!(F queue = 4), "parted by commas"),
        (quote!(F, slo = "50"), "`slo = \"50 ms\"` or `slo = ms(50)`: it needs a unit: ns, us, ms, s, min, h, d"),
        (quote!(F, slo = 50), "it needs a unit"),
        (quote!(F, slo = "50 parsecs"), "`parsecs` is not one of the units"),
        (quote!(F, slo = "soon"), "it must begin with a number"),
        (quote!(F, max_age = "0 s"), "`max_age` takes a time"),
    ];
    for (args, words) in mistakes {
        let text = told(
            args.clone(),
            quote!(
                fn look_up(order: Order) -> u64 {
                    1
                }
            ),
        );
        assert!(text.contains(words), "{args}: {text}");
    }
    let text = told(
        quote!(F, threads = 2),
        quote!(
            async fn f(order: Order) -> u64 {
                1
            }
        ),
    );
    assert!(text.contains("no threads of its own"), "{text}");
}

#[test]
fn a_body_that_does_not_parse_is_not_looked_at() {
    let body = quote!(fn look(order: Order) -> u64 { let = order.; fn });
    assert!(stage::beside(quote!(Look), body).is_ok());
}

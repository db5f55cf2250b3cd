//! The macros of [seda](https://docs.rs/seda-rt). Each writes what a user could write by hand, and stands beside its
//! hand-written twin here; none is needed.
//!
//! The item below a macro stays as it is, also beside an error; of functions the signature alone is read.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use syn::{Attribute, DeriveInput, Error, Path, Result, Token, parse_macro_input};

mod args;
mod event;
mod item;
mod route;
mod signature;
mod stage;
mod times;
mod words;

#[cfg(test)]
mod pinned;

#[doc = include_str!("stage.md")]
#[proc_macro_attribute]
pub fn stage(args: TokenStream, item: TokenStream) -> TokenStream {
    let beside = stage::beside(args.into(), item.clone().into()).unwrap_or_else(Error::into_compile_error);
    let mut all = item;
    all.extend(TokenStream::from(beside));
    all
}

#[doc = include_str!("route.md")]
#[proc_macro_derive(Route, attributes(route))]
pub fn route(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    route::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}

#[doc = include_str!("event.md")]
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    event::derive(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Where seda is found: `#[route(crate = path)]`, else `::seda`.
fn seda_of(attributes: &[Attribute], of: &str) -> Result<Path> {
    let mut seda = args::seda();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(of)) {
        seda = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
            let _: Token![crate] = input.parse()?;
            let _: Token![=] = input.parse()?;
            input.call(Path::parse_mod_style)
        })?;
    }
    Ok(seda)
}

//! `#[derive(Route)]`: a port for each variant of an enum.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{
    Data, DeriveInput, Error, Fields, GenericParam, Generics, Result, Type, Variant, Visibility, parse_quote,
    punctuated::Punctuated, spanned::Spanned, token::Comma,
};

use crate::{
    seda_of,
    words::{ident, plain, snake},
};

/// One variant, and how it goes to its port.
struct Way {
    port: Ident,
    name: String,
    to: Ident,
    event: TokenStream,
    pattern: TokenStream,
    value: TokenStream,
    /// The struct that is made for named fields.
    made: Option<TokenStream>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let seda = seda_of(&input.attrs, "route")?;
    let Data::Enum(data) = &input.data else {
        let what = "`#[derive(Route)]` is for an enum, of which each variant is a port; a struct goes one way, so link it as it is";
        return Err(Error::new_spanned(&input.ident, what));
    };
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "a branch needs at least one variant"));
    }
    if let Some(life) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            &life.lifetime,
            "an event owns its data: give the variants owned values, `String` for `&str`",
        ));
    }
    let ways: Vec<Way> = data.variants.iter().map(|variant| way(input, variant)).collect();
    let mut names = HashSet::new();
    if let Some((twice, way)) = data.variants.iter().zip(&ways).find(|(_, way)| !names.insert(&way.name)) {
        let what = format!("two variants give the port `{}`: rename one", way.name);
        return Err(Error::new_spanned(&twice.ident, what));
    }
    Ok(expand(input, &seda, &ways))
}

fn way(input: &DeriveInput, variant: &Variant) -> Way {
    let (of, name) = (&input.ident, &variant.ident);
    let word = snake(name);
    let mut way = Way {
        port: ident(&word, name.span()),
        to: format_ident!("to_{}", word),
        name: word,
        event: quote!(()),
        pattern: quote!(#of::#name { .. }),
        value: quote!(()),
        made: None,
    };
    match &variant.fields {
        fields if fields.is_empty() => {}
        Fields::Unnamed(fields) => {
            let types: Vec<_> = fields.unnamed.iter().map(|field| &field.ty).collect();
            let values: Vec<_> = (0..types.len()).map(|at| format_ident!("value_{at}")).collect();
            way.pattern = quote!(#of::#name(#(#values),*));
            (way.event, way.value) = match (&types[..], &values[..]) {
                ([ty], [value]) => (quote!(#ty), quote!(#value)),
                _ => (quote!((#(#types),*)), quote!((#(#values),*))),
            };
        }
        fields => {
            let names: Vec<_> = fields.iter().map(|field| &field.ident).collect();
            let made = format_ident!("{}{}", plain(of), plain(name));
            let generics = used(&input.generics, fields);
            let (_, args, _) = generics.split_for_impl();
            way.pattern = quote!(#of::#name { #(#names),* });
            way.event = quote!(#made #args);
            way.value = quote!(#made { #(#names),* });
            way.made = Some(struct_of(input, &made, &generics, fields));
        }
    }
    way
}

/// What a variant with named fields carries.
fn struct_of(input: &DeriveInput, made: &Ident, generics: &Generics, fields: &Fields) -> TokenStream {
    let (vis, (_, _, bounds)) = (&input.vis, generics.split_for_impl());
    let doc = format!("What a variant of [`{}`] carries.", input.ident);
    let fields = fields.iter().map(|field| {
        let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect::<Vec<_>>();
        let doc = docs.is_empty().then(|| quote!(#[doc = "As in the variant."]));
        let (name, ty) = (&field.ident, &field.ty);
        quote!(#doc #(#docs)* #vis #name: #ty)
    });
    quote!(#[doc = #doc] #vis struct #made #generics #bounds { #(#fields),* })
}

/// The parameters that the fields name.
fn used(generics: &Generics, fields: &Fields) -> Generics {
    let named: Vec<String> =
        fields.iter().flat_map(|field| words(quote::ToTokens::to_token_stream(&field.ty))).collect();
    let is_named = |param: &&GenericParam| match param {
        GenericParam::Type(param) => named.contains(&param.ident.to_string()),
        GenericParam::Const(param) => named.contains(&param.ident.to_string()),
        GenericParam::Lifetime(_) => true,
    };
    let params: Punctuated<GenericParam, Comma> = generics.params.iter().filter(is_named).cloned().collect();
    Generics { params, where_clause: None, ..generics.clone() }
}

fn words(tokens: TokenStream) -> Vec<String> {
    let of = |token| match token {
        TokenTree::Ident(word) => vec![word.to_string()],
        TokenTree::Group(group) => words(group.stream()),
        _ => Vec::new(),
    };
    tokens.into_iter().flat_map(of).collect()
}

fn expand(input: &DeriveInput, seda: &syn::Path, ways: &[Way]) -> TokenStream {
    let (of, vis) = (&input.ident, &input.vis);
    let ports = format_ident!("{}Ports", plain(of));
    let bounded = bounded(input, seda);
    let (params, args, bounds) = bounded.split_for_impl();
    let (own, own_bounds) = (&input.generics, &input.generics.where_clause);
    let doc = format!("The ports of [`{of}`], one for each variant.");
    let fields = ways.iter().map(|way| field(vis, seda, way));
    let opened = ways.iter().map(|Way { port, name, to, .. }| quote!(let (#to, #port) = branches.port(#name);));
    let arms = ways.iter().map(|Way { to, pattern, value, .. }| quote!(#pattern => to.give(#to, #value),));
    let names = ways.iter().map(|way| &way.port);
    let made = ways.iter().filter_map(|way| way.made.as_ref());
    quote! {
        #(#made)*
        #[doc = #doc]
        #vis struct #ports #own #own_bounds { #(#fields),* }
        #[allow(trivial_bounds, reason = "what the variants carry is checked where it stands")]
        impl #params #seda::Route for #of #args #bounds {
            type Ports = #ports #args;
            fn open(outlet: #seda::Outlet<Self>) -> Self::Ports {
                let mut branches = #seda::Branches::of(outlet);
                #(#opened)*
                branches.split(move |event, to| match event { #(#arms)* });
                #ports { #(#names),* }
            }
        }
    }
}

/// What the variants carry are events: said of each by itself, so that the one that is not is pointed at.
fn bounded(input: &DeriveInput, seda: &syn::Path) -> Generics {
    let mut bounded = input.generics.clone();
    let Data::Enum(data) = &input.data else { return bounded };
    let bounds = &mut bounded.make_where_clause().predicates;
    let mut seen = HashSet::new();
    for ty in data.variants.iter().flat_map(|variant| &variant.fields).map(|field| &field.ty) {
        if seen.insert(quote!(#ty).to_string()) {
            let event = at(ty, &quote!(#seda::Event));
            bounds.push(parse_quote!(#ty: #event));
        }
    }
    bounded
}

/// The same tokens, standing where the type does.
fn at(ty: &Type, tokens: &TokenStream) -> TokenStream {
    let moved = tokens.clone().into_iter().map(|mut token| {
        token.set_span(ty.span().resolved_at(token.span()));
        token
    });
    moved.collect()
}

fn field(vis: &Visibility, seda: &syn::Path, way: &Way) -> TokenStream {
    let Way { port, name, event, .. } = way;
    let doc = format!("Where `{name}` goes out.");
    quote!(#[doc = #doc] #vis #port: #seda::Outlet<#event>)
}

//! The item below `#[stage]`: its signatures are read, its bodies are not.

use proc_macro2::{Group, TokenTree};
use syn::{
    Attribute, Error, Generics, Result, Signature, Token, Type, Visibility, braced,
    parse::{Parse, ParseStream, discouraged::Speculative},
};

use crate::signature::here;

/// What `#[stage]` can stand above.
pub(crate) enum Item {
    Fn { cfgs: Vec<Attribute>, vis: Visibility, signature: Box<Signature> },
    Impl { cfgs: Vec<Attribute>, ty: Box<Type>, methods: Vec<(Visibility, Signature)>, consts: Vec<String> },
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let cfgs = cfgs(input)?;
        let vis: Visibility = input.parse()?;
        if input.peek(Token![impl]) {
            return parse_impl(cfgs, input);
        }
        if is_fn(input) {
            let signature = Box::new(input.parse::<Signature>()?);
            let _body: TokenTree = input.parse()?;
            if let Some(receiver) = signature.receiver() {
                let what = "`#[stage]` stands above the `impl` of a handler with `self`, not above its method";
                return Err(Error::new_spanned(receiver, what));
            }
            return Ok(Item::Fn { cfgs, vis, signature });
        }
        let kind: TokenTree = input.parse()?;
        let what = format!("`#[stage]` stands above a `fn`, or above an `impl` with a `handle`; not above a `{kind}`");
        Err(Error::new(here(), what))
    }
}

/// Conditions that what is made shares with the item.
fn cfgs(input: ParseStream<'_>) -> Result<Vec<Attribute>> {
    let attributes = input.call(Attribute::parse_outer)?;
    Ok(attributes.into_iter().filter(|attribute| attribute.path().is_ident("cfg")).collect())
}

fn is_fn(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    while fork.peek(Token![const]) || fork.peek(Token![async]) || fork.peek(Token![unsafe]) || fork.peek(Token![extern])
    {
        if fork.parse::<TokenTree>().is_err() {
            return false;
        }
        if fork.peek(syn::LitStr) && fork.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    fork.peek(Token![fn])
}

fn parse_impl(cfgs: Vec<Attribute>, input: ParseStream<'_>) -> Result<Item> {
    let _: Token![impl] = input.parse()?;
    let mut generics: Generics = input.parse()?;
    let ty: Box<Type> = input.parse()?;
    if input.peek(Token![for]) {
        let what = "`#[stage]` stands above the type's own `impl Pricer { fn handle(..) }`, and writes that of the trait itself";
        return Err(Error::new_spanned(&ty, what));
    }
    generics.where_clause = input.parse()?;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let what = "a stage is of one event type, so its `impl` cannot be generic: write the types out, or implement `Handler` by hand";
        return Err(Error::new_spanned(&generics.params, what));
    }
    let body;
    braced!(body in input);
    let (mut methods, mut consts) = (Vec::new(), Vec::new());
    while !body.is_empty() {
        body.call(Attribute::parse_outer)?;
        let vis: Visibility = body.parse()?;
        if is_fn(&body) {
            methods.push((vis, body.parse()?));
            let _body: Group = body.parse()?;
            continue;
        }
        let fork = body.fork();
        if fork.parse::<Token![const]>().is_ok()
            && let Ok(name) = fork.parse::<syn::Ident>()
        {
            consts.push(name.to_string());
            body.advance_to(&fork);
        }
        skip_item(&body)?;
    }
    Ok(Item::Impl { cfgs, ty, methods, consts })
}

/// To the end of a const, a type or a macro.
fn skip_item(body: ParseStream<'_>) -> Result<()> {
    while !body.is_empty() {
        match body.parse::<TokenTree>()? {
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => break,
            _ => {}
        }
    }
    Ok(())
}

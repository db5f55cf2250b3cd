//! `#[derive(Event)]`: what an event says of itself, by attributes on its fields.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, Field, Index, LitInt, Member, Path, Result, Token, Type, ext::IdentExt, parse_quote,
    spanned::Spanned,
};

use crate::{args::seda, words::nearest};

const MARKS: [&str; 5] = ["key", "weight", "class", "tenant", "deadline"];

/// What was marked.
#[derive(Default)]
struct Marks {
    key: Option<Member>,
    weight: Vec<TokenStream>,
    class: Option<Member>,
    tenant: Option<Member>,
    deadline: Option<Member>,
    classes: Option<LitInt>,
    seda: Option<Path>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        let what =
            "`#[derive(Event)]` is for a struct, whose fields are marked; for an enum, implement `Described` by hand";
        return Err(Error::new_spanned(&input.ident, what));
    };
    let mut marks = Marks::default();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
        attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| marks.of_type(input))?;
    }
    for (at, field) in data.fields.iter().enumerate() {
        let member = field.ident.clone().map_or(Member::Unnamed(Index::from(at)), Member::Named);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| marks.of_field(input, &member, field))?;
        }
    }
    marks.check(input)?;
    Ok(marks.expand(input))
}

impl Marks {
    /// `#[event(classes = 3)]`, `#[event(crate = path)]`.
    fn of_type(&mut self, input: syn::parse::ParseStream<'_>) -> Result<()> {
        while !input.is_empty() {
            let word = input.call(Ident::parse_any)?;
            let wrong = || {
                Error::new_spanned(&word, "above the type, say `#[event(classes = 3)]`; the others stand above a field")
            };
            input.parse::<Token![=]>().map_err(|_| wrong())?;
            match word.to_string().as_str() {
                "classes" if self.classes.is_some() => return Err(twice(&word)),
                "classes" => self.classes = Some(input.parse().map_err(|_| wrong())?),
                "crate" => self.seda = Some(input.call(Path::parse_mod_style)?),
                _ => return Err(wrong()),
            }
            let _: Option<Token![,]> = input.parse()?;
        }
        Ok(())
    }

    fn of_field(&mut self, input: syn::parse::ParseStream<'_>, member: &Member, field: &Field) -> Result<()> {
        while !input.is_empty() {
            let word = input.call(Ident::parse_any)?;
            match word.to_string().as_str() {
                "key" => set(&mut self.key, &word, member)?,
                "weight" => self.weight.push(weight(member, field)?),
                "class" => set(&mut self.class, &word, member)?,
                "tenant" => set(&mut self.tenant, &word, member)?,
                "deadline" => set(&mut self.deadline, &word, member)?,
                "classes" => {
                    return Err(Error::new_spanned(
                        &word,
                        "how many classes there are stands above the type: `#[event(classes = 3)]`",
                    ));
                }
                other => return Err(unknown(other, word.span())),
            }
            let _: Option<Token![,]> = input.parse()?;
        }
        Ok(())
    }

    fn check(&self, input: &DeriveInput) -> Result<()> {
        let says = [&self.key, &self.class, &self.tenant, &self.deadline].into_iter().any(Option::is_some);
        match (&self.class, &self.classes) {
            (Some(class), None) => Err(Error::new_spanned(
                class,
                "say how many classes there are, above the type: `#[event(classes = 3)]`",
            )),
            (None, Some(classes)) => {
                Err(Error::new_spanned(classes, "say which field is the class: `#[event(class)]` above it"))
            }
            _ if !says && self.weight.is_empty() => Err(Error::new_spanned(
                &input.ident,
                "nothing is marked: put `#[event(key)]`, `weight`, `class`, `tenant` or `deadline` above a field, or leave the derive out, as every `Send + 'static` type is an event",
            )),
            _ => Ok(()),
        }
    }

    fn expand(&self, input: &DeriveInput) -> TokenStream {
        let (of, seda) = (&input.ident, self.seda.clone().unwrap_or_else(seda));
        let mut generics = input.generics.clone();
        for param in generics.type_params_mut() {
            param.bounds.push(parse_quote!(#seda::Event));
        }
        let (params, args, bounds) = generics.split_for_impl();
        let key = self.key.iter().map(|key| quote_spanned!(key.span()=> .key(|event| &event.#key)));
        let weights = &self.weight;
        let weight = (!weights.is_empty()).then(|| quote!(.weight(|event| #(#weights)+*)));
        let classes = &self.classes;
        let class = self
            .class
            .iter()
            .map(|class| quote!(.classes(#classes, |event| ::core::primitive::u8::from(event.#class))));
        let tenant = self.tenant.iter().map(|tenant| quote_spanned!(tenant.span()=> .tenant(|event| &event.#tenant)));
        let deadline = self.deadline.iter().map(|after| quote!(.deadline(|event| event.#after)));
        quote! {
            impl #params #seda::Described for #of #args #bounds {
                fn describe(event: #seda::Description<Self>) -> #seda::Description<Self> {
                    event #(#key)* #weight #(#class)* #(#tenant)* #(#deadline)*
                }
            }
        }
    }
}

fn set(slot: &mut Option<Member>, word: &Ident, member: &Member) -> Result<()> {
    match slot {
        Some(_) => Err(twice(word)),
        None => {
            *slot = Some(member.clone());
            Ok(())
        }
    }
}

fn twice(word: &Ident) -> Error {
    Error::new_spanned(word, format!("`{word}` is given twice: give it once"))
}

fn unknown(said: &str, at: Span) -> Error {
    let cure = match nearest(said, MARKS.into_iter()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "there are `key`, `weight`, `class`, `tenant` and `deadline`".to_string(),
    };
    Error::new(at, format!("an event has no `{said}`; {cure}"))
}

/// A number is its own weight; anything else weighs its length.
fn weight(member: &Member, field: &Field) -> Result<TokenStream> {
    let name = match &field.ty {
        Type::Path(path) => path.path.get_ident().map(ToString::to_string).unwrap_or_default(),
        _ => String::new(),
    };
    match name.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => Ok(quote!(event.#member as ::core::primitive::u64)),
        "i8" | "i16" | "i32" | "i64" | "isize" | "u128" | "i128" | "f32" | "f64" => Err(Error::new_spanned(
            &field.ty,
            format!("a weight is a number of bytes, `u64` for `{name}`, or anything with `.len()`"),
        )),
        _ => Ok(quote!(event.#member.len() as ::core::primitive::u64)),
    }
}

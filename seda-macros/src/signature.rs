//! What a handler's signature says: its event, its result, and what it borrows.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{
    Error, FnArg, GenericArgument, Pat, PatType, Path, PathArguments, Result, ReturnType, Safety, Signature, Type,
    parse_quote,
};

/// A handler's signature, read.
pub(crate) struct Shape {
    pub(crate) event: Type,
    pub(crate) out: Type,
    /// What comes behind the event, in order.
    pub(crate) rest: Vec<Arg>,
}

/// An argument behind the event.
pub(crate) enum Arg {
    Cx,
    Borrowed { field: Ident, ty: Box<Type>, by_ref: bool },
}

impl Shape {
    /// Reads a signature whose receiver has been dealt with.
    pub(crate) fn of(signature: &Signature) -> Result<Self> {
        plain(signature)?;
        let mut args = signature.inputs.iter().filter_map(|arg| match arg {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        let Some(first) = args.next() else {
            let what = "a handler takes its event as the first argument: `event: Order`";
            return Err(Error::new_spanned(&signature.ident, what));
        };
        let is_async = signature.asyncness.is_some();
        let event = event(first)?;
        let rest = args.map(|arg| behind(arg, is_async)).collect::<Result<Vec<_>>>()?;
        if rest.iter().filter(|arg| matches!(arg, Arg::Cx)).count() > 1 {
            return Err(Error::new_spanned(&signature.inputs, "a handler takes one `cx`"));
        }
        Ok(Shape { event, out: out(signature)?, rest })
    }

    pub(crate) fn asks(&self) -> bool {
        self.rest.iter().any(|arg| matches!(arg, Arg::Cx))
    }

    /// The arguments behind the event, as they are passed on.
    pub(crate) fn passed(&self) -> TokenStream {
        let passed = self.rest.iter().map(|arg| match arg {
            Arg::Cx => quote!(, cx),
            Arg::Borrowed { field, by_ref: true, .. } => quote!(, &self.#field),
            Arg::Borrowed { field, .. } => quote!(, self.#field),
        });
        passed.collect()
    }

    /// The name of the context in the handler: unused ones have none.
    pub(crate) fn cx(&self) -> TokenStream {
        if self.asks() { quote!(cx) } else { quote!(_) }
    }
}

/// Nothing but a plain function can be a handler.
fn plain(signature: &Signature) -> Result<()> {
    let (generics, ident) = (&signature.generics, &signature.ident);
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let what = "a stage is of one event type, so its function cannot be generic: write the types out, or implement `Handler` by hand";
        return Err(Error::new_spanned(
            if generics.params.is_empty() { quote!(#ident) } else { quote!(#generics) },
            what,
        ));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        return Err(Error::new(token.span, "a handler is called by seda, so it cannot be `unsafe`: make it safe"));
    }
    match &signature.abi {
        Some(abi) => Err(Error::new_spanned(abi, "a handler is a plain `fn`, without `extern`")),
        None => Ok(()),
    }
}

fn event(arg: &PatType) -> Result<Type> {
    let what = "a handler owns its event: take it by value, as in `event: Order`";
    match &*arg.ty {
        ty @ Type::Reference(_) if borrows(ty) => Err(Error::new_spanned(ty, what)),
        ty if borrows(ty) => {
            Err(Error::new_spanned(ty, "an event owns its data: give owned values, `String` for `&str`"))
        }
        Type::ImplTrait(ty) => Err(Error::new_spanned(ty, "an event has one type: name it")),
        ty => Ok(ty.clone()),
    }
}

fn out(signature: &Signature) -> Result<Type> {
    match &signature.output {
        ReturnType::Default => Ok(parse_quote!(())),
        ReturnType::Type(_, ty) if borrows(ty) => Err(Error::new_spanned(
            ty,
            "a handler returns a value that it owns, as its event is gone by then: `String` for `&str`, or a clone",
        )),
        ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => {
            Err(Error::new_spanned(ty, "what a stage returns has a name: `Vec<Line>` for `impl Iterator<Item = Line>`"))
        }
        ReturnType::Type(_, ty) => Ok((**ty).clone()),
    }
}

/// An argument behind the event: the context, or something borrowed of the stage.
fn behind(arg: &PatType, is_async: bool) -> Result<Arg> {
    let ty = &*arg.ty;
    let refused = |what: &str| Err(Error::new_spanned(arg, what));
    match ty {
        Type::Path(path) if ends_in(&path.path, "TaskCx") && is_async => Ok(Arg::Cx),
        Type::Path(path) if ends_in(&path.path, "Cx") || ends_in(&path.path, "TaskCx") => refused(by_kind(is_async)),
        Type::Reference(borrow) => match &*borrow.elem {
            Type::Path(path) if ends_in(&path.path, "Cx") && !is_async => match borrow.mutability {
                Some(_) => refused("`cx` is shared: take `cx: &Cx`"),
                None => Ok(Arg::Cx),
            },
            Type::Path(path) if ends_in(&path.path, "Cx") || ends_in(&path.path, "TaskCx") => {
                refused(by_kind(is_async))
            }
            _ if borrow.mutability.is_some() => refused(
                "many workers call it at once, so it cannot change what it borrows: borrow a `&Mutex<..>`, or keep state in an `impl` with `fn handle(&mut self, ..)`",
            ),
            elem => field(arg, ty, elem),
        },
        _ => refused(
            "a handler takes one event; borrow what else it needs, `db: &Db`, and it becomes a field, or make the event a tuple",
        ),
    }
}

fn by_kind(is_async: bool) -> &'static str {
    if is_async {
        "an async handler takes `cx: TaskCx`, by value, as its future outlives the call"
    } else {
        "a handler takes `cx: &Cx`"
    }
}

/// What is borrowed, owned by the stage.
fn field(arg: &PatType, ty: &Type, elem: &Type) -> Result<Arg> {
    let Pat::Ident(pattern) = &*arg.pat else {
        return Err(Error::new_spanned(&arg.pat, "it becomes a field of the stage: give it a plain name, `db: &Db`"));
    };
    let field = Ident::new(pattern.ident.to_string().trim_start_matches('_'), pattern.ident.span());
    if !borrows(ty) {
        return Ok(Arg::Borrowed { field, ty: Box::new(ty.clone()), by_ref: false });
    }
    let ty = match elem {
        Type::Path(path) if path.path.is_ident("str") => parse_quote!(::std::string::String),
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote!(::std::vec::Vec<#item>)
        }
        Type::TraitObject(_) | Type::ImplTrait(_) => {
            return Err(Error::new_spanned(
                elem,
                "a field needs a type of known size: borrow `&Arc<dyn Store + Send + Sync>`",
            ));
        }
        elem if borrows(elem) => {
            return Err(Error::new_spanned(elem, "a stage owns its fields: borrow something that owns its data"));
        }
        elem => elem.clone(),
    };
    Ok(Arg::Borrowed { field, ty: Box::new(ty), by_ref: true })
}

fn ends_in(path: &Path, word: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == word)
}

/// Whether a type borrows for less than `'static`, as far as it is written out.
fn borrows(ty: &Type) -> bool {
    match ty {
        Type::Reference(borrow) => {
            borrow.lifetime.as_ref().is_none_or(|life| life.ident != "static") || borrows(&borrow.elem)
        }
        Type::Array(array) => borrows(&array.elem),
        Type::Slice(slice) => borrows(&slice.elem),
        Type::Group(group) => borrows(&group.elem),
        Type::Paren(paren) => borrows(&paren.elem),
        Type::Tuple(tuple) => tuple.elems.iter().any(borrows),
        Type::Path(path) => path.path.segments.iter().any(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(list) => list.args.iter().any(|arg| match arg {
                GenericArgument::Lifetime(life) => life.ident != "static",
                GenericArgument::Type(ty) => borrows(ty),
                _ => false,
            }),
            _ => false,
        }),
        _ => false,
    }
}

/// Where an error stands that concerns the whole item.
pub(crate) fn here() -> Span {
    Span::call_site()
}

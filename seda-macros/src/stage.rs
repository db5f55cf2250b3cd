//! `#[stage]`: a handler's trait beside a function or an `impl`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Error, ReceiverKind, Result, ReturnType, Signature, Type, Visibility, parse2};

use crate::{
    args::Args,
    item::Item,
    signature::{Arg, Shape, here},
    words::{camel, kebab_of_fn, kebab_of_type, plain},
};

/// What stands beside the item.
pub(crate) fn beside(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    // A macro on the wrong item is told first, whatever its arguments.
    let item: Item = parse2(item)?;
    let args: Args = parse2(args)?;
    match item {
        Item::Fn { cfgs, vis, signature } => of_fn(&args, &cfgs, &vis, &signature),
        Item::Impl { cfgs, ty, methods, consts } => of_impl(&args, &cfgs, &ty, &methods, &consts),
    }
}

// ---- a function

fn of_fn(args: &Args, cfgs: &[Attribute], vis: &Visibility, signature: &Signature) -> Result<TokenStream> {
    let function = &signature.ident;
    let Some(stage) = &args.type_name else {
        let what = format!("a stage made of a function needs a type: write `#[stage({})]`", camel(function));
        return Err(Error::new(here(), what));
    };
    let is_async = signature.asyncness.is_some();
    args.fit(is_async)?;
    let shape = Shape::of(signature)?;
    let fields = shape.rest.iter().filter_map(|arg| match arg {
        Arg::Borrowed { field, ty, .. } => {
            let doc = format!("What `{}` borrows.", plain(function));
            Some(quote!(#[doc = #doc] #vis #field: #ty))
        }
        Arg::Cx => None,
    });
    let fields: Vec<_> = fields.collect();
    let body = if fields.is_empty() { quote!(;) } else { quote!({ #(#fields),* }) };
    let doc = format!("The stage of [`{function}`], for `Pipeline::add`.");
    let (cx, passed) = (shape.cx(), shape.passed());
    let name = Named { name: name(args, kebab_of_fn(function)), vis: vis.clone(), ty: quote!(#stage), is_there: false };
    let call = quote!(#function(event #passed));
    let handle = if is_async { in_task(args, &cx, &call) } else { in_worker(args, &cx, &quote!(&self), &call) };
    let kind = format_ident!("{}", if is_async { "AsyncHandler" } else { "Handler" });
    let handler = handler(args, cfgs, &name, &Handler { kind, shape: &shape, handle, more: TokenStream::new() });
    Ok(quote!(#(#cfgs)* #[doc = #doc] #vis struct #stage #body #handler))
}

// ---- an impl

fn of_impl(
    args: &Args,
    cfgs: &[Attribute],
    ty: &Type,
    methods: &[(Visibility, Signature)],
    consts: &[String],
) -> Result<TokenStream> {
    if let Some(name) = &args.type_name {
        let what = format!("the stage of an `impl` is its own type: leave `{name}` out");
        return Err(Error::new_spanned(name, what));
    }
    let of = |name: &str| methods.iter().find(|(_, signature)| signature.ident == name);
    let Some((vis, handle)) = of("handle") else {
        let what = "a stage's `impl` has a `fn handle(&self, event: Order, cx: &Cx) -> Priced`, or with `&mut self`";
        return Err(Error::new_spanned(ty, what));
    };
    let is_async = handle.asyncness.is_some();
    args.fit(is_async)?;
    let mutable = receiver(handle)?;
    let shape = Shape::of(handle)?;
    if let Some(Arg::Borrowed { field, .. }) = shape.rest.iter().find(|arg| matches!(arg, Arg::Borrowed { .. })) {
        return Err(Error::new_spanned(
            field,
            "keep it as a field of the type, `self.db`: `handle` takes an event and a `cx`",
        ));
    }
    let mut more = TokenStream::new();
    for (name, (_, signature)) in ["start", "flush"].into_iter().filter_map(|name| Some((name, of(name)?))) {
        more.extend(moment(args, ty, name, signature, mutable)?);
    }
    let (cx, passed) = (shape.cx(), shape.passed());
    let this = if mutable { quote!(&mut self) } else { quote!(&self) };
    let code = if is_async {
        in_task(args, &cx, &quote!(<#ty>::handle(&self, event #passed)))
    } else {
        in_worker(args, &cx, &this, &quote!(<#ty>::handle(self, event #passed)))
    };
    let name = Named {
        name: name(args, kebab_of_type(&type_ident(ty)?)),
        vis: vis.clone(),
        ty: quote!(#ty),
        is_there: consts.iter().any(|name| name == "NAME"),
    };
    let kind = format_ident!(
        "{}",
        if is_async {
            "AsyncHandler"
        } else if mutable {
            "HandlerMut"
        } else {
            "Handler"
        }
    );
    Ok(handler(args, cfgs, &name, &Handler { kind, shape: &shape, handle: code, more }))
}

/// True for `&mut self`.
fn receiver(handle: &Signature) -> Result<bool> {
    let Some(receiver) = handle.receiver() else {
        return Err(Error::new_spanned(
            &handle.ident,
            "`handle` takes `&self`, or `&mut self` for state of its own in every worker",
        ));
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) if handle.asyncness.is_some() => Err(Error::new_spanned(
            receiver,
            "an async `handle` has many events on their way at once, so it cannot change `self`: take `&self`, with what changes in a `Mutex`, or leave `async` out",
        )),
        ReceiverKind::Reference(_, _, mutable) => Ok(mutable.is_some()),
        _ => Err(Error::new_spanned(
            receiver,
            "`handle` is called for every event, so it cannot take `self` itself: take `&self`, or `&mut self` for state of its own in every worker",
        )),
    }
}

/// `start` or `flush`, as the trait's.
fn moment(args: &Args, ty: &Type, name: &str, signature: &Signature, mutable: bool) -> Result<TokenStream> {
    let (seda, this) = (&args.seda, if mutable { quote!(&mut self) } else { quote!(&self) });
    let fits = match signature.receiver().map(|receiver| &receiver.kind) {
        Some(ReceiverKind::Reference(_, _, written)) => mutable || written.is_none(),
        _ => false,
    };
    let whole = signature.asyncness.is_none() && fits;
    match name {
        "start" if whole && signature.inputs.len() == 1 && !matches!(signature.output, ReturnType::Default) => {
            Ok(quote! {
                fn start(#this) -> ::core::result::Result<(), #seda::BoxError> {
                    <#ty>::start(self).map_err(::core::convert::Into::into)
                }
            })
        }
        "flush" if whole && signature.inputs.len() == 2 => Ok(quote! {
            fn flush(#this, emit: &mut dyn ::core::ops::FnMut(Self::Out)) {
                <#ty>::flush(self, emit)
            }
        }),
        "start" => Err(Error::new_spanned(
            &signature.ident,
            format!("`start` is written `fn start({this}) -> Result<(), BoxError>`"),
        )),
        _ => Err(Error::new_spanned(
            &signature.ident,
            format!("`flush` is written `fn flush({this}, emit: &mut dyn FnMut(Out))`"),
        )),
    }
}

fn type_ident(ty: &Type) -> Result<Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            Ok(path.path.segments.last().expect("a path has a segment").ident.clone())
        }
        _ => Err(Error::new_spanned(ty, "`#[stage]` stands above the `impl` of a struct or enum")),
    }
}

// ---- both

struct Named {
    name: String,
    vis: Visibility,
    ty: TokenStream,
    /// The user has a `NAME` of their own.
    is_there: bool,
}

struct Handler<'a> {
    kind: Ident,
    shape: &'a Shape,
    handle: TokenStream,
    more: TokenStream,
}

fn name(args: &Args, otherwise: String) -> String {
    args.name.as_ref().map_or(otherwise, syn::LitStr::value)
}

fn in_worker(args: &Args, cx: &TokenStream, this: &TokenStream, call: &TokenStream) -> TokenStream {
    let seda = &args.seda;
    quote!(fn handle(#this, event: Self::In, #cx: &#seda::Cx) -> Self::Out { #call })
}

fn in_task(args: &Args, cx: &TokenStream, call: &TokenStream) -> TokenStream {
    let seda = &args.seda;
    quote! {
        async fn handle(self: ::std::sync::Arc<Self>, event: Self::In, #cx: #seda::TaskCx) -> Self::Out { #call.await }
    }
}

fn handler(args: &Args, cfgs: &[Attribute], named: &Named, handler: &Handler<'_>) -> TokenStream {
    let (seda, calls) = (&args.seda, args.calls());
    let Named { name, vis, ty, .. } = named;
    let Handler { kind, shape, handle, more } = handler;
    let (event, out) = (&shape.event, &shape.out);
    let own_name = (!named.is_there)
        .then(|| quote!(#(#cfgs)* impl #ty { #[doc = "Name of the stage."] #vis const NAME: &'static str = #name; }));
    quote! {
        #own_name
        #(#cfgs)*
        impl #seda::#kind for #ty {
            type In = #event;
            type Out = #out;
            #handle
            #more
            fn options(stage: #seda::StageParts<Self::In, Self::Out>) -> #seda::StageParts<Self::In, Self::Out> {
                use #seda::StageOptionsExt as _;
                stage.named(#name) #calls
            }
        }
    }
}

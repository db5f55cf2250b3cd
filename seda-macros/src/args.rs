//! What stands in `#[stage(..)]`: a type's name, the stage's name, options.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{
    Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::{
    times::{not_a_time, time},
    words::nearest,
};

/// An option, and how it is written.
struct Known {
    name: &'static str,
    written: &'static str,
    values: usize,
}

const fn known(name: &'static str, written: &'static str, values: usize) -> Known {
    Known { name, written, values }
}

/// The methods of `StageOptionsExt` whose values can stand beside the code.
const OPTIONS: [Known; 16] = [
    known("threads", "threads = 2..=8", 1),
    known("limit", "limit = 64", 1),
    known("queue", "queue = 500", 1),
    known("queue_bytes", "queue_bytes(mib(64), |event| event.bytes())", 2),
    known("weight", "weight = |event| event.bytes()", 1),
    known("when_full", "when_full = WhenFull::Reject", 1),
    known("keyed", "keyed = |event| event.id", 1),
    known("keyed_by", "keyed_by = |event| &event.name", 1),
    known("classes", "classes(3, |event| event.class)", 2),
    known("tenant", "tenant = |event| event.customer", 1),
    known("deadline", "deadline = |event| event.patience", 1),
    known("described", "described", 0),
    known("max_age", "max_age = ms(250)", 1),
    known("batch_max", "batch_max = 16", 1),
    known("slo", "slo = ms(50)", 1),
    known("admission", "admission = TokenBucket::new(1e6, 100)", 1),
];

/// Options whose value may be a time as text.
const TIMES: [&str; 2] = ["max_age", "slo"];

/// Options whose values exist only where the stage is added.
const AT_THE_CALL: [(&str, &str); 3] = [("on", "on(&domain)"), ("uses", "uses(inlet)"), ("at_end", "at_end(|cx| ..)")];

/// What was said.
pub(crate) struct Args {
    /// The type to make.
    pub(crate) type_name: Option<Ident>,
    pub(crate) name: Option<LitStr>,
    /// Where seda is found.
    pub(crate) seda: Path,
    options: Vec<(Ident, Vec<TokenStream>)>,
    seen: Vec<String>,
}

/// Where seda is found if nothing is said.
pub(crate) fn seda() -> Path {
    syn::parse_quote!(::seda)
}

impl Args {
    /// The options, as calls on what stands before: `.threads(2 ..= 8).queue(500)`.
    pub(crate) fn calls(&self) -> TokenStream {
        let calls = self.options.iter().map(|(option, values)| quote!(.#option(#(#values),*)));
        calls.collect()
    }

    /// Options of the other kind of handler are refused.
    pub(crate) fn fit(&self, is_async: bool) -> Result<()> {
        let (misfit, cure) = if is_async {
            (
                "threads",
                "an async stage has no threads of its own: say how many events may be on their way, `limit = 64`",
            )
        } else {
            (
                "limit",
                "an own pool's limit is its `threads = 2..=8`; in a domain, say it where the stage is added, `.on(&domain).limit(4)`",
            )
        };
        match self.options.iter().find(|(option, _)| option == misfit) {
            Some((option, _)) => Err(Error::new_spanned(option, cure)),
            None => Ok(()),
        }
    }

    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if !input.peek(syn::Ident::peek_any) {
            return Err(input.error("an option is written `queue = 500`, a type's name `Look`"));
        }
        let word = input.call(Ident::parse_any)?;
        let said = word.to_string();
        let is_type = said.starts_with(char::is_uppercase) && !input.peek(Token![=]);
        if is_type && self.type_name.is_none() {
            self.type_name = Some(word);
            return Ok(());
        }
        if self.seen.contains(&said) {
            return Err(Error::new_spanned(&word, format!("`{said}` is given twice: give it once")));
        }
        self.seen.push(said.clone());
        match said.as_str() {
            "name" => self.name = Some(name(&word, input)?),
            "crate" => {
                let _: Token![=] = input.parse()?;
                self.seda = input.call(Path::parse_mod_style)?;
            }
            _ => {
                let values = values(&word, find(&word)?, input)?;
                self.options.push((word, values));
            }
        }
        Ok(())
    }
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Args { type_name: None, name: None, seda: seda(), options: Vec::new(), seen: Vec::new() };
        while !input.is_empty() {
            args.parse_one(input)?;
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                return Err(input.error("options are parted by commas: `queue = 500, threads = 4`"));
            }
        }
        Ok(args)
    }
}

fn find(word: &Ident) -> Result<&'static Known> {
    let said = word.to_string();
    if let Some(known) = OPTIONS.iter().find(|known| known.name == said) {
        return Ok(known);
    }
    if let Some((_, call)) = AT_THE_CALL.iter().find(|(name, _)| *name == said) {
        let what = format!(
            "`{said}` is said where the stage is added, as what it names exists only there: `p.add(Look.{call})`"
        );
        return Err(Error::new_spanned(word, what));
    }
    let names = || OPTIONS.iter().map(|known| known.name).chain(["name", "crate"]);
    let cure = match nearest(&said, names()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    Err(Error::new_spanned(word, format!("there is no option `{said}`; {cure}")))
}

/// `= value`, `(value, value)` or nothing, as the option has it.
fn values(word: &Ident, known: &Known, input: ParseStream<'_>) -> Result<Vec<TokenStream>> {
    let wrong = |at: Span| Error::new(at, format!("`{}` is written `{}`", known.name, known.written));
    let values: Vec<Expr> = if input.peek(Token![=]) {
        let _: Token![=] = input.parse()?;
        vec![input.parse().map_err(|error| wrong(error.span()))?]
    } else if input.peek(syn::token::Paren) {
        let inside;
        parenthesized!(inside in input);
        Punctuated::<Expr, Token![,]>::parse_terminated(&inside)
            .map_err(|error| wrong(error.span()))?
            .into_iter()
            .collect()
    } else {
        Vec::new()
    };
    if values.len() != known.values {
        return Err(wrong(word.span()));
    }
    values.iter().map(|value| of_value(known, value)).collect()
}

/// As it stands; a time may be text.
fn of_value(known: &Known, value: &Expr) -> Result<TokenStream> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if TIMES.contains(&known.name) => time(known.name, text),
        Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. }) if TIMES.contains(&known.name) => {
            Err(not_a_time(known.name, value, "it needs a unit"))
        }
        value => Ok(quote!(#value)),
    }
}

/// A name that configuration and metrics can hang on.
fn name(word: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    let wrong = |at: Span| Error::new(at, "`name` is written `name = \"look-up\"`");
    input.parse::<Token![=]>().map_err(|_| wrong(word.span()))?;
    let name: LitStr = input.parse().map_err(|error| wrong(error.span()))?;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    if name.value().is_empty() || !name.value().chars().all(fits) {
        return Err(Error::new_spanned(&name, "a stage's name is of letters, digits and - _ . / : as in `look-up`"));
    }
    Ok(name)
}

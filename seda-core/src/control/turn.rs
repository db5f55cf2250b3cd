use std::{borrow::Cow, fmt};

use serde::Serialize;

/// What a controller says of its knob.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Advice {
    /// Leave it.
    Hold {
        /// Why, for whoever asks.
        why: Cow<'static, str>,
    },
    /// Turn it.
    Turn {
        /// To this.
        to: usize,
        /// In words, with the numbers that say so.
        why: String,
    },
}

impl Advice {
    /// Leave it.
    #[must_use]
    pub fn hold(why: impl Into<Cow<'static, str>>) -> Self {
        Advice::Hold { why: why.into() }
    }

    /// Turn it.
    #[must_use]
    pub fn turn(to: usize, why: impl Into<String>) -> Self {
        Advice::Turn { to, why: why.into() }
    }
}

/// Whether controllers turn the knobs that are given a range.
///
/// ```
/// use seda_core::{Control, prelude::*};
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>.threads(1..=8));
/// p.control(Control::Shadow); // says what it would do, and does nothing
/// # p.start()?;
/// # Ok::<(), seda_core::StartError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// They do.
    #[default]
    On,
    /// They say what they would do, and do nothing.
    Shadow,
    /// Each stays where it is.
    Off,
}

impl Control {
    /// As configuration has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Control::On => "on",
            Control::Shadow => "shadow",
            Control::Off => "off",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        [Control::On, Control::Shadow, Control::Off].into_iter().find(|control| control.word() == word)
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

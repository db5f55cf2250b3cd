//! Which controller turns a knob, by its name in configuration.

use super::{BatchCost, Controller, Demand, SedaQueue};

pub(crate) const DEMAND: &str = "demand";
pub(crate) const SEDA_QUEUE: &str = "seda-queue";

/// One of ours, or the user's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    Demand,
    SedaQueue,
    BatchCost,
    /// Given in code.
    Own,
}

impl Which {
    /// Of threads or a limit.
    pub(crate) fn read(word: Option<&str>) -> Self {
        match word {
            Some(DEMAND) => Which::Demand,
            Some(SEDA_QUEUE) => Which::SedaQueue,
            _ => Which::Own,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Which::Demand => DEMAND,
            Which::SedaQueue => SEDA_QUEUE,
            Which::BatchCost => "batch-cost",
            Which::Own => "in code",
        }
    }

    /// A new one of ours; the user's own is not to be had twice, and demand is what stands in for it.
    pub(crate) fn make(self) -> Box<dyn Controller> {
        match self {
            Which::Demand | Which::Own => Box::<Demand>::default(),
            Which::SedaQueue => Box::<SedaQueue>::default(),
            Which::BatchCost => Box::<BatchCost>::default(),
        }
    }
}

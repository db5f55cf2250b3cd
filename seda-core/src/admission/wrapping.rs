//! Policies around policies: what a wrapper does not decide itself, it leaves to the one inside.

use std::time::Duration;

use super::{Admission, Offer, Order, Settle, Take, Verdict};

/// Methods of [`Admission`] that a wrapper leaves to the policy in one of its fields: `leave_to!(policy: take, aim)`.
macro_rules! leave_to {
    ($policy:ident: $($what:ident),+) => { $($crate::admission::wrapping::leave_to!(@ $what $policy);)+ };
    (@ take $policy:ident) => {
        fn take(&mut self, take: &$crate::admission::Take) {
            self.$policy.take(take);
        }
    };
    (@ settle $policy:ident) => {
        fn settle(&mut self, settle: &$crate::admission::Settle<'_>) {
            self.$policy.settle(settle);
        }
    };
    (@ patience_ns $policy:ident) => {
        fn patience_ns(&self) -> Option<u64> {
            self.$policy.patience_ns()
        }
    };
    (@ order $policy:ident) => {
        fn order(&self) -> Option<$crate::admission::Order> {
            self.$policy.order()
        }
    };
    (@ defers $policy:ident) => {
        fn defers(&self) -> bool {
            self.$policy.defers()
        }
    };
    (@ objective_ns $policy:ident) => {
        fn objective_ns(&self) -> Option<u64> {
            self.$policy.objective_ns()
        }
    };
    (@ aim $policy:ident) => {
        fn aim(&mut self, objective: std::time::Duration) {
            self.$policy.aim(objective);
        }
    };
    (@ concern $policy:ident) => {
        fn concern(&self) -> Option<String> {
            self.$policy.concern()
        }
    };
    (@ check $policy:ident) => {
        fn check(&self) -> Option<String> {
            self.$policy.check()
        }
    };
}
pub(super) use leave_to;

impl<P: Admission + ?Sized> Admission for Box<P> {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        (**self).offer(offer)
    }

    fn take(&mut self, take: &Take) {
        (**self).take(take);
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        (**self).settle(settle);
    }

    fn patience_ns(&self) -> Option<u64> {
        (**self).patience_ns()
    }

    fn order(&self) -> Option<Order> {
        (**self).order()
    }

    fn defers(&self) -> bool {
        (**self).defers()
    }

    fn objective_ns(&self) -> Option<u64> {
        (**self).objective_ns()
    }

    fn aim(&mut self, objective: Duration) {
        (**self).aim(objective);
    }

    fn concern(&self) -> Option<String> {
        (**self).concern()
    }

    fn check(&self) -> Option<String> {
        (**self).check()
    }
}

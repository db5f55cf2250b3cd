mod shares;

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use self::shares::{Claim, Shares};
use super::{Admission, Load, Offer, Settle, Verdict, wrapping::leave_to};
use crate::outcome::Reason;

/// For each one within its share that was shed, so many that are over theirs are shed without a question.
const INSTEAD: f64 = 2.0;
/// What waits counts for so much more to an offer of who is over its share, within it and beyond: the rest of the room is kept
/// for the others, whose demand is below the capacity and hardly fills it.
const WITHIN: f64 = 3.0;
const BEYOND: f64 = 4.0;
/// As a bound: never more than so many are owed.
const INSTEAD_MOST: f64 = 64.0;

/// A policy, shared out between [tenants](crate::StageOptionsExt::tenant): in overload those are shed first who ask for more
/// than their share, and the others hardly notice.
///
/// | | rule | why |
/// |---|---|---|
/// | work | of a tenant: events offered times what its events were measured to take | a few that are dear weigh as much as many that are cheap |
/// | capacity | work done per time, as measured while anything is shed | what binds need not be the threads: a processor, a stage behind, a policy |
/// | share | f with sum of min(work / time, f w) = 0.95 capacity; w is the weight | max-min: nobody gets more while another has less than it asks for |
/// | within | the first f w of each tenant's work, by a credit that fills at that rate | also of the one who asks for too much |
/// | offer | what is beyond is put to the policy a class lower, and as if 4 times as much waited; what is within, but of one who asks for more, as if 3 times | it is shed first, and room is left for those who ask for less than their share; what is spare is used |
/// | ... to a policy that looks at neither | for each one that is shed within its share, 2 beyond are | likewise |
///
/// | parameter | unit | value |
/// |---|---|---|
/// | weight | - | 1 for each tenant, unless given |
/// | turn | offers | 512, after which shares are reckoned anew; of work and capacity the past counts 3/4 |
/// | tenants | - | 1,024 by themselves, those beyond share 64 places by their hash; one that is silent is forgotten |
/// | cost | events | 32 of a tenant; events of one batch count as equal |
///
/// Sources: Bertsekas and Gallager, Data Networks 1992, section 6.5 (max-min fair shares); Stoica, Shenker and Zhang,
/// "Core-Stateless Fair Queueing", SIGCOMM 1998 (shares enforced where it is decided to admit, over one queue); cost is measured
/// as in Shreedhar and Varghese, "Deficit Round Robin", SIGCOMM 1995. The stage's queue stays one: its order, keys and
/// [classes](crate::StageOptionsExt::classes) are as they were.
///
/// Without a tenant at the stage all are one tenant, and the policy decides alone.
///
/// ```
/// use seda_core::{Fair, Slo, prelude::*};
/// struct Call { customer: String }
///
/// let mut p = Pipeline::named("api");
/// let fair = Fair::new(Slo::new(ms(50))).weight("ada", 4.0); // four times the share of the others
/// let answer = |_: Call| ();
/// let calls = p.sink("answer", answer.threads(4).tenant(|call| call.customer.clone()).admission(fair));
/// # let _ = calls;
/// ```
pub struct Fair {
    policy: Box<dyn Admission>,
    shares: Shares,
    owed: f64,
}

impl std::fmt::Debug for Fair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fair").field("shares", &self.shares).finish_non_exhaustive()
    }
}

/// For whom as much waits as there is, and for whom more.
fn waits_as(claim: Claim) -> f64 {
    match claim {
        Claim::Modest => 1.0,
        Claim::Within => WITHIN,
        Claim::Beyond => BEYOND,
    }
}

/// Tenants are told apart by this, and 0 is none.
pub(crate) fn tenant_of(tenant: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    tenant.hash(&mut hasher);
    hasher.finish().max(1)
}

impl Fair {
    /// Around a policy, all tenants with a weight of 1.
    #[must_use]
    pub fn new(policy: impl Admission + 'static) -> Self {
        Fair { policy: Box::new(policy), shares: Shares::default(), owed: 0.0 }
    }

    /// This tenant's weight, against 1 of those that none is given for; 0 gets only what nobody else asks for.
    #[must_use]
    pub fn weight(mut self, tenant: impl Hash, weight: f64) -> Self {
        self.shares.weights.insert(tenant_of(&tenant), weight);
        self
    }

    /// The weight of those that none is given for. Default 1.
    #[must_use]
    pub fn others(mut self, weight: f64) -> Self {
        self.shares.others = weight;
        self
    }
}

impl Admission for Fair {
    fn offer(&mut self, offer: &Offer) -> Verdict {
        let claim = self.shares.offered(offer.tenant, offer.events, offer.now_ns);
        let is_within = claim != Claim::Beyond;
        if !is_within && self.owed >= 1.0 {
            self.owed -= 1.0;
            self.shares.shed();
            return Verdict::Shed { reason: Reason::new("fair"), retry_after: None };
        }
        let class = offer.class.saturating_mul(2).saturating_add(is_within.into());
        let backlog = (offer.load.backlog as f64 * waits_as(claim)) as usize;
        let load = Load { backlog, ..offer.load };
        match self.policy.offer(&Offer { class, load, ..*offer }) {
            Verdict::Admit => {
                if is_within {
                    self.shares.spend(offer.tenant, offer.events);
                }
                Verdict::Admit
            }
            shed => {
                self.shares.shed();
                if is_within && self.shares.are_known() {
                    self.owed = (self.owed + INSTEAD).min(INSTEAD_MOST);
                }
                shed
            }
        }
    }

    fn settle(&mut self, settle: &Settle<'_>) {
        self.shares.settle(settle);
        self.policy.settle(settle);
    }

    fn check(&self) -> Option<String> {
        self.shares.check().or_else(|| self.policy.check())
    }

    leave_to!(policy: take, patience_ns, order, defers, objective_ns, room, aim, concern);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::AdmitAll;

    /// Admits within the share but for one in 50, and sheds the rest: what tells them apart.
    struct OddClasses(u32);

    impl Admission for OddClasses {
        fn offer(&mut self, offer: &Offer) -> Verdict {
            self.0 += 1;
            if offer.class == 1 && !self.0.is_multiple_of(50) {
                return Verdict::Admit;
            }
            Verdict::Shed { reason: Reason::new("beyond"), retry_after: None }
        }
    }

    /// Each millisecond two tenants offer so many events that take so long, and one of each is served: how many were let in
    /// once shares are known.
    fn admitted(fair: &mut Fair, offers: [usize; 2], costs_ns: [u64; 2]) -> [usize; 2] {
        let (mut admitted, mut now_ns) = ([0, 0], 1);
        for at in 0..5000 {
            if at == 1000 {
                admitted = [0, 0];
            }
            now_ns += 1_000_000;
            for (tenant, (&offers, &cost_ns)) in offers.iter().zip(&costs_ns).enumerate() {
                let offer = Offer { now_ns, events: 1, tenant: tenant as u64 + 1, ..Offer::default() };
                for _ in 0..offers {
                    admitted[tenant] += usize::from(fair.offer(&offer) == Verdict::Admit);
                }
                fair.settle(&settle(now_ns, tenant as u64 + 1, cost_ns));
            }
        }
        admitted
    }

    fn settle(now_ns: u64, tenant: u64, service_ns: u64) -> Settle<'static> {
        let tenants: &[u64] = if tenant == 1 { &[1] } else { &[2] };
        Settle { now_ns, events: 1, service_ns, tenants, ..Settle::default() }
    }

    #[test]
    fn two_who_ask_for_too_much_get_the_same_however_much_they_ask_for() {
        let mut fair = Fair::new(OddClasses(0));
        let [much, little] = admitted(&mut fair, [20, 2], [500_000, 500_000]);
        let share = much as f64 / little as f64;
        assert!((0.9..1.1).contains(&share), "{much} and {little}");
    }

    #[test]
    fn what_each_asks_for_is_known_after_one_turn() {
        let mut fair = Fair::new(OddClasses(0));
        for offer in 0..=512 {
            assert!(!fair.shares.are_known(), "after {offer} offers");
            let (now_ns, tenant) = ((offer + 1) * 1_000_000, 1 + u64::from(offer % 4 == 0));
            fair.offer(&Offer { now_ns, events: 1, tenant, ..Offer::default() });
            fair.settle(&settle(now_ns, tenant, 800_000));
        }
        assert!(fair.shares.are_known());
    }

    #[test]
    fn what_is_dear_counts_for_more() {
        let mut fair = Fair::new(OddClasses(0));
        let [dear, cheap] = admitted(&mut fair, [8, 8], [800_000, 200_000]);
        let share = cheap as f64 / dear as f64;
        assert!((3.5..4.5).contains(&share), "{dear} and {cheap}");
    }

    #[test]
    fn weights_are_kept() {
        let mut fair = Fair::new(OddClasses(0));
        fair.shares.weights.insert(1, 3.0);
        let [three, one] = admitted(&mut fair, [8, 8], [500_000, 500_000]);
        let share = three as f64 / one as f64;
        assert!((2.7..3.3).contains(&share), "{three} and {one}");
    }

    #[test]
    fn while_nothing_is_shed_nobody_is_over_its_share() {
        let mut fair = Fair::new(AdmitAll);
        assert_eq!(admitted(&mut fair, [20, 1], [1_000, 1_000]), [80_000, 4_000]);
    }

    #[test]
    fn weights_that_sum_to_nothing_are_told_with_the_numbers() {
        let told = Fair::new(AdmitAll).weight("ada", 0.0).others(0.0).check().unwrap_or_default();
        assert!(told.starts_with("weights that sum to 0: 0 of 1 tenant, and 0 for the others"), "{told}");
        let told = Fair::new(AdmitAll).weight("ada", -1.0).check().unwrap_or_default();
        assert!(told.starts_with("a weight of -1"), "{told}");
        assert_eq!(Fair::new(AdmitAll).weight("ada", 2.0).check(), None);
    }
}

//! Who asked for how much, and what each may have.

use std::collections::BTreeMap;

use crate::admission::{Settle, capacity::Capacity};

/// Offers after which shares are reckoned anew.
const TURN: u64 = 512;
/// Part of the capacity that is shared out by right; the rest goes to who is there.
const BY_RIGHT: f64 = 0.95;
/// Weight of a sample in a tenant's cost; at the start each counts as much as the ones before it.
const SAMPLE: f64 = 1.0 / 32.0;
/// Tenants that are told apart. Those beyond share places.
const TENANTS: usize = 1024;
const PLACES: u64 = 64;
/// Events per turn below which a tenant is forgotten.
const SILENT: f64 = 0.05;

/// One tenant, or those who share a place. Work is in ns, rates in ns per ns.
#[derive(Clone, Debug, Default)]
struct Tenant {
    weight: f64,
    /// Events in this turn, and per turn before.
    offered: f64,
    past: f64,
    samples: f64,
    cost_ns: f64,
    /// Work that it may still offer as its right.
    credit_ns: f64,
    filled_ns: u64,
    /// It asks for less than its share.
    is_modest: bool,
}

/// What right a tenant has to what it offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// It asks for less than its share.
    Modest,
    /// It asks for more, and this is not yet more.
    Within,
    Beyond,
}

/// The shares of all tenants.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) weights: BTreeMap<u64, f64>,
    pub(super) others: f64,
    /// Ordered, so that sums are the same in every run.
    tenants: BTreeMap<u64, Tenant>,
    /// Mean cost of all, for who has not been measured.
    cost_ns: f64,
    samples: f64,
    /// Of this turn.
    offers: u64,
    /// Work per time.
    capacity: Capacity,
    /// Work per time and weight that each may have.
    level: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Shares {
            weights: BTreeMap::new(),
            others: 1.0,
            tenants: BTreeMap::new(),
            cost_ns: 0.0,
            samples: 0.0,
            offers: 0,
            capacity: Capacity::default(),
            level: f64::INFINITY,
        }
    }
}

impl Shares {
    /// Counts an offer, and says what right it has.
    pub(super) fn offered(&mut self, tenant: u64, events: usize, now_ns: u64) -> Claim {
        match self.offers {
            0 => self.capacity.begins(now_ns),
            TURN.. => self.turn(now_ns),
            _ => {}
        }
        self.offers += 1;
        let (level, turn_ns, mean_ns) = (self.level, self.capacity.turn_ns(), self.cost_ns);
        let tenant = self.tenant(tenant, now_ns);
        tenant.offered += events as f64;
        if level.is_infinite() {
            return Claim::Modest;
        }
        let rate = level * tenant.weight;
        let most_ns = (rate * turn_ns).max(tenant.cost(mean_ns));
        let filled_ns = rate * now_ns.saturating_sub(tenant.filled_ns) as f64;
        tenant.filled_ns = now_ns.max(tenant.filled_ns);
        tenant.credit_ns = (tenant.credit_ns + filled_ns).min(most_ns);
        match tenant.credit_ns > 0.0 {
            true if tenant.is_modest => Claim::Modest,
            true => Claim::Within,
            false => Claim::Beyond,
        }
    }

    /// What was admitted as its right.
    pub(super) fn spend(&mut self, tenant: u64, events: usize) {
        let mean_ns = self.cost_ns;
        if self.level.is_finite()
            && let Some(tenant) = self.known(tenant)
        {
            tenant.credit_ns -= tenant.cost(mean_ns) * events as f64;
        }
    }

    pub(super) fn shed(&mut self) {
        self.capacity.shed();
    }

    /// Somebody is over its share.
    pub(super) fn are_known(&self) -> bool {
        self.level.is_finite()
    }

    pub(super) fn settle(&mut self, settle: &Settle<'_>) {
        self.capacity.done(settle.service_ns as f64);
        let handled = settle.events.saturating_sub(settle.expired);
        if handled == 0 {
            return;
        }
        let each_ns = settle.service_ns as f64 / handled as f64;
        learn(&mut self.cost_ns, &mut self.samples, each_ns);
        for &tenant in settle.tenants {
            if let Some(tenant) = self.known(tenant) {
                learn(&mut tenant.cost_ns, &mut tenant.samples, each_ns);
            }
        }
    }

    fn known(&mut self, tenant: u64) -> Option<&mut Tenant> {
        let place = if self.tenants.contains_key(&tenant) { tenant } else { tenant % PLACES };
        self.tenants.get_mut(&place)
    }

    fn tenant(&mut self, tenant: u64, now_ns: u64) -> &mut Tenant {
        let is_full = self.tenants.len() >= TENANTS && !self.tenants.contains_key(&tenant);
        // Hashes below that number are as rare as a collision.
        let place = if is_full { tenant % PLACES } else { tenant };
        let weight = if is_full { self.others } else { self.weights.get(&tenant).copied().unwrap_or(self.others) };
        let new = || Tenant { weight, filled_ns: now_ns, ..Tenant::default() };
        self.tenants.entry(place).or_insert_with(new)
    }

    #[cold]
    fn turn(&mut self, now_ns: u64) {
        let Some(past) = self.capacity.turn(now_ns) else { return };
        self.offers = 0;
        for tenant in self.tenants.values_mut() {
            tenant.past = past.with(tenant.past, std::mem::take(&mut tenant.offered));
        }
        self.tenants.retain(|_, tenant| tenant.past > SILENT);
        self.level = self.capacity.rate().map_or(f64::INFINITY, |rate| self.level(rate));
        let (level, turn_ns, mean_ns) = (self.level, self.capacity.turn_ns(), self.cost_ns);
        for tenant in self.tenants.values_mut() {
            tenant.is_modest = tenant.past * tenant.cost(mean_ns) <= level * tenant.weight * turn_ns;
        }
    }

    /// The level at which the shares of all fill the capacity; infinite where all have what they ask for.
    fn level(&self, capacity: f64) -> f64 {
        let demand = |tenant: &Tenant| tenant.past * tenant.cost(self.cost_ns) / self.capacity.turn_ns();
        let weighted = |tenant: &Tenant| (demand(tenant) / tenant.weight, demand(tenant), tenant.weight);
        let mut asked: Vec<_> = self.tenants.values().filter(|tenant| tenant.weight > 0.0).map(weighted).collect();
        asked.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut left = BY_RIGHT * capacity;
        let mut weights: f64 = asked.iter().map(|&(.., weight)| weight).sum();
        for (level, demand, weight) in asked {
            if level * weights > left {
                return left / weights;
            }
            left -= demand;
            weights -= weight;
        }
        f64::INFINITY
    }

    /// What does not make sense in the weights.
    pub(super) fn check(&self) -> Option<String> {
        let weights = || self.weights.values().copied();
        if let Some(weight) = weights().chain([self.others]).find(|weight| !weight.is_finite() || *weight < 0.0) {
            return Some(format!("a weight of {weight} for a tenant; give a number from 0 on"));
        }
        let (sum, tenants, others) = (weights().sum::<f64>(), self.weights.len(), self.others);
        (sum + others <= 0.0).then(|| {
            let s = if tenants == 1 { "" } else { "s" };
            format!(
                "weights that sum to 0: {sum} of {tenants} tenant{s}, and {others} for the others; give one above 0"
            )
        })
    }
}

impl Tenant {
    /// What an event of it takes, all of them where none of its own was measured.
    fn cost(&self, mean_ns: f64) -> f64 {
        if self.samples > 0.0 { self.cost_ns } else { mean_ns }
    }
}

fn learn(mean_ns: &mut f64, samples: &mut f64, each_ns: f64) {
    *samples += 1.0;
    *mean_ns += SAMPLE.max(1.0 / *samples) * (each_ns - *mean_ns);
}

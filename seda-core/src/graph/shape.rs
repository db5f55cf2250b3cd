//! Who feeds whom, and what is wrong with it: checked at the start, and again with the new values when a live change would
//! alter what a full queue does.

use super::{order, pipeline::Pipeline};
use crate::{finding::Finding, options::WhenFull, stage::outlet::Target, sync::lock};

/// The links of a graph.
pub(crate) struct Shape {
    stages: usize,
    links: Vec<Link>,
    /// Declared by handlers that offer by themselves.
    uses: Vec<(usize, usize)>,
}

struct Link {
    from: usize,
    to: usize,
    port: String,
    has_overflow: bool,
}

/// What a stage does with offers, and on whose threads.
pub(crate) struct Manner<'a> {
    pub(crate) name: &'a str,
    pub(crate) when_full: WhenFull,
    pub(crate) has_policy: bool,
    /// The policy is an objective: a source is paused for it.
    pub(crate) has_objective: bool,
    /// What the policy does not admit waits.
    pub(crate) defers: bool,
    pub(crate) is_source: bool,
    /// A declared domain.
    pub(crate) domain: Option<usize>,
}

impl Manner<'_> {
    fn may_block(&self) -> bool {
        self.when_full == WhenFull::Block || self.defers
    }
}

impl Shape {
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let n = pipeline.stages.len();
        let sketch = lock(&pipeline.sketch);
        let links = sketch.edges.iter().filter_map(|drawn| match drawn.to {
            Target::Stage(to) => Some(Link {
                from: drawn.edge.from as usize,
                to: to as usize,
                port: drawn.edge.port.clone(),
                has_overflow: drawn.has_overflow,
            }),
            Target::Answer(_) => None,
        });
        let uses = pipeline.stages.iter().enumerate().flat_map(|(from, stage)| {
            stage.uses.iter().filter(|(id, _)| *id == pipeline.shared.id).map(move |(_, to)| (from, *to as usize))
        });
        Shape {
            stages: n,
            links: links.filter(|link| link.from < n && link.to < n).collect(),
            uses: uses.filter(|(_, to)| *to < n).collect(),
        }
    }

    /// Links and declared uses.
    pub(super) fn next(&self) -> Vec<Vec<usize>> {
        self.next_where(|_| true)
    }

    fn next_where(&self, to_stage: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut next = vec![Vec::new(); self.stages];
        let links = self.links.iter().map(|link| (link.from, link.to));
        for (from, to) in links.chain(self.uses.iter().copied()).filter(|(_, to)| to_stage(*to)) {
            next[from].push(to);
        }
        next
    }

    /// Everything that is wrong with how full queues and policies stand in the graph.
    pub(crate) fn check(&self, manners: &[Manner<'_>]) -> Vec<Finding> {
        let mut found = self.refusing_edges(manners);
        found.extend(self.blocking_cycles(manners));
        found.extend(self.blocking_uses(manners));
        found
    }

    /// By sources alone: they can be paused, so what does not fit waits instead of being shed.
    pub(super) fn is_fed_by_sources(&self, stage: usize, manners: &[Manner<'_>]) -> bool {
        let mut feeds = self.links.iter().filter(|link| link.to == stage).peekable();
        feeds.peek().is_some() && feeds.all(|link| manners[link.from].is_source)
    }

    /// Nothing in the pipeline feeds it, or sources alone; what it sends to itself does not count.
    pub(super) fn is_entry(&self, stage: usize, sources: &[bool]) -> bool {
        let links = self.links.iter().map(|link| (link.from, link.to));
        let mut feeds = links.chain(self.uses.iter().copied()).filter(|&(from, to)| to == stage && from != stage);
        !sources[stage] && feeds.all(|(from, _)| sources[from])
    }

    /// A refusal on an inner edge has nobody to go back to.
    fn refusing_edges(&self, manners: &[Manner<'_>]) -> Vec<Finding> {
        let found = self.links.iter().filter(|link| !link.has_overflow).filter_map(|link| {
            let stage = &manners[link.to];
            let waits = stage.defers || (stage.has_objective && self.is_fed_by_sources(link.to, manners));
            let refuses = match (stage.has_policy && !waits, stage.when_full == WhenFull::Reject) {
                (true, _) => "may shed",
                (_, true) => "rejects when full",
                _ => return None,
            };
            let what = format!("`{}` {refuses}, and what it refuses of `{}` has nowhere to go", stage.name, link.port);
            Some(Finding::new(what, "open an overflow outlet on the edge: `let (out, over) = out.overflow();`"))
        });
        found.collect()
    }

    /// A cycle whose every edge blocks can fill up and stand still for ever.
    fn blocking_cycles(&self, manners: &[Manner<'_>]) -> Vec<Finding> {
        let blocking = self.next_where(|to| manners[to].may_block());
        let components = order::components(&blocking);
        let is_cycle =
            |stages: &&Vec<usize>| stages.len() > 1 || stages.iter().any(|&stage| blocking[stage].contains(&stage));
        let found = components.iter().filter(is_cycle).map(|stages| {
            let names: Vec<_> = stages.iter().map(|&stage| format!("`{}`", manners[stage].name)).collect();
            let names = names.join(", ");
            Finding::new(
                format!("a cycle in which every queue blocks when full could wait for itself for ever: {names}"),
                "let one queue on it reject, `.when_full(WhenFull::Reject)`, with an overflow outlet on what leads to it, \
                 `out.overflow()`; or let it drop, `.when_full(WhenFull::DropOldest)`",
            )
        });
        found.collect()
    }

    /// A handler that waits for room keeps a worker from every stage of its domain: none of them may be what makes room.
    fn blocking_uses(&self, manners: &[Manner<'_>]) -> Vec<Finding> {
        if self.uses.is_empty() {
            return Vec::new();
        }
        let reaches = order::reach(&self.next());
        let found = self.uses.iter().filter_map(|&(from, to)| {
            let domain = manners[from].domain;
            let shares = |other: usize| domain.is_some() && domain == manners[other].domain;
            let waits_for = |other: usize| shares(other) && (other == to || reaches[to][other]);
            if !manners[to].may_block() || !(0..self.stages).any(waits_for) {
                return None;
            }
            let what = format!(
                "the handler of `{}` offers to `{}`, and room there is made by a stage of its own domain",
                manners[from].name, manners[to].name
            );
            Some(Finding::new(what, "give the stage threads of its own, or link the two"))
        });
        found.collect()
    }
}

//! Layers for a drawing: each node as far from the sources as its longest way, without the ways that close a cycle.

/// The layer of each node, and for each way whether it closes a cycle. `starts` are walked first, so that a cycle is
/// entered where its events come in.
pub(super) fn of(nodes: usize, ways: &[(usize, usize)], starts: &[usize]) -> (Vec<usize>, Vec<bool>) {
    let mut out = vec![Vec::new(); nodes];
    for (index, &(from, to)) in ways.iter().enumerate() {
        out[from].push((index, to));
    }
    let mut walk = Walk { out, mark: vec![Mark::New; nodes], back: vec![false; ways.len()], ended: Vec::new() };
    starts.iter().copied().chain(0..nodes).for_each(|node| walk.from(node));
    let mut layer = vec![0; nodes];
    // Whoever ended last has all that it leads to behind it.
    for &node in walk.ended.iter().rev() {
        for &(way, to) in &walk.out[node] {
            if !walk.back[way] {
                layer[to] = layer[to].max(layer[node] + 1);
            }
        }
    }
    (layer, walk.back)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    /// On the way from the start to where the walk is.
    Open,
    Ended,
}

/// A walk in depth, without recursion so that a chain of any length is walked in constant stack.
struct Walk {
    out: Vec<Vec<(usize, usize)>>,
    mark: Vec<Mark>,
    back: Vec<bool>,
    ended: Vec<usize>,
}

impl Walk {
    fn from(&mut self, start: usize) {
        if self.mark[start] != Mark::New {
            return;
        }
        self.mark[start] = Mark::Open;
        let mut path = vec![(start, 0)];
        while let Some((node, at)) = path.last_mut() {
            let node = *node;
            let Some(&(way, to)) = self.out[node].get(*at) else {
                self.mark[node] = Mark::Ended;
                self.ended.push(node);
                path.pop();
                continue;
            };
            *at += 1;
            match self.mark[to] {
                Mark::New => {
                    self.mark[to] = Mark::Open;
                    path.push((to, 0));
                }
                Mark::Open => self.back[way] = true,
                Mark::Ended => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_node_stands_behind_the_longest_way_to_it() {
        let (layer, back) = of(4, &[(0, 1), (1, 2), (0, 2), (2, 3)], &[0]);
        assert_eq!(layer, [0, 1, 2, 3]);
        assert_eq!(back, [false; 4]);
    }

    #[test]
    fn a_cycle_is_entered_where_its_events_come_in() {
        // 2 feeds 0; 0 and 1 lead to each other; 1 to itself.
        let (layer, back) = of(3, &[(0, 1), (1, 0), (2, 0), (1, 1)], &[2]);
        assert_eq!(layer, [1, 2, 0]);
        assert_eq!(back, [false, true, false, true]);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let ways: Vec<_> = (1..100_000).map(|n| (n - 1, n)).collect();
        assert_eq!(of(100_000, &ways, &[]).0[99_999], 99_999);
    }
}

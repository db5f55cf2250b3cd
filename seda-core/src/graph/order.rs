//! Strongly connected components, by Tarjan's algorithm (SIAM J. Comput. 1(2), 1972), without recursion so that a chain
//! of any length is walked in constant stack.

/// Components in topological order, upstream first; within one, in the order of declaration.
pub(crate) fn components(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut walk = Walk {
        index: vec![usize::MAX; next.len()],
        low: vec![0; next.len()],
        on_stack: vec![false; next.len()],
        stack: Vec::new(),
        found: Vec::new(),
        count: 0,
    };
    for start in 0..next.len() {
        if walk.index[start] == usize::MAX {
            walk.from(start, next);
        }
    }
    // Tarjan gives the most downstream first.
    walk.found.reverse();
    walk.found
}

struct Walk {
    index: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    found: Vec<Vec<usize>>,
    count: usize,
}

impl Walk {
    fn from(&mut self, start: usize, next: &[Vec<usize>]) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((node, at)) = path.last_mut() {
            let node = *node;
            match next[node].get(*at) {
                Some(&to) => {
                    *at += 1;
                    if self.index[to] == usize::MAX {
                        self.enter(to);
                        path.push((to, 0));
                    } else if self.on_stack[to] {
                        self.low[node] = self.low[node].min(self.index[to]);
                    }
                }
                None => {
                    path.pop();
                    if let Some((parent, _)) = path.last() {
                        self.low[*parent] = self.low[*parent].min(self.low[node]);
                    }
                    self.leave(node);
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.index[node] = self.count;
        self.low[node] = self.count;
        self.count += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn leave(&mut self, node: usize) {
        if self.low[node] != self.index[node] {
            return;
        }
        let from = self.stack.iter().rposition(|&n| n == node).expect("a root is on the stack");
        let mut component = self.stack.split_off(from);
        component.iter().for_each(|&n| self.on_stack[n] = false);
        component.sort_unstable();
        self.found.push(component);
    }
}

/// `reaches[a][b]`: there is a way of at least one edge from a to b.
pub(crate) fn reach(next: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let mut reaches = vec![vec![false; next.len()]; next.len()];
    for (from, row) in reaches.iter_mut().enumerate() {
        let mut open = next[from].clone();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut row[node], true) {
                open.extend(&next[node]);
            }
        }
    }
    reaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_comes_first_and_a_cycle_is_one_component() {
        let next = [vec![1], vec![2], vec![1, 3], vec![], vec![0]];
        assert_eq!(components(&next), [vec![4], vec![0], vec![1, 2], vec![3]]);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let next: Vec<Vec<usize>> = (0..100_000).map(|n| if n + 1 < 100_000 { vec![n + 1] } else { vec![] }).collect();
        assert_eq!(components(&next).len(), 100_000);
    }

    #[test]
    fn a_node_reaches_itself_only_by_a_cycle() {
        let reaches = reach(&[vec![1], vec![0], vec![]]);
        assert!(reaches[0][0] && reaches[0][1] && !reaches[2][2]);
    }
}

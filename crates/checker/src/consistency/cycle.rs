//! Short cycles in a graph: who came before whom, all the way round.

use std::collections::{HashMap, VecDeque};

/// Nodes of a component from which a shortest cycle is looked for; more only cost time.
const SOURCES_MAX: usize = 100;

/// A graph whose edges say why.
#[derive(Clone, Debug)]
pub(super) struct Graph<W> {
    edges: Vec<Vec<(usize, W)>>,
    /// Nodes from here on only lead from one to another, and make no cycle longer.
    counted: usize,
}

impl<W: Copy> Graph<W> {
    pub(super) fn new(nodes: usize) -> Self {
        Self { edges: vec![Vec::new(); nodes], counted: nodes }
    }

    /// Adds nodes that count for nothing; answers the first of them.
    pub(super) fn grow(&mut self, nodes: usize) -> usize {
        let first = self.edges.len();
        self.edges.resize(first + nodes, Vec::new());
        first
    }

    pub(super) fn add(&mut self, from: usize, to: usize, why: W) {
        if from != to {
            self.edges[from].push((to, why));
        }
    }

    /// Of each strongly connected component, a cycle that is as short as can be: nodes, each with
    /// the edge to the next one.
    pub(super) fn cycles(&self) -> Vec<Vec<(usize, W)>> {
        let components = self.components();
        let mut of = vec![usize::MAX; self.edges.len()];
        for (number, component) in components.iter().enumerate() {
            for node in component {
                of[*node] = number;
            }
        }
        let large = components.iter().filter(|component| component.len() > 1);
        let length =
            |cycle: &Vec<(usize, W)>| cycle.iter().filter(|(node, _)| *node < self.counted).count();
        let shortest = large.filter_map(|component| {
            let counted = component.iter().filter(|node| **node < self.counted);
            let cycles = counted.take(SOURCES_MAX).filter_map(|source| self.back_to(*source, &of));
            cycles.min_by_key(length)
        });
        shortest.collect()
    }

    /// The shortest way from a node to itself within its component.
    fn back_to(&self, source: usize, component: &[usize]) -> Option<Vec<(usize, W)>> {
        let mut reached: HashMap<usize, (usize, usize, W)> = HashMap::new();
        let mut waiting = VecDeque::from([(source, 0)]);
        while let Some((node, length)) = waiting.pop_front() {
            if node == source && length > 0 {
                break;
            }
            if node != source && reached.get(&node).is_some_and(|(known, ..)| *known < length) {
                continue;
            }
            for (to, why) in &self.edges[node] {
                let longer = length + usize::from(*to < self.counted);
                let is_known = reached.get(to).is_some_and(|(known, ..)| *known <= longer);
                if component[*to] != component[source] || is_known {
                    continue;
                }
                reached.insert(*to, (longer, node, *why));
                if longer == length {
                    waiting.push_front((*to, longer));
                } else {
                    waiting.push_back((*to, longer));
                }
            }
        }
        let mut cycle = Vec::new();
        let mut at = source;
        loop {
            let (_, before, why) = *reached.get(&at)?;
            cycle.push((before, why));
            at = before;
            if at == source {
                cycle.reverse();
                return Some(cycle);
            }
        }
    }

    /// Tarjan's algorithm, without recursion: histories are longer than stacks are deep.
    fn components(&self) -> Vec<Vec<usize>> {
        let count = self.edges.len();
        let (mut number, mut low) = (vec![usize::MAX; count], vec![0; count]);
        let (mut is_open, mut path, mut next) = (vec![false; count], Vec::new(), 0);
        let mut components = Vec::new();
        for root in 0..count {
            if number[root] != usize::MAX {
                continue;
            }
            let mut calls = vec![(root, 0)];
            while let Some((node, edge)) = calls.last_mut() {
                let node = *node;
                if *edge == 0 && number[node] == usize::MAX {
                    (number[node], low[node]) = (next, next);
                    next += 1;
                    path.push(node);
                    is_open[node] = true;
                }
                if let Some((to, _)) = self.edges[node].get(*edge) {
                    *edge += 1;
                    if number[*to] == usize::MAX {
                        calls.push((*to, 0));
                    } else if is_open[*to] {
                        low[node] = low[node].min(number[*to]);
                    }
                    continue;
                }
                calls.pop();
                if let Some((parent, _)) = calls.last() {
                    low[*parent] = low[*parent].min(low[node]);
                }
                if low[node] == number[node] {
                    let from = path.iter().rposition(|open| *open == node).unwrap_or(0);
                    let component = path.split_off(from);
                    for member in &component {
                        is_open[*member] = false;
                    }
                    components.push(component);
                }
            }
        }
        components
    }
}

#[cfg(test)]
mod tests {
    use super::Graph;

    #[test]
    fn the_shortest_cycle_of_each_component_is_found() {
        let mut graph = Graph::new(8);
        for (from, to) in [(0, 1), (1, 2), (2, 0), (2, 1), (2, 3), (4, 5), (5, 6), (6, 4), (6, 7)] {
            graph.add(from, to, ());
        }
        let mut cycles: Vec<Vec<usize>> = graph
            .cycles()
            .into_iter()
            .map(|cycle| {
                let mut nodes: Vec<usize> = cycle.into_iter().map(|(node, ())| node).collect();
                nodes.sort_unstable();
                nodes
            })
            .collect();
        cycles.sort();
        assert_eq!(cycles, [vec![1, 2], vec![4, 5, 6]]);
    }

    #[test]
    fn a_graph_as_long_as_a_history_has_room_on_the_stack() {
        let count = 200_000;
        let mut graph = Graph::new(count);
        for node in 1..count {
            graph.add(node - 1, node, ());
        }
        assert!(graph.cycles().is_empty());
        graph.add(count - 1, count - 2, ());
        assert_eq!(graph.cycles().len(), 1);
    }
}

//! Whether concurrent calls can be put into an order that a sequential model allows.
//!
//! The search goes through calls and returns in time. It keeps all configurations that are possible
//! so far: a state, and which of the open calls have taken effect. A return forces its call; only
//! then are open calls tried, in any order, until it has taken effect. Configurations that are
//! alike are one, which is the memoisation. What is remembered are open calls only, and never the
//! whole history, so that memory depends on how concurrent it is and not on how long.
//!
//! Source: Lowe, "Testing for linearizability" (2017), just-in-time linearization of Wing and
//! Gong's search (1993).

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use super::access::NEVER;

/// A sequential thing. A step is what a call does to a state; `None` when it could not have been
/// answered so.
pub trait Model {
    type State: Clone + Eq + Hash;
    type Call;

    fn step(&self, state: &Self::State, call: &Self::Call) -> Option<Self::State>;

    /// Whether the call only looks: it leaves behind what it found, in whatever state that is.
    fn is_read(&self, _call: &Self::Call) -> bool {
        false
    }
}

/// A call with the time in which it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed<C> {
    pub call: C,
    pub start: u64,
    /// `None` for a call that may have taken effect at any later time, or never.
    pub end: Option<u64>,
}

/// What a search may cost. It is counted and not timed, so that a history that is judged again gets
/// the same verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps of the model: some ten million a second.
    pub steps_max: u64,
    /// Configurations that are kept at once: about 100 bytes each.
    pub configurations_max: usize,
}

/// The answer of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    Linearizable,
    /// No order explains the calls up to the return of this one.
    Not {
        failed: usize,
    },
    /// It was given up.
    Unknown {
        reason: &'static str,
    },
}

/// Open calls fit into the bits of a number; more at once are hopeless for the search as well.
const OPEN_MAX: usize = 128;

impl Default for Limits {
    fn default() -> Self {
        Self { steps_max: 50_000_000, configurations_max: 500_000 }
    }
}

/// Searches for an order of `calls`, from `initial` on. `steps` counts what it has cost so far,
/// over several searches if need be.
pub fn search<M: Model>(
    model: &M,
    initial: M::State,
    calls: &[Timed<M::Call>],
    limits: Limits,
    steps: &mut u64,
) -> Search {
    let mut run = Run { model, calls, limits, steps, open: BTreeMap::new(), free: Vec::new() };
    let mut configurations = HashSet::from([Configuration { state: initial, done: 0 }]);
    for (_, is_return, index) in events(calls) {
        let next = match is_return {
            false => run.call(index, configurations),
            true => run.ret(index, configurations),
        };
        configurations = match next {
            Ok(next) if next.is_empty() => return Search::Not { failed: index },
            Ok(next) => next,
            Err(reason) => return Search::Unknown { reason },
        };
    }
    Search::Linearizable
}

/// Calls and returns in time. Equal times are concurrent, so that calls come first.
fn events<C>(calls: &[Timed<C>]) -> Vec<(u64, bool, usize)> {
    let starts = calls.iter().enumerate().map(|(index, call)| (call.start, false, index));
    let ends = calls.iter().enumerate().filter_map(|(index, call)| Some((call.end?, true, index)));
    let mut events: Vec<_> = starts.chain(ends.filter(|(end, ..)| *end != NEVER)).collect();
    events.sort_unstable();
    events
}

/// A state, and by their slots those of the open calls that have taken effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Configuration<S> {
    state: S,
    done: u128,
}

struct Run<'a, M: Model> {
    model: &'a M,
    calls: &'a [Timed<M::Call>],
    limits: Limits,
    steps: &'a mut u64,
    /// Slot → call, of the calls that have not returned.
    open: BTreeMap<usize, usize>,
    free: Vec<usize>,
}

type Configurations<S> = HashSet<Configuration<S>>;

impl<M: Model> Run<'_, M> {
    fn call(
        &mut self,
        index: usize,
        configurations: Configurations<M::State>,
    ) -> Result<Configurations<M::State>, &'static str> {
        let slot = self.free.pop().unwrap_or(self.open.len());
        if slot >= OPEN_MAX {
            return Err("more than 128 operations are open at once");
        }
        self.open.insert(slot, index);
        let settled = configurations.into_iter().map(|configuration| self.settle(configuration));
        settled.collect()
    }

    fn ret(
        &mut self,
        index: usize,
        configurations: Configurations<M::State>,
    ) -> Result<Configurations<M::State>, &'static str> {
        let slot = self.open.iter().find(|(_, open)| **open == index).map(|(slot, _)| *slot);
        let slot = slot.expect("a call that returns was open");
        let bit = 1_u128 << slot;
        let (mut returned, mut tried) = (HashSet::new(), HashSet::new());
        let mut waiting: Vec<_> = configurations.into_iter().collect();
        while let Some(configuration) = waiting.pop() {
            if configuration.done & bit != 0 {
                let done = configuration.done & !bit;
                returned.insert(Configuration { done, ..configuration });
                continue;
            }
            for next in self.successors(&configuration)? {
                if !tried.contains(&next) {
                    tried.insert(next.clone());
                    waiting.push(next);
                }
            }
            if returned.len() + tried.len() > self.limits.configurations_max {
                return Err("too many orders are possible at once");
            }
        }
        self.open.remove(&slot);
        self.free.push(slot);
        Ok(returned)
    }

    /// Whatever one more of the open calls leads to.
    fn successors(
        &mut self,
        from: &Configuration<M::State>,
    ) -> Result<Vec<Configuration<M::State>>, &'static str> {
        let open: Vec<(usize, usize)> =
            self.open.iter().map(|(slot, index)| (*slot, *index)).collect();
        let mut successors = Vec::new();
        for (slot, index) in open.into_iter().filter(|(slot, _)| from.done & (1 << slot) == 0) {
            if let Some(state) = self.step(&from.state, index)? {
                let next = Configuration { state, done: from.done | 1 << slot };
                successors.push(self.settle(next)?);
            }
        }
        Ok(successors)
    }

    /// Lets open reads take effect that can: sooner is never worse. (A write that changes nothing
    /// now may be needed later.)
    fn settle(
        &mut self,
        mut configuration: Configuration<M::State>,
    ) -> Result<Configuration<M::State>, &'static str> {
        let open: Vec<(usize, usize)> =
            self.open.iter().map(|(slot, index)| (*slot, *index)).collect();
        for (slot, index) in open {
            let is_done = configuration.done & (1 << slot) != 0;
            if !is_done
                && self.model.is_read(&self.calls[index].call)
                && self.step(&configuration.state, index)?.as_ref() == Some(&configuration.state)
            {
                configuration.done |= 1 << slot;
            }
        }
        Ok(configuration)
    }

    fn step(&mut self, state: &M::State, index: usize) -> Result<Option<M::State>, &'static str> {
        *self.steps += 1;
        if *self.steps > self.limits.steps_max {
            return Err("the search took too many steps");
        }
        Ok(self.model.step(state, &self.calls[index].call))
    }
}

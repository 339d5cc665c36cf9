//! What an answer had seen, as text that a client keeps and brings back: of the cart itself, and of
//! those that are merged into it.
//!
//! `basket=1.17:5,2.3:9!2.3#12;guest-7=1.17:1` says: of `basket`, changes 1 to 5 of the 17th life
//! of node 1, 1 to 9 and 12 of the third of node 2; of `guest-7`, one. Nobody but a node has to
//! understand it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use standfast_tactics::cart::{CausalContext, Dot, ReplicaId};

use super::names::{WRITERS_MAX, is_name};

/// Carts of one context. Nodes that do not see each other may each let `MERGED_MAX` into one cart,
/// and what a node gives it has to take back.
const PARTS_MAX: usize = 128;

/// No node makes so many changes, and from here on there is room for those that it does make.
const COUNTER_MAX: u64 = 1 << 48;

/// Changes that came before what they follow; more than a few are there for moments only.
const BEYOND_MAX: usize = 1_000;

/// What was seen of each cart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CartContext(pub(super) BTreeMap<String, CausalContext>);

/// Why a text is no context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`context` must be one that an answer about this cart gave, as it was")]
pub(super) struct BadContext;

impl fmt::Display for CartContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (cart, context)) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ";" };
            write!(f, "{separator}{cart}=")?;
            for (place, (replica, counter)) in context.vector().enumerate() {
                write!(f, "{}{replica}:{counter}", if place == 0 { "" } else { "," })?;
            }
            for (place, dot) in context.beyond().enumerate() {
                write!(f, "{}{dot}", if place == 0 { "!" } else { "," })?;
            }
        }
        Ok(())
    }
}

impl FromStr for CartContext {
    type Err = BadContext;

    fn from_str(text: &str) -> Result<Self, BadContext> {
        let mut contexts = BTreeMap::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (cart, seen) = part.split_once('=').ok_or(BadContext)?;
            let (vector, beyond) = seen.split_once('!').unwrap_or((seen, ""));
            let vector = numbers(vector, ':', WRITERS_MAX)?;
            let beyond = numbers(beyond, '#', BEYOND_MAX)?;
            let beyond = beyond.into_iter().map(|(replica, counter)| Dot { replica, counter });
            let context = CausalContext::restore(vector, beyond);
            if !is_name(cart) || contexts.insert(cart.to_owned(), context).is_some() {
                return Err(BadContext);
            }
        }
        if contexts.len() > PARTS_MAX {
            return Err(BadContext);
        }
        Ok(Self(contexts))
    }
}

/// Replicas, each with a number behind `separator`.
fn numbers(
    text: &str,
    separator: char,
    count_max: usize,
) -> Result<Vec<(ReplicaId, u64)>, BadContext> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    let number = |part: &str| {
        let (replica, counter) = part.split_once(separator)?;
        let (node, incarnation) = replica.split_once('.')?;
        let replica =
            ReplicaId { node: node.parse().ok()?, incarnation: incarnation.parse().ok()? };
        let is_counter = |counter: &u64| (1..=COUNTER_MAX).contains(counter);
        Some((replica, counter.parse().ok().filter(is_counter)?))
    };
    let numbers: Option<Vec<_>> = parts.take(count_max + 1).map(number).collect();
    numbers.filter(|numbers| numbers.len() <= count_max).ok_or(BadContext)
}

#[cfg(test)]
mod tests {
    use super::super::names::MERGED_MAX;
    use super::*;

    #[test]
    fn a_context_comes_back_as_it_was_given() {
        let replica = |node| ReplicaId { node, incarnation: 17 };
        let beyond = [Dot { replica: replica(2), counter: 12 }];
        let own = CausalContext::restore([(replica(1), 5), (replica(2), 9)], beyond);
        let guest = CausalContext::restore([(replica(1), 1)], []);
        let all = [("basket", own), ("empty", CausalContext::default()), ("guest-7", guest)];
        let context = CartContext(all.map(|(name, seen)| (name.to_owned(), seen)).into());
        let text = context.to_string();
        assert_eq!(text, "basket=1.17:5,2.17:9!2.17#12;empty=;guest-7=1.17:1");
        assert_eq!(text.parse(), Ok(context));
        assert_eq!("".parse(), Ok(CartContext::default()));
    }

    #[test]
    fn a_context_of_as_many_carts_as_two_sides_may_merge_comes_back() {
        let parts = (0..=2 * MERGED_MAX).map(|number| format!("guest-{number:02}=1.1:1"));
        let text = parts.collect::<Vec<_>>().join(";");
        assert_eq!(text.parse::<CartContext>().unwrap().to_string(), text);
        let parts = (0..=PARTS_MAX).map(|number| format!("guest-{number}="));
        let text = parts.collect::<Vec<_>>().join(";");
        assert_eq!(text.parse::<CartContext>(), Err(BadContext));
    }

    #[test]
    fn what_no_answer_gave_is_refused() {
        let many = (0..=WRITERS_MAX).map(|node| format!("{node}.1:1")).collect::<Vec<_>>();
        let too_many = format!("a={}", many.join(","));
        for wrong in [
            "a",
            "=1.1:1",
            "a=1:1",
            "a=1.1",
            "a=1.1:0",
            "a=1.1:x",
            "a=1.1:281474976710657",
            "a=1.1:1!1.1#18446744073709551615",
            "a=70000.1:1",
            "a=1.1#1",
            "a=;a=",
            "a b=",
            "a=1.1:1!1.1:2",
            &too_many,
        ] {
            assert_eq!(wrong.parse::<CartContext>(), Err(BadContext), "{wrong}");
        }
    }
}

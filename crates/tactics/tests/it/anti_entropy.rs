//! Two nodes find what differs: all of it, in few messages of bounded size, and beside writes.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use standfast_tactics::anti_entropy::{
    Digest, KEYS_MAX, Leaf, Message, MessageError, NODES_MAX, Tree, View,
};

fn tree(keys: usize, values: &BTreeMap<String, u32>) -> Tree<String> {
    let mut tree = Tree::for_keys(keys);
    for (key, value) in values {
        tree.note(key, Some(Digest::of(&value.to_le_bytes())));
    }
    tree
}

/// One round that `left` begins: what it repairs, and how many messages it took.
fn round(left: &Tree<String>, right: &Tree<String>, turn: u32) -> (Vec<String>, usize) {
    let mut message = left.begin(turn);
    for number in 1.. {
        let size = match &message.view {
            View::Nodes { nodes, .. } => nodes.len() <= NODES_MAX,
            View::Leaves(leaves) => {
                let keys: usize = leaves.iter().map(|leaf| leaf.entries.len()).sum();
                keys <= KEYS_MAX && leaves.len() <= KEYS_MAX
            }
        };
        assert!(size, "no message is larger than it may be");
        let asked = if number % 2 == 1 { right } else { left };
        let answer = asked.answer(&message).unwrap();
        match answer.reply {
            Some(reply) => message = reply,
            None => return (answer.repair, number),
        }
    }
    unreachable!("a round ends")
}

fn numbered(count: u32) -> BTreeMap<String, u32> {
    (0..count).map(|number| (format!("cart {number}"), number)).collect()
}

#[test]
fn one_difference_among_many_is_found_in_logarithmically_many_messages() {
    for (count, messages) in [(100, 2), (2_000, 3), (30_000, 4)] {
        let mut values = numbered(count);
        let size = usize::try_from(count).unwrap();
        let left = tree(size, &values);
        assert_eq!(round(&left, &left, 0), (Vec::new(), 1), "one message when nothing differs");
        values.insert("cart 7".to_owned(), 0);
        let found = (vec!["cart 7".to_owned()], messages);
        assert_eq!(round(&left, &tree(size, &values), 0), found, "changed, of {count}");
        values.remove("cart 7");
        assert_eq!(round(&left, &tree(size, &values), 0), found, "lacking");
        assert_eq!(round(&tree(size, &values), &left, 0), found, "lacking on the other side");
    }
}

#[test]
fn a_node_that_has_nothing_gets_everything_within_so_many_rounds() {
    // Many keys in each leaf, and hardly more than one: a round finds about as many.
    for (size, rounds_max) in [(1_000, 150), (32_768, 40)] {
        assert!(filled(size) <= rounds_max, "{} rounds for {size}", filled(size));
    }
}

/// Rounds until a node that has nothing has 5,000 keys.
fn filled(size: usize) -> u32 {
    let all = numbered(5_000);
    let (left, mut right) = (tree(size, &all), Tree::for_keys(size));
    let mut missing: BTreeSet<&String> = all.keys().collect();
    let mut rounds = 0;
    while !missing.is_empty() {
        let (repair, _) = match rounds % 2 {
            0 => round(&left, &right, rounds),
            _ => round(&right, &left, rounds),
        };
        for key in repair {
            missing.remove(&key);
            right.note(&key, Some(Digest::of(&all[&key].to_le_bytes())));
        }
        rounds += 1;
        assert!(rounds < 1_000, "{} are missing after {rounds} rounds", missing.len());
    }
    assert_eq!(left.root(), right.root());
    rounds
}

#[test]
fn keys_that_are_written_all_the_time_do_not_hide_others() {
    // Twenty thousand keys differ whatever is repaired, and each of them must be found, in leaves
    // of five and of eighty.
    for size in [4_000, 2_000] {
        none_is_hidden(size);
    }
}

fn none_is_hidden(size: usize) {
    let count = 20_000;
    let mut values = numbered(count);
    let left = tree(size, &values);
    for value in values.values_mut() {
        *value += 1;
    }
    let right = tree(size, &values);
    for wanted in ["cart 0", "cart 11111", "cart 19999"] {
        let found = (0..20_000).find(|turn| {
            let (repair, _) = round(&left, &right, *turn);
            repair.iter().any(|key| key == wanted)
        });
        assert!(found.is_some(), "{wanted} waits for ever");
    }
}

#[test]
fn a_message_of_another_tree_is_refused() {
    let small: Tree<String> = Tree::for_keys(10);
    let large: Tree<String> = Tree::for_keys(10_000);
    let refused = small.answer(&large.begin(0));
    assert_eq!(refused, Err(MessageError::OtherDepth { ours: 1, theirs: 3 }));
    let mut message = small.begin(0);
    if let View::Nodes { nodes, .. } = &mut message.view {
        nodes[0].place = 1;
    }
    assert_eq!(small.answer(&message), Err(MessageError::Malformed), "there is one root");
    let deep = View::Nodes { level: 1, nodes: Vec::new() };
    let message = Message { view: deep, ..small.begin(0) };
    assert_eq!(small.answer(&message), Err(MessageError::Malformed), "leaves have no children");
    let leaf = Leaf { place: 16, after: None, through: None, entries: Vec::new() };
    let message = Message { view: View::Leaves(vec![leaf]), ..small.begin(0) };
    assert_eq!(small.answer(&message), Err(MessageError::Malformed), "there are sixteen leaves");
}

#[test]
fn a_message_survives_json() {
    let left = tree(300, &numbered(300));
    let message = left.begin(3);
    let sent = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message<String>>(&sent).unwrap(), message);
    let reply = tree(300, &numbered(299)).answer(&message).unwrap().reply.unwrap();
    let sent = serde_json::to_string(&reply).unwrap();
    assert_eq!(serde_json::from_str::<Message<String>>(&sent).unwrap(), reply);
}

proptest! {
    #[test]
    fn the_digest_of_a_tree_depends_on_what_is_in_it_and_not_on_how_it_got_there(
        changes in prop::collection::vec((0..30_u8, prop::option::of(0..3_u32)), 0..120),
    ) {
        let mut built = Tree::for_keys(30);
        let mut values = BTreeMap::new();
        for (key, value) in changes {
            let key = format!("{key}");
            built.note(&key, value.map(|value| Digest::of(&value.to_le_bytes())));
            match value {
                Some(value) => values.insert(key, value),
                None => values.remove(&key),
            };
        }
        prop_assert_eq!(built, tree(30, &values));
    }

    #[test]
    fn a_round_finds_only_what_differs_and_rounds_find_all_of_it(
        left in prop::collection::btree_map("[a-z]{1,3}", 0..3_u32, 0..60),
        right in prop::collection::btree_map("[a-z]{1,3}", 0..3_u32, 0..60),
        turn in any::<u32>(),
    ) {
        let keys = left.keys().chain(right.keys()).cloned().collect::<BTreeSet<_>>();
        let differing: Vec<String> =
            keys.into_iter().filter(|key| left.get(key) != right.get(key)).collect();
        let (mut found, _) = round(&tree(40, &left), &tree(40, &right), turn);
        found.sort();
        // So few fit into one round.
        prop_assert_eq!(found, differing);
    }
}

//! What a cart means, change by change, and that merging is a maximum.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use proptest::prelude::*;
use standfast_tactics::cart::{
    COUNTER_MAX, Cart, CartError, CausalContext, Dot, ENTRIES_MAX, LastWriterCart, ReplicaId,
};
use standfast_tactics::hlc::{AHEAD_MAX, HybridClock, Stamp};

const TEA: &&str = &"tea";

fn node(node: u16) -> ReplicaId {
    ReplicaId { node, incarnation: 1 }
}

/// Two nodes that start with `units` of tea, change it without knowing of each other, and merge.
fn apart(
    units: u32,
    here: impl Fn(&mut Cart<&'static str>),
    there: impl Fn(&mut Cart<&'static str>),
) -> Cart<&'static str> {
    let mut left = Cart::default();
    left.add(node(1), TEA, units).unwrap();
    let mut right = left.clone();
    here(&mut left);
    there(&mut right);
    let before = left.clone();
    left.merge(&right);
    right.merge(&before);
    assert_eq!(left, right, "both sides come out the same");
    left
}

fn add(by: u16, units: u32) -> impl Fn(&mut Cart<&'static str>) {
    move |cart| drop(cart.add(node(by), TEA, units).unwrap())
}

fn take(by: u16, units: u32) -> impl Fn(&mut Cart<&'static str>) {
    move |cart| drop(cart.take(node(by), TEA, units))
}

fn set(by: u16, units: u32) -> impl Fn(&mut Cart<&'static str>) {
    move |cart| drop(cart.set(node(by), TEA, units))
}

fn remove(cart: &mut Cart<&'static str>) {
    cart.remove(TEA);
}

#[test]
fn two_changes_that_do_not_know_of_each_other_mean_what_the_table_says() {
    assert_eq!(apart(3, add(1, 2), add(2, 4)).quantity(TEA), 9, "additions all count");
    assert_eq!(apart(3, add(1, 2), remove).quantity(TEA), 2, "what the removal had not seen");
    assert_eq!(apart(3, take(1, 1), take(2, 1)).quantity(TEA), 1, "both took one");
    assert_eq!(apart(3, take(1, 2), take(2, 2)).quantity(TEA), 0, "no less than nothing");
    assert_eq!(apart(3, take(1, 1), remove).quantity(TEA), 0, "taking brings nothing back");
    assert_eq!(apart(3, take(1, 1), add(2, 1)).quantity(TEA), 3);
    assert_eq!(apart(3, set(1, 5), remove).quantity(TEA), 5, "a setting is an addition");
    assert_eq!(apart(3, set(1, 5), take(2, 1)).quantity(TEA), 5, "it replaces what was taken from");
    assert_eq!(apart(3, set(1, 5), add(2, 1)).quantity(TEA), 6, "added on top");
    let rivals = apart(3, set(1, 5), set(2, 4));
    assert_eq!((rivals.quantity(TEA), rivals.rivals(TEA)), (5, vec![4, 5]), "the larger counts");
}

#[test]
fn a_removal_that_meets_a_change_leaves_no_debt_behind() {
    // The defect of maps of counters: the unit taken survives the removal, and eats an addition.
    let mut cart = apart(3, take(1, 2), remove);
    cart.add(node(2), TEA, 1).unwrap();
    assert_eq!(cart.quantity(TEA), 1);
    // And the other one: units that were removed come back with a later addition.
    let cart = apart(3, |cart| (add(1, 1)(cart), add(1, 1)(cart)).0, remove);
    assert_eq!(cart.quantity(TEA), 2, "the two new ones, and not five");
}

#[test]
fn a_conflict_of_settings_ends_with_the_next_change() {
    let mut cart = apart(3, set(1, 5), set(2, 2));
    cart.take(node(1), TEA, 1);
    assert_eq!(cart.quantity(TEA), 4, "what is shown goes down by one");
    cart.take(node(1), TEA, 3);
    assert_eq!(cart.quantity(TEA), 1, "also below the smaller one");
    cart.set(node(2), TEA, 7);
    assert_eq!((cart.quantity(TEA), cart.rivals(TEA)), (7, Vec::new()));
}

#[test]
fn a_line_that_is_empty_leaves_nothing_but_the_numbers_of_its_changes() {
    let mut cart: Cart<String> = Cart::default();
    let tea = "tea".to_owned();
    for _ in 0..100 {
        cart.add(node(1), &tea, 2).unwrap();
        cart.take(node(1), &tea, 2);
    }
    assert_eq!(cart.contents().count(), 0);
    let stored = serde_json::to_string(&cart).unwrap();
    assert_eq!(stored, r#"{"seen":[[[1,1],100]],"lines":[]}"#);
}

#[test]
fn changes_that_overtake_each_other_are_folded_once_none_is_missing() {
    let mut cart = Cart::default();
    let deltas: Vec<_> = (0..4).map(|_| cart.add(node(1), TEA, 1).unwrap()).collect();
    let mut other = Cart::default();
    for delta in [&deltas[3], &deltas[1], &deltas[1]] {
        other.merge(delta);
    }
    assert_eq!((other.quantity(TEA), other.seen().beyond().count()), (2, 2));
    assert!(!other.seen().covers(cart.seen()) && cart.seen().covers(other.seen()));
    other.merge(&deltas[0]);
    other.merge(&deltas[2]);
    assert_eq!((&other, other.seen().beyond().count()), (&cart, 0));
}

#[test]
fn a_checkout_takes_out_what_it_was_shown_wherever_it_is_done() {
    let mut shown = Cart::default();
    let delta = shown.add(node(1), TEA, 2).unwrap();
    let vector: Vec<_> = shown.seen().vector().collect();
    let context = CausalContext::restore(vector, shown.seen().beyond());
    assert_eq!(&context, shown.seen(), "it comes back as it was given");
    let later = shown.add(node(1), TEA, 3).unwrap();
    // Another replica, to which the first addition has not come yet.
    let mut elsewhere = Cart::default();
    elsewhere.add(node(2), TEA, 5).unwrap();
    let bought = elsewhere.remove_seen(&context);
    elsewhere.merge(&delta);
    assert_eq!(elsewhere.quantity(TEA), 5, "what was bought does not come in any more");
    elsewhere.merge(&later);
    assert_eq!(elsewhere.quantity(TEA), 8, "what was added since does");
    shown.merge(&bought);
    assert_eq!(shown.quantity(TEA), 3);
}

#[test]
fn a_line_has_a_limit_and_setting_it_makes_room() {
    let mut cart = Cart::default();
    for _ in 0..ENTRIES_MAX {
        cart.add(node(1), TEA, 1).unwrap();
    }
    let before = cart.clone();
    assert_eq!(cart.add(node(1), TEA, 1), Err(CartError::LineFull));
    assert_eq!(cart, before);
    cart.set(node(1), TEA, 1_001);
    assert!(cart.add(node(1), TEA, 1).is_ok());
}

#[test]
fn a_stored_cart_that_contradicts_itself_is_refused() {
    let read = |text: &str| serde_json::from_str::<Cart<String>>(text);
    let good = r#"{"seen":[[[1,1],2]],"lines":[["tea",[{"dot":[[1,1],2],"units":1}]]]}"#;
    assert_eq!(read(good).unwrap().quantity(&"tea".to_owned()), 1);
    for (change, part) in
        [("[[1,1],3]", "has not seen"), ("[[1,1],0]", "no number"), ("[[9,9],1]", "has not seen")]
    {
        let error = read(&good.replacen(r#""dot":[[1,1],2]"#, &format!(r#""dot":{change}"#), 1));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(read(r#"{"seen":[],"lines":[["tea",[]]]}"#).is_err(), "an empty line");
}

#[test]
fn a_number_that_nobody_has_reached_is_refused_and_one_below_it_leaves_room_for_more() {
    let read = |text: &str| serde_json::from_str::<Cart<String>>(text);
    let (largest, beyond) = (COUNTER_MAX, COUNTER_MAX + 1);
    for text in [
        format!(r#"{{"seen":[[[1,1],{beyond}]],"lines":[]}}"#),
        format!(r#"{{"seen":[],"beyond":[[[1,1],{}]],"lines":[]}}"#, u64::MAX),
    ] {
        assert!(read(&text).unwrap_err().to_string().contains("1.1 has made no"), "{text}");
    }
    let mut cart = read(&format!(r#"{{"seen":[[[1,1],{largest}]],"lines":[]}}"#)).unwrap();
    cart.add(node(1), &"tea".to_owned(), 2).unwrap();
    assert_eq!(cart.quantity(&"tea".to_owned()), 2);
    // What a program puts together itself is not checked, and overflows nothing.
    let last = [Dot { replica: node(1), counter: u64::MAX }];
    for seen in [
        CausalContext::restore([(node(1), u64::MAX)], last),
        CausalContext::restore([(node(1), u64::MAX - 1)], last),
    ] {
        let mut cart = Cart::default();
        cart.remove_seen(&seen);
        cart.add(node(1), TEA, 1).unwrap();
        assert!(cart.seen().contains(last[0]));
    }
}

#[test]
fn the_last_writer_loses_an_addition() {
    let mut left = LastWriterCart::default();
    let (mut here, mut there) = (HybridClock::new(1), HybridClock::new(2));
    left.set(TEA, 1, here.tick(1_000));
    let mut right = left.clone();
    left.set(TEA, 2, here.tick(1_001));
    right.set(TEA, 0, there.tick(1_002));
    left.merge(&right);
    right.merge(&left);
    assert_eq!((left.quantity(TEA), right.quantity(TEA)), (0, 0), "it converges, and one is lost");
}

proptest! {
    #[test]
    fn stamps_only_grow_whatever_the_wall_clock_does(
        steps in prop::collection::vec((0..2_usize, 1_000..2_000_u64, any::<bool>()), 1..50),
    ) {
        let mut clocks = [HybridClock::new(1), HybridClock::new(2)];
        let mut last: [Option<Stamp>; 2] = [None, None];
        for (index, now_ms, hears) in steps {
            let heard = last[1 - index].filter(|_| hears);
            let accepted = heard.is_some_and(|stamp| clocks[index].observe(stamp, now_ms).is_ok());
            let stamp = clocks[index].tick(now_ms);
            prop_assert!(Some(stamp) > last[index], "later than all of its own");
            if accepted {
                prop_assert!(Some(stamp) > heard, "and than what it has heard of");
            } else if let Some(heard) = heard {
                let ahead = u128::from(heard.wall_ms.saturating_sub(now_ms));
                prop_assert!(ahead > AHEAD_MAX.as_millis());
            }
            last[index] = Some(stamp);
        }
    }
}

/// A change of one of three nodes, or a message between two of them.
#[derive(Clone, Debug)]
enum Step {
    Add(u16, u8, u32),
    Take(u16, u8, u32),
    Set(u16, u8, u32),
    Remove(u16, u8),
    /// The whole cart.
    Send(u16, u16),
    /// One of the deltas so far.
    Deliver(u16, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (by, item, units) = (0..3_u16, 0..2_u8, 1..4_u32);
    prop_oneof![
        4 => (by.clone(), item.clone(), units.clone()).prop_map(|(b, i, u)| Step::Add(b, i, u)),
        3 => (by.clone(), item.clone(), units.clone()).prop_map(|(b, i, u)| Step::Take(b, i, u)),
        1 => (by.clone(), item.clone(), units).prop_map(|(b, i, u)| Step::Set(b, i, u)),
        2 => (by.clone(), item).prop_map(|(b, i)| Step::Remove(b, i)),
        2 => (by.clone(), by.clone()).prop_map(|(from, to)| Step::Send(from, to)),
        2 => (by, any::<usize>()).prop_map(|(to, index)| Step::Deliver(to, index)),
    ]
}

/// The carts of three nodes after some history, and every delta of it.
fn history(steps: &[Step]) -> ([Cart<u8>; 3], Vec<Cart<u8>>) {
    let mut carts: [Cart<u8>; 3] = Default::default();
    let mut deltas = Vec::new();
    for step in steps {
        match *step {
            Step::Add(by, item, units) => {
                deltas.push(carts[usize::from(by)].add(node(by), &item, units).unwrap());
            }
            Step::Take(by, item, units) => {
                deltas.push(carts[usize::from(by)].take(node(by), &item, units));
            }
            Step::Set(by, item, units) => {
                deltas.push(carts[usize::from(by)].set(node(by), &item, units));
            }
            Step::Remove(by, item) => deltas.push(carts[usize::from(by)].remove(&item)),
            Step::Send(from, to) => {
                let sent = carts[usize::from(from)].clone();
                carts[usize::from(to)].merge(&sent);
            }
            Step::Deliver(to, index) if !deltas.is_empty() => {
                carts[usize::from(to)].merge(&deltas[index % deltas.len()]);
            }
            Step::Deliver(..) => {}
        }
    }
    (carts, deltas)
}

fn merged<'a>(carts: impl IntoIterator<Item = &'a Cart<u8>>) -> Cart<u8> {
    let mut result = Cart::default();
    for cart in carts {
        result.merge(cart);
    }
    result
}

proptest! {
    #[test]
    fn merging_is_associative_commutative_and_idempotent(
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let ([a, b, c], _) = history(&steps);
        prop_assert_eq!(merged([&a, &b]), merged([&b, &a]));
        prop_assert_eq!(merged([&merged([&a, &b]), &c]), merged([&a, &merged([&b, &c])]));
        prop_assert_eq!(merged([&a, &a]), a.clone());
        let all = merged([&a, &b, &c]);
        prop_assert_eq!(&merged([&all, &b]), &all, "what is known changes nothing");
        prop_assert!(all.seen().covers(a.seen()));
    }

    #[test]
    fn deltas_in_any_order_and_number_are_worth_the_whole_carts(
        steps in prop::collection::vec(step(), 0..40),
        order in prop::collection::vec(any::<usize>(), 0..80),
    ) {
        let (carts, deltas) = history(&steps);
        let mut result = Cart::default();
        if !deltas.is_empty() {
            for index in order {
                result.merge(&deltas[index % deltas.len()]);
            }
        }
        result.merge(&merged(deltas.iter().rev()));
        prop_assert_eq!(result, merged(&carts));
    }

    #[test]
    fn a_cart_is_read_as_it_was_written(steps in prop::collection::vec(step(), 0..40)) {
        let (carts, deltas) = history(&steps);
        for cart in carts.iter().chain(&deltas) {
            let stored = serde_json::to_string(cart).unwrap();
            prop_assert_eq!(cart, &serde_json::from_str::<Cart<u8>>(&stored).unwrap());
        }
    }

    #[test]
    fn each_change_means_to_its_own_node_what_it_says(
        steps in prop::collection::vec(step(), 0..40),
        units in 0..6_u32,
    ) {
        let ([cart, ..], _) = history(&steps);
        let before = cart.quantity(&0);
        let change = |change: &dyn Fn(&mut Cart<u8>)| {
            let mut changed = cart.clone();
            change(&mut changed);
            (changed.quantity(&0), changed.quantity(&1))
        };
        let other = cart.quantity(&1);
        let more = change(&|cart| drop(cart.add(node(0), &0, units).unwrap()));
        prop_assert_eq!(more, (before + u64::from(units), other));
        let fewer = change(&|cart| drop(cart.take(node(0), &0, units)));
        prop_assert_eq!(fewer, (before.saturating_sub(u64::from(units)), other));
        let set = change(&|cart| drop(cart.set(node(0), &0, units)));
        prop_assert_eq!(set, (u64::from(units), other));
        prop_assert_eq!(change(&|cart| drop(cart.remove(&0))), (0, other));
    }
}

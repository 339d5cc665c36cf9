//! What a node's carts mean, and what they refuse.

use standfast_tactics::cart::{Cart, ReplicaId};
use standfast_tactics::hlc::{AHEAD_MAX, Stamp};

use super::super::change::Change;
use super::super::content::Register;
use super::super::names::{
    CART_LENGTH_MAX, LINES_MAX, MERGED_MAX, QUANTITY_MAX, Refused, WRITERS_MAX,
};
use super::*;

const NOW_MS: u64 = 1_000_000;

fn carts_in(mode: Mode, node: u16, incarnation: u32) -> Carts {
    let replica = ReplicaId { node, incarnation };
    Carts::new(Identity { mode, replica, carts_max: 300 })
}

fn carts(node: u16) -> Carts {
    carts_in(Mode::Dotted, node, 1)
}

fn add(cart: &str, sku: &str, units: u32) -> Change {
    Change::Add { cart: cart.to_owned(), sku: sku.to_owned(), units }
}

fn set(cart: &str, sku: &str, units: u32) -> Change {
    Change::Set { cart: cart.to_owned(), sku: sku.to_owned(), units }
}

fn merge_into(from: &str, into: &str) -> Change {
    Change::MergeInto { from: from.to_owned(), into: into.to_owned() }
}

#[track_caller]
fn done(carts: &mut Carts, change: &Change) -> Deltas {
    carts.apply(change, NOW_MS).unwrap()
}

/// Both nodes have what either has.
fn meet(left: &mut Carts, right: &mut Carts) {
    let all = |carts: &Carts| carts.pick(carts.held.keys());
    right.merge(all(left), NOW_MS);
    left.merge(all(right), NOW_MS);
    assert_eq!(left.root(), right.root());
}

fn lines(carts: &Carts, cart: &str) -> Vec<(String, u64)> {
    carts.show(cart).lines.into_iter().map(|line| (line.sku, line.quantity)).collect()
}

fn of(lines: &[(&str, u64)]) -> Vec<(String, u64)> {
    lines.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect()
}

#[test]
fn a_change_is_told_as_a_part_that_does_the_same_elsewhere() {
    let (mut here, mut there) = (carts(1), carts(2));
    let changes =
        [add("a", "tea", 2), add("a", "milk", 1), set("a", "tea", 5), set("a", "milk", 0)];
    for change in &changes {
        let deltas = done(&mut here, change);
        assert_eq!(there.merge(deltas.clone(), NOW_MS).news, deltas);
        assert!(there.merge(deltas, NOW_MS).news.is_empty(), "the second time it is no news");
        assert_eq!(here.root(), there.root());
    }
    assert_eq!(lines(&there, "a"), of(&[("tea", 5)]));
    assert!(done(&mut here, &set("a", "bread", 0)).is_empty(), "nothing was there to remove");
    assert!(here.content("never").is_none() && lines(&here, "never").is_empty());
}

#[test]
fn both_of_two_settings_are_shown_and_the_larger_one_counts() {
    let (mut here, mut there) = (carts(1), carts(2));
    done(&mut here, &set("a", "tea", 2));
    done(&mut there, &set("a", "tea", 5));
    meet(&mut here, &mut there);
    let line = &here.show("a").lines[0];
    assert_eq!((line.quantity, line.rivals.as_slice()), (5, [2, 5].as_slice()));
    done(&mut there, &set("a", "tea", 3));
    assert!(there.show("a").lines[0].rivals.is_empty(), "somebody has decided");
}

#[test]
fn a_cart_that_is_merged_into_another_is_found_there_with_what_comes_to_it_later() {
    let (mut here, mut there) = (carts(1), carts(2));
    done(&mut here, &add("guest", "tea", 1));
    meet(&mut here, &mut there);
    done(&mut here, &merge_into("guest", "ada"));
    done(&mut here, &add("ada", "tea", 2));
    assert!(done(&mut here, &merge_into("guest", "ada")).is_empty(), "once is enough");
    // On the other side of a partition, nobody knows of it; and somebody merges it there as well.
    done(&mut there, &add("guest", "milk", 1));
    done(&mut there, &merge_into("guest", "ada"));
    meet(&mut here, &mut there);
    assert_eq!(lines(&here, "ada"), of(&[("tea", 3), ("milk", 1)]));
    assert_eq!(here.show("guest").merged_into.as_deref(), Some("ada"));
    assert!(lines(&here, "guest").is_empty());
    let refused = here.apply(&add("guest", "tea", 1), NOW_MS).unwrap_err();
    assert_eq!(refused, Refused::Merged { into: "ada".to_owned() });
    done(&mut here, &set("ada", "tea", 1));
    assert_eq!(lines(&here, "ada"), of(&[("tea", 1), ("milk", 1)]), "set means in all of it");
}

#[test]
fn a_customer_may_have_been_a_guest_any_number_of_times() {
    let mut carts = carts(1);
    for guest in 0..=2 * MERGED_MAX {
        let guest = format!("guest-{guest}");
        done(&mut carts, &add(&guest, "tea", 1));
        done(&mut carts, &merge_into(&guest, "ada"));
        let context = carts.show("ada").context.parse().unwrap();
        done(&mut carts, &Change::CheckOut { cart: "ada".to_owned(), context });
    }
    assert_eq!(carts.show("ada").context, "ada=", "of an empty cart there is nothing to remove");
    for guest in 0..MERGED_MAX {
        let guest = format!("late-{guest}");
        done(&mut carts, &add(&guest, "tea", 1));
        done(&mut carts, &merge_into(&guest, "ada"));
    }
    let refused = carts.apply(&merge_into("one-more", "ada"), NOW_MS);
    assert!(matches!(refused, Err(Refused::NotMergeable { .. })), "{refused:?}");
}

#[test]
fn two_carts_that_were_merged_into_each_other_both_stay() {
    let (mut here, mut there) = (carts(1), carts(2));
    done(&mut here, &add("a", "tea", 1));
    done(&mut here, &add("b", "milk", 1));
    meet(&mut here, &mut there);
    done(&mut here, &merge_into("a", "b"));
    done(&mut there, &merge_into("b", "a"));
    meet(&mut here, &mut there);
    assert_eq!(lines(&here, "a"), of(&[("tea", 1)]));
    assert_eq!(lines(&here, "b"), of(&[("milk", 1)]));
    for (from, into) in [("a", "a"), ("a", "c"), ("c", "a")] {
        let refused = here.apply(&merge_into(from, into), NOW_MS).unwrap_err();
        assert!(matches!(refused, Refused::NotMergeable { .. }), "{from} into {into}: {refused}");
    }
}

#[test]
fn a_checkout_empties_what_it_was_shown_also_of_carts_that_were_merged_in() {
    let (mut here, mut there) = (carts(1), carts(2));
    done(&mut here, &add("ada", "tea", 2));
    done(&mut here, &add("guest", "tea", 1));
    done(&mut here, &merge_into("guest", "ada"));
    let context = here.show("ada").context.parse().unwrap();
    // The node that is told of the order has heard of nothing yet.
    done(&mut there, &add("ada", "tea", 4));
    done(&mut there, &Change::CheckOut { cart: "ada".to_owned(), context });
    meet(&mut here, &mut there);
    assert_eq!(lines(&here, "ada"), of(&[("tea", 4)]), "what came after the order was shown");
}

#[test]
fn a_context_that_claims_what_this_node_has_not_done_is_refused() {
    let mut carts = carts(1);
    done(&mut carts, &add("a", "tea", 2));
    done(&mut carts, &merge_into("c", "d"));
    let before = carts.root();
    for claimed in ["a=1.1:2", "a=1.1:1!1.1#3", "b=1.1:1", "a=1.1:1;b=1.1:1", "a=;b=!1.1#2", "c="] {
        let change = Change::CheckOut { cart: "a".to_owned(), context: claimed.parse().unwrap() };
        assert_eq!(carts.apply(&change, NOW_MS), Err(Refused::ForeignContext), "{claimed}");
    }
    assert_eq!(carts.root(), before);
}

#[test]
fn what_was_bought_is_removed_also_when_its_cart_was_merged_elsewhere_meanwhile() {
    let mut carts = carts(1);
    done(&mut carts, &add("guest", "tea", 2));
    let context = carts.show("guest").context.parse().unwrap();
    done(&mut carts, &merge_into("guest", "ada"));
    done(&mut carts, &add("ada", "milk", 1));
    done(&mut carts, &Change::CheckOut { cart: "guest".to_owned(), context });
    assert_eq!(lines(&carts, "ada"), of(&[("milk", 1)]), "it is not there to be bought again");
}

#[test]
fn a_context_with_a_change_of_this_node_that_overtook_another_one_is_taken() {
    let (mut here, mut there) = (carts(1), carts(2));
    done(&mut here, &add("a", "tea", 1));
    there.merge(done(&mut here, &add("a", "milk", 1)), NOW_MS);
    let context = there.show("a").context;
    assert_eq!(context, "a=!1.1#2");
    let context = context.parse().unwrap();
    done(&mut here, &Change::CheckOut { cart: "a".to_owned(), context });
    assert_eq!(lines(&here, "a"), of(&[("tea", 1)]));
}

#[test]
fn a_checkout_changes_all_parts_or_none_and_needs_no_place_among_the_writers() {
    let mut whole = carts(1);
    for incarnation in 1..=u32::try_from(WRITERS_MAX).unwrap() {
        let mut life = carts_in(Mode::Dotted, 2, incarnation);
        whole.merge(done(&mut life, &add("full", "tea", 1)), NOW_MS);
    }
    done(&mut whole, &add("a", "tea", 1));
    let before = whole.root();
    let check_out = |cart: &str, context: String| Change::CheckOut {
        cart: cart.to_owned(),
        context: context.parse().unwrap(),
    };
    let shown = [whole.show("a").context, whole.show("full").context];
    let refused = check_out("a", format!("{};b=1.1:1", shown[0]));
    assert_eq!(whole.apply(&refused, NOW_MS), Err(Refused::ForeignContext));
    assert_eq!(whole.root(), before, "the part before the wrong one is as it was");
    done(&mut whole, &check_out("full", shown[1].clone()));
    assert!(lines(&whole, "full").is_empty());
}

#[test]
fn invented_changes_and_lives_do_not_fill_a_cart() {
    let mut carts = carts(1);
    done(&mut carts, &add("a", "tea", 1));
    let many: Vec<String> = (0..WRITERS_MAX).map(|life| format!("9.{life}:1")).collect();
    let context = format!("unheard-of={}", many.join(",")).parse().unwrap();
    let change = Change::CheckOut { cart: "unheard-of".to_owned(), context };
    assert_eq!(carts.apply(&change, NOW_MS), Err(Refused::TooManyWriters));
    let mut refused = 0;
    for from in 0..8 {
        let lives: Vec<String> = (0..50).map(|life| format!("9.{}:1", 50 * from + life)).collect();
        let gaps: Vec<String> =
            (1..900).map(|gap| format!("8.1#{}", 2 * (900 * from + gap))).collect();
        for context in [format!("a={}", lives.join(",")), format!("a=!{}", gaps.join(","))] {
            let context = context.parse().unwrap();
            let change = Change::CheckOut { cart: "a".to_owned(), context };
            refused += u32::from(carts.apply(&change, NOW_MS).is_err());
        }
    }
    assert!(refused > 8, "{refused}");
    assert!(carts.held["a"].length <= 2 * CART_LENGTH_MAX);
    assert!(carts.content("a").unwrap().lines.seen().vector().count() <= WRITERS_MAX / 2);
}

#[test]
fn limits_hold_and_removing_makes_room() {
    let mut carts = carts(1);
    for number in 0..LINES_MAX {
        done(&mut carts, &add("a", &format!("sku-{number}"), 1));
    }
    assert_eq!(carts.apply(&add("a", "one-more", 1), NOW_MS), Err(Refused::CartFull));
    done(&mut carts, &add("a", "sku-7", 1));
    done(&mut carts, &set("a", "sku-8", 0));
    done(&mut carts, &add("a", "one-more", QUANTITY_MAX));
    assert_eq!(carts.apply(&add("a", "one-more", 1), NOW_MS), Err(Refused::LineFull));
    for number in 1..300 {
        done(&mut carts, &add(&format!("cart-{number}"), "tea", 1));
    }
    assert_eq!(carts.apply(&add("cart-300", "tea", 1), NOW_MS), Err(Refused::TooManyCarts));
    assert_eq!(carts.held.len(), 300);
}

#[test]
fn a_cart_of_endless_additions_is_full_until_its_lines_are_set() {
    let (mut carts, by) = (carts(1), ReplicaId { node: 2, incarnation: 1 });
    // Additions that other nodes let in count as well.
    let mut many = Cart::default();
    for number in 0..1_200 {
        many.add(by, &["tea", "bread"][number % 2].to_owned(), 1).unwrap();
    }
    carts.merge([("a".to_owned(), Content::of_lines(many))].into(), NOW_MS);
    assert_eq!(carts.apply(&add("a", "tea", 1), NOW_MS), Err(Refused::CartFull));
    assert_eq!(carts.apply(&add("a", "milk", 1), NOW_MS), Err(Refused::CartFull));
    assert_eq!(carts.apply(&set("a", "milk", 1), NOW_MS), Err(Refused::CartFull));
    done(&mut carts, &set("a", "bread", 1));
    done(&mut carts, &set("a", "bread", 0));
    done(&mut carts, &add("a", "milk", 1));
    done(&mut carts, &set("a", "tea", 7));
    assert_eq!(lines(&carts, "a"), of(&[("milk", 1), ("tea", 7)]));
}

#[test]
fn a_cart_has_a_limit_of_lives_that_wrote_to_it() {
    let mut whole = carts(1);
    for incarnation in 1..=u32::try_from(WRITERS_MAX).unwrap() {
        let mut life = carts_in(Mode::Dotted, 2, incarnation);
        whole.merge(done(&mut life, &add("a", "tea", 1)), NOW_MS);
    }
    assert_eq!(whole.apply(&add("a", "tea", 1), NOW_MS), Err(Refused::TooManyWriters));
    done(&mut whole, &add("b", "tea", 1));
}

#[test]
fn a_scalar_of_the_future_is_left_out_and_the_rest_is_taken() {
    let (mut here, mut there) = (carts(1), carts(2));
    let ahead = u64::try_from(AHEAD_MAX.as_millis()).unwrap() + 1;
    let note = |text: &str| Change::Annotate { cart: "a".to_owned(), note: text.to_owned() };
    let mut deltas = there.apply(&note("late"), NOW_MS + ahead).unwrap();
    let mut added = done(&mut there, &add("a", "tea", 1));
    deltas.get_mut("a").unwrap().merge(&added.remove("a").unwrap());
    let merged = here.merge(deltas.clone(), NOW_MS);
    assert_eq!((merged.clock_rejects, here.show("a").note), (1, None));
    assert_eq!(lines(&here, "a"), of(&[("tea", 1)]));
    let merged = here.merge(deltas, NOW_MS + 1);
    assert_eq!((merged.clock_rejects, here.show("a").note.as_deref()), (0, Some("late")));
    // What is written here now is later than that, though this clock is behind.
    done(&mut here, &note("later"));
    there.merge(here.pick(&["a".to_owned()]), NOW_MS + ahead);
    assert_eq!(there.show("a").note.as_deref(), Some("later"));
}

#[test]
fn two_values_of_one_stamp_are_noticed_and_one_is_taken_everywhere() {
    let stamp = Stamp { wall_ms: 5, count: 0, node: 3 };
    let of = |text: &str| {
        let note = Some(Register { stamp, text: text.to_owned() });
        Deltas::from([("a".to_owned(), Content { note, ..Content::default() })])
    };
    let (mut here, mut there) = (carts(1), carts(2));
    let found = [here.merge(of("x"), NOW_MS), here.merge(of("y"), NOW_MS)];
    assert_eq!(found.map(|merged| merged.contradictions), [0, 1]);
    there.merge(of("y"), NOW_MS);
    there.merge(of("x"), NOW_MS);
    assert_eq!(here.root(), there.root());
}

#[test]
fn a_last_writer_forgets_what_the_other_side_has_put_in() {
    let (mut here, mut there) =
        (carts_in(Mode::LastWriter, 1, 1), carts_in(Mode::LastWriter, 2, 1));
    here.apply(&add("a", "tea", 1), NOW_MS).unwrap();
    there.apply(&add("a", "milk", 1), NOW_MS + 1).unwrap();
    let all = |carts: &Carts| carts.pick(carts.held.keys());
    here.merge(all(&there), NOW_MS + 2);
    there.merge(all(&here), NOW_MS + 2);
    assert_eq!(here.root(), there.root());
    assert_eq!(lines(&here, "a"), of(&[("milk", 1)]));
}

#[test]
fn what_was_stored_is_taken_back_and_the_clock_goes_on_from_it() {
    let mut carts = carts(1);
    let note = Change::Annotate { cart: "a".to_owned(), note: "first".to_owned() };
    let stored = [done(&mut carts, &add("a", "tea", 1)), done(&mut carts, &note)];
    let mut again = carts_in(Mode::Dotted, 1, 2);
    stored.iter().for_each(|deltas| again.restore(deltas));
    assert_eq!(again.root(), carts.root());
    // The clock of the machine was set back by a second meanwhile.
    let note = Change::Annotate { cart: "a".to_owned(), note: "second".to_owned() };
    again.apply(&note, NOW_MS - 1_000).unwrap();
    assert_eq!(again.show("a").note.as_deref(), Some("second"));
    again.apply(&add("a", "tea", 1), NOW_MS).unwrap();
    assert_eq!(again.show("a").context, "a=1.1:1,1.2:1", "a life has numbers of its own");
}

#[test]
fn a_list_is_shown_in_pages_with_every_line_under_the_cart_it_was_put_into() {
    let mut carts = carts(1);
    for cart in ["c", "a", "b"] {
        done(&mut carts, &add(cart, "tea", 1));
    }
    done(&mut carts, &merge_into("b", "a"));
    let first = carts.page("", 2);
    let names: Vec<&str> = first.lines.iter().map(|row| row.cart.as_str()).collect();
    assert_eq!((names, first.next_after.as_deref()), (vec!["a", "b"], Some("b")));
    let second = carts.page("b", 2);
    assert_eq!((second.lines.len(), second.next_after), (1, None));
    assert_eq!(first.root, second.root);
}

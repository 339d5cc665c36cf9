//! Stacks: what is known to go wrong is refused, and told with its reason.

use proptest::prelude::*;
use standfast_tactics::stack::{Layer, Mistake, RULES, Stack};

#[test]
fn the_order_of_the_docs_is_right_and_every_part_of_it_that_has_what_it_needs() {
    assert!(Stack::try_new("all", &Layer::ALL).is_ok());
    for left_out in Layer::ALL {
        let layers: Vec<Layer> =
            Layer::ALL.into_iter().filter(|layer| *layer != left_out).collect();
        let result = Stack::try_new("part", &layers);
        let is_needed = matches!(left_out, Layer::Deadline | Layer::Timeout);
        assert_eq!(result.is_err(), is_needed, "without {left_out}: {result:?}");
    }
}

#[test]
fn each_rule_refuses_its_pair_the_wrong_way_round_with_its_reason() {
    for rule in RULES {
        let mut layers = Layer::ALL.to_vec();
        let place = |layers: &[Layer], layer| layers.iter().position(|one| *one == layer).unwrap();
        let (outer, inner) = (place(&layers, rule.outer), place(&layers, rule.inner));
        assert!(outer < inner, "{} and {} contradict the docs", rule.outer, rule.inner);
        layers.swap(outer, inner);
        let mistakes = Stack::try_new("wrong", &layers).unwrap_err();
        let is_it = |mistake: &Mistake| {
            matches!(mistake, Mistake::Order { outer, inner, .. }
                if *outer == rule.outer && *inner == rule.inner)
        };
        assert!(mistakes.all().iter().any(is_it), "{mistakes}");
        assert!(mistakes.to_string().contains(rule.reason));
    }
}

#[test]
fn no_rule_is_there_twice_and_none_contradicts_another() {
    for (index, rule) in RULES.iter().enumerate() {
        for other in &RULES[index + 1..] {
            let (pair, swapped) = ((rule.outer, rule.inner), (rule.inner, rule.outer));
            assert_ne!((other.outer, other.inner), pair);
            assert_ne!((other.outer, other.inner), swapped);
        }
    }
}

#[test]
fn a_layer_that_multiplies_or_lacks_another_is_refused() {
    use Layer::{Breaker, Bulkhead, Deadline, Retry, Timeout};
    let told = |layers: &[Layer]| Stack::try_new("search", layers).unwrap_err().to_string();
    let text = told(&[Deadline, Retry, Retry, Timeout]);
    assert_eq!(text, "stack `search`: retry is there twice: it multiplies");
    assert!(told(&[Retry]).contains("retry needs deadline"));
    assert!(told(&[Bulkhead]).contains("bulkhead needs deadline"));
    assert!(told(&[Breaker]).contains("breaker needs timeout"));
}

#[test]
fn a_stack_tells_its_order_and_what_a_control_arm_leaves_of_it() {
    use Layer::{Breaker, Deadline, Fallback, Timeout};
    let stack = Stack::try_new("search", &[Fallback, Deadline, Breaker, Timeout]).unwrap();
    assert_eq!(stack.to_string(), "search: fallback > deadline > breaker > timeout");
    assert_eq!(stack.without(&[Breaker]).layers(), [Fallback, Deadline, Timeout]);
}

proptest! {
    #[test]
    fn any_list_is_either_right_or_told_what_is_wrong(
        picks in prop::collection::vec(0_usize..Layer::ALL.len(), 0..8),
    ) {
        let layers: Vec<Layer> = picks.into_iter().map(|pick| Layer::ALL[pick]).collect();
        match Stack::try_new("any", &layers) {
            Ok(stack) => prop_assert_eq!(stack.layers(), &layers[..]),
            Err(mistakes) => prop_assert!(!mistakes.all().is_empty()),
        }
    }
}

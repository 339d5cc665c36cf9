//! Carts: agreed on in the end, with what was added and without what was removed.

use standfast_checker::{CartReading, Judgement, Verdict, judge_cart};
use standfast_history::Operation;

use super::{holds, is_refuted, reads, unanswered, write};

fn at(node: &str, operation: Operation) -> Operation {
    let key = Some("ann".to_owned());
    Operation { source: Some(node.to_owned()), key, ..operation }
}

/// Two nodes that have these items of Ann's cart in the end.
fn judged(operations: &[Operation], items: [&[&str]; 2]) -> Judgement {
    let reading = |(node, items): (&str, &[&str])| CartReading {
        node: node.to_owned(),
        lines: items.iter().map(|item| ("ann".to_owned(), (*item).to_owned())).collect(),
    };
    let readings = [("left", items[0]), ("right", items[1])].map(reading);
    judge_cart(&operations.iter().collect::<Vec<_>>(), &readings).unwrap()
}

#[test]
fn what_was_added_is_there_and_what_was_removed_is_not() {
    let history = [
        at("left", write(0, 0, 10, "+tea")),
        at("right", write(1, 0, 10, "+milk")),
        at("left", write(2, 20, 30, "-tea")),
    ];
    holds(&judged(&history, [&["milk"], &["milk"]]));
    is_refuted(&judged(&history, [&[], &[]]), "lost add", &[1]);
    is_refuted(&judged(&history, [&["milk", "tea"]; 2]), "removal is back", &[0, 2]);
    let kinds = |judgement: Judgement| {
        let kinds = judgement.findings.into_iter().map(|finding| finding.kind);
        kinds.collect::<Vec<_>>()
    };
    assert_eq!(kinds(judged(&history, [&["milk"], &[]])), ["diverged", "lost add"]);
    assert_eq!(kinds(judged(&history, [&["milk", "jam"]; 2])), ["never added"]);
}

#[test]
fn nothing_is_held_against_a_cart_that_could_be_so() {
    // The other side of a partition: the removal may not have known of the addition.
    let apart = [at("left", write(0, 0, 10, "+tea")), at("right", write(1, 20, 30, "-tea"))];
    holds(&judged(&apart, [&["tea"]; 2]));
    holds(&judged(&apart, [&[]; 2]));
    // But it did if the tea was seen there before.
    let seen = [&apart[..], &[at("right", reads(2, 12, 15, r#"["tea"]"#))]].concat();
    is_refuted(&judged(&seen, [&["tea"]; 2]), "removal is back", &[0, 1]);
    // Unless there is another one.
    let again = [&seen[..], &[at("left", write(3, 12, 19, "+tea"))]].concat();
    holds(&judged(&again, [&["tea"]; 2]));
    // An addition after all removals stays; one without an answer may not have happened.
    let later = [&apart[..], &[at("left", write(4, 40, 50, "+tea"))]].concat();
    is_refuted(&judged(&later, [&[]; 2]), "lost add", &[1, 4]);
    let open = [&apart[..], &[unanswered(at("left", write(4, 40, 50, "+tea")))]].concat();
    holds(&judged(&open, [&[]; 2]));
}

#[test]
fn what_says_nothing_is_refused_and_what_did_nothing_is_unknown() {
    let all = [write(0, 0, 10, "tea")];
    let readings = [CartReading { node: "left".to_owned(), ..CartReading::default() }];
    let lack = judge_cart(&[&all[0]], &readings).unwrap_err();
    assert!(lack.to_string().contains("write #0"), "{lack}");
    let lack = judge_cart(&[], &[]).unwrap_err();
    assert!(lack.to_string().contains("no node was read"), "{lack}");
    assert_eq!(judge_cart(&[], &readings).unwrap().verdict(), Verdict::Unknown);
}

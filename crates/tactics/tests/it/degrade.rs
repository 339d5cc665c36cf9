//! Grades: the worse of two wins, and a header says the same as the type.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::degrade::{Answer, Grade, Kept, Ladder};

const SECOND: Duration = Duration::from_secs(1);

fn grade() -> impl Strategy<Value = Grade> {
    prop_oneof![
        Just(Grade::Fresh),
        (0_u64..1 << 40).prop_map(|age| Grade::Stale { age: Duration::from_millis(age) }),
        "[ -~]{0,40}".prop_map(|why| Grade::Degraded { why }),
        prop::collection::vec("[a-z-]{1,8}", 1..4).prop_map(|missing| Grade::Partial { missing }),
    ]
}

fn rank(grade: &Grade) -> u8 {
    match grade {
        Grade::Fresh => 0,
        Grade::Stale { .. } => 1,
        Grade::Partial { .. } => 2,
        Grade::Degraded { .. } => 3,
    }
}

proptest! {
    #[test]
    fn what_is_put_together_is_as_good_as_the_worst_part(one in grade(), other in grade()) {
        let both = one.clone().and(other.clone());
        prop_assert_eq!(rank(&both), rank(&one).max(rank(&other)));
        prop_assert_eq!(rank(&both), rank(&other.and(one.clone())), "in either order");
        prop_assert_eq!(one.clone().and(one.clone()), one, "twice the same is the same");
    }

    #[test]
    fn a_grade_survives_its_header(grade in grade()) {
        prop_assert_eq!(Grade::from_header(&grade.header_value()), Ok(grade));
    }

    #[test]
    fn whatever_the_reason_the_header_is_one_line_of_ascii(why in "\\PC*|.*[\r\n\u{0}].*") {
        let value = Grade::Degraded { why }.header_value();
        prop_assert!(value.chars().all(|character| (' '..='~').contains(&character)), "{value}");
        prop_assert!(value.len() < 600);
        prop_assert!(matches!(Grade::from_header(&value), Ok(Grade::Degraded { .. })), "{value}");
    }

    #[test]
    fn no_header_makes_the_reader_panic(
        value in "(fresh|stale|degraded|partial)?[;= a-z\"\\\\0-9]*",
    ) {
        drop(Grade::from_header(&value));
    }
}

#[test]
fn what_is_no_grade_is_refused() {
    for wrong in [
        "",
        "Fresh",
        "fresh; age=1",
        "stale",
        "stale; age=-1",
        "stale; age=1.5",
        "stale; age=99999999999999999999",
        "degraded",
        "degraded; why=none",
        "degraded; why=\"a\"b\"",
        "degraded; why=\"a\\n\"",
        "degraded; why=\"a\\\"",
        "partial; why=\"a\"",
    ] {
        assert!(Grade::from_header(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Grade::from_header(" fresh "), Ok(Grade::Fresh));
    let quoted = Grade::Degraded { why: "he said \"no\\yes\"".to_owned() };
    assert_eq!(quoted.header_value(), r#"degraded; why="he said \"no\\yes\"""#);
}

#[test]
fn the_ladder_ends_at_what_is_too_old_or_at_the_failure() {
    let ladder = Ladder { stale_max: SECOND };
    let kept = |age| Some(Kept { value: 7, age });
    assert_eq!(ladder.answer(Ok::<_, &str>(1), kept(SECOND), Some(0)), Ok(Answer::fresh(1)));
    let away: Result<i32, &str> = Err("away");
    assert_eq!(ladder.answer(away, kept(SECOND), Some(0)), Ok(Answer::stale(7, SECOND)));
    let old = kept(SECOND + Duration::from_nanos(1));
    assert_eq!(ladder.answer(away, old.clone(), Some(0)), Ok(Answer::degraded(0, "away")));
    assert_eq!(ladder.answer(away, old, None), Err("away"));
}

#[test]
fn parts_of_an_answer_are_put_together_with_their_grades() {
    let rooms = Answer::partial(vec!["room 7"], vec!["hotel-b".to_owned()]);
    let prices = Answer::stale(vec![100], SECOND);
    let both = rooms.with(prices, |rooms, prices| rooms.len() + prices.len());
    assert_eq!(both, Answer::partial(2, vec!["hotel-b".to_owned()]));
    assert_eq!(Answer::partial(1, vec![]).grade, Grade::Fresh, "nothing is missing");
    let reasons = Grade::Degraded { why: "a".into() }.and(Grade::Degraded { why: "b".into() });
    assert_eq!(reasons, Grade::Degraded { why: "a; b".into() });
}

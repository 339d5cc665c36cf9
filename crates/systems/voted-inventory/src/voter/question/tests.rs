//! Who says what, in which order, and what comes of it.

use proptest::prelude::*;
use standfast_tactics::vote::Mode;

use super::*;

const MS: Duration = Duration::from_millis(1);
const PRODUCT: &str = "PROD-001";

fn said(version: i64, units: u32) -> Said {
    let (product, stock) = (PRODUCT.to_owned(), Stock { units, version });
    Said::Stock(vec![Statement { product, stock }])
}

fn list(products: &[(&str, i64, u32)]) -> Said {
    let statement = |(product, version, units): &(&str, i64, u32)| Statement {
        product: (*product).to_owned(),
        stock: Stock { units: *units, version: *version },
    };
    Said::Stock(products.iter().map(statement).collect())
}

struct Asked {
    question: Question,
    start: Instant,
}

impl Asked {
    fn of(subject: Subject, seats: [Seat; 3]) -> Self {
        let start = Instant::now();
        let panel = Panel::try_new(3, Mode::Masking { faults: 1 }).unwrap();
        let terms = Terms { opened_at: start, deadline: start + 300 * MS, version_min: 0 };
        Self { question: Question::open(panel, subject, terms, seats.to_vec()), start }
    }

    fn one() -> Self {
        Self::of(Subject::One(PRODUCT.to_owned()), [Seat::Counts; 3])
    }

    fn hears(&mut self, replica: usize, said: Said, after_ms: u32) -> Vec<(usize, i64)> {
        let again = self.question.take(replica, said, self.start + after_ms * MS);
        again.iter().map(|one| (one.replica, one.version_min)).collect()
    }

    fn settled(&self) -> (i64, Option<u32>) {
        match self.question.ending() {
            Some(Ending::Agreed(settled)) => (settled[0].version, settled[0].stock),
            other => panic!("no agreement: {other:?}"),
        }
    }

    fn standings(&self) -> Vec<Standing> {
        self.question.marks().iter().map(|mark| mark.standing).collect()
    }
}

const UNREACHABLE: Option<&Ending> = Some(&Ending::NoQuorum(Undecided::Unreachable));

#[test]
fn the_second_agreeing_reply_decides_and_a_liar_is_named_with_its_product() {
    let mut asked = Asked::one();
    assert_eq!(asked.hears(1, said(7, 99), 1), []);
    assert_eq!(asked.hears(0, said(7, 12), 2), []);
    assert_eq!(asked.question.ending(), None, "somebody lies");
    asked.hears(2, said(7, 12), 3);
    assert_eq!(asked.settled(), (7, Some(12)));
    let marks = asked.question.marks();
    assert_eq!(marks[1].dissents_on, [PRODUCT]);
    assert_eq!(asked.standings(), [Standing::Agrees, Standing::Dissents, Standing::Agrees]);
}

#[test]
fn who_is_behind_is_asked_again_and_nobody_waits_for_the_third() {
    let mut asked = Asked::one();
    assert_eq!(asked.hears(0, said(9, 5), 1), []);
    assert_eq!(asked.hears(1, said(10, 4), 2), [(0, 10)], "the third may hang");
    asked.hears(0, said(10, 4), 4);
    assert_eq!(asked.settled(), (10, Some(4)));
}

#[test]
fn a_version_that_is_a_lie_delays_nothing() {
    let mut asked = Asked::one();
    assert_eq!(asked.hears(0, said(9, 5), 1), []);
    assert_eq!(asked.hears(1, said(1_000_000, 77), 2), [(0, 1_000_000)]);
    assert_eq!(asked.hears(2, said(10, 4), 3), [(0, 10), (2, 1_000_000)]);
    asked.hears(0, said(10, 4), 5);
    assert_eq!(asked.settled(), (10, Some(4)));
    assert!(matches!(asked.standings()[1], Standing::Ahead { .. }));
}

#[test]
fn two_statements_about_one_version_agree_though_both_have_moved_on() {
    let mut asked = Asked::one();
    asked.hears(0, said(9, 5), 1);
    assert_eq!(asked.hears(1, said(10, 4), 2), [(0, 10)]);
    assert_eq!(asked.hears(0, said(11, 3), 3), [(1, 11)], "it came later than asked for");
    asked.hears(2, said(9, 5), 4);
    assert_eq!(asked.settled(), (9, Some(5)), "what the first had said before");
}

#[test]
fn a_dead_replica_costs_nothing_and_two_are_refused_at_once() {
    let mut asked = Asked::one();
    asked.hears(0, Said::Failed, 1);
    asked.hears(1, said(3, 8), 2);
    asked.hears(2, said(3, 8), 2);
    assert_eq!(asked.settled(), (3, Some(8)));
    let mut asked = Asked::one();
    asked.hears(0, Said::Failed, 1);
    asked.hears(1, Said::Failed, 1);
    assert_eq!(asked.question.ending(), UNREACHABLE);
}

#[test]
fn three_different_answers_are_refused() {
    let mut asked = Asked::one();
    asked.hears(0, said(7, 1), 1);
    asked.hears(1, said(7, 2), 1);
    asked.hears(2, said(7, 3), 1);
    assert_eq!(asked.question.ending(), UNREACHABLE);
}

#[test]
fn who_does_not_count_is_judged_all_the_same() {
    let subject = Subject::One(PRODUCT.to_owned());
    let mut asked = Asked::of(subject, [Seat::Counts, Seat::Shadow, Seat::Counts]);
    asked.hears(1, said(7, 12), 1);
    asked.hears(0, said(7, 12), 1);
    assert_eq!(asked.question.ending(), None, "a shadow is no second vote");
    asked.hears(2, said(7, 12), 2);
    let Some(Ending::Agreed(settled)) = asked.question.ending() else { panic!("not agreed") };
    assert_eq!(settled[0].votes, 2);
    assert!(asked.question.marks()[1].is_shadow);
    assert_eq!(asked.standings()[1], Standing::Agrees);
}

#[test]
fn with_too_few_seats_nobody_waits() {
    let subject = Subject::One(PRODUCT.to_owned());
    let asked = Asked::of(subject, [Seat::Counts, Seat::Absent, Seat::Shadow]);
    assert_eq!(asked.question.ending(), UNREACHABLE);
}

#[test]
fn silence_ends_with_the_deadline_and_a_reply_after_it_changes_nothing() {
    let mut asked = Asked::one();
    asked.hears(0, said(7, 12), 1);
    asked.hears(1, said(7, 12), 300);
    assert_eq!(asked.question.ending(), Some(&Ending::NoQuorum(Undecided::Deadline)));
}

#[test]
fn a_late_liar_is_named_too() {
    let mut asked = Asked::one();
    asked.hears(0, said(7, 12), 1);
    asked.hears(2, said(7, 12), 2);
    asked.hears(1, said(7, 13), 200);
    let marks = asked.question.marks();
    assert!(marks[1].is_late && marks[1].standing == Standing::Dissents);
    assert_eq!(marks[1].after, Some(200 * MS));
}

#[test]
fn to_know_of_no_such_product_is_a_statement() {
    let mut asked = Asked::one();
    asked.hears(0, Said::Stock(Vec::new()), 1);
    asked.hears(1, Said::Stock(Vec::new()), 2);
    assert_eq!(asked.settled().1, None);
    let mut asked = Asked::one();
    asked.hears(0, Said::Stock(Vec::new()), 1);
    asked.hears(1, said(4, 2), 2);
    asked.hears(2, said(4, 2), 2);
    assert_eq!(asked.settled(), (4, Some(2)));
    assert_eq!(asked.standings()[0], Standing::Dissents);
}

#[test]
fn a_list_is_decided_product_by_product() {
    let mut asked = Asked::of(Subject::All, [Seat::Counts; 3]);
    asked.hears(0, list(&[("A", 4, 1), ("B", 7, 5)]), 1);
    let again = asked.hears(1, list(&[("A", 5, 2), ("B", 7, 6)]), 2);
    assert_eq!(again, [(0, 5)]);
    asked.hears(2, list(&[("A", 5, 2), ("B", 7, 5), ("C", 9, 9)]), 3);
    let Some(Ending::Agreed(settled)) = asked.question.ending() else { panic!("not agreed") };
    let settled: Vec<_> =
        settled.iter().map(|one| (one.product.as_str(), one.version, one.stock)).collect();
    assert_eq!(settled, [("A", 5, Some(2)), ("B", 7, Some(5))], "C is an invention");
    assert_eq!(asked.question.marks()[1].dissents_on, ["B"]);
    assert!(matches!(asked.standings()[0], Standing::Lags { .. }));
}

proptest! {
    /// The truth is that version v has v units. Whatever one replica says and in whatever order
    /// replies come, what is agreed on is true, and the two others are enough.
    #[test]
    fn one_liar_never_wins_and_never_prevents_the_answer(
        liar in 0usize..3,
        lies in prop::collection::vec((-1i64..20, 0u32..20), 4),
        first in prop::array::uniform3(0i64..10),
        order in prop::collection::vec(0usize..8, 40),
    ) {
        let mut asked = Asked::one();
        let mut waiting: Vec<(usize, i64)> = (0..3).map(|replica| (replica, 0)).collect();
        let mut replies = [0usize; 3];
        for (step, place) in order.iter().enumerate() {
            if waiting.is_empty() || asked.question.ending().is_some() {
                break;
            }
            let (replica, version_min) = waiting.remove(place % waiting.len());
            let version = first[replica].max(version_min);
            let what = if replica == liar {
                let (version, units) = lies[replies[replica] % lies.len()];
                said(version, units)
            } else if version_min >= 10 {
                // Nobody ever gets there: the call fails after a while.
                Said::Failed
            } else {
                said(version, u32::try_from(version).unwrap())
            };
            replies[replica] += 1;
            waiting.extend(asked.hears(replica, what, u32::try_from(step).unwrap()));
        }
        let (version, stock) = asked.settled();
        let honest: Vec<i64> = (0..3).filter(|one| *one != liar).map(|one| first[one]).collect();
        prop_assert!(version >= honest[0].min(honest[1]), "{version}");
        prop_assert_eq!(stock.map(i64::from), Some(version));
        for replica in (0..3).filter(|replica| *replica != liar) {
            prop_assert_ne!(asked.standings()[replica], Standing::Dissents);
        }
    }
}

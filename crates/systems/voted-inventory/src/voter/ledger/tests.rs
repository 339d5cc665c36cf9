//! What adds up, what is told once, and what is told again.

use super::*;

const MS: Duration = Duration::from_millis(1);

const RULES: Rules = Rules {
    outlier_sigmas: 2.0,
    outlier_floor: Duration::from_millis(50),
    agreements_to_clear: 2,
    vote_timeout: Duration::from_millis(300),
};

fn names() -> Vec<String> {
    (1..=3).map(|number| format!("inventory-{number}")).collect()
}

fn mark(standing: Standing, after: Option<Duration>) -> Mark {
    let about = |is_it: bool| if is_it { vec!["A".to_owned()] } else { Vec::new() };
    Mark {
        standing,
        is_late: false,
        is_shadow: false,
        after,
        agrees_on: about(standing == Standing::Agrees),
        dissents_on: about(standing == Standing::Dissents),
    }
}

fn well() -> Mark {
    mark(Standing::Agrees, Some(MS))
}

#[test]
fn a_dissent_is_urgent_told_once_and_cleared_in_the_end() {
    let mut ledger = Ledger::new(3, RULES);
    let lie = mark(Standing::Dissents, Some(MS));
    let news = ledger.marked(&[well(), lie.clone(), well()]);
    assert_eq!(news, News { changes: vec![(1, Change::Detected)], is_urgent: true });
    assert_eq!(ledger.marked(&[well(), lie, well()]).changes, []);
    let findings = ledger.take_findings(&names());
    assert_eq!(findings[1].dissents, [Dissent { product: "A".to_owned(), times: 2 }]);
    assert_eq!((findings[0].answers, findings[0].failures), (2, 0));
    assert_eq!(ledger.take_findings(&names()), [], "all was told");
    assert_eq!(ledger.marked(&[well(), well(), well()]).changes, []);
    assert_eq!(ledger.marked(&[well(), well(), well()]).changes, [(1, Change::Recovered)]);
    assert_eq!(ledger.take_findings(&names())[1].cleared, ["A"]);
}

#[test]
fn silence_and_failure_are_failures() {
    let mut ledger = Ledger::new(3, RULES);
    ledger.marked(&[well(), well(), mark(Standing::Silent, None)]);
    ledger.marked(&[well(), well(), mark(Standing::Failed, Some(MS))]);
    let findings = ledger.take_findings(&names());
    assert_eq!((findings[2].answers, findings[2].failures), (0, 2));
}

#[test]
fn the_slow_one_is_an_outlier_and_the_quick_one_is_not() {
    let mut ledger = Ledger::new(3, RULES);
    for _ in 0..LATENCIES_COMPARED {
        let slow = mark(Standing::Agrees, Some(120 * MS));
        ledger.marked(&[well(), mark(Standing::Agrees, Some(2 * MS)), slow]);
    }
    assert_eq!(ledger.outliers(), [2]);
    for _ in 0..LATENCIES_COMPARED {
        let slow = mark(Standing::Agrees, Some(120 * MS));
        ledger.marked(&[well(), slow.clone(), slow]);
    }
    assert_eq!(ledger.outliers(), [] as [usize; 0]);
}

#[test]
fn who_was_not_asked_neither_answers_nor_fails() {
    let mut ledger = Ledger::new(3, RULES);
    ledger.marked(&[well(), well(), mark(Standing::Absent, None)]);
    let findings = ledger.take_findings(&names());
    assert_eq!(findings.len(), 2, "there is nothing to say of the third");
    assert_eq!(ledger.deeds[2].absent, 1);
}

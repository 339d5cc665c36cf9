//! The parts of `cargo xtask bench failover` that compute: what it says rests on them, and a
//! benchmark runs no tests itself.

#![expect(dead_code, reason = "what the benchmark itself calls is not called here")]

#[path = "../../benches/failover/difference.rs"]
mod difference;
#[path = "../../benches/failover/ledger.rs"]
mod ledger;
#[path = "../../benches/failover/options.rs"]
mod options;
#[path = "../../benches/failover/outage.rs"]
mod outage;
#[path = "../../benches/failover/percentile.rs"]
pub(crate) mod percentile;
#[path = "../../benches/failover/record.rs"]
pub(crate) mod record;
#[path = "../../benches/failover/report.rs"]
mod report;
#[path = "../../benches/failover/taken.rs"]
mod taken;
#[path = "../../benches/failover/target.rs"]
pub(crate) mod target;

mod of_differences {
    use super::difference::*;

    #[test]
    fn what_was_acknowledged_is_there_exactly_once() {
        let found = [(1, 1), (2, 1), (4, 2), (5, 1)];
        assert_eq!(compare(&[1, 2, 5], &found), Difference { lost: 0, doubled: 1 });
        assert_eq!(compare(&[1, 3], &found[..2]), Difference { lost: 1, doubled: 0 });
        assert_eq!(compare(&[], &found[..2]), Difference::default(), "unknown may be there");
    }
}

mod of_the_ledger {
    use super::ledger::*;
    use std::collections::BTreeMap;

    fn row(at_us: u64) -> Acknowledged {
        Acknowledged { sent_us: at_us - 1, at_us, sequence: at_us }
    }

    #[test]
    fn times_begin_with_the_last_one_before() {
        let ledger = Ledger::of(2);
        for at_us in [10, 20, 30] {
            ledger.acknowledge(0, row(at_us));
        }
        ledger.acknowledge(1, row(40));
        assert_eq!(ledger.times(25), [vec![20, 30], vec![40]]);
        assert_eq!((ledger.count(), ledger.marks()), (4, vec![3, 1]));
        assert_eq!(ledger.sequences(0, 1..3), [20, 30]);
    }

    #[test]
    fn failures_are_counted_where_they_were_seen() {
        let ledger = Ledger::of(1);
        for at_us in [1, 2, 3] {
            ledger.fail(Failed { sent_us: 0, at_us, why: "closed".to_owned() });
        }
        assert_eq!(ledger.failures(&(2..9)), BTreeMap::from([("closed".to_owned(), 2)]));
    }
}

mod of_options {
    use super::options::*;
    use super::target::Kind;

    fn read(line: &str) -> anyhow::Result<Options> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_have_defaults_and_are_checked() {
        let options = read("--bench").unwrap();
        assert_eq!((options.kills, options.freezes, options.switchovers), (30, 20, 10));
        assert_eq!((options.clients, options.engines.len()), (3, 3));
        assert!(!options.whole && read("--whole").unwrap().whole);
        let options = read("--engine mysql --engine mariadb --kills 0 --clients 5").unwrap();
        assert_eq!(options.engines, [Kind::Mysql, Kind::Mariadb]);
        assert_eq!((options.kills, options.clients), (0, 5));
        for wrong in [
            "--engine oracle",
            "--kills",
            "--kills x",
            "--clients 0",
            "--rounds 3",
            "--whole --patroni 1",
        ] {
            assert!(read(wrong).unwrap_err().to_string().contains("options of"), "{wrong}");
        }
    }
}

mod of_outages {
    use super::outage::*;

    fn gap(from_us: u64, to_us: u64) -> Option<Gap> {
        Some(Gap { from_us, to_us })
    }

    #[test]
    fn an_outage_is_from_the_last_before_to_the_first_after() {
        let times = [10, 20, 30, 130, 140, 400];
        assert_eq!(longest(&times, &(35..150)), gap(140, 400), "it touches the window");
        assert_eq!(longest(&times, &(35..140)), gap(30, 130));
        assert_eq!(longest(&times, &(30..31)), gap(30, 130));
        assert_eq!(longest(&times, &(400..500)), None, "nothing came after");
        assert_eq!(longest(&[], &(0..9)), None);
    }

    #[test]
    fn one_client_alone_may_wait_longer_than_all_of_them() {
        let clients = [vec![10, 50, 90], vec![20, 300]];
        assert_eq!(of_all(&clients, &(15..100)), gap(90, 300));
        assert_eq!(of_all(&clients, &(15..60)), gap(50, 90));
        assert_eq!(of_worst_client(&clients, &(15..60)), gap(20, 300));
        let silent = [vec![10, 50, 90], vec![20]];
        assert_eq!(of_worst_client(&silent, &(15..60)), None, "it waits still");
    }
}

mod of_percentiles {
    use super::percentile::*;

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let thirty: Vec<f64> = (1..=30).rev().map(f64::from).collect();
        assert_eq!(nearest_rank(&thirty, 50), Some(15.0));
        assert_eq!(nearest_rank(&thirty, 99), Some(30.0), "the greatest of thirty");
        let many: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(nearest_rank(&many, 99), Some(198.0));
        assert_eq!(nearest_rank(&[7.0], 50), Some(7.0));
        assert_eq!(nearest_rank(&[], 50), None);
    }
}

mod of_records {
    use super::record::*;

    #[test]
    fn a_series_that_was_cut_is_gone_on_with() {
        let name = format!("bench-failover-{}.jsonl", uuid::Uuid::now_v7());
        let path = std::env::temp_dir().join(name);
        let trial = Trial {
            stand: "postgres".to_owned(),
            blow: Some(Blow::Kill),
            outage_ms: Some(12.5),
            ..Trial::default()
        };
        let mut first = Trials::open(Some(&path)).unwrap();
        first.add(trial.clone()).unwrap();
        let cut = Trial { problem: Some("never".to_owned()), outage_ms: None, ..trial.clone() };
        first.add(cut).unwrap();
        let second = Trials::open(Some(&path)).unwrap();
        assert_eq!(second.all[0], trial);
        assert_eq!(second.count("postgres", Blow::Kill), 1, "one has no end");
        assert_eq!(second.count("postgres", Blow::Freeze), 0);
        std::fs::remove_file(&path).unwrap();
    }
}

mod of_reports {
    use super::record::{Blow, Trial};
    use super::report::*;

    fn trial(outage_ms: f64) -> Trial {
        Trial {
            stand: "postgres".to_owned(),
            blow: Some(Blow::Kill),
            outage_ms: Some(outage_ms),
            lost: 1,
            ..Trial::default()
        }
    }

    #[test]
    fn a_row_is_all_trials_of_a_kind_and_counts_those_without_an_end() {
        let stuck = Trial { problem: Some("never".to_owned()), outage_ms: None, ..trial(0.0) };
        let other = Trial { blow: Some(Blow::Freeze), ..trial(3.0) };
        let trials = [trial(100.0), other, trial(300.0), stuck, trial(200.0)];
        let rows = Row::all(&trials);
        assert_eq!(rows.len(), 2);
        let json = rows[0].json();
        assert_eq!((json["trials"].as_u64(), json["without_end"].as_u64()), (Some(4), Some(1)));
        assert_eq!(json["outage_ms"]["p50"], 200.0);
        assert_eq!(json["outage_ms"]["max"], 300.0);
        assert_eq!(json["lost"], 4, "what is lost without an end is lost as well");
        assert!(Table(&rows).to_string().contains("kill -9"));
    }
}

mod of_writes_at_once {
    use super::taken::*;

    fn taken(session: u64, from_us: u64) -> Taken {
        Taken { session, from_us, to_us: from_us + 2 }
    }

    #[test]
    fn a_write_between_two_of_one_session_was_taken_at_once() {
        let outer = [taken(1, 0), taken(1, 20), taken(1, 40), taken(2, 60)];
        assert_eq!(between(&outer, &[taken(1, 10)]).len(), 1);
        assert_eq!(between(&outer, &[taken(1, 10), taken(1, 30)]).len(), 2);
        assert_eq!(between(&outer, &[taken(1, 50)]).len(), 0, "the session between is another");
        assert_eq!(between(&outer, &[taken(1, 70)]).len(), 0, "nothing came after");
        assert_eq!(
            between(&outer, &[taken(1, 21)]).len(),
            1,
            "it is between the first and the third"
        );
        assert_eq!(between(&outer, &[taken(1, 1)]).len(), 0, "it is not known which was first");
        assert_eq!(between(&[], &[taken(1, 10)]).len(), 0);
    }

    #[test]
    fn a_server_that_changed_twice_did_not_write_at_once() {
        let outer = [taken(1, 0), taken(1, APART_US_MAX + 10)];
        assert_eq!(between(&outer, &[taken(1, 10)]).len(), 0);
    }
}

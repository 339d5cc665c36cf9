//! Single decisions of a watchdog, in the order in which it takes them.

use standfast_failover::core::{
    Action, Cause, Command, Cover, EventKind, Health, Input, Options, Order, Outcome, Phase,
    Record, RefusalKind, Seen,
};

use crate::cluster::{A, B, Cluster, covered, node};

#[test]
fn a_dead_primary_is_fenced_before_its_replica_is_heard_and_promoted() {
    let mut cluster = Cluster::of(covered());
    cluster.all_well();
    assert_eq!(cluster.obey(), ["clients go to a"]);
    cluster.see(A, Seen::Refused);
    let done = cluster.obey();
    assert_eq!(done, ["fence a", "clients wait", "seal b", "promote b", "clients go to b"]);
    let record = cluster.core.record();
    assert_eq!((record.epoch, record.primary, record.safe), (2, node(B), Cover::NONE));
    assert!(record.fenced.contains_key(&node(A)));
}

#[test]
fn without_a_safe_replica_the_primary_is_started_again_and_nobody_promoted() {
    let mut cluster = Cluster::of(covered().with_safe(Cover::NONE));
    cluster.all_well();
    cluster.obey();
    cluster.see(A, Seen::Refused);
    let done = cluster.obey();
    assert!(done.contains(&"restart a".to_owned()), "{done:?}");
    assert!(!done.iter().any(|order| order.contains(" b")), "{done:?}");
    assert!(cluster.events.iter().any(|(kind, _)| *kind == EventKind::Refused));
}

#[test]
fn a_fence_that_is_not_proved_promotes_nobody() {
    let mut cluster = Cluster::of(covered());
    cluster.all_well();
    cluster.obey();
    cluster.see(A, Seen::Refused);
    for _ in 0..50 {
        cluster.pass(200);
        while let Some(action) = cluster.next() {
            let is_fence = matches!(action, Action::Order { .. });
            let failed = Outcome::Failed("a process that will not die".to_owned());
            cluster.answer(&action, if is_fence { failed } else { Outcome::Done });
        }
    }
    assert!(matches!(cluster.core.record().phase, Phase::Fencing { cause: Cause::Gone, .. }));
    assert!(cluster.refuses(RefusalKind::FenceUnproved));
}

#[test]
fn too_many_failovers_in_a_row_are_refused_and_the_primary_started_again() {
    let mut cluster = Cluster::of(covered());
    let recent = vec![cluster.now; Options::of(2).failovers_max];
    cluster = Cluster::of(Record { failovers: recent, ..covered() });
    cluster.all_well();
    cluster.obey();
    cluster.see(A, Seen::Refused);
    assert!(cluster.obey().contains(&"restart a".to_owned()));
    assert_eq!(cluster.core.record().epoch, 1);
}

#[test]
fn a_journal_that_is_older_than_the_servers_moves_nothing() {
    let mut cluster = Cluster::of(covered());
    let mut report = cluster.primary(A, 10);
    report.epoch = 7;
    cluster.see(A, Seen::Answered(report));
    cluster.see(A, Seen::Refused);
    cluster.see(B, Seen::Answered(cluster.replica(A, 10)));
    cluster.pass(500);
    let orders = cluster.obey();
    assert!(orders.iter().all(|order| order.starts_with("clients")), "{orders:?}");
    assert!(cluster.refuses(RefusalKind::JournalOutdated));
}

#[test]
fn a_lost_journal_begins_nothing_when_the_servers_have_seen_a_watchdog() {
    let mut cluster = Cluster::of(Record::beginning(node(A)));
    let mut report = cluster.replica(A, 10);
    report.epoch = 3;
    cluster.see(B, Seen::Answered(report));
    cluster.see(A, Seen::Answered(cluster.primary(A, 10)));
    assert!(!cluster.obey().iter().any(|order| order.starts_with("promote")));
    assert!(cluster.refuses(RefusalKind::JournalMissing));
}

#[test]
fn a_cluster_begins_when_everybody_was_seen() {
    let mut cluster = Cluster::of(Record::beginning(node(A)));
    cluster.see(A, Seen::Answered(cluster.primary(A, 10)));
    assert!(!cluster.obey().contains(&"promote a".to_owned()), "b may be the primary");
    cluster.see(B, Seen::Answered(cluster.replica(A, 10)));
    assert!(cluster.obey().contains(&"promote a".to_owned()));
    assert_eq!(cluster.core.record().epoch, 1);
}

#[test]
fn a_second_primary_that_somebody_opened_by_hand_is_fenced() {
    let mut cluster = Cluster::of(covered().with_safe(Cover::NONE));
    cluster.all_well();
    cluster.obey();
    let mut report = cluster.replica(A, 10);
    report.is_writable = true;
    cluster.pass(10);
    cluster.see(B, Seen::Answered(report));
    assert!(cluster.obey().contains(&"fence b".to_owned()));
}

#[test]
fn loss_is_accepted_only_by_its_own_command() {
    let mut cluster = Cluster::of(covered().with_safe(Cover::NONE));
    cluster.all_well();
    cluster.obey();
    cluster.command(Command::Switchover { to: node(B) });
    assert_eq!(cluster.obey(), Vec::<String>::new(), "it may lack something");
    cluster.command(Command::PromoteWithDataLoss { to: node(B) });
    let done = cluster.obey();
    assert_eq!(done, ["fence a", "clients wait", "seal b", "promote b", "clients go to b"]);
}

#[test]
fn a_switchover_waits_for_the_replica_and_stops_the_old_primary_only_then() {
    let mut cluster = Cluster::of(covered());
    cluster.all_well();
    cluster.obey();
    cluster.command(Command::Switchover { to: node(B) });
    assert_eq!(cluster.obey(), ["prepare a", "new clients wait for 0"]);
    cluster.pass(200);
    cluster.all_well();
    assert_eq!(cluster.obey(), ["clients wait"], "no transaction runs any more");
    let mut behind = cluster.primary(A, 12);
    behind.followers[0].applied = crate::cluster::at(11);
    cluster.pass(10);
    cluster.see(A, Seen::Answered(behind));
    assert_eq!(cluster.obey(), Vec::<String>::new(), "the replica lacks something");
    cluster.pass(10);
    cluster.see(A, Seen::Answered(cluster.primary(A, 12)));
    assert_eq!(cluster.obey(), ["retire a", "seal b", "promote b", "clients go to b"]);
}

#[test]
fn a_switchover_cuts_nobody_off_who_goes_by_himself() {
    let mut cluster = Cluster::of(covered());
    cluster.all_well();
    cluster.obey();
    cluster.command(Command::Switchover { to: node(B) });
    cluster.obey();
    cluster.pass(20);
    cluster.see(A, Seen::Answered(cluster.primary(A, 10)));
    assert_eq!(cluster.obey(), Vec::<String>::new(), "a client may be about to ask");
    let mut running = cluster.primary(A, 12);
    running.busy = Some(1);
    cluster.pass(200);
    cluster.see(A, Seen::Answered(running.clone()));
    cluster.tell(Input::Sessions { began: cluster.now, count: 1 });
    assert_eq!(cluster.obey(), Vec::<String>::new(), "a transaction runs");
    cluster.tell(Input::Sessions { began: cluster.now, count: 0 });
    assert_eq!(cluster.obey(), ["clients wait"], "everybody has gone");
    cluster.pass(10);
    cluster.see(A, Seen::Answered(running));
    assert_eq!(cluster.obey(), Vec::<String>::new(), "what runs may still write");
}

#[test]
fn who_cannot_be_stopped_in_order_is_fenced() {
    let phase = Phase::Fencing { cause: Cause::Switchover, to: Some(node(B)) };
    let mut cluster = Cluster::of(Record { phase, ..covered() });
    cluster.pass(10);
    let mut orders = Vec::new();
    while let Some(action) = cluster.next() {
        let Action::Order { order, .. } = action else {
            cluster.answer(&action, Outcome::Done);
            continue;
        };
        orders.push(order);
        if matches!(order, Order::Fence(_)) {
            break;
        }
        cluster.answer(&action, Outcome::Failed("usage: fence|start".to_owned()));
    }
    assert_eq!(orders, [Order::Retire(node(A)), Order::Fence(node(A))]);
}

#[test]
fn a_switchover_that_takes_too_long_is_given_up_and_clients_go_on() {
    let mut cluster = Cluster::of(covered());
    cluster.all_well();
    cluster.obey();
    cluster.command(Command::Switchover { to: node(B) });
    cluster.obey();
    for _ in 0..30 {
        cluster.pass(100);
        let mut behind = cluster.primary(A, 12);
        behind.followers[0].applied = crate::cluster::at(11);
        cluster.see(A, Seen::Answered(behind));
        cluster.obey();
    }
    assert_eq!((cluster.core.record().phase, cluster.core.record().epoch), (Phase::Serving, 1));
    assert!(cluster.core.is_routed());
}

#[test]
fn a_watchdog_that_has_just_come_waits_for_the_replica_before_it_helps_the_dead_one_up() {
    let mut cluster = Cluster::of(covered());
    cluster.see(A, Seen::Refused);
    assert_eq!(cluster.obey(), ["clients wait"], "the replica was not looked at yet");
    cluster.pass(100);
    cluster.see(B, Seen::Answered(cluster.replica(A, 10)));
    assert!(cluster.obey().contains(&"promote b".to_owned()));
    let mut alone = Cluster::of(covered());
    alone.see(A, Seen::Refused);
    alone.pass(600);
    assert!(alone.obey().contains(&"restart a".to_owned()), "nobody answered in time");
}

#[test]
fn a_replica_that_receives_and_does_not_apply_is_not_counted_on() {
    let mut cluster = Cluster::of(covered());
    cluster.all_well();
    cluster.obey();
    for _ in 0..30 {
        cluster.pass(50);
        let mut stuck = cluster.primary(A, 12);
        stuck.followers[0].applied = crate::cluster::at(11);
        cluster.see(A, Seen::Answered(stuck));
        cluster.see(B, Seen::Answered(cluster.replica(A, 12)));
        cluster.obey();
    }
    assert_eq!(cluster.core.record().safe, Cover::NONE, "{:?}", cluster.events);
}

#[test]
fn commits_wait_for_a_replica_when_it_is_near_or_will_not_get_near_by_itself() {
    let mut cluster = Cluster::of(covered().with_safe(Cover::NONE));
    let far = Options::of(2).near_max + 1;
    let mut waited = 0;
    while !cluster.obey().iter().any(|order| order.starts_with("enforce")) {
        cluster.pass(50);
        waited += 50;
        let mut report = cluster.primary(A, far + 10 + waited);
        report.followers[0].flushed = crate::cluster::at(10 + waited);
        report.followers[0].applied = crate::cluster::at(10 + waited);
        cluster.see(A, Seen::Answered(report));
        cluster.see(B, Seen::Answered(cluster.replica(A, 10 + waited)));
        assert!(waited < 10_000, "never");
    }
    assert!(waited >= 4000, "clients had to wait for all of it after {waited} ms");
}

#[test]
fn one_that_answered_after_its_start_is_seen_to_die_at_once() {
    let fenced = [(node(B), "gone".to_owned())].into();
    let mut cluster = Cluster::of(Record { fenced, ..covered() }.with_safe(Cover::NONE));
    cluster.pass(10);
    cluster.see(A, Seen::Answered(cluster.primary(A, 10)));
    cluster.see(B, Seen::Refused);
    assert!(cluster.obey().contains(&"rejoin b".to_owned()));
    cluster.pass(10);
    cluster.see(B, Seen::Answered(cluster.replica(A, 10)));
    cluster.pass(10);
    cluster.see(B, Seen::Refused);
    let health = cluster.core.view(node(B), cluster.now).health;
    assert_eq!(health, Health::Ill(Cause::Gone), "it was started 20 ms ago");
}

#[test]
fn a_node_that_a_predecessor_brought_back_is_not_killed_again() {
    let fenced = [(node(B), "gone".to_owned())].into();
    let mut cluster = Cluster::of(Record { fenced, ..covered() }.with_safe(Cover::NONE));
    cluster.pass(10);
    cluster.see(A, Seen::Answered(cluster.primary(A, 10)));
    let mut alone = cluster.replica(A, 10);
    alone.follows = None;
    cluster.see(B, Seen::Answered(alone));
    let done = cluster.obey();
    assert!(!done.contains(&"fence b".to_owned()), "it is about to follow: {done:?}");
    cluster.pass(500);
    cluster.see(B, Seen::Answered(cluster.replica(A, 10)));
    cluster.obey();
    assert!(cluster.core.record().fenced.is_empty(), "it follows, so it is back");
}

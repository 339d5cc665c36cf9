//! PostgreSQL servers that take turns: fenced, promoted, and brought back as replicas.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use standfast_engines::{
    Engine, EngineError, EngineKind, EngineSpec, Peer, Rejoined, StoredRole, Upstream, wait_until,
};

use crate::place::{Place, free_port};
use crate::postgres::{client, count, sql};

/// Streaming takes milliseconds; a lost connection is tried again every 200 ms.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(10);

struct Turns {
    a: Engine,
    b: Engine,
}

/// A primary `orders-a` with a row, and its replica `orders-b`.
async fn turns(place: &Place) -> Turns {
    let ports = [free_port(), free_port()];
    let address = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let spec = |own: usize, name: &str, peer: &str| EngineSpec {
        port: ports[own],
        peers: vec![Peer { name: peer.to_owned(), address: address(ports[1 - own]) }],
        ..place.spec(name, EngineKind::Postgres)
    };
    let a = place.create(spec(0, "orders-a", "orders-b")).await;
    a.start().await.unwrap();
    sql(&a, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").await;
    let mut spec = spec(1, "orders-b", "orders-a");
    let (host, slot) = ("127.0.0.1".to_owned(), spec.slot());
    spec.replica_of = Some(Upstream { host, port: ports[0], slot });
    let b = place.create(spec).await;
    b.start().await.unwrap();
    has_rows(&b, 1).await;
    Turns { a, b }
}

async fn has_rows(engine: &Engine, rows: i64) {
    let equal = || async { (count(engine).await == Some(rows)).then_some(()) };
    wait_until(CATCHES_UP_WITHIN, equal).await.expect("it has the rows");
}

async fn promote(engine: &Engine) {
    sql(engine, "SELECT pg_promote(true, 30)").await;
}

/// Kills `a`, which has a row that nobody else has, and promotes `b`, which gets one as well.
async fn diverge(Turns { a, b }: &Turns) {
    b.pause().await.unwrap();
    sql(a, "INSERT INTO kept VALUES (100)").await;
    a.kill().await.unwrap();
    // What its replica had been sent and not read is gone as well, as when a machine dies.
    b.kill().await.unwrap();
    a.mark_fenced().unwrap();
    b.start().await.unwrap();
    promote(b).await;
    sql(b, "INSERT INTO kept VALUES (2), (3)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_primary_that_is_started_by_hand_takes_no_write() {
    let place = Place::new("fenced");
    let Turns { a, b: _b } = turns(&place).await;
    assert_eq!(a.stored_role().unwrap(), StoredRole::Primary);
    assert!(matches!(a.mark_fenced(), Err(EngineError::Running { .. })), "it still runs");
    a.kill().await.unwrap();
    a.mark_fenced().unwrap();
    assert_eq!(a.stored_role().unwrap(), StoredRole::Replica { follows: None });
    a.start().await.unwrap();
    assert_eq!(count(&a).await, Some(1), "it has its data");
    let refused = client(&a.admin_url()).await.execute("DELETE FROM kept", &[]).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "25006", "read only");
    a.kill().await.unwrap();
    a.mark_primary().unwrap();
    a.start().await.unwrap();
    sql(&a, "INSERT INTO kept VALUES (2)").await;
    assert_eq!(count(&a).await, Some(2), "a primary again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_ends_a_frozen_server_and_one_that_was_started_by_hand() {
    let place = Place::new("fence");
    let Turns { a, b: _b } = turns(&place).await;
    a.pause().await.unwrap();
    let pid = a.child().unwrap().pid();
    let fenced = a.fence().await.unwrap();
    assert_eq!((fenced.pid, fenced.strangers), (Some(pid), 0));
    assert_eq!(a.stored_role().unwrap(), StoredRole::Replica { follows: None });

    // Another one who owns the same data: whoever fences did not start it.
    let by_hand = place.adopt(a.spec().clone());
    by_hand.start().await.unwrap();
    let fenced = a.fence().await.unwrap();
    assert!(fenced.pid.is_none() && fenced.strangers > 1, "{fenced}");
    by_hand.wait_exit().await.unwrap();
    assert!(by_hand.ready().await.is_err());
    assert_eq!(a.fence().await.unwrap().strangers, 0, "once more does no harm");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_takes_back_what_only_it_has_and_follows() {
    let place = Place::new("rewound");
    let turns = turns(&place).await;
    diverge(&turns).await;
    let Turns { a, b } = turns;
    assert_eq!(a.rejoin("orders-b").await.unwrap(), Rejoined::Rewound);
    assert_eq!(a.stored_role().unwrap(), StoredRole::Replica { follows: Some("orders-b".into()) });
    has_rows(&a, 3).await;
    assert_eq!(b.stored_role().unwrap(), StoredRole::Primary);
    // And the other way round, without anything that differs.
    b.stop().await.unwrap();
    b.mark_fenced().unwrap();
    promote(&a).await;
    sql(&a, "INSERT INTO kept VALUES (4)").await;
    let rejoined = b.rejoin("orders-a").await.unwrap();
    assert_ne!(rejoined, Rejoined::Cloned);
    has_rows(&b, 4).await;
    // Its role outlives whoever started it.
    b.restart().await.unwrap();
    sql(&a, "INSERT INTO kept VALUES (5)").await;
    has_rows(&b, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_whose_data_is_of_no_use_is_made_again() {
    let place = Place::new("cloned");
    let turns = turns(&place).await;
    diverge(&turns).await;
    let Turns { a, b: _b } = turns;
    std::fs::remove_file(a.spec().data.join("global/pg_control")).unwrap();
    assert_eq!(a.rejoin("orders-b").await.unwrap(), Rejoined::Cloned);
    has_rows(&a, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_new_primary_is_gone_as_well() {
    let place = Place::new("gone");
    let turns = turns(&place).await;
    diverge(&turns).await;
    let Turns { a, b } = turns;
    b.kill().await.unwrap();
    assert!(matches!(a.rejoin("orders-b").await, Err(EngineError::NoAnswer { .. })));
    assert_eq!(a.stored_role().unwrap(), StoredRole::Replica { follows: None });
    a.start().await.unwrap();
    assert_eq!(count(&a).await, Some(2), "all that it ever had");
    assert!(!a.stop().await.unwrap().killed);
    b.start().await.unwrap();
    a.rejoin("orders-b").await.unwrap();
    has_rows(&a, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_rejoins_a_stranger() {
    let place = Place::new("stranger");
    let Turns { a, b } = turns(&place).await;
    assert_eq!(b.stored_role().unwrap(), StoredRole::Replica { follows: Some("orders-a".into()) });
    let pid = b.child().unwrap().pid();
    b.follow("orders-a").await.unwrap();
    assert_eq!(b.child().unwrap().pid(), pid, "it follows already, and goes on");
    assert!(matches!(a.follow("orders-b").await, Err(EngineError::Running { .. })), "a primary");
    a.kill().await.unwrap();
    let error = a.rejoin("orders-c").await.unwrap_err();
    assert_eq!(error.to_string(), "engine `orders-a` has no peer `orders-c`");
}

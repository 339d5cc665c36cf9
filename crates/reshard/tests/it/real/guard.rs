//! What a shard refuses by itself, to clients and to coordinators that were replaced.

use standfast_reshard::SqlError;
use standfast_reshard::catalog::CatalogError;
use standfast_reshard::coordinator::{Coordinator, ReshardError};
use standfast_reshard::core::SlotSet;
use standfast_reshard::shard::{NOT_HERE, SLOT_CHANGED, Shard, TRUNCATED};

use super::stand::{PATIENCE, Stand};

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_refuses_slots_of_others_and_coordinators_that_were_replaced() {
    let stand = Stand::up(&["a", "b"], &["a", "b"]).await;
    let client = stand.client("a").await;
    client.batch_execute("INSERT INTO items VALUES (1, 3, 1)").await.unwrap();
    for (statement, code) in [
        ("INSERT INTO items VALUES (40, 40, 1)", NOT_HERE),
        ("INSERT INTO items VALUES (99, 99, 1)", NOT_HERE),
        ("UPDATE items SET slot = 4 WHERE slot = 3", SLOT_CHANGED),
        ("TRUNCATE items", TRUNCATED),
    ] {
        let error = client.execute(statement, &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), code, "{statement}");
    }
    assert_eq!(stand.rows("a").await.len(), 1, "and nothing has happened");

    let first = stand.coordinator().await;
    let second = Coordinator::begin(stand.fleet.clone(), std::time::Duration::ZERO).await;
    let refusal = second.expect_err("there is one already");
    assert!(matches!(refusal, ReshardError::Catalog(CatalogError::Busy)), "{refusal}");
    assert!(stand.catalog().await.is_coordinated().await.unwrap());
    // It loses its lock without noticing, as one that was frozen would.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'";
    client.execute(end, &[]).await.unwrap();
    let mut second = Coordinator::begin(stand.fleet.clone(), PATIENCE).await.unwrap();
    let planned = stand.map().await.plan_move(&SlotSet::of([1]), "b").unwrap();
    second.reach_for(&planned).await.unwrap();
    let error = first.plan(&planned[0]).await.expect_err("its session is gone");
    assert!(matches!(error, ReshardError::Catalog(_)), "{error}");
    let late = Shard::connect(stand.fleet.address("b").unwrap(), first.catalog().fence()).await;
    let refusal = late.unwrap().take_over().await.expect_err("the second has told it");
    assert!(matches!(refusal, SqlError::Fenced { .. }), "{refusal}");
    drop(second);
    stand.assert_clean().await;
    stand.down().await;
}

//! The first map: who makes it anew after a shard was away, and who does not.

use standfast_reshard::core::SlotSet;

use super::stand::{Stand, owned};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_map_that_did_not_come_to_be_leaves_no_slot_closed() {
    let stand = Stand::bare(&["a", "b", "c"]).await;
    stand.engine("c").kill().await.unwrap();
    stand.fleet.install(&owned(&["a", "b", "c"])).await.unwrap_err();
    stand.engine("c").start().await.unwrap();
    stand.fleet.install(&owned(&["a", "b"])).await.unwrap();
    assert_eq!(stand.map().await.shares().len(), 2);
    stand.assert_clean().await;

    // Of two at once, the second finds the map of the first.
    let client = stand.client("a").await;
    client.batch_execute("DROP SCHEMA reshard_catalog CASCADE").await.unwrap();
    let (one, two) = (owned(&["a"]), owned(&["b", "c"]));
    let (one, two) = tokio::join!(stand.fleet.install(&one), stand.fleet.install(&two));
    assert_eq!((one.unwrap(), two.unwrap()), (Vec::new(), Vec::new()));
    stand.assert_clean().await;
    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_of_another_fleet_is_left_as_it_is() {
    let stand = Stand::up(&["a", "b"], &["a", "b"]).await;
    drop(stand.coordinator().await);
    let client = stand.client("a").await;
    client.batch_execute("ALTER SCHEMA reshard_catalog RENAME TO elsewhere").await.unwrap();
    let refused = stand.fleet.install(&owned(&["b"])).await.unwrap_err().to_string();
    assert!(refused.contains("another map"), "{refused}");
    let open = client.query_one("SELECT count(*) FROM reshard.slot WHERE is_open", &[]).await;
    assert_eq!(open.unwrap().get::<_, i64>(0), 32, "it is written to");
    let restored =
        "DROP SCHEMA reshard_catalog CASCADE; ALTER SCHEMA elsewhere RENAME TO reshard_catalog";
    client.batch_execute(restored).await.unwrap();
    stand.fleet.install(&owned(&["a", "b"])).await.unwrap();
    assert_eq!(stand.map().await.slots_of("a"), SlotSet::of(0..32));
    stand.assert_clean().await;
    stand.down().await;
}

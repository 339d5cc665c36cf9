//! The orders lose their primary, its successor, and then one that only freezes: no client is told
//! anything that does not hold afterwards.

use standfast_lab::fault::FaultKind;

use crate::saga::Saga;
use crate::saga_books::balance;
use crate::saga_clients::Clients;
use crate::saga_writers::Lookout;

/// The primary dies; answers who that was, once clients get orders from another one.
async fn loses_its_primary(saga: &Saga, clients: &Clients) -> &'static str {
    let primary = saga.at_rest().await;
    saga.kill_database(primary).await;
    saga.has_failed_over(primary).await;
    clients.get(saga, 20).await;
    primary
}

#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_lost_when_primaries_die_in_turn_and_one_freezes() {
    let saga = Saga::up().await;
    let lookout = Lookout::start(&saga);
    let clients = Clients::start(&saga, 1);
    clients.get(&saga, 40).await;

    let first = loses_its_primary(&saga, &clients).await;
    let second = loses_its_primary(&saga, &clients).await;
    assert_ne!(first, second, "the one that was dead is back, as a replica");

    let primary = saga.at_rest().await;
    let frozen = saga.inject(FaultKind::Pause, primary).await;
    saga.has_failed_over(primary).await;
    clients.get(&saga, 20).await;
    saga.heal(frozen).await;
    saga.at_rest().await;

    balance(&saga, &clients.end().await).await;
    lookout.end().await;
    saga.down().await;
}
